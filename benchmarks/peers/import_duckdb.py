"""CSV to Parquet of the same types by DuckDB: one COPY."""

from __future__ import annotations

import sys
import time

import duckdb

TYPES = {"int": "BIGINT", "float": "DOUBLE", "category": "VARCHAR", "date": "TIMESTAMP"}


def convert(source: str, target: str, kinds: dict[str, str], nulls: list[str]) -> float:
    """Seconds of one conversion; dates become points in time."""
    columns = {name: TYPES[kind] for name, kind in kinds.items()}
    with duckdb.connect(config={"threads": 2, "memory_limit": "900MB"}) as connection:
        started = time.perf_counter()
        rows = connection.read_csv(source, columns=columns, na_values=nulls, header=True, auto_detect=False, sep=",")
        rows.write_parquet(target, compression="zstd")
        return time.perf_counter() - started


if __name__ == "__main__":
    from benchmarks.bench_import import told

    told(convert, sys.argv)
