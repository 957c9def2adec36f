"""Optimal monotone bins of a whole table by optbinning's BinningProcess, with the IV of every feature."""

from __future__ import annotations

from typing import Any

import numpy as np


def bin_table(
    columns: dict[str, Any], y: np.ndarray, max_bins: int, min_bin_share: float, jobs: int
) -> dict[str, float]:
    """Fit with optbinning's defaults, these limits and a rising or falling bad rate."""
    from optbinning import BinningProcess

    names = list(columns)
    trend = {name: {"monotonic_trend": "auto_asc_desc"} for name in names}
    process = BinningProcess(
        names, max_n_bins=max_bins, min_bin_size=min_bin_share, n_jobs=jobs, binning_fit_params=trend
    )
    process.fit(np.column_stack(list(columns.values())), y)
    summary = process.summary()
    return dict(zip(summary["name"], summary["iv"].astype(float), strict=True))
