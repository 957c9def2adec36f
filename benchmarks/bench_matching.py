"""Matching and window features on keyed ids against the same queries written by hand in DuckDB.

Both sides start from the same Parquet files with the same keyed ids and obey both conditions of time. Ours goes through
Ibis, adds doubles exactly (so that the content hash does not depend on threads) and is timed with compiling.
"""

from __future__ import annotations

import hashlib
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.peers import matching_duckdb as peer
from datafactory.engine import features, matching
from datafactory.engine.engines import DuckDBEngine
from datafactory.engine.features import FeaturePlan, choose_features
from datafactory.engine.keying import key_ids, keyed_column
from datafactory.engine.matching import MatchPlan, SourceInput
from modeling.artifacts import Column

KEY = bytes(32)
ID_TYPE = "mobile__sha256"
DAYS = (7, 30, 90, 180, 360)
THREADS = 2
DAY_US = 86_400_000_000
ROUNDS = 5
FIELDS = (
    Column("amount", "float", "platform", "lending", "amount"),
    Column("lender", "category", "platform", "lending", "lender"),
)
TIME = pa.timestamp("us", tz="UTC")


def make(root: Path, n_sample: int, n_events: int) -> None:
    """Applications of ``n_sample`` people; events of twice as many, some 12 each, known up to 5 days later."""
    rng = np.random.default_rng(7)
    ids = np.array([hashlib.sha256(str(i).encode()).hexdigest() for i in range(2 * n_sample)])
    people = np.sort(rng.integers(0, 2 * n_sample, n_events))
    event = rng.integers(0, 730 * DAY_US, n_events)
    known = event + rng.integers(0, 6, n_events) * DAY_US
    order = np.lexsort((known, event, ids[people]))
    (root / "lending").mkdir()
    rows = {
        f"id__{ID_TYPE}": pa.array(ids[people[order]]),
        "event_time": pa.array(event[order]).cast(TIME),
        "known_at": pa.array(known[order]).cast(TIME),
        "amount": np.round(rng.lognormal(6, 1, n_events), 2)[order],
        "lender": pa.array([f"L{i:02d}" for i in range(60)]).take(pa.array(rng.integers(0, 60, n_events)[order])),
        "row_hash": pc.cast(pa.array(order), pa.string()),
    }
    pq.write_table(pa.table(rows), root / "lending" / "rows.parquet")
    (root / "keyed").mkdir()
    key_ids(root / "lending" / "rows.parquet", [ID_TYPE], KEY, root / "keyed")
    _write_sample(root, ids[:n_sample], rng.integers(365 * DAY_US, 730 * DAY_US, n_sample))


def _write_sample(root: Path, ids: Any, observed: Any) -> None:
    """The spine that matching writes once for a sample; the peer reads the same file."""
    keys = keyed_column(pa.chunked_array([pa.array(ids)]), ID_TYPE, KEY)
    columns: dict[str, Any] = {
        "pos": pa.array(np.arange(len(ids))),
        "__pos": pa.array(np.arange(len(ids))),
        "observed_at": pa.array(observed).cast(TIME),
        "key": keys,
        "key_0": keys,
        "__key_lending": keys,
        "__via_lending": pa.array([ID_TYPE] * len(ids)),
    }
    for day in DAYS:
        columns[f"__from_{day}"] = pa.array(observed - day * DAY_US).cast(TIME)
    pq.write_table(pa.table(columns), root / "spine.parquet")


def run(quick: bool) -> list[dict[str, Any]]:
    n_sample, n_events = (5_000, 60_000) if quick else (200_000, 5_000_000)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make(root, n_sample, n_events)
        size = f"{n_sample:,} x {n_events:,}"
        rounds = 3 if quick else ROUNDS
        return [
            _row(f"as-of match, {size}", _ours_match, _peer_match, root, rounds, 1.2),
            _row(f"25 window aggregates, {size}", _ours_windows, _peer_windows, root, rounds, 1.5),
        ]


def _source(root: Path) -> tuple[SourceInput, MatchPlan]:
    source = SourceInput("lending", "events", "lending", (ID_TYPE,), True, True, "", FIELDS)
    return source, MatchPlan((ID_TYPE,), (source,))


def _engine(root: Path) -> DuckDBEngine:
    engine = DuckDBEngine(root, THREADS)
    engine.scratch("spine.parquet").symlink_to(root / "spine.parquet")
    return engine


def _ours_match(root: Path) -> tuple[float, dict[str, float]]:
    with _engine(root) as engine:
        start = time.perf_counter()
        found = engine.fetch(matching._qualifying(_source(root)[0], 0, ID_TYPE, root / "keyed", engine))
        rows = sum(found["n"].to_pylist())
        return time.perf_counter() - start, {"applications": found.num_rows, "rows": rows}


def _ours_windows(root: Path) -> tuple[float, dict[str, float]]:
    source, plan = _source(root)
    chosen = choose_features(source, FeaturePlan(windows_days=DAYS))
    with _engine(root) as engine:
        start = time.perf_counter()
        (table,) = features._build_source(chosen, plan, root / "keyed", engine)
        wanted = [("n", ""), ("distinct", "lender"), ("max", "amount")]
        sums = {f"{day}{part}": table[f"lending|{part}|{field}|{day}"].sum() for day in DAYS for part, field in wanted}
        found = engine.fetch(table.aggregate(**sums)).to_pylist()[0]
        took = time.perf_counter() - start
        return took, {str(index): float(value) for index, value in enumerate(found.values())}


def _peer_match(root: Path) -> tuple[float, dict[str, float]]:
    with peer.connect(THREADS) as connection:
        start = time.perf_counter()
        found = peer.match(connection, *_files(root))
        return time.perf_counter() - start, found


def _peer_windows(root: Path) -> tuple[float, dict[str, float]]:
    with peer.connect(THREADS) as connection:
        start = time.perf_counter()
        found = peer.windows(connection, *_files(root), DAYS)
        return time.perf_counter() - start, found


def _files(root: Path) -> tuple[Path, Path, Path]:
    return root / "spine.parquet", root / "lending" / "rows.parquet", root / "keyed" / f"keys__{ID_TYPE}.parquet"


Side = Callable[[Path], tuple[float, dict[str, float]]]


def _row(name: str, ours: Side, theirs: Side, root: Path, rounds: int, goal: float) -> dict[str, Any]:
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        results = []
        for side, taken in zip((ours, theirs), times, strict=True):
            seconds, checks = side(root)
            taken.append(seconds)
            results.append(checks)
        assert results[0].keys() == results[1].keys()
        assert np.allclose(list(results[0].values()), list(results[1].values()), rtol=1e-12, atol=0), results
    mine, other = (statistics.median(taken) for taken in times)
    return {
        "name": name,
        "ours": mine,
        "peer": other,
        "peer_name": "hand-written DuckDB SQL",
        "ratio": mine / other,
        "unit": "s",
        "goal": f"ratio at most {goal}",
        "versions": {"duckdb": duckdb.__version__, "ibis": ibis.__version__},
    }
