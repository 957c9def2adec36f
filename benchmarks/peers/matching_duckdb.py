"""The same match and the same windows as one would write them by hand in DuckDB: plain SQL, plain sums of doubles."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

Files = tuple[Path, Path, Path]  # the keyed sample, the source, its keyed ids
KNOWN = "e.event_time < s.observed_at AND e.known_at <= s.observed_at"
ID = "id__mobile__sha256"


def connect(threads: int, memory_mb: int) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": threads, "memory_limit": f"{memory_mb}MB"})


def _joined(files: Files) -> str:
    spine, source, keys = files
    return (
        f"FROM read_parquet('{spine}') s JOIN read_parquet('{keys}') k ON s.key = k.key "
        f"JOIN read_parquet('{source}') e ON e.{ID} = k.id"
    )


def latest(connection: duckdb.DuckDBPyConnection, files: Files, fields: Sequence[str], out: Path) -> None:
    """The last row that each application could know, with its fields, into a Parquet file in the sample's order."""
    wanted = ", ".join(f"e.{name}" for name in fields)
    order = "e.event_time DESC, e.known_at DESC, e.row_hash DESC"
    found = (
        f"SELECT s.pos, {wanted} {_joined(files)} WHERE {KNOWN} "
        f"QUALIFY row_number() OVER (PARTITION BY s.pos ORDER BY {order}) = 1"
    )
    _copy(connection, files, found, out)


def latest_in_two_steps(connection: duckdb.DuckDBPyConnection, files: Files, fields: Sequence[str], out: Path) -> None:
    """The same, wide columns being read for the winners alone."""
    order = "(e.event_time, e.known_at, e.row_hash)"
    narrow = (
        f"SELECT s.pos, arg_max(e.file_row_number, {order}) AS row_no {_numbered(files)} WHERE {KNOWN} GROUP BY s.pos"
    )
    wanted = ", ".join(f"e.{name}" for name in fields)
    found = (
        f"SELECT w.pos, {wanted} FROM ({narrow}) w "
        f"JOIN read_parquet('{files[1]}', file_row_number=true) e ON e.file_row_number = w.row_no"
    )
    _copy(connection, files, found, out)


def _numbered(files: Files) -> str:
    return _joined(files).replace(f"read_parquet('{files[1]}')", f"read_parquet('{files[1]}', file_row_number=true)")


def windows(connection: duckdb.DuckDBPyConnection, files: Files, days: Sequence[int], out: Path) -> None:
    """Count, sum, mean and max of an amount and distinct lenders in each window: one filter an aggregate."""
    columns = []
    for day in days:
        inside = f"FILTER (WHERE e.event_time >= s.observed_at - INTERVAL {24 * day} HOUR)"
        columns += [
            f"count(*) {inside} AS count_{day}",
            f"sum(e.amount) {inside} AS sum_{day}",
            f"avg(e.amount) {inside} AS mean_{day}",
            f"max(e.amount) {inside} AS max_{day}",
            f"count(DISTINCT e.lender) {inside} AS distinct_{day}",
        ]
    longest = f"e.event_time >= s.observed_at - INTERVAL {24 * max(days)} HOUR"
    found = f"SELECT s.pos, {', '.join(columns)} {_joined(files)} WHERE {KNOWN} AND {longest} GROUP BY s.pos"
    _copy(connection, files, found, out)


def bucketed_windows(connection: duckdb.DuckDBPyConnection, files: Files, days: Sequence[int], out: Path) -> None:
    """The same by parts: each event into the shortest window that holds it, a window being the sum of its buckets."""
    cases = " ".join(
        f"WHEN e.event_time >= s.observed_at - INTERVAL {24 * day} HOUR THEN {n}" for n, day in enumerate(days[:-1])
    )
    longest = f"e.event_time >= s.observed_at - INTERVAL {24 * max(days)} HOUR"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE events AS SELECT s.pos, e.amount, e.lender, "
        f"CASE {cases} ELSE {len(days) - 1} END AS bucket {_joined(files)} WHERE {KNOWN} AND {longest}"
    )
    parts, distinct = [], []
    for n, day in enumerate(days):
        inside = f"FILTER (WHERE bucket <= {n})"
        parts += [
            f"sum(n) {inside} AS count_{day}",
            f"sum(total) {inside} AS sum_{day}",
            f"sum(total) {inside} / sum(n) {inside} AS mean_{day}",
            f"max(most) {inside} AS max_{day}",
        ]
        distinct.append(f"count(*) {inside} AS distinct_{day}")
    found = (
        f"SELECT * FROM (SELECT pos, {', '.join(parts)} FROM (SELECT pos, bucket, count(*) AS n, sum(amount) AS total, "
        "max(amount) AS most FROM events GROUP BY ALL) GROUP BY pos) "
        f"JOIN (SELECT pos, {', '.join(distinct)} FROM (SELECT pos, lender, min(bucket) AS bucket FROM events "
        "GROUP BY pos, lender) GROUP BY pos) USING (pos)"
    )
    _copy(connection, files, found, out)


def _copy(connection: duckdb.DuckDBPyConnection, files: Files, found: str, out: Path) -> None:
    """Every application in the sample's order with what was found for it."""
    connection.execute(
        f"COPY (SELECT s.row_id, s.observed_at, t.pos IS NOT NULL AS matched, t.* EXCLUDE (pos) "
        f"FROM read_parquet('{files[0]}') s LEFT JOIN ({found}) t ON s.pos = t.pos ORDER BY s.pos) "
        f"TO '{out}' (FORMAT parquet)"
    )
