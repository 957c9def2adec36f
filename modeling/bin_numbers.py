"""Optimal bins of one number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from modeling import bin_search as search
from modeling.bin_plan import BinPlan, Ints, Labels, assemble, choose_cuts, class_totals, total_weight
from modeling.errors import DataError
from modeling.woe import Bins, Cells, Floats


def bin_numbers(x: Floats, labels: Labels, plan: BinPlan, name: str) -> Bins:
    edges = plan.user_splits
    if edges is not None:
        if any(a >= b for a, b in pairwise(edges)):
            raise DataError("splits_not_sorted", "The splits of %(name)s must rise.", name=name, column=name)
        _refuse_infinite(x, name)
        return _number_table(x, labels, plan, name, tuple(map(float, edges)))
    if labels.plain:
        values, good, bad, missing = _plain_counts(x, labels)
        rows = (good + bad).astype(np.int64)
    else:
        values, rows, good, bad = _weighted_counts(x, labels)
        missing = None
    if len(values) and not (np.isfinite(values[0]) and np.isfinite(values[-1])):
        _refuse_infinite(x, name)
    return _search_numbers(x, labels, plan, name, _Counted(values, rows, good, bad, missing))


@dataclass(frozen=True)
class _Counted:
    """Counts by distinct value; ``missing`` (goods, bads) only where rows, weights and people are the same."""

    values: Floats
    rows: Ints
    good: Floats
    bad: Floats
    missing: tuple[int, int] | None

    def take(self, keep: npt.NDArray[np.bool_]) -> _Counted:
        return replace(self, values=self.values[keep], rows=self.rows[keep], good=self.good[keep], bad=self.bad[keep])


def _plain_counts(x: Floats, labels: Labels) -> tuple[Floats, Floats, Floats, tuple[int, int]]:
    goods, bads = x.take(labels.goods), x.take(labels.bads)
    goods.sort()
    bads.sort()
    values, good, bad, missing_good, missing_bad = search.distinct_counts(goods, bads)
    return values, good, bad, (missing_good, missing_bad)


def _weighted_counts(x: Floats, labels: Labels) -> tuple[Floats, Ints, Floats, Floats]:
    order = np.argsort(x, kind="stable")
    order = order[: len(x) - int(np.isnan(x).sum())]
    weight = np.ones(len(order)) if labels.weight is None else labels.weight[order]
    values, rows, good, bad = search.weighted_counts(x[order], labels.y[order], weight)
    return values, rows, good, bad


def _refuse_infinite(x: Floats, name: str) -> None:
    rows = np.flatnonzero(np.isinf(x))
    if len(rows):
        raise DataError("not_finite", "Row %(row)d of %(column)s is infinite.", row=int(rows[0]) + 1, column=name)


def _search_numbers(x: Floats, labels: Labels, plan: BinPlan, name: str, counted: _Counted) -> Bins:
    special = np.isin(counted.values, plan.specials) if plan.specials else np.zeros(len(counted.values), bool)
    ordinary = counted.take(~special) if special.any() else counted
    weight = search.cumulate(ordinary.good + ordinary.bad)
    bad = search.cumulate(ordinary.bad)
    total = total_weight(labels)
    least = max(plan.prebin_share * total, 1e-9)
    starts = np.append(0, search.cart_cuts(weight, bad, plan.max_prebins, least)) if len(weight) > 1 else np.array([0])
    edges = [_edge(ordinary.values[at - 1], ordinary.values[at]) for at in starts[1:]]
    if len(ordinary.values) == 0:
        return _number_table(x, labels, plan, name, ())
    prebins = _Prebins(
        np.add.reduceat(ordinary.rows, starts),
        np.add.reduceat(ordinary.good, starts),
        np.add.reduceat(ordinary.bad, starts),
    )
    place = starts if labels.person is None else _places(x, edges, plan)
    people = labels.people_of_runs(place.astype(np.int64), prebins.rows)
    cuts = choose_cuts(prebins.good, prebins.bad, people, class_totals(labels), plan, name)
    chosen = tuple(edges[cut - 1] for cut in cuts)
    if counted.missing is None:
        return _number_table(x, labels, plan, name, chosen)
    cells = _plain_cells(prebins, cuts, counted, plan)
    return assemble(name, "numeric", chosen, (), plan, cells)


@dataclass(frozen=True)
class _Prebins:
    rows: Ints
    good: Floats
    bad: Floats


def _places(x: Floats, edges: Sequence[float], plan: BinPlan) -> Ints:
    place = np.searchsorted(np.array(edges), x, side="right").astype(np.int64)
    place[np.isnan(x) | np.isin(x, plan.specials)] = -1
    return place


def _edge(left: float, right: float) -> float:
    """The shortest decimal in (left, right] near the middle; between neighbouring whole numbers the upper one.

    >>> _edge(3.0, 4.0), _edge(0.1234, 0.1299), _edge(1000.0, 2000.0)
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


def _plain_cells(prebins: _Prebins, cuts: list[int], counted: _Counted, plan: BinPlan) -> Cells:
    starts = [0, *cuts]
    good = [*np.add.reduceat(prebins.good, starts)]
    bad = [*np.add.reduceat(prebins.bad, starts)]
    for special in plan.specials:
        at = np.flatnonzero(counted.values == special)
        good.append(counted.good[at].sum())
        bad.append(counted.bad[at].sum())
    assert counted.missing is not None
    goods, bads = np.array([*good, counted.missing[0]], float), np.array([*bad, counted.missing[1]], float)
    rows = (goods + bads).astype(np.int64)
    return Cells(rows, rows, goods, bads)


def _number_table(x: Floats, labels: Labels, plan: BinPlan, name: str, edges: tuple[float, ...]) -> Bins:
    empty = Bins(name, "numeric", (), 0.0, "none", edges=edges, specials=plan.specials)
    cells = labels.cells(empty.index(x), empty.missing + 1)
    return assemble(name, "numeric", edges, (), plan, cells)
