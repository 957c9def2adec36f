"""Exact Shapley values of tree ensembles from leaves seen as boxes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from modeling.compiled import compiled

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]
LONGEST_TABLED = 8
MOST_TABLED = 1 << 21  # doubles: 16 MB


class Nodes(Protocol):
    """What :class:`modeling.trees.FlatTrees` gives."""

    @property
    def roots(self) -> list[int]: ...
    @property
    def feature(self) -> list[int]: ...
    @property
    def value(self) -> list[float]: ...
    @property
    def left(self) -> list[int]: ...
    @property
    def right(self) -> list[int]: ...
    @property
    def missing_left(self) -> list[bool]: ...
    @property
    def cover(self) -> list[float]: ...


class Condition(NamedTuple):
    """What one feature must meet on the way to a leaf: ``low <= x < high``, or missing where that is let through."""

    low: float
    high: float
    missing: bool
    share: float  # of the cover, kept along the feature's splits


@dataclass(frozen=True)
class Paths:
    """All leaves of all trees; the conditions of leaf i are the entries ``start[i]`` to ``start[i + 1]``."""

    start: NDArray[np.int64]
    leaf: Floats
    feature: NDArray[np.int64]
    low: Rows
    high: Rows
    missing: NDArray[np.bool_]
    share: Floats
    nodes: Floats  # Gauss-Legendre on [0, 1], exact for the longest path
    weights: Floats

    @property
    def longest(self) -> int:
        return int(np.diff(self.start).max())

    @cached_property
    def table_at(self) -> NDArray[np.int64]:
        """Where each leaf's patterns begin in :attr:`table`."""
        length = np.diff(self.start)
        return np.concatenate([[0], np.cumsum(length << length)])

    @cached_property
    def table(self) -> Floats | None:
        """Values of every leaf for every pattern of met conditions, or None where that would be too large."""
        if self.longest > LONGEST_TABLED or self.table_at[-1] > MOST_TABLED:
            return None
        at = (self.table_at, self.longest)
        return _tabled(self.start, self.leaf, self.share, self.nodes, self.weights, *at)

    @cached_property
    def expected(self) -> float:
        """The sum over leaves of value times share of cover: what the trees add to the margin on average."""
        filled = np.append(self.share, 1.0)  # reduceat of an empty path at the end needs an entry
        products = np.multiply.reduceat(filled, self.start[:-1])
        return float(np.sum(self.leaf * np.where(np.diff(self.start) > 0, products, 1.0)))


