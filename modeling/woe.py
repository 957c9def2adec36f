"""Weight of evidence: the bins of one variable, their table, and the step from a value to its bin.

``WOE_i = ln((n_good_i / N_good) / (n_bad_i / N_bad))`` and ``IV = sum_i (share of goods_i - share of bads_i) * WOE_i``.

What a value without a place gets is stated here once and holds for training, batch and single scoring alike:

* *Missing* and every declared special code have a row of their own. A row without training rows has WOE 0.
* A category not seen in training goes where the rare categories were pooled; if nothing was pooled it has WOE 0.
* A bin with an empty class counts half an average row of that class in both WOE and IV: both stay finite, IV >= 0.
* A row with fewer people than the floor has WOE 0 and adds no IV (``neutral``); the search makes no such ordinary bin
  unless all ordinary values together are that few, and splits by hand that make one are refused.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from modeling.errors import DataError

Floats = npt.NDArray[np.float64]
BinKind = Literal["numeric", "category"]
Shape = Literal["ascending", "descending", "peak", "valley", "none"]


@dataclass(frozen=True)
class BinRow:
    """One line of the bin table. ``n`` and ``n_people`` are plain counts; all other figures are weighted."""

    label: str
    n: int
    n_people: int
    n_good: float
    n_bad: float
    share: float
    bad_rate: float
    woe: float
    iv: float
    neutral: bool = False  # WOE set to 0 by rule: no training rows, or fewer people than the floor


@dataclass(frozen=True)
class Bins:
    """Bins of one variable. ``rows``: ordinary bins, one a special code, missing, and for categories "other"."""

    name: str
    kind: BinKind
    rows: tuple[BinRow, ...]
    iv: float
    trend: Shape  # of the bad rate along the ordinary bins, as found
    edges: tuple[float, ...] = ()  # bin i is [edges[i-1], edges[i])
    groups: tuple[tuple[str, ...], ...] = ()  # categories by bin; rare ones are not named and go to ``other``
    specials: tuple[float, ...] = ()
    other: int = -1  # row of a category that no group names
    by_hand: bool = False

    @property
    def n_ordinary(self) -> int:
        """Number of bins that hold ordinary values."""
        return len(self.edges) + 1 if self.kind == "numeric" else len(self.groups)

    @property
    def missing(self) -> int:
        """Row of a missing value."""
        return self.n_ordinary + len(self.specials)

    @property
    def woe(self) -> Floats:
        """WOE by row of the table."""
        return np.array([row.woe for row in self.rows])

    def index(self, x: npt.ArrayLike) -> npt.NDArray[np.intp]:
        """Row of the table for every value of ``x`` (floats with NaN, or strings with None)."""
        return self._index_numeric(x) if self.kind == "numeric" else self._index_category(x)

    def transform(self, x: npt.ArrayLike) -> Floats:
        """WOE of every value of ``x``."""
        return self.woe[self.index(x)]

    def index_one(self, value: float | str | None) -> int:
        """:meth:`index` of one value, without numpy."""
        if value is None or value != value:
            return self.missing
        if self.kind == "category":
            return self._places().get(str(value), self.other)
        number = float(value)
        if number in self.specials:
            return self.n_ordinary + self.specials.index(number)
        return bisect_right(self.edges, number)

    def _places(self) -> dict[str, int]:
        return {level: i for i, group in enumerate(self.groups) for level in group}

    def _index_numeric(self, x: npt.ArrayLike) -> npt.NDArray[np.intp]:
        values = np.asarray(x, dtype=np.float64)
        found = np.searchsorted(np.array(self.edges, dtype=np.float64), values, side="right")
        for i, special in enumerate(self.specials):
            found[values == special] = self.n_ordinary + i
        found[np.isnan(values)] = self.missing
        return found

    def _index_category(self, x: npt.ArrayLike) -> npt.NDArray[np.intp]:
        codes, levels = factorize(x)
        places = self._places()
        lookup = np.array([*(places.get(level, self.other) for level in levels), self.missing], dtype=np.intp)
        return lookup[codes]


def factorize(values: npt.ArrayLike) -> tuple[npt.NDArray[np.intp], list[str]]:
    """Codes into the sorted distinct strings; missing (None, NaN) is -1.

    >>> factorize(["b", None, "a"])[0].tolist(), factorize(["b", None, "a"])[1]
    ([1, -1, 0], ['a', 'b'])
    """
    import pandas as pd

    codes, levels = pd.factorize(np.asarray(values, dtype=object), sort=True)
    return codes.astype(np.intp), [str(level) for level in levels]


@dataclass(frozen=True)
class Cells:
    """Counts by row of a bin table: shape (rows,) each."""

    n: npt.NDArray[np.int64]
    people: npt.NDArray[np.int64]
    good: Floats
    bad: Floats


def woe_iv(n_good: npt.ArrayLike, n_bad: npt.ArrayLike, row_weight: float = 1.0) -> tuple[Floats, Floats]:
    """WOE and IV of every bin.

    ``WOE_i = ln((g_i / G) / (b_i / B))``, ``IV_i = (g_i / G - b_i / B) * WOE_i`` with ``G = sum g``, ``B = sum b``;
    an empty class of a bin that has rows counts ``row_weight / 2``; a bin without rows has WOE 0 and IV 0.

    Parameters
    ----------
    n_good, n_bad : shape (bins,), weighted counts, >= 0; both sums > 0
    row_weight : average weight of a row

    Returns
    -------
    woe, iv : shape (bins,) each

    Source: Siddiqi (2006), Credit Risk Scorecards, ch. 6; the sign is optbinning's.

    >>> woe, iv = woe_iv([20, 80], [30, 10])
    >>> woe.round(4).tolist(), iv.round(4).tolist()
    ([-1.3218, 1.1632], [0.727, 0.6397])
    """
    good, bad = np.asarray(n_good, dtype=np.float64), np.asarray(n_bad, dtype=np.float64)
    filled = good + bad > 0
    good_share = np.where(good > 0, good, row_weight / 2) / good.sum()
    bad_share = np.where(bad > 0, bad, row_weight / 2) / bad.sum()
    woe = np.where(filled, np.log(good_share / bad_share), 0.0)
    return woe, np.where(filled, (good_share - bad_share) * woe, 0.0)


def table_rows(labels: Sequence[str], cells: Cells, min_people: int) -> tuple[BinRow, ...]:
    """The bin table from counts; rows with fewer than ``min_people`` people are made neutral."""
    total = float(cells.good.sum() + cells.bad.sum())
    woe, iv = woe_iv(cells.good, cells.bad, total / max(int(cells.n.sum()), 1))
    neutral = (cells.n == 0) | (cells.people < min_people)
    woe, iv = np.where(neutral, 0.0, woe), np.where(neutral, 0.0, iv)
    weight = cells.good + cells.bad
    rate = np.divide(cells.bad, weight, out=np.zeros_like(weight), where=weight > 0)
    return tuple(
        BinRow(
            label=label,
            n=int(cells.n[i]),
            n_people=int(cells.people[i]),
            n_good=float(cells.good[i]),
            n_bad=float(cells.bad[i]),
            share=float(weight[i] / total),
            bad_rate=float(rate[i]),
            woe=float(woe[i]),
            iv=float(iv[i]),
            neutral=bool(neutral[i]),
        )
        for i, label in enumerate(labels)
    )


def shape_of(bad_rate: npt.ArrayLike) -> Shape:
    """Name of the way in which the bad rate runs along the bins.

    >>> shape_of([0.1, 0.2, 0.4]), shape_of([0.1, 0.3, 0.2]), shape_of([0.1, 0.3, 0.2, 0.4]), shape_of([0.1])
    ('ascending', 'peak', 'none', 'none')
    """
    steps = np.sign(np.diff(np.asarray(bad_rate, dtype=np.float64)))
    steps = steps[steps != 0]
    turns = int(np.count_nonzero(np.diff(steps)))
    if len(steps) == 0 or turns > 1:
        return "none"
    if turns == 0:
        return "ascending" if steps[0] > 0 else "descending"
    return "peak" if steps[0] > 0 else "valley"


def check_two_classes(y: npt.NDArray[Any]) -> None:
    """Refuse a label that is not 0/1 or has one class only."""
    seen = np.unique(y)
    if not np.isin(seen, (0, 1)).all():
        raise DataError("label_not_binary", "The label must be 0 (good) or 1 (bad).")
    if len(seen) < 2:
        raise DataError("one_class", "All rows have the same label; a model needs goods and bads.")
