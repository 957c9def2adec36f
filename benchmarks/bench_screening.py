"""Screening of wide tables: against optbinning's BinningProcess, toad, two sorts a column, and a table from Parquet.

The wide table from Parquet is made in a temporary folder (about 8 GB) in full runs only.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bench_binning import PLAN, make
from benchmarks.memory import peak_mb, resident_mb
from benchmarks.peers import screening_optbinning, screening_toad
from benchmarks.timing import once, row
from modeling.binning import bin_table
from modeling.one_pass import MeasurePlan, measure_table
from modeling.wide import Arrays, ParquetTable

THREADS = os.cpu_count() or 1
PACKAGES = ("optbinning", "numba", "numpy")
WEAK = 0.02  # features below this IV are only counted in the total
ROWS_AT_ONCE = 50_000


def run(quick: bool) -> list[dict[str, Any]]:
    rows = _against_optbinning(*((10_000, 20) if quick else (100_000, 200)), 1 if quick else 2)
    rows += _one_pass(*((20_000, 20) if quick else (100_000, 200)))
    rows += _against_sorts(*((100_000, 20) if quick else (1_000_000, 200)))
    rows += _memory(*((100_000, 20) if quick else (1_000_000, 50)))
    return rows + _from_parquet(*((20_000, 50) if quick else (1_000_000, 1_000)))


def _bins(columns: dict[str, np.ndarray], y: np.ndarray) -> dict[str, float]:
    kinds: Any = dict.fromkeys(columns, "float")
    return {name: one.iv for name, one in bin_table(columns, kinds, y, None, PLAN, THREADS).items()}


def _against_optbinning(n_rows: int, n_columns: int, rounds: int) -> list[dict[str, Any]]:
    columns, y = make(n_rows, n_columns)
    found: dict[str, dict[str, float]] = {"ours": _bins(columns, y)}

    def theirs() -> None:
        found["peer"] = screening_optbinning.bin_table(columns, y, PLAN.max_bins, PLAN.min_bin_share, THREADS)

    few = {name: column[:2_000] for name, column in list(columns.items())[:4]}
    screening_optbinning.bin_table(few, y[:2_000], PLAN.max_bins, PLAN.min_bin_share, THREADS)  # start-up, not counted
    pairs = [(once(lambda: _bins(columns, y)), once(theirs)) for _ in range(rounds)]
    ours, peer = found["ours"], found["peer"]
    worst = min((ours[name] / peer[name] for name in peer if peer[name] >= WEAK), default=1.0)
    what, name = f"screening, bins of {n_rows:,} rows x {n_columns}", "optbinning BinningProcess"
    seconds = statistics.median(p[0] for p in pairs), statistics.median(p[1] for p in pairs)
    return [
        row(what, *seconds, name, "s", "ratio below 0.02", PACKAGES),
        row(f"{what}: total IV", sum(ours.values()), sum(peer.values()), name, "IV", "ratio at least 0.995", PACKAGES),
        row(
            f"{what}: IV of the feature that comes off worst", worst, 1.0, name, "of theirs", "at least 0.99", PACKAGES
        ),
    ]


def _one_pass(n_rows: int, n_columns: int) -> list[dict[str, Any]]:
    """Missing rate, bins, IV, KS, AUC and correlations beside toad's selection by missing rate, IV and correlation."""
    python = screening_toad.interpreter()
    if python is None:
        print("toad is not installed: no comparison (benchmarks/peers/screening_toad.py)", file=sys.stderr)
        return []
    columns, y = make(n_rows, n_columns)

    def ours() -> None:
        measure_table(Arrays(columns), y, None, MeasurePlan(bins=PLAN), threads=THREADS)

    ours()
    peer = screening_toad.screen(python, columns, y)
    seconds = statistics.median(once(ours) for _ in range(3))
    what = f"screening, one pass over {n_rows:,} rows x {n_columns}"
    return [row(what, seconds, peer, "toad.selection.select", "s", "ratio below 0.05", ("numba", "numpy"))]


