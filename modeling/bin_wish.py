"""What the optimiser proposes on counted cells, and why it cannot where a wish is too much.

The analyst's bins are law; this is only ever a proposal. The search is that of :mod:`modeling.binning`, on the cells'
train counts instead of rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from modeling import bin_search as search
from modeling.bin_cells import VariableCells
from modeling.bin_given import GivenBins, plain, tidy
from modeling.bin_plan import BinPlan, Ints, choose_cuts
from modeling.errors import DataError
from modeling.woe import Floats

EXACT_CELLS = 48


def propose(cells: VariableCells, plan: BinPlan) -> GivenBins:
    """The best bins of the cells under the plan; missing, codes and rare categories stand alone.

    Raises
    ------
    DataError
        ``wish_…``: names the limit that breaks the wish
    """
    try:
        return _search(cells, plan)
    except DataError as error:
        if error.code != "bins_infeasible":
            raise
        raise _explained(cells, plan) from None


def _search(cells: VariableCells, plan: BinPlan) -> GivenBins:
    good, bad, people = (counts[0].sum(axis=0) for counts in (cells.good, cells.bad, cells.people))
    rows = int(cells.n[0].sum())
    totals = (float(good.sum()), float(bad.sum()), float(good.sum() + bad.sum()) / max(rows, 1) / 2)
    k = cells.n_ordinary
    if cells.kind == "category":
        return _categories(cells, good[:k], bad[:k], people[:k], totals, plan)
    if not (good + bad)[:k].sum():
        return plain("numeric", cells.specials)
    starts = _starts(good[:k], bad[:k], people[:k], plan, sum(totals[:2]))
    cuts = choose_cuts(*_merged(good[:k], bad[:k], people[:k], starts), totals, plan, cells.name)
    edges = tuple(cells.cuts[starts[at] - 1] for at in cuts)
    return plain("numeric", cells.specials, edges=edges)


def _starts(good: Floats, bad: Floats, people: Ints, plan: BinPlan, total: float) -> Ints:
    """Cells at which a pre-bin begins: the cuts of a tree and of even shares, each pre-bin with rows."""
    weight, bads = (np.append(0.0, np.cumsum(counts)) for counts in (good + bad, bad))
    if len(good) > EXACT_CELLS:
        tree = search.cart_cuts(weight, bads, plan.max_prebins, max(plan.prebin_share * total, 1e-9))
        even = np.linspace(0.0, weight[-1], plan.quantile_cuts + 2)[1:-1]
        shares = np.clip(np.searchsorted(weight, even), 0, len(good) - 1)
        starts = np.unique(np.concatenate(([0], tree, shares)))
    else:
        starts = np.arange(len(good))
    filled = np.add.reduceat(good + bad, starts) > 0
    return np.asarray(starts[filled | (starts == 0)], dtype=np.int64)


def _merged(good: Floats, bad: Floats, people: Ints, starts: Ints) -> tuple[Floats, Floats, Ints]:
    """Counts by pre-bin, and people of every run of pre-bins."""
    parts = [np.add.reduceat(counts, starts) for counts in (good, bad)]
    sums = np.append(0, np.cumsum(np.add.reduceat(people, starts)))
    return parts[0], parts[1], np.maximum(sums[None, 1:] - sums[:-1, None], 0).astype(np.int64)


def _categories(
    cells: VariableCells, good: Floats, bad: Floats, people: Ints, totals: tuple[float, float, float], plan: BinPlan
) -> GivenBins:
    """Groups along the bad rate; levels without train rows cannot be (they hold people there)."""
    if not cells.levels:
        made = plain("category", (), groups=((),))
        return tidy(made, (made.homes[0], 0), ())
    order = np.argsort(bad / np.maximum(good + bad, 1e-12), kind="stable")
    sorted_ = good[order], bad[order], people[order]
    free = replace(plan, trend="none")
    starts = _starts(*sorted_, free, sum(totals[:2]))
    cuts = choose_cuts(*_merged(*sorted_, starts), totals, free, cells.name)
    ends = [0, *(int(starts[at]) for at in cuts), len(order)]
    groups = tuple(tuple(sorted(cells.levels[i] for i in order[a:b])) for a, b in pairwise(ends))
    return plain("category", (), groups=groups)


def _explained(cells: VariableCells, plan: BinPlan) -> DataError:
    """The first limit that, lifted alone, would let the wish through."""
    breaks = next((name for name, freer in _freer(plan) if _feasible(cells, freer)), "")
    told = {
        "column": cells.name,
        "bins": plan.min_bins,
        "share": f"{100 * plan.min_bin_share:g}",
        "people": plan.min_people,
    }
    return _broken(breaks, told)


def _broken(limit: str, told: dict[str, Any]) -> DataError:
    match limit:
        case "trend":
            return DataError(
                "wish_trend",
                "The trend breaks it: with at least %(bins)d bins %(column)s does not run this way. With fewer bins, "
                "or without a trend, it would do.",
                **told,
            )
        case "p_value":
            return DataError(
                "wish_p_value",
                "The p-value breaks it: neighbouring bins of %(column)s do not differ that surely.",
                **told,
            )
        case "max_share":
            return DataError(
                "wish_max_share",
                "The largest share breaks it: one bin of %(column)s must hold more rows than that.",
                **told,
            )
        case "min_share":
            return DataError(
                "wish_min_share",
                "The smallest share breaks it: %(column)s has no %(bins)d bins with %(share)s %% of the rows each.",
                **told,
            )
        case "min_bins":
            return DataError(
                "wish_min_bins",
                "The number of bins breaks it: %(column)s cannot be cut into %(bins)d bins.",
                **told,
            )
    return DataError(
        "wish_all",
        "No bins of %(column)s keep all limits at once: at least %(bins)d bins with %(share)s %% of the rows and "
        "%(people)d people each, and this trend.",
        **told,
    )


def _freer(plan: BinPlan) -> Iterable[tuple[str, BinPlan]]:
    if plan.trend not in {"none", "auto"}:
        yield "trend", replace(plan, trend="none")
    if plan.max_pvalue is not None:
        yield "p_value", replace(plan, max_pvalue=None)
    if plan.max_bin_share < 1:
        yield "max_share", replace(plan, max_bin_share=1.0)
    if plan.min_bin_share > 0:
        yield "min_share", replace(plan, min_bin_share=0.0)
    if plan.min_bins > 1:
        yield "min_bins", replace(plan, min_bins=1)


def _feasible(cells: VariableCells, plan: BinPlan) -> bool:
    try:
        _search(cells, plan)
    except DataError:
        return False
    return True
