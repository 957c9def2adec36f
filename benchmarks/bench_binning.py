"""Optimal bins of all features of a table against optbinning's BinningProcess: same limits, trend and threads."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.peers import binning_optbinning as peer
from benchmarks.timing import in_turn, row
from modeling.binning import BinPlan, bin_table

THREADS = 2
PLAN = BinPlan(turn_gain=float("inf"))  # rising or falling, whichever is better: the same question for both


def make(n_rows: int, n_columns: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Features of falling strength: smooth, rounded, skewed; a tenth of the values of every third is missing."""
    rng = np.random.default_rng(11)
    risk = rng.normal(size=n_rows)
    y = (rng.random(n_rows) < 1 / (1 + np.exp(2.2 - risk))).astype(int)
    columns = {}
    for i in range(n_columns):
        x = risk * (n_columns - i) / n_columns * 0.4 + rng.normal(size=n_rows)
        x = (x, np.round(x, 1), np.exp(x))[i % 3]
        if i % 3 == 0:
            x[rng.random(n_rows) < 0.1] = np.nan
        columns[f"x{i:03d}"] = x
    return columns, y


def run(quick: bool) -> list[dict[str, Any]]:
    n_rows, n_columns = (20_000, 6) if quick else (100_000, 60)
    columns, y = make(n_rows, n_columns)
    kinds: Any = dict.fromkeys(columns, "float")
    iv: dict[str, float] = {}

    def ours() -> None:
        bins = bin_table(columns, kinds, y, None, PLAN, THREADS)
        iv["ours"] = sum(one.iv for one in bins.values())

    def theirs() -> None:
        iv["peer"] = peer.bin_table(columns, y, PLAN.max_bins, PLAN.min_bin_share, THREADS)

    seconds = in_turn(ours, theirs, 2 if quick else 5)
    what = f"binning, {n_rows:,} rows x {n_columns}"
    packages = ("optbinning", "numba", "numpy")
    return [
        row(what, *seconds, "optbinning BinningProcess", "s", "ratio below 0.05", packages),
        row(
            f"{what}: total IV", iv["ours"], iv["peer"], "optbinning BinningProcess", "IV", "ratio at least 1", packages
        ),
    ]