def _against_sorts(n_rows: int, n_columns: int) -> list[dict[str, Any]]:
    """The same columns over and over: what counts is time a column."""
    columns, y = make(n_rows, min(n_columns, 20))
    names = [f"c{i}" for i in range(n_columns)]
    table = {name: columns[f"x{i % len(columns):03d}"] for i, name in enumerate(names)}

    def sorts() -> None:
        with ThreadPoolExecutor(THREADS) as pool:
            for _ in pool.map(lambda name: (np.sort(table[name]), np.sort(table[name])), names):
                pass

    _bins(table, y)
    pairs = [(once(lambda: _bins(table, y)), once(sorts)) for _ in range(2)]
    seconds = statistics.median(p[0] for p in pairs), statistics.median(p[1] for p in pairs)
    what = f"screening, bins of {n_rows:,} rows x {n_columns}"
    return [row(what, *seconds, "np.sort of each column, twice", "s", "ratio at most 1", ("numba", "numpy"))]


def _memory(n_rows: int, n_columns: int) -> list[dict[str, Any]]:
    """Peak above the table itself, a core."""
    above = peak_mb(f"benchmarks.bench_screening:bins_alone({n_rows}, {n_columns})")
    base = peak_mb(f"benchmarks.bench_screening:table_alone({n_rows}, {n_columns})")
    column = n_rows * 8 / 2**20
    what = f"screening, memory above {n_rows:,} rows x {n_columns}"
    return [
        row(what, (above - base) / THREADS, column, "one column", "MB a core", "ratio below 3", ("numba", "numpy")),
    ]


def table_alone(n_rows: int, n_columns: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The table and compiled kernels, nothing of its size measured."""
    small, label = make(2_000, 6)
    _measure(small, label)
    rng = np.random.default_rng(0)
    y = rng.random(n_rows, dtype=np.float32) < 0.2
    return {f"c{i}": rng.normal(size=n_rows) for i in range(n_columns)}, y


def bins_alone(n_rows: int, n_columns: int) -> None:
    columns, y = table_alone(n_rows, n_columns)
    _measure(columns, y)


def _measure(columns: dict[str, np.ndarray], y: np.ndarray) -> None:
    measure_table(Arrays(columns), y, None, MeasurePlan(bins=PLAN), threads=THREADS)


def _from_parquet(n_rows: int, n_columns: int) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "wide.parquet"
        y = _write(path, n_rows, n_columns)
        np.save(Path(folder) / "y.npy", y)
        started = time.perf_counter()
        peak = peak_mb(f"benchmarks.bench_screening:from_parquet({folder!r})")
        seconds = time.perf_counter() - started
    what = f"screening, one pass over {n_rows:,} rows x {n_columns} from Parquet"
    size = n_rows * n_columns * 8 / 2**20
    return [
        row(what, seconds, 1.0, "completes", "s", "completes", ("numba", "numpy", "pyarrow")),
        row(f"{what}: peak", peak, size, "the table in memory", "MB", "ratio below 1", ("numba", "numpy", "pyarrow")),
    ]


def from_parquet(folder: str) -> None:
    y = np.load(Path(folder) / "y.npy")
    measured = measure_table(ParquetTable(Path(folder) / "wide.parquet"), y, None, MeasurePlan(bins=PLAN))
    print(f"{sum(one.usable for one in measured.columns)} columns, {resident_mb():.0f} MB", flush=True)


def _write(path: Path, n_rows: int, n_columns: int) -> np.ndarray:
    """A wide table in chunks of rows; a tenth of the columns say something."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng, labels = np.random.default_rng(5), []
    writer = None
    for start in range(0, n_rows, ROWS_AT_ONCE):
        n = min(ROWS_AT_ONCE, n_rows - start)
        risk = rng.normal(size=n)
        labels.append(rng.random(n) < 1 / (1 + np.exp(2.2 - risk)))
        columns = {}
        for i in range(n_columns):
            noise = rng.standard_normal(n, dtype=np.float32).astype(np.float64)
            columns[f"x{i:04d}"] = np.round(noise + (0.4 * risk if i % 10 == 0 else 0.0), 3)
        chunk = pa.table(columns)
        writer = writer or pq.ParquetWriter(path, chunk.schema, compression="snappy")
        writer.write_table(chunk)
    assert writer is not None
    writer.close()
    return np.concatenate(labels)
