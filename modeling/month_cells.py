"""Compiled look at the rows of one column in their order: cell of every row, and counts of cell, month and label."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from modeling.compiled import compiled

Floats = npt.NDArray[np.float64]
Months = npt.NDArray[np.int16]
Cells = npt.NDArray[np.uint8]

BLOCK = 1024  # rows at a time


@compiled
def number_cells(
    x: Floats,
    y: npt.NDArray[np.bool_],
    weight: Floats,
    month: Months,
    n_months: int,
    edges: Floats,
    specials: Floats,
    bin_of_cell: Cells,
    codes: Cells,
) -> Floats:
    """Goods and bads by month and cell, shape (months, cells, 2); the bin of every row goes into ``codes``.

    Cells are the stretches between ``edges``, then the specials, then missing.

    Parameters
    ----------
    x, y : shape (n,)
    weight : shape (n,), or empty for 1
    month : shape (n,), -1 = unknown; or empty
    edges : rising, at most 253 with the specials
    bin_of_cell : shape (cells,)
    codes : shape (n,), or empty if not wanted
    """
    missing = edges.size + 1 + specials.size
    counts = np.zeros((n_months, missing + 1, 2))
    cells = np.empty(BLOCK, dtype=np.int16)
    for start in range(0, x.size, BLOCK):
        stop = min(start + BLOCK, x.size)
        _place(x[start:stop], edges, specials, cells)
        for i in range(start, stop):
            cell = np.int64(cells[i - start])
            if codes.size > 0:
                codes[i] = bin_of_cell[cell]
            if month.size > 0 and month[i] >= 0:
                counts[month[i], cell, np.int64(y[i])] += weight[i] if weight.size > 0 else 1.0
    return counts


@compiled
def _place(x: Floats, edges: Floats, specials: Floats, cells: Months) -> None:
    """Cell of every value; edge by edge, which the processor does for several values at once."""
    cells[: x.size] = 0
    for e in range(edges.size):
        edge = edges[e]
        for i in range(x.size):
            cells[i] += np.int16(x[i] >= edge)
    for s in range(specials.size):
        for i in range(x.size):
            if x[i] == specials[s]:
                cells[i] = edges.size + 1 + s
    for i in range(x.size):
        if x[i] != x[i]:
            cells[i] = edges.size + 1 + specials.size


@compiled
def level_cells(
    cells: Cells, y: npt.NDArray[np.bool_], weight: Floats, month: Months, n_months: int, n_cells: int
) -> Floats:
    """The same for rows whose cell is known."""
    counts = np.zeros((n_months, n_cells, 2))
    for i in range(month.size):
        if month[i] >= 0:
            counts[month[i], np.int64(cells[i]), np.int64(y[i])] += weight[i] if weight.size > 0 else 1.0
    return counts
