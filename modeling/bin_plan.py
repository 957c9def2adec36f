"""What optimal binning is told and what it works on: the plan, the labels shared by all variables, choice and table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from statistics import NormalDist
from typing import Literal

import numpy as np
import numpy.typing as npt

from modeling import bin_search as search
from modeling.errors import DataError
from modeling.woe import BinKind, BinRow, Bins, Cells, Floats, check_two_classes, factorize, shape_of, table_rows

Trend = Literal["auto", "ascending", "descending", "peak", "valley", "none"]
Ints = npt.NDArray[np.int64]
TRENDS = {
    "none": search.NONE,
    "ascending": search.ASCENDING,
    "descending": search.DESCENDING,
    "peak": search.PEAK,
    "valley": search.VALLEY,
}


RARE = "rare and unseen"


@dataclass(frozen=True)
class BinPlan:
    """Limits of the search. Shares are of all rows of the variable, missing and specials included (by weight).

    ``trend="auto"`` takes the simplest trend that the data do not refute: the better of ascending and descending,
    unless peak or valley, or beyond these no trend at all, has more than ``turn_gain`` times its IV with every two
    neighbouring bins different at ``turn_pvalue``. ``max_pvalue``: neighbouring bins must differ (two-proportion z
    test).
    """

    max_bins: int = 6
    min_bins: int = 1
    min_bin_share: float = 0.05
    max_bin_share: float = 1.0
    min_people: int = 30
    trend: Trend = "auto"
    turn_gain: float = 1.01
    turn_pvalue: float = 0.001
    specials: tuple[float, ...] = ()
    max_pvalue: float | None = None
    user_splits: tuple[float, ...] | None = None
    user_groups: tuple[tuple[str, ...], ...] | None = None
    max_prebins: int = 20  # of the tree
    prebin_share: float = 0.05
    quantile_cuts: int = 19  # added to the tree's, so that the search sees both
    rare_share: float = 0.01  # categories below it are pooled


@dataclass(frozen=True)
class Labels:
    """The side of the data that all variables of a table share: who is bad, weighs what, and is the same person."""

    y: npt.NDArray[np.bool_]
    weight: Floats | None  # None: every row weighs 1
    person: Ints | None  # codes 0..n_people - 1; None: every row is a person
    n_people: int
    n_bad: float  # weight of the bads

    @property
    def plain(self) -> bool:
        """Rows, weights and people are the same count."""
        return self.weight is None and self.person is None

    def cells(self, place: npt.NDArray[np.intp], n: int) -> Cells:
        """Counts by place 0..n - 1; a place of -1 does not count."""
        inside = place >= 0
        place = np.where(inside, place, n)
        bad = np.bincount(place, self._weights(self.y & inside), n + 1)[:n]
        good = np.bincount(place, self._weights(~self.y & inside), n + 1)[:n]
        rows = np.bincount(place, minlength=n + 1)[:n].astype(np.int64)
        return Cells(rows, self.people(place, n, rows), good.astype(np.float64), bad.astype(np.float64))

    def people(self, place: npt.NDArray[np.intp], n: int, rows: Ints) -> Ints:
        """Distinct people by place."""
        if self.person is None:
            return rows
        pairs = np.unique(place.astype(np.int64) * self.n_people + self.person)
        return np.bincount(pairs // self.n_people, minlength=n + 1)[:n].astype(np.int64)

    def people_of_runs(self, place: Ints, rows: Ints) -> Ints:
        """Distinct people in every run of neighbouring places i..j, shape (n, n); ``rows``: row counts by place."""
        if self.person is not None:
            return search.people_of_runs(place, self.person, len(rows), self.n_people)
        return runs_of(rows)

    def _weights(self, chosen: npt.NDArray[np.bool_]) -> Floats:
        return chosen.astype(np.float64) if self.weight is None else self.weight * chosen


@dataclass(frozen=True)
class LevelCounts:
    """The same from counts: line i of a table of levels holds goods, bads and rows, and every row is a person."""

    good: Floats
    bad: Floats
    rows: Floats
    person = None

    @classmethod
    def of(cls, good: npt.ArrayLike, bad: npt.ArrayLike, rows: npt.ArrayLike | None) -> LevelCounts:
        goods, bads = np.asarray(good, dtype=np.float64), np.asarray(bad, dtype=np.float64)
        lines = np.array([goods, bads, goods + bads if rows is None else np.asarray(rows, dtype=np.float64)])
        if not (np.isfinite(lines).all() and (lines >= 0).all()):
            raise DataError("counts_wrong", "Goods, bads and rows must be counts, one of each for every value.")
        if not (goods.sum() > 0 and bads.sum() > 0):
            raise DataError("one_class", "All rows have the same label; a model needs goods and bads.")
        return cls(*lines)

    def cells(self, place: npt.NDArray[np.intp], n: int) -> Cells:
        """Counts by place of a line."""
        lines = (self.rows, self.good, self.bad)
        rows, good, bad = (np.bincount(place, line, n).astype(np.float64) for line in lines)
        return Cells(rows.astype(np.int64), rows.astype(np.int64), good, bad)

    def people_of_runs(self, place: Ints, rows: Ints) -> Ints:
        """Rows in every run of neighbouring places."""
        return runs_of(rows)


def runs_of(rows: Ints) -> Ints:
    """Sums over every run of neighbours i..j, shape (n, n).

    >>> runs_of(np.array([1, 2])).tolist()
    [[1, 3], [0, 2]]
    """
    sums = np.append(0, np.cumsum(rows))
    runs: Ints = np.maximum(sums[None, 1:] - sums[:-1, None], 0)
    return runs


def read_labels(y: npt.ArrayLike, weight: npt.ArrayLike | None, person: npt.ArrayLike | None) -> Labels:
    """Check y (0/1, both present) and weights (> 0), and code the people."""
    label = np.asarray(y)
    check_two_classes(label)
    weights = None if weight is None else np.asarray(weight, dtype=np.float64)
    if weights is not None and not (np.isfinite(weights).all() and (weights > 0).all()):
        raise DataError("weight_not_positive", "Weights must be finite and above 0.")
    if weights is not None and (weights == 1.0).all():
        weights = None
    bad = label == 1
    codes, n_people = _people(person, len(bad))
    return Labels(bad, weights, codes, n_people, float(bad.sum() if weights is None else weights[bad].sum()))


def _people(person: npt.ArrayLike | None, n: int) -> tuple[Ints | None, int]:
    if person is None:
        return None, n
    codes, people = factorize(person)
    return (None, n) if len(people) == n else (codes.astype(np.int64), len(people))


def total_weight(labels: Labels | LevelCounts) -> float:
    return sum(class_totals(labels)[:2])


def class_totals(labels: Labels | LevelCounts) -> tuple[float, float, float]:
    """Goods, bads, and the weight that stands for an empty class."""
    if isinstance(labels, LevelCounts):
        good, bad, rows = float(labels.good.sum()), float(labels.bad.sum()), float(labels.rows.sum())
        return good, bad, (good + bad) / max(rows, 1.0) / 2
    total = float(len(labels.y)) if labels.weight is None else float(labels.weight.sum())
    return total - labels.n_bad, labels.n_bad, total / len(labels.y) / 2


def choose_cuts(
    good: Floats,
    bad: Floats,
    people: Ints,
    totals: tuple[float, float, float],
    plan: BinPlan,
    name: str = "",
) -> list[int]:
    """Pre-bins at which a new bin begins, for the plan's trend (see :func:`modeling.bin_search.best_partition`)."""
    total, ordinary, n_people = sum(totals[:2]), float((good + bad).sum()), int(people[0, -1])
    best: tuple[float, list[int]] = (-1.0, [])
    for stage in _stages(plan):
        if best[0] >= 0 and _bound(good, bad, totals, plan) <= plan.turn_gain * best[0]:
            break
        found = [
            search.best_partition(good, bad, people, totals, _limits(own, total, ordinary, n_people), TRENDS[own.trend])
            for own in stage
        ]
        iv, cuts = max(found, key=lambda result: result[0])
        if iv > plan.turn_gain * best[0]:
            best = iv, cuts.tolist()
    if best[0] < 0:
        raise DataError(
            "bins_infeasible",
            "%(column)s cannot be cut into %(bins)d bins with %(trend)s trend, a share of at least %(share)s and "
            "%(people)d people each.",
            bins=plan.min_bins, trend=plan.trend, share=plan.min_bin_share, people=plan.min_people, column=name,
        )  # fmt: skip
    return best[1]


