"""The figures of given bins, from counts alone: WOE, IV, KS, PSI and trend by split, in milliseconds."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from modeling.bin_cells import VariableCells
from modeling.bin_given import GivenBins
from modeling.woe import BinRow, Cells, Floats, Shape, shape_of, table_rows


@dataclass(frozen=True)
class SplitFigures:
    """One split through the bins: its own counts, WOE and IV; KS by the WOE of train; PSI against train."""

    split: str
    rows: tuple[BinRow, ...]
    iv: float
    ks: float
    psi: float
    psi_parts: tuple[float, ...]
    trend: Shape


@dataclass(frozen=True)
class Figures:
    """What the bins say, split by split, train first."""

    splits: tuple[SplitFigures, ...]
    p_next: tuple[float | None, ...]  # neighbouring ordinary bins of train: are their bad rates the same?
    least_people: int  # in an ordinary bin of train
    turns: tuple[int, ...]  # ordinary bins of train at which the bad rate turns


def figures(given: GivenBins, cells: VariableCells, min_people: int) -> Figures:
    """All figures of the bins from counts alone."""
    labels, k = given.bin_labels(), given.n_ordinary
    train = cells.by_bin(given, "train")
    tables = {split: cells.by_bin(given, split) for split in cells.splits}
    woe = np.array([row.woe for row in table_rows(labels, train, min_people)])
    splits = tuple(_split_figures(split, tables[split], train, woe, labels, k, min_people) for split in cells.splits)
    rate = [row.bad_rate for row in splits[0].rows[:k]]
    return Figures(splits, _p_values(train, k), int(train.people[:k].min()), _turns(rate))


def _split_figures(
    split: str, counts: Cells, train: Cells, woe: Floats, labels: list[str], k: int, min_people: int
) -> SplitFigures:
    rows = _rows(labels, counts, min_people)
    parts = psi_parts(train.good + train.bad, counts.good + counts.bad)
    iv = float(sum(row.iv for row in rows))
    trend = shape_of([row.bad_rate for row in rows[:k] if row.n])
    return SplitFigures(split, rows, iv, _ks(counts, woe), float(parts.sum()), tuple(parts.tolist()), trend)


def _rows(labels: list[str], counts: Cells, min_people: int) -> tuple[BinRow, ...]:
    """The table; empty of figures where a split has only one class."""
    if counts.good.sum() > 0 and counts.bad.sum() > 0:
        return table_rows(labels, counts, min_people)
    total = max(float((counts.good + counts.bad).sum()), 1e-12)
    weight = counts.good + counts.bad
    return tuple(
        BinRow(label, int(counts.n[i]), int(counts.people[i]), float(counts.good[i]), float(counts.bad[i]),
               float(weight[i] / total), float(counts.bad[i] / weight[i]) if weight[i] else 0.0, 0.0, 0.0, True)
        for i, label in enumerate(labels)
    )  # fmt: skip


def _ks(counts: Cells, woe: Floats) -> float:
    """Largest distance of bads' and goods' shares along the WOE; bins of one WOE count together."""
    if not (counts.good.sum() > 0 and counts.bad.sum() > 0):
        return 0.0
    _, place = np.unique(woe, return_inverse=True)
    good, bad = (np.cumsum(np.bincount(place, part)) / part.sum() for part in (counts.good, counts.bad))
    return float(np.abs(good - bad).max())


def psi_parts(expected: npt.ArrayLike, actual: npt.ArrayLike) -> Floats:
    """``(a_i - e_i) ln(a_i / e_i)`` of every bin, an empty share as half a row; bins empty on both sides say nothing.

    >>> psi_parts([50, 50], [60, 40]).sum().round(6)
    np.float64(0.040547)
    """
    e, a = np.asarray(expected, dtype=np.float64), np.asarray(actual, dtype=np.float64)
    if not e.sum() or not a.sum():
        return np.zeros(len(e))
    shares = [np.where(c > 0, c, 0.5) / c.sum() for c in (e, a)]
    return np.where((e > 0) | (a > 0), (shares[1] - shares[0]) * np.log(shares[1] / shares[0]), 0.0)


def _p_values(counts: Cells, k: int) -> tuple[float | None, ...]:
    """Two-proportion z test of every ordinary bin and the next."""
    weight = (counts.good + counts.bad)[:k]
    return tuple(p_value(weight[i], counts.bad[i], weight[i + 1], counts.bad[i + 1]) for i in range(k - 1))


def p_value(n: float, bad: float, other_n: float, other_bad: float) -> float | None:
    """Two-sided p of equal bad rates; None where a side is empty.

    >>> round(p_value(100, 10, 100, 20), 4)
    0.0477
    """
    if n <= 0 or other_n <= 0:
        return None
    pooled = (bad + other_bad) / (n + other_n)
    variance = pooled * (1 - pooled) * (1 / n + 1 / other_n)
    if variance <= 0:
        return 1.0
    z = (bad / n - other_bad / other_n) / variance**0.5
    return 2 * NormalDist().cdf(-abs(z))


def _turns(rate: list[float]) -> tuple[int, ...]:
    steps = np.sign(np.diff(rate))
    return tuple(i + 1 for i in range(len(steps) - 1) if steps[i] * steps[i + 1] < 0)
