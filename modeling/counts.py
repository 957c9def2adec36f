"""Counts of one number along its values: from rows, or from a table that an engine has counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from modeling import value_counts as kernels
from modeling.bin_plan import Labels, LevelCounts
from modeling.woe import Floats

MAX_GROUPS = 16384  # longer columns: neighbouring values share a group of at least a 16384th of the rows
Space = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class NumberCounts:
    """Groups of neighbouring values; running sums have a leading zero.

    ``apart`` has a line for every special code and one, the last, for missing: goods, bads, rows.
    """

    low: Floats
    high: Floats
    rows: Floats
    bad: Floats
    weight: Floats
    apart: Floats
    distinct: int  # ordinary values
    top: float  # the commonest ordinary value, NaN if there is none
    top_weight: float
    infinite: bool = False

    @property
    def totals(self) -> tuple[float, float, float]:
        """Goods, bads, and the weight that stands for an empty class; specials and missing included."""
        bad = float(self.bad[-1] + self.apart[:, 1].sum())
        good = float(self.weight[-1] - self.bad[-1] + self.apart[:, 0].sum())
        rows = float(self.rows[-1] + self.apart[:, 2].sum())
        return good, bad, (good + bad) / max(rows, 1.0) / 2


def work_space(n_rows: int) -> Space:
    """Two columns for :func:`count_rows`, to be used again from column to column."""
    return np.empty(2 * n_rows, dtype=np.uint64)


def count_rows(x: Floats, labels: Labels, specials: tuple[float, ...], space: Space | None = None) -> NumberCounts:
    """Counts of the values of ``x``; from ``MAX_GROUPS`` rows on neighbouring values may share a group."""
    codes = np.array(specials, dtype=np.float64)
    least = max(1.0, len(x) / MAX_GROUPS)
    if labels.weight is None:
        room = work_space(len(x)) if space is None else space
        found = kernels.plain_groups(np.ascontiguousarray(x), labels.y, codes, least, room)
    else:
        found = kernels.weighted_groups(x, labels.y, labels.weight, np.argsort(x), codes, least)
    (low, high, rows, bad, weight), apart, figures, infinite = found
    if labels.weight is None:
        apart = np.column_stack((apart, apart.sum(1)))
    top = float(figures[2]) if figures[0] else float("nan")
    return NumberCounts(low, high, rows, bad, weight, apart, int(figures[0]), top, float(figures[1]), infinite > 0)


def count_table(
    values: npt.ArrayLike,
    good: npt.ArrayLike,
    bad: npt.ArrayLike,
    rows: npt.ArrayLike | None = None,
    specials: tuple[float, ...] = (),
) -> NumberCounts:
    """Counts by value as an engine's ``GROUP BY`` gives them, in any order; NaN is missing, values may repeat.

    >>> counts = count_table([2.0, 1.0, float("nan")], [5, 6, 7], [1, 2, 3])
    >>> counts.low.tolist(), counts.bad.tolist(), counts.totals[:2]
    ([1.0, 2.0], [0.0, 2.0, 3.0], (18.0, 6.0))
    """
    x, counts = np.asarray(values, dtype=np.float64), LevelCounts.of(good, bad, rows)
    lines = np.array([counts.good, counts.bad, counts.rows])
    missing, special = np.isnan(x), np.isin(x, specials)
    apart = [lines[:, x == code].sum(1) for code in specials] + [lines[:, missing].sum(1)]
    low, place = np.unique(x[~missing & ~special] + 0.0, return_inverse=True)
    good_at, bad_at, rows_at = (np.bincount(place, line, len(low)) for line in lines[:, ~missing & ~special])
    weight = good_at + bad_at
    top = int(weight.argmax()) if len(low) else -1
    return NumberCounts(
        low, low, _running(rows_at), _running(bad_at), _running(weight), np.array(apart), len(low),
        float(low[top]) if len(low) else float("nan"), float(weight[top]) if len(low) else 0.0,
        not np.isfinite(low).all(),
    )  # fmt: skip


def _running(counts: npt.NDArray[Any]) -> Floats:
    return np.append(0.0, np.cumsum(counts))
