"""A partner's CSV of a million rows and a hundred columns against the bare conversions of DuckDB and polars.

Ours is ``read_sample`` as the job calls it: roles, kinds over all rows, raw personal data looked for in every value,
the order of rows, the report. Each run is a process of its own, so that its peak of memory is its own; all start warm
(libraries imported, compiled code loaded by a small file). The peers get the types told and check nothing.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from benchmarks.timing import row
from datafactory.engine.plans import DEFAULT_NULLS

ROUNDS = 5
GOAL = 1.5
PEERS = ("duckdb", "polars")
PACKAGES = ("duckdb", "polars", "pyarrow", "numba")
DAYS = pa.array([str(day) for day in np.arange("2023-01-01", "2024-12-31", dtype="datetime64[D]")])
PLAN = {
    "row_id": "app_id",
    "ids": [{"column": "mobile", "namespace": "mobile", "algorithm": "sha256"}],
    "observed_at": "applied_on",
    "label": "bad",
}


def make(path: Path, n: int, shuffled: bool) -> dict[str, str]:
    """A file of ``n`` rows and 100 columns; returns the kinds of its columns."""
    rng = np.random.default_rng(5)
    columns: dict[str, Any] = {"app_id": pa.array([f"A{i:08d}" for i in range(n)])}
    columns["mobile"] = pa.array([hashlib.sha256(b"%d" % i).hexdigest() for i in range(n)])
    columns["applied_on"] = DAYS.take(pa.array(rng.integers(0, len(DAYS), n)))
    columns["bad"] = pa.array((rng.random(n) < 0.1).astype(int))
    for i in range(30):
        columns[f"count_{i}"] = _some(rng.integers(0, 10 ** rng.integers(1, 7), n), 0.05 * (i % 4), rng)
    for i in range(40):
        columns[f"amount_{i}"] = _some(np.round(rng.lognormal(5, 1, n), 2 + i % 3), 0.05 * (i % 4), rng)
    for i in range(22):
        values = pa.array([f"value {i} {j}" for j in range((5, 20, 300)[i % 3])])
        columns[f"category_{i}"] = values.take(_some(rng.integers(0, len(values), n), 0.03, rng))
    for i in range(4):
        columns[f"day_{i}"] = DAYS.take(_some(rng.integers(0, len(DAYS), n), 0.1, rng))
    table = pa.table(columns)
    if shuffled:
        table = table.take(pa.array(rng.permutation(n)))
    pa_csv.write_csv(table, path, pa_csv.WriteOptions(quoting_style="none", quoting_header="none"))
    kinds = {"a": "float", "c": "int", "b": "int", "d": "date", "m": "category"}
    found = {name: kinds[name[0]] if "category" not in name else "category" for name in columns}
    return found | {"app_id": "category", "mobile": "category", "applied_on": "date"}


def _some(values: Any, missing: float, rng: np.random.Generator) -> pa.Array:
    return pa.array(values, mask=rng.random(len(values)) < missing)


def convert(source: str, target: str, kinds: dict[str, str], nulls: list[str]) -> float:
    """Seconds of our import into the folder ``target``."""
    import time

    from datafactory.engine.reading import Limits, SamplePlan, read_sample
    from datafactory.engine.scanning import file_sha256
    from modeling.artifacts import from_json

    plan = from_json(SamplePlan, PLAN)
    Path(target).mkdir()
    sha256 = file_sha256(Path(source))  # known since the upload
    started = time.perf_counter()
    read_sample(Path(source), plan, Path(target), Limits(memory_mb=400), dt.datetime.now(dt.UTC), sha256=sha256)
    return time.perf_counter() - started


def told(work: Callable[[str, str, dict[str, str], list[str]], float], arguments: list[str]) -> None:
    """A child's part: once on the small file to be warm, then timed on the large one."""
    small, large, target, kinds = arguments[1:5]
    work(small, target + ".small", json.loads(kinds), list(DEFAULT_NULLS))
    before = _cpu_seconds()
    seconds = work(large, target, json.loads(kinds), list(DEFAULT_NULLS))
    status = Path("/proc/self/status").read_text()  # ru_maxrss would carry over the parent's peak
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
    sys.stdout.write(json.dumps({"seconds": seconds, "cpu": _cpu_seconds() - before, "peak_mb": peak}))


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def child(module: str, small: Path, large: Path, target: Path, kinds: dict[str, str]) -> dict[str, float]:
    """One measured run in a process of its own."""
    command = [sys.executable, "-m", module, str(small), str(large), str(target), json.dumps(kinds)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def sums(path: Path, prefix: str, kinds: dict[str, str]) -> list[float]:
    """What both sides must agree on: values present and sums, column by column."""
    import duckdb

    parts = []
    for name, kind in kinds.items():
        if name.split("_")[0] in {"count", "amount", "category", "day"}:
            column = f'"{prefix}{name}"'
            parts.append(f"count({column})")
            parts += [f"sum({column})"] if kind in {"int", "float"} else []
    found = duckdb.sql(f"SELECT {', '.join(parts)} FROM read_parquet('{path}')").fetchone()
    assert found is not None
    return [float(value) for value in found]


def run(quick: bool) -> list[dict[str, Any]]:
    n = 20_000 if quick else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        return [line for shuffled in (False, True) for line in _lines(Path(folder), n, shuffled, quick)]


def _lines(folder: Path, n: int, shuffled: bool, quick: bool) -> list[dict[str, Any]]:
    small, large = folder / "small.csv", folder / f"large{shuffled}.csv"
    make(small, 2_000, shuffled)
    kinds = make(large, n, shuffled)
    seconds: dict[str, list[float]] = {name: [] for name in ("ours", *PEERS)}
    cpu: dict[str, list[float]] = {name: [] for name in seconds}
    peak = 0.0
    for number in range(3 if quick else ROUNDS):
        checks = {}
        for name in seconds:
            target = folder / f"{name}{shuffled}{number}"
            module = "benchmarks.bench_import" if name == "ours" else f"benchmarks.peers.import_{name}"
            done = child(module, small, large, target, kinds)
            seconds[name].append(done["seconds"])
            cpu[name].append(done["cpu"])
            peak = max(peak, done["peak_mb"]) if name == "ours" else peak
            if not number:
                rows = target / "rows.parquet" if name == "ours" else target
                checks[name] = sums(rows, "partner__" if name == "ours" else "", kinds)
        assert all(np.allclose(found, checks["ours"], rtol=1e-12, atol=0) for found in checks.values()), checks
    order = "shuffled, and so sorted" if shuffled else "in order"
    title = f"CSV of {n:,} x 100 to Parquet, rows {order}"
    memory = row(f"{title}: peak memory", peak, 1000.0, "limit", "MB", "under 1 GB", PACKAGES)
    return [_line(title, seconds, f"ratio at most {GOAL}"), _line(f"{title}: processor time", cpu, "told"), memory]


def _line(title: str, taken: dict[str, list[float]], goal: str) -> dict[str, Any]:
    """Ours beside the faster peer."""
    middle = {name: statistics.median(times) for name, times in taken.items()}
    best = min(PEERS, key=lambda name: middle[name])
    peers = ", ".join(f"{name} {middle[name]:.2f} s" for name in PEERS)
    return row(title, middle["ours"], middle[best], f"{best} ({peers})", "s", goal, PACKAGES)


if __name__ == "__main__":
    told(convert, sys.argv)
