"""The same match on every table engine: what it costs to compute on Spark before one machine is too small.

Match and feature rows of 200,000 applications, at growing sources; one run each after one that is not counted, which
starts Spark and compiles. The files of all engines must add up to the same.
"""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks import chart, timing
from benchmarks.bench_matching import ours, seconds
from benchmarks.matching_data import N_SAMPLE, snapshot
from datafactory.engine.engines import ENGINES

CHART = Path(__file__).parents[1] / "docs" / "images" / "engines.svg"
PACKAGES = ("duckdb", "ibis-framework", "polars")


def run(quick: bool) -> list[dict[str, Any]]:
    sizes, n_columns, n_sample = ((20_000,), 20, 5_000) if quick else ((250_000, 500_000, 1_000_000), 20, N_SAMPLE)
    engines = [name for name in ENGINES if name != "spark" or find_spec("pyspark")]
    series: dict[str, chart.Points] = {name: [] for name in engines}
    for number, n_ids in enumerate(sizes):
        case = snapshot(n_ids, n_columns, n_sample)
        sums = []
        for name in engines:
            runs = [seconds(case, partial(ours, engine=name)) for _ in range(2 if number == 0 else 1)]
            took, added = runs[-1]
            series[name].append((n_ids / 1e6, took))
            sums.append(added)
        assert all(one == sums[0] for one in sums), sums
    if not quick:
        title = f"Match of {n_sample:,} applications, {n_columns} columns brought over"
        chart.lines(title, "million ids of the source", "seconds, 2 cores", series, CHART)
    local = dict(series["local"])
    return [_row(name, size, took, local[size]) for name in engines for size, took in series[name]]


def _row(name: str, size: float, took: float, local: float) -> dict[str, Any]:
    packages = (*PACKAGES, "pyspark") if name == "spark" else PACKAGES
    label = f"engine {name}{', local[2]' if name == 'spark' else ''}, {size:g} million ids with 20 columns"
    return timing.row(label, took, local, "engine local", "s", "table", packages)
