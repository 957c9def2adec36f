"""Measure every column of a wide table once: ``WideTable -> Measures``, from which a funnel is decided in no time.

One look at each column gives its missing rate, the share of its commonest value, optimal bins with IV, KS and AUC, PSI
by month and whether the bins keep their order from month to month; then the WOE of all binned columns is correlated.
Columns are read and measured apart, by threads, so a table need not fit in memory. Everything here uses the label:
give ``rows`` the train rows.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from modeling.artifacts import Progress, no_progress
from modeling.bin_levels import Levels, bin_levels
from modeling.bin_numbers import bin_numbers
from modeling.bin_plan import BinPlan, Labels, read_labels, total_weight
from modeling.correlation import Spool, woe_correlation
from modeling.counts import NumberCounts, Space, count_rows, work_space
from modeling.errors import DataError
from modeling.measures import Measure, Measures, measure_bins, steady
from modeling.month_cells import level_cells, number_cells
from modeling.wide import Mask, WideTable
from modeling.woe import Bins, Floats

DATES = "dates are not modelled"
NO_VALUES = "no values"
ONE_VALUE = "one value only"
TEXT = "text: nearly every row has a value of its own"
TOO_MANY = "more bins than can be measured"
MOST_BINS = 250  # a bin is one byte on its way to the correlation
TEXT_LEVELS = 100  # fewer levels than this are a category whatever the number of rows
TEXT_SHARE = 0.9
NO_ROWS: Floats = np.zeros(0)


@dataclass(frozen=True)
class MeasurePlan:
    """What is measured. ``specials`` and ``bins`` of single columns may differ; ``psi_bins`` are shares of train rows.

    Correlations are of the ``max_correlated`` columns with the highest IV.
    """

    bins: BinPlan = field(default_factory=BinPlan)
    column_bins: Mapping[str, BinPlan] = field(default_factory=dict)
    specials: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    psi_bins: int = 10
    min_month_rows: int = 100  # fewer rows in a month say nothing
    max_correlated: int = 2000
    correlate: bool = True

    def of(self, name: str) -> BinPlan:
        plan = self.column_bins.get(name, self.bins)
        return replace(plan, specials=tuple(dict.fromkeys((*self.specials.get(name, ()), *plan.specials))))


@dataclass(frozen=True)
class _Rows:
    """What all columns share."""

    labels: Labels
    chosen: Mask | None
    weight: Floats  # empty: 1
    month: npt.NDArray[np.int16]  # empty: unknown
    months: list[str]
    own: threading.local

    @property
    def space(self) -> Space | None:
        if self.labels.weight is not None:
            return None
        if not hasattr(self.own, "space"):
            self.own.space = work_space(len(self.labels.y))
        space: Space = self.own.space
        return space


def measure_table(
    table: WideTable,
    y: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    plan: MeasurePlan | None = None,
    *,
    rows: Mask | None = None,
    month: npt.ArrayLike | None = None,
    person: npt.ArrayLike | None = None,
    threads: int | None = None,
    progress: Progress = no_progress,
) -> Measures:
    """Measure all columns; whatever a column holds, it gets its figures or the reason why not.

    Parameters
    ----------
    table : :class:`modeling.wide.Arrays` or :class:`modeling.wide.ParquetTable`
    y : shape (n,), 0 = good, 1 = bad; only chosen rows need a label
    weight, person : shape (n,)
    rows : shape (n,), the train rows; by default all
    month : shape (n,), "2024-03" or a date; None = unknown
    threads : by default one a core

    Raises
    ------
    DataError
        ``one_class``, ``label_not_binary``, ``weight_not_positive``: without labels nothing can be measured
    """
    plan = plan or MeasurePlan()
    shared = _shared(y, weight, rows, month, person)
    names = list(table.kinds)
    with Spool(len(names), len(shared.labels.y) if plan.correlate else 0) as spool:
        measures = _measure_columns(table, names, shared, plan, spool, threads, progress)
        found = [one for one in measures if one.usable]
        strongest = sorted(found, key=lambda one: (-(one.iv or 0.0), one.name))[: plan.max_correlated]
        chosen = {one.name: one.bins for one in strongest if one.bins is not None} if plan.correlate else {}
        matrix = woe_correlation(spool, {name: names.index(name) for name in chosen}, chosen, shared.weight)
    counts = np.bincount(shared.month[shared.month >= 0], minlength=len(shared.months)).tolist()
    return Measures(
        len(shared.labels.y), shared.labels.n_bad, tuple(shared.months), tuple(counts), tuple(measures),
        tuple(chosen), matrix,
    )  # fmt: skip


def _shared(
    y: npt.ArrayLike,
    weight: npt.ArrayLike | None,
    rows: Mask | None,
    month: npt.ArrayLike | None,
    person: npt.ArrayLike | None,
) -> _Rows:
    def chosen(values: npt.ArrayLike | None) -> npt.ArrayLike | None:
        return values if rows is None or values is None else np.asarray(values)[rows]

    own_y = chosen(y)
    assert own_y is not None
    labels = read_labels(own_y, chosen(weight), chosen(person))
    own_month = chosen(month)
    codes, names = (np.zeros(0, dtype=np.int16), []) if own_month is None else month_codes(own_month)
    own_weight = NO_ROWS if labels.weight is None else labels.weight
    return _Rows(labels, rows, own_weight, codes, names, threading.local())


def month_codes(month: npt.ArrayLike) -> tuple[npt.NDArray[np.int16], list[str]]:
    """Place of every row among the sorted months, -1 = unknown.

    >>> month_codes(np.array(["2024-02", None, "2024-01-31"], dtype=object))[1]
    ['2024-01', '2024-02']
    """
    values = np.asarray(month)
    if values.dtype.kind == "M":
        months = values.astype("datetime64[M]")
        found, place = np.unique(months, return_inverse=True)
        known = ~np.isnat(found)
        return np.where(known[place], place, -1).astype(np.int16), [str(one) for one in found[known]]
    text = np.array([None if one is None or one != one else str(one)[:7] for one in values.tolist()], dtype=object)
    names = sorted({one for one in text.tolist() if one is not None})
    at = {name: i for i, name in enumerate(names)}
    return np.array([at.get(one, -1) for one in text.tolist()], dtype=np.int16), names


def _measure_columns(
    table: WideTable,
    names: list[str],
    shared: _Rows,
    plan: MeasurePlan,
    spool: Spool,
    threads: int | None,
    progress: Progress,
) -> list[Measure]:
    def one(place: int) -> Measure:
        return _measure(table, names[place], shared, plan, spool, place)

    measures = []
    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        for measure in pool.map(one, range(len(names))):
            measures.append(measure)
            progress(len(measures), len(names), "measured")
    return measures


def _measure(table: WideTable, name: str, shared: _Rows, plan: MeasurePlan, spool: Spool, place: int) -> Measure:
    """One column; what cannot be binned says why."""
    kind = table.kinds[name]
    try:
        values = table.read(name, shared.chosen)
        if isinstance(values, Levels):
            return _measure_levels(name, values, shared, plan, spool, place)
        return _measure_numbers(Measure(name, kind), values, shared, plan, spool, place)
    except DataError as fault:
        return Measure(name, kind, reason=str(fault))
    except (TypeError, ValueError, OverflowError, NotImplementedError) as fault:
        return Measure(name, kind, reason=f"cannot be read: {type(fault).__name__}")


def _measure_numbers(
    measure: Measure, x: Floats, shared: _Rows, plan: MeasurePlan, spool: Spool, place: int
) -> Measure:
    own = plan.of(measure.name)
    counts = count_rows(x, shared.labels, own.specials, shared.space)
    n, total = max(len(x), 1), sum(counts.totals[:2])
    kinds_seen = counts.distinct + int((counts.apart[:, 2] > 0).sum())
    measure = replace(
        measure,
        missing=float(counts.apart[-1, 2]) / n,
        special=float(counts.apart[:-1, 2].sum()) / n,
        distinct=counts.distinct + int((counts.apart[:-1, 2] > 0).sum()),
        top=counts.top if counts.distinct else None,
        top_share=float(max(counts.top_weight, counts.apart[:-1, :2].sum(1).max(initial=0.0))) / total,
    )
    reason = DATES if measure.kind == "date" else NO_VALUES if not measure.distinct else ONE_VALUE
    if measure.kind == "date" or not measure.distinct or kinds_seen < 2:
        return replace(measure, reason=reason)
    bins = bin_numbers(x, shared.labels, own, measure.name, counts)
    if len(bins.rows) > MOST_BINS:
        return replace(measure, reason=TOO_MANY)
    deciles = _even_edges(counts, plan.psi_bins)
    edges = np.union1d(deciles, np.array(bins.edges))
    bin_of_cell = _places(edges, np.array(bins.edges), bins)
    codes = spool.codes(len(x))
    by_month = number_cells(
        x, shared.labels.y, shared.weight, shared.month, len(shared.months), edges, np.array(bins.specials, float),
        bin_of_cell, codes,
    )  # fmt: skip
    spool.write(place, codes)
    expected = by_month.sum((0, 2))
    share_of = _places(edges, deciles, replace(bins, edges=tuple(deciles)))
    return _with_months(measure_bins(measure, bins), by_month, bin_of_cell, share_of, expected, plan)


def _even_edges(counts: NumberCounts, bins: int) -> Floats:
    """First values of even shares of the ordinary rows; ties make fewer."""
    if not len(counts.low):
        return NO_ROWS
    wanted = np.arange(1, bins) / bins * counts.weight[-1]
    ends = np.searchsorted(counts.weight[1:], wanted * (1 - 1e-12), side="left") + 1
    edges: Floats = counts.low[np.unique(ends[ends < len(counts.low)])]
    return edges


def _places(edges: Floats, own: Floats, bins: Bins) -> npt.NDArray[np.uint8]:
    """Row of the table for the cells between ``edges``, of which ``own`` are some; then specials and missing."""
    ordinary = np.searchsorted(edges, own, side="right")
    place = np.zeros(len(edges) + 1, dtype=np.int64)
    np.add.at(place, ordinary, 1)
    apart = len(own) + 1 + np.arange(len(bins.specials) + 1)
    return np.append(np.cumsum(place), apart).astype(np.uint8)


def _measure_levels(
    name: str, column: Levels, shared: _Rows, plan: MeasurePlan, spool: Spool, place: int
) -> Measure:  # fmt: skip
    labels = shared.labels
    n, known = max(len(column.codes), 1), column.codes >= 0
    sizes = np.bincount(column.codes[known], shared.weight[known] if len(shared.weight) else None, len(column.names))
    seen = int((sizes > 0).sum())
    top = int(sizes.argmax()) if seen else -1
    measure = Measure(
        name,
        "category",
        missing=float((~known).sum()) / n,
        distinct=seen,
        top=column.names[top] if seen else None,
        top_share=float(sizes.max(initial=0.0)) / total_weight(labels),
    )
    reason = _no_category(seen, known)
    if reason:
        return replace(measure, reason=reason)
    bins = bin_levels(column, labels, plan.of(name), name)
    if len(bins.rows) > MOST_BINS:
        return replace(measure, reason=TOO_MANY)
    rows = np.append(bins.index(np.array(column.names, dtype=object)), bins.missing).astype(np.uint8)
    codes = rows[column.codes]
    if plan.correlate:
        spool.write(place, codes)
    n_cells = len(bins.rows)
    by_month = level_cells(codes, labels.y, shared.weight, shared.month, len(shared.months), n_cells)
    same = np.arange(n_cells, dtype=np.uint8)
    return _with_months(measure_bins(measure, bins), by_month, same, same, by_month.sum((0, 2)), plan)


def _no_category(seen: int, known: Mask) -> str:
    if not seen:
        return NO_VALUES
    if seen < 2 and known.all():
        return ONE_VALUE
    return TEXT if seen > max(TEXT_LEVELS, TEXT_SHARE * int(known.sum())) else ""


def _with_months(
    measure: Measure,
    by_month: Floats,
    bin_of_cell: npt.NDArray[np.uint8],
    share_of_cell: npt.NDArray[np.uint8],
    expected: Floats,
    plan: MeasurePlan,
) -> Measure:
    """PSI of every month against all rows with a month, and the share of neighbouring bins that keep their order."""
    from modeling.stability import psi

    if not len(by_month) or measure.bins is None:
        return measure
    n_shares, n_bins = int(share_of_cell.max()) + 1, len(measure.bins.rows)
    all_shares = np.bincount(share_of_cell, expected, n_shares)
    psis: list[float | None] = []
    agreed: list[float | None] = []
    for cells in by_month:
        if cells.sum() < plan.min_month_rows:
            psis.append(None)
            agreed.append(None)
            continue
        psis.append(psi(all_shares, np.bincount(share_of_cell, cells.sum(1), n_shares)))
        good, bad = (np.bincount(bin_of_cell, cells[:, side], n_bins).astype(np.float64) for side in (0, 1))
        agreed.append(steady(measure.bins, good, bad))
    known = [value for value in psis if value is not None]
    kept = [value for value in agreed if value is not None]
    return replace(
        measure, psi=tuple(psis), psi_max=max(known, default=None), agreement=tuple(agreed),
        trend=sum(kept) / len(kept) if kept else None,
    )  # fmt: skip
