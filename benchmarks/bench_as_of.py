"""What was known of 20 million events at each of 200,000 applications: the latest event, and 30 window aggregates.

Against the best of several hand-written queries, in DuckDB and in polars; the fastest of a first round is the peer.
Both sides start from the same Parquet files and keyed ids and write one Parquet file in the order of the sample. Ours
adds doubles exactly, so that its content does not depend on threads; the peers add them as they come.
"""

from __future__ import annotations

import re
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import memory, timing
from benchmarks.matching_data import MEMORY_MB, N_SAMPLE, THREADS, Case, events
from benchmarks.peers import matching_duckdb, matching_polars
from datafactory.engine.engines import open_engine
from datafactory.engine.features import FeaturePlan, join_features

DAYS = (7, 30, 90, 180, 360, 720)
WINDOWS = FeaturePlan(windows_days=DAYS)  # count, sum, mean and max of the amount, distinct lenders
LATEST = FeaturePlan(snapshot_fields={"lending": ("amount", "lender")})
PACKAGES = ("duckdb", "polars", "pyarrow", "numba")
Side = Callable[[Case, Path], None]


def ours(plan: FeaturePlan, engine: str = "local") -> Side:
    def build(case: Case, out: Path) -> None:
        with closing(open_engine(engine, case.root, threads=THREADS, memory_mb=MEMORY_MB)) as running:
            match = case.root / "match"
            join_features(case.sample, case.root / "sample", match, case.plan, case.keyed, plan, out, running)

    return build


def in_duckdb(query: Any, wanted: Any) -> Side:
    def build(case: Case, out: Path) -> None:
        with matching_duckdb.connect(THREADS, 4 * MEMORY_MB) as connection:
            query(connection, case.files, wanted, out / "rows.parquet")

    return build


def in_polars(query: Any) -> Side:
    return lambda case, out: query(case.files, DAYS, out / "rows.parquet")


PEERS: dict[str, dict[str, Side]] = {
    "30 window aggregates": {
        "DuckDB, a filter an aggregate": in_duckdb(matching_duckdb.windows, DAYS),
        "DuckDB, by buckets": in_duckdb(matching_duckdb.bucketed_windows, DAYS),
        "polars streaming, a filter an aggregate": in_polars(matching_polars.windows),
        "polars streaming, by buckets": in_polars(matching_polars.bucketed_windows),
    },
    "latest event": {
        "DuckDB, row_number": in_duckdb(matching_duckdb.latest, ("amount", "lender")),
        "DuckDB, in two steps": in_duckdb(matching_duckdb.latest_in_two_steps, ("amount", "lender")),
    },
}


def case_of(quick: bool) -> Case:
    case = events(*((200_000, 5_000) if quick else (20_000_000, N_SAMPLE)))
    match = case.root / "match"
    if not match.is_dir():
        match.mkdir()
        case.match(match)
    return case


def run(quick: bool) -> list[dict[str, Any]]:
    case, rounds = case_of(quick), 3 if quick else 5
    size = f"{case.sample.n_rows:,} applications x {pq.read_metadata(case.files[1]).num_rows:,} events"
    rows = []
    for what, plan in (("30 window aggregates", WINDOWS), ("latest event", LATEST)):
        tried = {name: seconds(case, side)[0] for name, side in PEERS[what].items()}
        best = min(tried, key=lambda name: tried[name])
        mine, other = in_turn(case, ours(plan), PEERS[what][best], rounds)
        others = ", ".join(f"{name} {took:.1f} s" for name, took in tried.items())
        name = f"as-of join, {what}, {size} (first round of all: {others})"
        rows.append(timing.row(name, mine, other, best, "s", "ratio at most 1.3", PACKAGES))
    mine, other = (memory.peak_mb(f"benchmarks.bench_as_of:alone('{side}', {quick})") for side in ("ours", "peer"))
    name = f"as-of join, peak memory, {size}"
    return [*rows, timing.row(name, mine, other, "DuckDB, by buckets", "MB", "below 2,048 MB", PACKAGES)]


def seconds(case: Case, side: Side) -> tuple[float, dict[str, float]]:
    """Time of one run and what its file adds up to."""
    with tempfile.TemporaryDirectory(dir=case.root) as folder:
        started = time.perf_counter()
        side(case, Path(folder))
        took = time.perf_counter() - started
        return took, checksums(Path(folder) / "rows.parquet")


def checksums(path: Path) -> dict[str, float]:
    """Sums of all numbers, under the peers' names."""
    table = pq.read_table(path)
    found = {}
    for name in table.column_names:
        short = re.sub(r"^lending__|_(amount|lender)(?=_d)", "", name).replace("_d", "_")
        numeric = pa.types.is_floating(table[name].type) or pa.types.is_integer(table[name].type)
        if numeric and name not in {"pos", "weight"}:
            found[short] = float(np.nansum(table[name].cast("float64").to_numpy()))
    return found


def in_turn(case: Case, mine: Side, other: Side, rounds: int) -> tuple[float, float]:
    """Median seconds of both sides, taken in turn; their files must add up to the same."""
    times: tuple[list[float], list[float]] = ([], [])
    seconds(case, mine)
    for _ in range(rounds):
        (first, one), (second, two) = seconds(case, mine), seconds(case, other)
        assert one
        assert one.keys() == two.keys(), set(one) ^ set(two)
        assert np.allclose(list(one.values()), [two[name] for name in one], rtol=1e-9, atol=0), (one, two)
        times[0].append(first)
        times[1].append(second)
    return statistics.median(times[0]), statistics.median(times[1])


def alone(side: str, quick: bool) -> None:
    """All windows once, for a process that does nothing else."""
    case = case_of(quick)
    with tempfile.TemporaryDirectory(dir=case.root) as folder:
        (ours(WINDOWS) if side == "ours" else PEERS["30 window aggregates"]["DuckDB, by buckets"])(case, Path(folder))
