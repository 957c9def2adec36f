"""An edit of bins at 1,000,000 rows: figures from counts against binning the rows again with the edited edges."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.timing import in_turn, row
from modeling.artifacts import Column
from modeling.bin_cells import count_variable, row_side
from modeling.bin_edit import Merge, Split, apply, refuse_thin
from modeling.bin_figures import figures
from modeling.bin_months import crossings, months
from modeling.bin_plan import BinPlan
from modeling.bin_wish import propose
from modeling.binning import bin_numeric

FLOOR, PEOPLE = 10, 30


def make(n: int) -> tuple[np.ndarray, np.ndarray, Any]:
    """A skewed number with missing values, its label, and the rows' side: three splits, 24 months."""
    rng = np.random.default_rng(17)
    risk = rng.normal(size=n)
    x = np.exp(risk + rng.normal(size=n))
    x[rng.random(n) < 0.1] = np.nan
    y = (rng.random(n) < 1 / (1 + np.exp(2 - risk))).astype(int)
    split = rng.choice(np.array(["train", "valid", "oot"], dtype=object), n, p=[0.6, 0.2, 0.2])
    month = np.array([f"{2023 + m // 12}-{m % 12 + 1:02d}" for m in range(24)], dtype=object)[rng.integers(0, 24, n)]
    person = np.arange(n).astype(str).astype(object)
    return x, y, row_side(person, y, np.ones(n), split, month)


def run(quick: bool) -> list[dict[str, Any]]:
    n = 50_000 if quick else 1_000_000
    x, y, side = make(n)
    cells = count_variable(x, Column("x", "float", "partner", "sample"), side, FLOOR, PEOPLE)
    bins = propose(cells, BinPlan())
    merged = apply(bins, Merge((0, 1)), cells)
    edited = apply(merged, Split(0), cells)
    train = side.train
    rows, labels = x[train], y[train]

    def from_counts() -> None:
        made = apply(merged, Split(0), cells)
        refuse_thin(made, cells, PEOPLE)
        figures(made, cells, PEOPLE)
        months(made, cells)
        crossings(made, cells, FLOOR)

    def from_rows() -> None:
        bin_numeric(rows, labels, None, BinPlan(user_splits=edited.edges))

    seconds = in_turn(from_counts, from_rows, 3 if quick else 7)
    told = "below 0.1 s; three splits and 24 months against one split of rows"
    return [row(f"bin edit, {n:,} rows", *seconds, "the same edges tabulated from train rows", "s", told, ("numpy",))]