def tree_paths(trees: Nodes) -> Paths:
    """Read the boxes of all leaves off the nodes."""
    start, leaf = [0], []
    features: list[int] = []
    conditions: list[Condition] = []
    for root in trees.roots:
        for value, box in _leaves(trees, root):
            features += box.keys()
            conditions += box.values()
            leaf.append(value)
            start.append(len(features))
    low, high, missing, share = np.array(conditions, dtype=np.float64).reshape(-1, 4).T
    nodes, weights = np.polynomial.legendre.leggauss((int(np.diff(start).max()) + 1) // 2 or 1)
    return Paths(
        start=np.array(start),
        leaf=np.array(leaf),
        feature=np.array(features, dtype=np.int64),
        low=low.astype(np.float32),
        high=high.astype(np.float32),
        missing=missing.astype(bool),
        share=share.copy(),
        nodes=(nodes + 1) / 2,
        weights=weights / 2,
    )


def shapley_values(x: Rows, paths: Paths, n_features: int, base_margin: float) -> Floats:
    """Contributions in log-odds, shape (n, n_features + 1); the last column is the base; rows sum to the margin.

    For a leaf of value v behind the features D of its path, with o_j = 1 where the row meets feature j's conditions and
    z_j the share of cover that they keep, feature i gets
    ``v (o_i - z_i) * integral_0^1 prod_{j in D, j != i} (t o_j + (1 - t) z_j) dt``: the integral holds the Shapley
    weights |S|! (|D| - |S| - 1)! / |D|!, and as a polynomial in t it is exact by Gauss-Legendre. A leaf's values
    depend on the row only through the pattern of o, so for paths that are not too long they are tabled once.

    Parameters
    ----------
    x : shape (n, n_features), float32, NaN for missing

    Source: Lundberg et al., "From local explanations to global understanding with explainable AI for trees" (2020),
    path-dependent form; quadrature as in Yu et al., "Linear TreeShap" (2022).
    """
    p = paths
    out = np.zeros((len(x), n_features + 1))
    out[:, -1] = base_margin + p.expected
    if p.table is not None:
        _add_tabled(x, p.start, p.feature, p.low, p.high, p.missing, p.table_at, p.table, out)
    else:
        bounds = (p.low, p.high, p.missing, p.share)
        _add_computed(x, p.start, p.leaf, p.feature, *bounds, p.nodes, p.weights, p.longest, out)
    return out


def _leaves(trees: Nodes, root: int) -> Iterator[tuple[float, dict[int, Condition]]]:
    """Value and conditions of each leaf below ``root``, left to right."""
    stack: list[tuple[int, dict[int, Condition]]] = [(root, {})]
    while stack:
        node, box = stack.pop()
        if trees.feature[node] < 0:
            yield trees.value[node], box
            continue
        stack.append((trees.right[node], _narrowed(trees, node, box, left=False)))
        stack.append((trees.left[node], _narrowed(trees, node, box, left=True)))


def _narrowed(trees: Nodes, node: int, box: dict[int, Condition], *, left: bool) -> dict[int, Condition]:
    feature, threshold = trees.feature[node], trees.value[node]
    old = box.get(feature, Condition(-np.inf, np.inf, True, 1.0))
    child = trees.left[node] if left else trees.right[node]
    new = Condition(
        low=old.low if left else max(old.low, threshold),
        high=min(old.high, threshold) if left else old.high,
        missing=old.missing and trees.missing_left[node] == left,
        share=old.share * trees.cover[child] / trees.cover[node],
    )
    return {**box, feature: new}


@compiled
def _leaf_values(met: Floats, share: Floats, nodes: Floats, weights: Floats, before: Floats, values: Floats) -> None:
    """What one leaf of value 1 gives each feature on its path; ``before`` is room to work in."""
    length = len(met)
    values[:] = 0.0
    for q in range(len(nodes)):
        t = nodes[q]
        before[0] = weights[q]
        for j in range(length):
            before[j + 1] = before[j] * (t * met[j] + (1 - t) * share[j])
        after = 1.0
        for j in range(length - 1, -1, -1):
            values[j] += before[j] * after
            after *= t * met[j] + (1 - t) * share[j]
    for j in range(length):
        values[j] *= met[j] - share[j]


@compiled
def _is_met(value: np.float32, low: np.float32, high: np.float32, missing: np.bool_) -> bool:
    """The upper bound is open except at infinity, where no split has cut."""
    if np.isnan(value):
        return bool(missing)
    return bool(low <= value and (value < high or high == np.inf))


@compiled
def _tabled(
    start: NDArray[np.int64],
    leaf: Floats,
    share: Floats,
    nodes: Floats,
    weights: Floats,
    at: NDArray[np.int64],
    longest: int,
) -> Floats:
    """Values of each leaf for each pattern of met conditions; pattern p of leaf i begins at ``at[i] + p * length``."""
    table = np.empty(at[-1])
    met, before, values = np.empty(longest), np.empty(longest + 1), np.empty(longest)
    for i in range(len(leaf)):
        first, length = start[i], start[i + 1] - start[i]
        for pattern in range(1 << length):
            for j in range(length):
                met[j] = (pattern >> j) & 1
            _leaf_values(met[:length], share[first : first + length], nodes, weights, before, values[:length])
            for j in range(length):
                table[at[i] + pattern * length + j] = leaf[i] * values[j]
    return table


@compiled
def _add_tabled(
    x: Rows,
    start: NDArray[np.int64],
    feature: NDArray[np.int64],
    low: Rows,
    high: Rows,
    missing: NDArray[np.bool_],
    at: NDArray[np.int64],
    table: Floats,
    out: Floats,
) -> None:
    for row in range(len(x)):
        for i in range(len(start) - 1):
            first, length = start[i], start[i + 1] - start[i]
            pattern = 0
            for j in range(length):
                k = first + j
                pattern |= _is_met(x[row, feature[k]], low[k], high[k], missing[k]) << j
            for j in range(length):
                out[row, feature[first + j]] += table[at[i] + pattern * length + j]


@compiled
def _add_computed(
    x: Rows,
    start: NDArray[np.int64],
    leaf: Floats,
    feature: NDArray[np.int64],
    low: Rows,
    high: Rows,
    missing: NDArray[np.bool_],
    share: Floats,
    nodes: Floats,
    weights: Floats,
    longest: int,
    out: Floats,
) -> None:
    met, before, values = np.empty(longest), np.empty(longest + 1), np.empty(longest)
    for row in range(len(x)):
        for i in range(len(leaf)):
            first, length = start[i], start[i + 1] - start[i]
            for j in range(length):
                k = first + j
                met[j] = _is_met(x[row, feature[k]], low[k], high[k], missing[k])
            _leaf_values(met[:length], share[first : first + length], nodes, weights, before, values[:length])
            for j in range(length):
                out[row, feature[first + j]] += leaf[i] * values[j]


@compiled
def reach_leaves(
    x: Rows,
    person: NDArray[np.int64],
    roots: NDArray[np.int64],
    feature: NDArray[np.int64],
    value: Rows,
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    missing_left: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Distinct people in each node that is a leaf; rows must come sorted by ``person``."""
    people = np.zeros(len(feature), dtype=np.int64)
    last = np.full(len(feature), -1, dtype=np.int64)
    for row in range(len(x)):
        for tree in range(len(roots)):
            node = roots[tree]
            while feature[node] >= 0:
                v = x[row, feature[node]]
                go_left = missing_left[node] if np.isnan(v) else v < value[node]
                node = left[node] if go_left else right[node]
            if last[node] != person[row]:
                last[node] = person[row]
                people[node] += 1
    return people
