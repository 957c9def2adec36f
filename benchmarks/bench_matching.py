"""A sample matched with a wide source, its fields brought over, against the same query written by hand in DuckDB.

Both sides start from the same Parquet files with the same keyed ids, obey both conditions of time and write one Parquet
file in the order of the sample. Ours is the whole stage: refusals, the keyed sample, the match report and the feature
rows, without their profile. The first match also keys the source; there the peer computes the keyed ids with ``hmac``.
"""

from __future__ import annotations

import hmac
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks import chart, memory, timing
from benchmarks.matching_data import ID, ID_TYPE, KEY, MEMORY_MB, N_SAMPLE, THREADS, Case, snapshot
from benchmarks.peers import matching_duckdb as peer
from datafactory.engine.engines import open_engine
from datafactory.engine.features import FeaturePlan, join_features
from datafactory.engine.keying import key_ids
from datafactory.engine.matching import match_sample

CHART = Path(__file__).parents[1] / "docs" / "images" / "matching.svg"
PACKAGES = ("duckdb", "ibis-framework", "pyarrow", "numba")
Side = Callable[[Case, Path], None]


def ours(case: Case, out: Path, engine: str = "local", keyed: Path | None = None) -> None:
    """Match and feature rows, as two jobs would."""
    keyed_dirs = {case.source.slug: keyed or case.root / "keyed"}
    sample, sample_dir = case.sample, case.root / "sample"
    match = out / "match"
    match.mkdir()
    with closing(open_engine(engine, case.root, threads=THREADS, memory_mb=MEMORY_MB)) as running:
        match_sample(sample, sample_dir, case.plan, KEY, keyed_dirs, match, running)
    with closing(open_engine(engine, case.root, threads=THREADS, memory_mb=MEMORY_MB)) as running:
        join_features(sample, sample_dir, match, case.plan, keyed_dirs, FeaturePlan(), out, running)


def ours_first(case: Case, out: Path) -> None:
    with tempfile.TemporaryDirectory(dir=case.root) as folder:
        key_ids(case.root / "source" / "rows.parquet", [ID_TYPE], KEY, Path(folder))
        ours(case, out, keyed=Path(folder))


def by_hand(case: Case, out: Path, query: Any = peer.latest, files: peer.Files | None = None) -> None:
    with peer.connect(THREADS, 4 * MEMORY_MB) as connection:
        query(connection, files or case.files, [column.name for column in case.source.columns], out / "rows.parquet")


def by_hand_first(case: Case, out: Path, query: Any = peer.latest) -> None:
    spine, source, _ = case.files
    ids = pc.unique(pq.read_table(source, columns=[ID])[ID])
    keys = [hmac.digest(KEY, f"{ID_TYPE}:{value}".encode(), "sha256") for value in ids.to_pylist()]
    pq.write_table(pa.table({"id": ids, "key": pa.array(keys, pa.binary(32))}), out / "keys.parquet")
    by_hand(case, out, query, (spine, source, out / "keys.parquet"))


def run(quick: bool) -> list[dict[str, Any]]:
    n_ids, n_columns, n_sample, rounds = (20_000, 20, 5_000, 3) if quick else (5_000_000, 100, N_SAMPLE, 5)
    case = snapshot(n_ids, n_columns, n_sample)
    best = min((peer.latest, peer.latest_in_two_steps), key=lambda query: seconds(case, _with(query))[0])
    size = f"{n_sample:,} x {n_ids:,} with {n_columns} columns"
    rows = [
        _row(f"match, {size}", *in_turn(case, ours, _with(best), rounds), "ratio at most 1.25"),
        _row(
            f"first match, keys the source, {size}",
            *in_turn(case, ours_first, lambda c, out: by_hand_first(c, out, best), max(1, rounds - 2)),
            "ratio at most 1.25",
        ),
        _peak(f"peak memory, first match, {size}", (n_ids, n_columns, n_sample)),
    ]
    return rows + curve((20_000, 40_000) if quick else (1_000_000, 2_000_000, 5_000_000, 10_000_000), quick)


def _with(query: Any) -> Side:
    return lambda case, out: by_hand(case, out, query)


def curve(sizes: tuple[int, ...], quick: bool) -> list[dict[str, Any]]:
    """The same at growing sources, as rows and as a chart."""
    n_columns, n_sample = (20, 5_000) if quick else (100, N_SAMPLE)
    rows: list[dict[str, Any]] = []
    series: dict[str, chart.Points] = {"by hand": [], "local": []}
    for n_ids in sizes:
        case = snapshot(n_ids, n_columns, n_sample)
        mine, other = in_turn(case, ours, by_hand, 3)
        rows.append(_row(f"match, {n_ids / 1e6:g} million ids with {n_columns} columns", mine, other, "table"))
        series["local"].append((n_ids / 1e6, mine))
        series["by hand"].append((n_ids / 1e6, other))
    a_million = [took / size for size, took in series["local"]]
    rows.append(
        timing.row("match, growth from the smallest to the largest", a_million[-1], a_million[0], "at the smallest",
                   "s a million ids", "ratio at most 1", PACKAGES)
    )  # fmt: skip
    if not quick:
        title = f"Match of {n_sample:,} applications, {n_columns} columns brought over"
        chart.lines(title, "million ids of the source", "seconds, 2 cores", series, CHART)
    return rows


def seconds(case: Case, side: Side) -> tuple[float, dict[str, float]]:
    """Time of one run and what its file adds up to."""
    with tempfile.TemporaryDirectory(dir=case.root) as folder:
        started = time.perf_counter()
        side(case, Path(folder))
        return time.perf_counter() - started, checksums(case, Path(folder) / "rows.parquet")


def checksums(case: Case, path: Path) -> dict[str, float]:
    names = {
        column.name: f"{case.source.slug}__{column.name}" for column in case.source.columns if column.kind == "int"
    }
    stored = pq.read_schema(path).names
    table = pq.read_table(
        path, columns=["matched", *(long if long in stored else short for short, long in names.items())]
    )
    return {str(n): float(pc.sum(column).as_py()) for n, column in enumerate(table.columns)}


def in_turn(case: Case, mine: Side, other: Side, rounds: int) -> tuple[float, float]:
    """Median seconds of both sides, taken in turn; their files must add up to the same."""
    times: tuple[list[float], list[float]] = ([], [])
    for counted in range(-1 if rounds > 1 else 0, rounds):
        (first, one), (second, two) = seconds(case, mine), seconds(case, other)
        assert one == two, (one, two)
        if counted >= 0:
            times[0].append(first)
            times[1].append(second)
    return statistics.median(times[0]), statistics.median(times[1])


def _row(name: str, mine: float, other: float, goal: str) -> dict[str, Any]:
    return timing.row(name, mine, other, "hand-written DuckDB SQL", "s", goal, PACKAGES)


def _peak(name: str, size: tuple[int, int, int]) -> dict[str, Any]:
    mine, other = (memory.peak_mb(f"benchmarks.bench_matching:alone('{side}', *{size})") for side in ("ours", "peer"))
    return timing.row(name, mine, other, "hand-written DuckDB SQL", "MB", "below 2,048 MB", PACKAGES)


def alone(side: str, n_ids: int, n_columns: int, n_sample: int) -> None:
    """One first match, for a process that does nothing else."""
    case = snapshot(n_ids, n_columns, n_sample)
    with tempfile.TemporaryDirectory(dir=case.root) as folder:
        (ours_first if side == "ours" else by_hand_first)(case, Path(folder))
