"""CSV to Parquet of the same types by polars: the streaming engine, one scan into one sink."""

from __future__ import annotations

import sys
import time

import polars as pl

TYPES = {"int": pl.Int64, "float": pl.Float64, "category": pl.String, "date": pl.Date}


def convert(source: str, target: str, kinds: dict[str, str], nulls: list[str]) -> float:
    """Seconds of one conversion; dates become points in time."""
    schema = {name: TYPES[kind] for name, kind in kinds.items()}
    times = [pl.col(name).cast(pl.Datetime("us", "UTC")) for name, kind in kinds.items() if kind == "date"]
    started = time.perf_counter()
    rows = pl.scan_csv(source, schema=schema, null_values=nulls)
    rows.with_columns(times).sink_parquet(target, compression="zstd", compression_level=3)
    return time.perf_counter() - started


if __name__ == "__main__":
    from benchmarks.bench_import import told

    told(convert, sys.argv)
