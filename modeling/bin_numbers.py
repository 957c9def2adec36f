"""Optimal bins of one number."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

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
    counted = _plain_counts(x, labels) if labels.plain else _weighted_counts(x, labels)
    values = counted.values
    if len(values) and not (np.isfinite(values[0]) and np.isfinite(values[-1])):
        _refuse_infinite(x, name)
    return _search_numbers(x, labels, plan, name, counted)


@dataclass(frozen=True)
class _Counted:
    """Running counts by distinct value, with a leading zero; ``missing`` (goods, bads) only where rows are people."""

    values: Floats
    rows: npt.NDArray[Any]
    weight: Floats
    bad: Floats
    missing: tuple[int, int] | None

    def without(self, specials: tuple[float, ...]) -> _Counted:
        """The same without the special codes."""
        special = np.isin(self.values, specials)
        if not special.any():
            return self
        runs = [np.append(0, np.cumsum(np.diff(run)[~special])) for run in (self.rows, self.weight, self.bad)]
        return _Counted(self.values[~special], runs[0], runs[1], runs[2], self.missing)

    def of(self, value: float) -> tuple[float, float]:
        """Goods and bads at one value."""
        at = int(np.searchsorted(self.values, value))
        if at == len(self.values) or self.values[at] != value:
            return 0.0, 0.0
        bad = float(self.bad[at + 1] - self.bad[at])
        return float(self.weight[at + 1] - self.weight[at]) - bad, bad


def _plain_counts(x: Floats, labels: Labels) -> _Counted:
    goods, bads = search.sort_numbers(x.take(labels.goods)), search.sort_numbers(x.take(labels.bads))
    values, rows, bad, missing_good, missing_bad = search.distinct_counts(goods, bads)
    return _Counted(values, rows, rows, bad, (missing_good, missing_bad))


def _weighted_counts(x: Floats, labels: Labels) -> _Counted:
    order = np.argsort(x, kind="stable")
    order = order[: len(x) - int(np.isnan(x).sum())]
    weight = np.ones(len(order)) if labels.weight is None else labels.weight[order]
    values, rows, total, bad = search.weighted_counts(x[order], labels.y[order], weight)
    return _Counted(values, rows, total, bad, None)


def _refuse_infinite(x: Floats, name: str) -> None:
    rows = np.flatnonzero(np.isinf(x))
    if len(rows):
        raise DataError("not_finite", "Row %(row)d of %(column)s is infinite.", row=int(rows[0]) + 1, column=name)


def _search_numbers(x: Floats, labels: Labels, plan: BinPlan, name: str, counted: _Counted) -> Bins:
    ordinary = counted.without(plan.specials) if plan.specials else counted
    if len(ordinary.values) == 0:
        return _number_table(x, labels, plan, name, ())
    starts = _prebin_starts(ordinary, plan, total_weight(labels))
    prebins = _prebins(ordinary, starts)
    place = starts if labels.person is None else _places(x, ordinary.values[starts[1:]], plan)
    people = labels.people_of_runs(place.astype(np.int64), prebins.rows)
    cuts = choose_cuts(prebins.good, prebins.bad, people, class_totals(labels), plan, name)
    edges = tuple(_edge(ordinary.values[at - 1], ordinary.values[at]) for at in starts[cuts])
    if counted.missing is None:
        return _number_table(x, labels, plan, name, edges)
    return assemble(name, "numeric", edges, (), plan, _plain_cells(prebins, cuts, counted, plan))


def _prebin_starts(counted: _Counted, plan: BinPlan, total: float) -> Ints:
    """Cuts of the tree and of even shares. The tree finds the steps, the shares stand where its greed left none."""
    weight = counted.weight
    tree = search.cart_cuts(weight, counted.bad, plan.max_prebins, max(plan.prebin_share * total, 1e-9))
    even = np.linspace(0.0, weight[-1], plan.quantile_cuts + 2)[1:-1]
    shares = np.clip(np.searchsorted(weight, even), 0, len(counted.values) - 1)
    return np.unique(np.concatenate(([0], tree, shares)))


@dataclass(frozen=True)
class _Prebins:
    rows: Ints
    good: Floats
    bad: Floats


def _prebins(counted: _Counted, starts: Ints) -> _Prebins:
    ends = np.append(starts, len(counted.values))
    rows, weight, bad = (np.diff(run[ends]) for run in (counted.rows, counted.weight, counted.bad))
    return _Prebins(rows.astype(np.int64), weight - bad, bad)


def _places(x: Floats, edges: Floats, plan: BinPlan) -> Ints:
    place = np.searchsorted(edges, x, side="right").astype(np.int64)
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
        goods_here, bads_here = counted.of(special)
        good.append(goods_here)
        bad.append(bads_here)
    assert counted.missing is not None
    goods, bads = np.array([*good, counted.missing[0]], float), np.array([*bad, counted.missing[1]], float)
    rows = (goods + bads).astype(np.int64)
    return Cells(rows, rows, goods, bads)


def _number_table(x: Floats, labels: Labels, plan: BinPlan, name: str, edges: tuple[float, ...]) -> Bins:
    empty = Bins(name, "numeric", (), 0.0, "none", edges=edges, specials=plan.specials)
    cells = labels.cells(empty.index(x), empty.missing + 1)
    return assemble(name, "numeric", edges, (), plan, cells)
