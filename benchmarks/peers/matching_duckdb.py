"""The same match and the same windows as one would write them by hand in DuckDB: plain SQL, plain sums of doubles."""

from pathlib import Path

import duckdb

AS_KNOWN = "e.event_time < s.observed_at AND e.known_at <= s.observed_at"


def connect(threads: int) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": threads})


def _joined(sample: Path, source: Path, keys: Path) -> str:
    return (
        f"FROM read_parquet('{sample}') s JOIN read_parquet('{keys}') k ON s.key = k.key "
        f"JOIN read_parquet('{source}') e ON e.id__mobile__sha256 = k.id"
    )


def match(connection: duckdb.DuckDBPyConnection, sample: Path, source: Path, keys: Path) -> dict[str, float]:
    """Qualifying rows and the latest event of each application."""
    query = (
        f"SELECT s.pos, count(*) AS n, max(e.event_time) AS latest {_joined(sample, source, keys)} "
        f"WHERE {AS_KNOWN} GROUP BY s.pos"
    )
    found = connection.execute(query).to_arrow_table()
    return {"applications": found.num_rows, "rows": sum(found["n"].to_pylist())}


def windows(
    connection: duckdb.DuckDBPyConnection, sample: Path, source: Path, keys: Path, days: tuple[int, ...]
) -> dict[str, float]:
    """Count, sum, mean and max of an amount and distinct lenders in each window, into a table."""
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
    connection.execute(
        f"CREATE OR REPLACE TABLE windows AS SELECT s.pos, {', '.join(columns)} {_joined(sample, source, keys)} "
        f"WHERE {AS_KNOWN} AND {longest} GROUP BY s.pos"
    )
    sums = ", ".join(f"sum({part}_{day})" for day in days for part in ("count", "distinct", "max"))
    found = connection.execute(f"SELECT {sums} FROM windows").fetchone()
    assert found is not None
    return {str(index): float(value) for index, value in enumerate(found)}
