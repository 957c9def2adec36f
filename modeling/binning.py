"""Optimal binning of one variable or a whole table.

Numbers: rows are counted along the sorted values, cut into pre-bins by CART and by even shares, and an exact dynamic
programme picks the merge of pre-bins with the largest IV under the plan's limits. Categories: rare levels are pooled,
the others ordered by bad rate and merged likewise; IV is convex, so the best groups are contiguous in that order
(Fisher 1958). Splits and groups set by hand are law: they are tabulated, never moved.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from modeling.artifacts import Kind
from modeling.bin_levels import bin_levels
from modeling.bin_numbers import bin_counts, bin_numbers
from modeling.bin_plan import BinPlan, LevelCounts, Trend, read_labels
from modeling.counts import count_table, work_space
from modeling.woe import BinKind, BinRow, Bins

__all__ = ["BinPlan", "BinRow", "Bins", "Trend", "bin_category", "bin_counted", "bin_numeric", "bin_table"]

DEFAULT_PLAN = BinPlan()


def bin_numeric(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    plan: BinPlan = DEFAULT_PLAN,
    *,
    name: str = "",
    person: npt.ArrayLike | None = None,
) -> Bins:
    """Optimal bins of a number.

    Maximises ``IV = sum_i (g_i/G - b_i/B) ln((g_i/G) / (b_i/B))`` over contiguous merges of the pre-bins (a CART tree's
    cuts and even shares), under the plan's trend, sizes, number of bins, people and p-value. Exact for these pre-bins.

    Parameters
    ----------
    x : shape (n,), float, NaN = missing; infinities are refused
    y : shape (n,), 0 = good, 1 = bad
    weight : shape (n,), > 0, or None for 1
    plan : limits, or ``user_splits`` as law
    person : shape (n,), who a row belongs to; None: every row is a person

    Raises
    ------
    DataError
        ``one_class``, ``not_finite``, ``bins_infeasible`` (names the limit), ``bin_too_small`` (splits by hand below
        the floor of people)

    Source: Navas-Palencia (2020), arXiv:2001.08025, for the problem; solved here by a dynamic programme.

    >>> bins = bin_numeric([1, 2, 3] * 60, [1, 0, 0, 1, 1, 0, 0, 1, 1] * 20)
    >>> bins.edges, bins.trend
    ((3.0,), 'descending')
    """
    return bin_numbers(np.asarray(x, dtype=np.float64), read_labels(y, weight, person), plan, name)


def bin_category(
    values: npt.ArrayLike,
    y: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    plan: BinPlan = DEFAULT_PLAN,
    *,
    name: str = "",
    person: npt.ArrayLike | None = None,
) -> Bins:
    """Optimal groups of a category (strings, None = missing): see the module for the method, ``woe`` for unseen levels.

    >>> bins = bin_category(["a", "b", "c"] * 60, [1, 0, 1, 0, 0, 1, 1, 0, 0] * 20, None, BinPlan(max_bins=2))
    >>> bins.groups
    (('b',), ('a', 'c'))
    """
    return bin_levels(values, read_labels(y, weight, person), plan, name)


def bin_table(
    columns: Mapping[str, npt.ArrayLike],
    kinds: Mapping[str, Kind],
    y: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    plan: BinPlan = DEFAULT_PLAN,
    threads: int | None = None,
    *,
    plans: Mapping[str, BinPlan] | None = None,
    person: npt.ArrayLike | None = None,
) -> dict[str, Bins]:
    """Bins of every column, spread over threads; ``plans`` overrides ``plan`` for single columns."""
    labels = read_labels(y, weight, person)
    own = threading.local()

    def one(name: str) -> Bins:
        own_plan = (plans or {}).get(name, plan)
        if kind_of(kinds[name]) == "category":
            return bin_levels(columns[name], labels, own_plan, name)
        if labels.weight is None and not hasattr(own, "space"):
            own.space = work_space(len(labels.y))
        x = np.asarray(columns[name], dtype=np.float64)
        return bin_numbers(x, labels, own_plan, name, space=getattr(own, "space", None))

    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        return dict(zip(columns, pool.map(one, columns), strict=True))


def bin_counted(
    values: npt.ArrayLike,
    good: npt.ArrayLike,
    bad: npt.ArrayLike,
    plan: BinPlan = DEFAULT_PLAN,
    *,
    name: str = "",
    rows: npt.ArrayLike | None = None,
    kind: BinKind = "numeric",
) -> Bins:
    """Optimal bins from counts by value, such as an engine's ``GROUP BY``; the same as from the rows.

    Parameters
    ----------
    values : shape (k,), in any order, repeats allowed; NaN or None = missing
    good, bad : shape (k,), (weighted) goods and bads of each value
    rows : shape (k,), plain counts where ``good`` and ``bad`` are weighted; by default their sum
    kind : whether the values are numbers or categories

    Every row counts as a person: distinct people of merged values cannot be told from counts.

    >>> bin_counted([3, 1, 2], [40, 50, 50], [40, 10, 10]).edges
    (3.0,)
    """
    if kind == "category":
        return bin_levels(values, LevelCounts.of(good, bad, rows), plan, name)
    return bin_counts(count_table(values, good, bad, rows, plan.specials), plan, name)


def kind_of(kind: Kind) -> BinKind:
    """How a column of this kind is binned."""
    return "category" if kind == "category" else "numeric"