def _bound(good: Floats, bad: Floats, totals: tuple[float, float, float], plan: BinPlan) -> float:
    """No bins of any shape have more IV than this."""
    return search.free_optimum(good, bad, totals, plan.max_bins) * (1 + 1e-9)


@lru_cache(maxsize=256)
def _stages(plan: BinPlan) -> list[list[BinPlan]]:
    """Searches from the simplest claim to the boldest; a bolder one must be sure of every step and gain IV."""
    if plan.trend != "auto":
        return [[plan]]
    sure = replace(plan, max_pvalue=min(plan.turn_pvalue, plan.max_pvalue or 1.0))
    stages: tuple[tuple[Trend, ...], ...] = (("ascending", "descending"), ("peak", "valley"), ("none",))
    return [[replace(sure if i else plan, trend=trend) for trend in stage] for i, stage in enumerate(stages)]


def _limits(plan: BinPlan, total: float, ordinary: float, n_people: int) -> tuple[float, float, int, int, int, float]:
    """Numbers for the search. Where all ordinary values together are below a floor, one bin is allowed."""
    least = min(plan.min_bin_share * total, ordinary) * (1 - 1e-12)
    largest = plan.max_bin_share * total * (1 + 1e-12)
    z = 0.0 if plan.max_pvalue is None else NormalDist().inv_cdf(1 - plan.max_pvalue / 2)
    max_bins = plan.max_bins if n_people >= plan.min_people else 1
    return least, largest, min(plan.min_people, n_people), plan.min_bins, max_bins, z


