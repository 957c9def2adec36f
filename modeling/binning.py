"""Optimal binning of one variable or a whole table.

Numbers: goods and bads are sorted apart, merged into counts by distinct value, cut into pre-bins by CART and by even
shares, and an exact dynamic programme picks the merge of pre-bins with the largest IV under the plan's limits.
Categories: rare levels are pooled, the others ordered by bad rate and merged likewise; IV is convex, so the
best groups are contiguous in that order (Fisher 1958). Splits and groups set by hand are law: they are tabulated, never
moved.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from modeling.artifacts import Kind
from modeling.bin_levels import bin_levels
from modeling.bin_numbers import bin_numbers
from modeling.bin_plan import BinPlan, Trend, read_labels
from modeling.woe import BinKind, BinRow, Bins

__all__ = ["BinPlan", "BinRow", "Bins", "Trend", "bin_category", "bin_numeric", "bin_table"]

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

    def one(name: str) -> Bins:
        own = (plans or {}).get(name, plan)
        if kind_of(kinds[name]) == "category":
            return bin_levels(columns[name], labels, own, name)
        return bin_numbers(np.asarray(columns[name], dtype=np.float64), labels, own, name)

    with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        return dict(zip(columns, pool.map(one, columns), strict=True))


def kind_of(kind: Kind) -> BinKind:
    """How a column of this kind is binned."""
    return "category" if kind == "category" else "numeric"
