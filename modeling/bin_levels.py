"""Optimal groups of one category.

Levels below ``rare_share`` of the rows or with too few people are pooled; where that would hide more than half of the
rows, only those with too few people are. Up to ``EXACT_LEVELS`` levels are ordered by bad rate and merged by the exact
search. More levels than that carry chance in their order, so their bad rates are first drawn towards the mean, all the
more the less they differ beyond chance (empirical Bayes); drawn rates order and merge, the table counts what is there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from modeling import bin_search as search
from modeling.bin_plan import BinPlan, Labels, LevelCounts, assemble, choose_cuts, class_totals, total_weight
from modeling.woe import Bins, Cells, Floats, factorize

EXACT_LEVELS = 48  # more levels than this are first cut into pre-bins along their bad rate
HIDDEN_SHARE = 0.5  # more of the rows than this are not pooled for the sake of ``rare_share``

Places = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Levels:
    """A column of categories as codes: ``names`` sorted, -1 for missing."""

    codes: Places
    names: list[str]


def bin_levels(
    values: npt.ArrayLike | Levels, labels: Labels | LevelCounts, plan: BinPlan, name: str
) -> Bins:  # fmt: skip
    """Pool rare levels, order by bad rate, merge by the exact search."""
    column = values if isinstance(values, Levels) else Levels(*factorize(values))
    counted = _Counted(column, labels, labels.cells(_with_missing(column), len(column.names) + 1))
    if plan.user_groups is not None:
        return _table(counted, plan, name, plan.user_groups, -1)
    if not column.names:
        return _table(counted, plan, name, ((),), -1)
    rare = _is_rare(counted.cells, plan, total_weight(labels))
    unit = _units(rare)
    rank, cells = _ranked(counted.by(np.append(unit, -1), int(unit.max()) + 1))
    starts = _merge(np.append(rank[unit], -1), cells, counted, plan, name)
    group = np.searchsorted(starts, rank, side="right") - 1
    groups = _names(column.names, group[unit], rare, len(starts))
    return _table(counted, plan, name, groups, int(group[-1]) if rare.any() else -1)


def _with_missing(column: Levels) -> Places:
    """Codes with missing as the last level."""
    return np.where(column.codes < 0, len(column.names), column.codes)


@dataclass(frozen=True)
class _Counted:
    column: Levels
    labels: Labels | LevelCounts
    cells: Cells  # by level, missing last

    def by(self, place: Places, n: int) -> Cells:
        """Counts by place of a level (missing last); -1 does not count."""
        if self.labels.person is not None:
            return self.labels.cells(place[self.column.codes], n)
        here, at = place >= 0, place[place >= 0]
        rows, good, bad = (
            np.bincount(at, run[here], n).astype(np.float64) for run in (self.cells.n, self.cells.good, self.cells.bad)
        )
        return Cells(rows.astype(np.int64), rows.astype(np.int64), good, bad)


def _is_rare(cells: Cells, plan: BinPlan, total: float) -> npt.NDArray[np.bool_]:
    weight = (cells.good + cells.bad)[:-1]
    few = (cells.people[:-1] < plan.min_people) | (weight <= 0)
    rare = few | (weight < plan.rare_share * total)
    return np.asarray(few if weight[rare].sum() > HIDDEN_SHARE * weight.sum() else rare)


def _units(rare: npt.NDArray[np.bool_]) -> Places:
    """Unit of every level: one each for the common ones, the last one shared by all rare ones."""
    unit = np.cumsum(~rare) - 1
    unit[rare] = int((~rare).sum())
    return unit.astype(np.intp)


def _names(
    levels: list[str], group: Places, rare: npt.NDArray[np.bool_], n_groups: int
) -> tuple[tuple[str, ...], ...]:  # fmt: skip
    named: list[list[str]] = [[] for _ in range(n_groups)]
    for level, at, hidden in zip(levels, group.tolist(), rare.tolist(), strict=True):
        if not hidden:
            named[at].append(level)
    return tuple(map(tuple, named))


def _ranked(cells: Cells) -> tuple[Places, Cells]:
    """Rank of every unit by bad rate (then by name), and the counts in that order, drawn to the mean if many."""
    if len(cells.n) > EXACT_LEVELS:
        cells = _drawn(cells)
    order = np.argsort(cells.bad / (cells.good + cells.bad), kind="stable")
    rank = np.empty(len(order), dtype=np.intp)
    rank[order] = np.arange(len(order))
    return rank, Cells(cells.n[order], cells.people[order], cells.good[order], cells.bad[order])


def _drawn(cells: Cells) -> Cells:
    """The same weights with bad rates ``(b + m r) / (n + m)``, where ``m = r (1 - r) / variance between levels``."""
    weight = cells.good + cells.bad
    rate = cells.bad.sum() / weight.sum()
    own = cells.bad / weight
    chance = rate * (1 - rate)
    between = (weight * (own - rate) ** 2).sum() - (len(weight) - 1) * chance
    between /= weight.sum() - (weight**2).sum() / weight.sum()
    drawn: Floats = np.full(len(weight), rate)
    if between > 0:
        drawn = (cells.bad + chance / between * rate) / (weight + chance / between)
    return Cells(cells.n, cells.people, weight * (1 - drawn), weight * drawn)


def _merge(rank: Places, cells: Cells, counted: _Counted, plan: BinPlan, name: str) -> Places:
    """First rank of every group; ``rank`` by level, missing last with -1."""
    starts = _prebins(cells)
    place = np.where(rank < 0, -1, np.searchsorted(starts, rank, side="right") - 1)
    rows = np.add.reduceat(cells.n, starts)
    people = counted.labels.people_of_runs(place[counted.column.codes].astype(np.int64), rows)
    good, bad = np.add.reduceat(cells.good, starts), np.add.reduceat(cells.bad, starts)
    # the order is by bad rate, so any contiguous merge rises: no trend needs to be imposed
    free = replace(plan, trend="none")
    cuts = choose_cuts(good, bad, people, class_totals(counted.labels), free, name)
    return starts[np.array([0, *cuts], dtype=np.intp)]


def _prebins(cells: Cells) -> Places:
    if len(cells.n) <= EXACT_LEVELS:
        return np.arange(len(cells.n))
    weight, bad = (np.append(0.0, np.cumsum(counts)) for counts in (cells.good + cells.bad, cells.bad))
    return np.append(0, search.cart_cuts(weight, bad, EXACT_LEVELS, 1e-9)).astype(np.intp)


def _table(counted: _Counted, plan: BinPlan, name: str, groups: tuple[tuple[str, ...], ...], other: int) -> Bins:
    n_rows = len(groups) + (1 if other >= 0 else 2)
    empty = Bins(name, "category", (), 0.0, "none", groups=groups, other=other if other >= 0 else n_rows - 1)
    place = np.append(empty.index(np.array(counted.column.names, dtype=object)), empty.missing)
    return assemble(name, "category", (), groups, plan, counted.by(place, n_rows), other)
