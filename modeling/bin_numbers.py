"""Optimal bins of one number."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from modeling import bin_search as search
from modeling.bin_plan import BinPlan, Ints, Labels, assemble, choose_cuts, runs_of
from modeling.counts import NumberCounts, Space, count_rows
from modeling.errors import DataError
from modeling.woe import Bins, Cells, Floats


def bin_numbers(
    x: Floats, labels: Labels, plan: BinPlan, name: str, counts: NumberCounts | None = None, space: Space | None = None
) -> Bins:
    """Bins of a column of rows, whose ``counts`` may be known; ``space``: see :func:`modeling.counts.work_space`."""
    if plan.user_splits is not None:
        edges = _edges_by_hand(plan.user_splits, name)
        _refuse_infinite(x, name)
        return _number_table(x, labels, plan, name, edges)
    counts = counts or count_rows(x, labels, plan.specials, space)
    if counts.infinite:
        _refuse_infinite(x, name)
    if labels.person is None:
        return bin_counts(counts, plan, name)
    starts = prebin_starts(counts, plan)
    prebins = _cells(counts, starts)
    people = labels.people_of_runs(_places(x, counts.low[starts[1:]], plan), prebins.n)
    return _number_table(x, labels, plan, name, _edges(counts, starts, _cut(prebins, people, counts, plan, name)))


def bin_counts(counts: NumberCounts, plan: BinPlan, name: str) -> Bins:
    """Bins from counts alone, where every row is a person."""
    if counts.infinite:
        raise DataError("not_finite", "A value of %(column)s is infinite.", column=name)
    if plan.user_splits is not None:
        edges = _edges_by_hand(plan.user_splits, name)
        place = np.searchsorted(edges, counts.low, side="right")
        return assemble(name, "numeric", edges, (), plan, _table(_by_place(counts, place, len(edges) + 1), counts))
    starts = prebin_starts(counts, plan)
    prebins = _cells(counts, starts)
    cuts = _cut(prebins, runs_of(prebins.n), counts, plan, name)
    whole = _merged(prebins, cuts)
    return assemble(name, "numeric", _edges(counts, starts, cuts), (), plan, _table(whole, counts))


def _edges_by_hand(splits: tuple[float, ...], name: str) -> tuple[float, ...]:
    if any(a >= b for a, b in pairwise(splits)):
        raise DataError("splits_not_sorted", "The splits of %(name)s must rise.", name=name, column=name)
    return tuple(map(float, splits))


def _refuse_infinite(x: Floats, name: str) -> None:
    rows = np.flatnonzero(np.isinf(x))
    if len(rows):
        raise DataError("not_finite", "Row %(row)d of %(column)s is infinite.", row=int(rows[0]) + 1, column=name)


def prebin_starts(counts: NumberCounts, plan: BinPlan) -> Ints:
    """Cuts of the tree and of even shares. The tree finds the steps, the shares stand where its greed left none."""
    weight, n = counts.weight, len(counts.low)
    if n == 0:
        return np.zeros(1, dtype=np.int64)
    tree = search.cart_cuts(weight, counts.bad, plan.max_prebins, max(plan.prebin_share * sum(counts.totals[:2]), 1e-9))
    even = np.linspace(0.0, weight[-1], plan.quantile_cuts + 2)[1:-1]
    return np.unique(np.concatenate(([0], tree, np.clip(np.searchsorted(weight, even), 0, n - 1))))


def _cells(counts: NumberCounts, starts: Ints) -> Cells:
    """Counts by pre-bin."""
    ends = np.append(starts, len(counts.low))
    rows, weight, bad = (np.diff(run[ends]) for run in (counts.rows, counts.weight, counts.bad))
    return Cells(rows.astype(np.int64), rows.astype(np.int64), weight - bad, bad)


def _cut(prebins: Cells, people: Ints, counts: NumberCounts, plan: BinPlan, name: str) -> list[int]:
    if len(counts.low) == 0:
        return []
    return choose_cuts(prebins.good, prebins.bad, people, counts.totals, plan, name)


def _edges(counts: NumberCounts, starts: Ints, cuts: list[int]) -> tuple[float, ...]:
    return tuple(edge_between(counts.high[at - 1], counts.low[at]) for at in starts[cuts])


def _places(x: Floats, edges: Floats, plan: BinPlan) -> Ints:
    place = np.searchsorted(edges, x, side="right").astype(np.int64)
    place[np.isnan(x) | np.isin(x, plan.specials)] = -1
    return place


def edge_between(left: float, right: float) -> float:
    """The shortest decimal in (left, right] near the middle; between neighbouring whole numbers the upper one.

    >>> edge_between(3.0, 4.0), edge_between(0.1234, 0.1299), edge_between(1000.0, 2000.0)
    (4.0, 0.127, 2000.0)
    """
    if right - left <= 1 and right == np.floor(right):
        return float(right)
    middle = left + (right - left) / 2
    for digits in range(1, 18):
        short = float(f"{middle:.{digits}g}")
        if left < short <= right:
            return short
    return float(right)


def _merged(prebins: Cells, cuts: list[int]) -> Cells:
    starts = [0, *cuts]
    n, good, bad = (np.add.reduceat(run, starts) for run in (prebins.n, prebins.good, prebins.bad))
    return Cells(n, n, good, bad)


def _by_place(counts: NumberCounts, place: Ints, n: int) -> Cells:
    runs = (counts.rows, counts.weight, counts.bad)
    rows, weight, bad = (np.bincount(place, np.diff(run), n).astype(np.float64) for run in runs)
    return Cells(rows.astype(np.int64), rows.astype(np.int64), weight - bad, bad)


def _table(ordinary: Cells, counts: NumberCounts) -> Cells:
    """Ordinary bins, then specials and missing."""
    rows = np.append(ordinary.n, counts.apart[:, 2].astype(np.int64))
    good, bad = np.append(ordinary.good, counts.apart[:, 0]), np.append(ordinary.bad, counts.apart[:, 1])
    return Cells(rows, rows, good, bad)


def _number_table(x: Floats, labels: Labels, plan: BinPlan, name: str, edges: tuple[float, ...]) -> Bins:
    empty = Bins(name, "numeric", (), 0.0, "none", edges=edges, specials=plan.specials)
    cells = labels.cells(empty.index(x), empty.missing + 1)
    return assemble(name, "numeric", edges, (), plan, cells)