def assemble(
    name: str,
    kind: BinKind,
    edges: tuple[float, ...],
    groups: tuple[tuple[str, ...], ...],
    plan: BinPlan,
    cells: Cells,
    other: int = -1,
) -> Bins:
    by_hand = (plan.user_splits if kind == "numeric" else plan.user_groups) is not None
    n_ordinary = len(groups) if kind == "category" else len(edges) + 1
    labels = _labels(kind, edges, groups, plan, other)
    rows = table_rows(labels, cells, plan.min_people)
    if by_hand:
        _refuse_thin(rows[:n_ordinary], plan, name)
    rate = [row.bad_rate for row in rows[:n_ordinary] if row.n]
    specials = plan.specials if kind == "numeric" else ()
    iv = sum(row.iv for row in rows)
    if other < 0 and kind == "category":
        other = len(rows) - 1
    return Bins(name, kind, rows, iv, shape_of(rate), edges, groups, specials, other, by_hand)


def _refuse_thin(rows: Sequence[BinRow], plan: BinPlan, name: str) -> None:
    for row in rows:
        if row.n_people < plan.min_people:
            raise DataError(
                "bin_too_small",
                "The bin %(label)s of %(column)s, set by hand, holds %(people)d people; at least %(floor)d are needed.",
                column=name, label=row.label, people=row.n_people, floor=plan.min_people,
            )  # fmt: skip


def _labels(
    kind: BinKind, edges: tuple[float, ...], groups: tuple[tuple[str, ...], ...], plan: BinPlan, other: int
) -> list[str]:
    if kind == "category":
        names = [", ".join((*group, RARE) if i == other else group) for i, group in enumerate(groups)]
        return [*names, "Missing", *([] if other >= 0 else ["Other"])]
    ends = ["-inf", *(f"{edge:.12g}" for edge in edges), "inf"]
    opening = ["(", *"[" * len(edges)]
    names = [f"{mark}{a}, {b})" for mark, a, b in zip(opening, ends, ends[1:], strict=False)]
    return [*names, *(f"Special {code:.12g}" for code in plan.specials), "Missing"]
