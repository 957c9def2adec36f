"""Correlation of many columns' WOE without holding them: rows are spooled to disk as one byte a bin."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from modeling.compiled import compiled
from modeling.woe import Bins, Floats

Codes = npt.NDArray[np.uint8]
LEAST_CHUNK, LARGEST_CHUNK = 1024, 16384  # rows at a time


class Spool:
    """A file that is gone when closed, with one byte for every column and row; columns may be written by threads."""

    def __init__(self, n_columns: int, n_rows: int) -> None:
        self.n_columns, self.n_rows = n_columns, n_rows

    def __enter__(self) -> Spool:
        self._file: IO[bytes] = tempfile.TemporaryFile()
        return self

    def __exit__(self, *_: Any) -> None:
        self._file.close()

    def codes(self, n: int) -> Codes:
        """Room for the codes of one column; none if nothing is spooled."""
        return np.empty(n if self.n_rows else 0, dtype=np.uint8)

    def write(self, column: int, codes: Codes) -> None:
        """Keep the codes of one column."""
        view, at = memoryview(np.ascontiguousarray(codes).data), column * self.n_rows
        while view:
            done = os.pwrite(self._file.fileno(), view, at)
            view, at = view[done:], at + done

    def read(self, column: int, start: int, stop: int) -> Codes:
        """Codes of the rows [start, stop) of one column."""
        found = os.pread(self._file.fileno(), stop - start, column * self.n_rows + start)
        return np.frombuffer(found, dtype=np.uint8)


@compiled
def _look_up(codes: Codes, table: npt.NDArray[np.float32], out: npt.NDArray[np.float32]) -> None:
    for i in range(codes.size):
        out[i] = table[codes[i]]


def woe_correlation(spool: Spool, place: Mapping[str, int], bins: Mapping[str, Bins], weight: Floats) -> Floats:
    """Pearson correlation of the columns' WOE over all spooled rows, shape (k, k); summed in chunks of rows.

    Parameters
    ----------
    place : column of the spool by name
    bins : bins by name, in the order of the result
    weight : shape (n,), or empty for 1
    """
    k, n = len(bins), spool.n_rows
    sums = np.zeros((k, k))
    if not k:
        return sums
    tables = [_standard(one) for one in bins.values()]
    root = np.sqrt(weight).astype(np.float32)
    step = min(max(n // k, LEAST_CHUNK), LARGEST_CHUNK)
    chunk = np.empty((k, step), dtype=np.float32)
    for start in range(0, n, step):
        stop = min(start + step, n)
        for i, name in enumerate(bins):
            _look_up(spool.read(place[name], start, stop), tables[i], chunk[i, : stop - start])
        here = chunk[:, : stop - start]
        if len(root):
            here = here * root[start:stop]
        sums += here @ here.T
    return _scaled(sums)


def _standard(bins: Bins) -> npt.NDArray[np.float32]:
    """WOE by row of the table, with mean 0 and variance 1 over the rows that the table counts."""
    share = np.array([row.share for row in bins.rows])
    centred = bins.woe - share @ bins.woe
    spread = np.sqrt(share @ centred**2)
    table = centred / spread if spread > 0 else centred
    return np.resize(table, 256).astype(np.float32)


def _scaled(covariance: Floats) -> Floats:
    spread = np.sqrt(np.diag(covariance))
    spread[spread == 0] = 1.0
    correlation: Floats = np.clip(covariance / np.outer(spread, spread), -1.0, 1.0)
    np.fill_diagonal(correlation, 1.0)
    return correlation


@dataclass(frozen=True)
class Twin:
    """A variable that another one stands for."""

    variable: str
    leader: str
    correlation: float


def leaders(
    names: Sequence[str], correlation: Floats, limit: float, kept_anyway: frozenset[str] = frozenset()
) -> tuple[list[int], list[Twin]]:
    """Groups of correlated variables by their strongest: places of the leaders, and the others with theirs.

    ``names`` stand strongest first. Each is compared with the leaders so far and joins the one it is closest to if
    ``|r| > limit``; no member of a group is thus further from its leader than the limit.

    >>> leaders(["a", "b"], np.array([[1.0, 0.9], [0.9, 1.0]]), 0.8)
    ([0], [Twin(variable='b', leader='a', correlation=0.9)])
    """
    led: list[int] = []
    twins = []
    strengths = np.abs(correlation)
    for i, name in enumerate(names):
        near = strengths[i, led]
        closest = int(near.argmax()) if led else -1
        if led and near[closest] > limit and name not in kept_anyway:
            twins.append(Twin(name, names[led[closest]], float(near[closest])))
        else:
            led.append(i)
    return led, twins


def clusters(names: Sequence[str], correlation: Floats, limit: float) -> list[list[str]]:
    """Variables linked by a chain of ``|r| > limit``, each group in the order of ``names``; single ones too.

    >>> clusters(["a", "b", "c"], np.array([[1, 0.9, 0.1], [0.9, 1, 0.0], [0.1, 0.0, 1]]), 0.8)
    [['a', 'b'], ['c']]
    """
    from scipy.sparse.csgraph import connected_components

    if not len(names):
        return []
    n, label = connected_components(np.abs(correlation) > limit, directed=False)
    groups: list[list[str]] = [[] for _ in range(n)]
    for name, at in zip(names, label.tolist(), strict=True):
        groups[at].append(name)
    return groups
