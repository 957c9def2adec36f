"""Optimal groups of one category."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from modeling import bin_search as search
from modeling.bin_plan import BinPlan, Labels, assemble, choose_cuts, class_totals, total_weight
from modeling.woe import Bins, Cells, factorize

EXACT_LEVELS = 48  # more levels than this are first cut into pre-bins along their bad rate

Places = npt.NDArray[np.intp]


def bin_levels(values: npt.ArrayLike, labels: Labels, plan: BinPlan, name: str) -> Bins:
    """Pool rare levels, order by bad rate, merge by the exact search."""
    codes, levels = factorize(values)
    if plan.user_groups is not None:
        return _table(codes, levels, labels, plan, name, plan.user_groups, -1)
    if not levels:
        return _table(codes, levels, labels, plan, name, ((),), -1)
    rare = _is_rare(labels.cells(codes, len(levels)), plan, total_weight(labels))
    unit = _units(rare)
    rank, cells = _ranked(np.append(unit, -1)[codes], labels)
    starts = _merge(np.append(rank, -1)[np.append(unit, -1)[codes]], cells, labels, plan, name)
    group = np.searchsorted(starts, rank, side="right") - 1
    groups = tuple(
        tuple(level for i, level in enumerate(levels) if group[unit[i]] == g and not rare[i])
        for g in range(len(starts))
    )
    return _table(codes, levels, labels, plan, name, groups, int(group[-1]) if rare.any() else -1)


def _is_rare(cells: Cells, plan: BinPlan, total: float) -> npt.NDArray[np.bool_]:
    return np.asarray((cells.good + cells.bad < plan.rare_share * total) | (cells.people < plan.min_people))


def _units(rare: npt.NDArray[np.bool_]) -> Places:
    """Unit of every level: one each for the common ones, the last one shared by all rare ones."""
    unit = np.cumsum(~rare) - 1
    unit[rare] = int((~rare).sum())
    return unit.astype(np.intp)


def _ranked(unit_of_row: Places, labels: Labels) -> tuple[Places, Cells]:
    """Rank of every unit by bad rate (then by name), and the counts in that order."""
    cells = labels.cells(unit_of_row, int(unit_of_row.max()) + 1)
    order = np.argsort(cells.bad / (cells.good + cells.bad), kind="stable")
    rank = np.empty(len(order), dtype=np.intp)
    rank[order] = np.arange(len(order))
    return rank, Cells(cells.n[order], cells.people[order], cells.good[order], cells.bad[order])


def _merge(rank_of_row: Places, cells: Cells, labels: Labels, plan: BinPlan, name: str) -> Places:
    """First rank of every group."""
    starts = _prebins(cells, plan)
    place = np.where(rank_of_row < 0, -1, np.searchsorted(starts, rank_of_row, side="right") - 1)
    people = labels.people_of_runs(place.astype(np.int64), np.add.reduceat(cells.n, starts))
    good, bad = np.add.reduceat(cells.good, starts), np.add.reduceat(cells.bad, starts)
    # the order is by bad rate, so any contiguous merge rises: no trend needs to be imposed
    free = replace(plan, trend="none")
    cuts = choose_cuts(good, bad, people, class_totals(labels), free, name)
    return starts[np.array([0, *cuts], dtype=np.intp)]


def _prebins(cells: Cells, plan: BinPlan) -> Places:
    if len(cells.n) <= EXACT_LEVELS:
        return np.arange(len(cells.n))
    weight, bad = (np.append(0.0, np.cumsum(counts)) for counts in (cells.good + cells.bad, cells.bad))
    return np.append(0, search.cart_cuts(weight, bad, EXACT_LEVELS, 1e-9)).astype(np.intp)


def _table(
    codes: Places,
    levels: list[str],
    labels: Labels,
    plan: BinPlan,
    name: str,
    groups: tuple[tuple[str, ...], ...],
    other: int,
) -> Bins:
    n_rows = len(groups) + (1 if other >= 0 else 2)
    empty = Bins(name, "category", (), 0.0, "none", groups=groups, other=other if other >= 0 else n_rows - 1)
    place = np.append(empty.index(np.array(levels, dtype=object)), empty.missing)[codes]
    return assemble(name, "category", (), groups, plan, labels.cells(place, n_rows), other)
