"""Tables on disk: written in row groups of a fixed size, sorted by DuckDB within one folder."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from datafactory.engine.plans import Limits

if TYPE_CHECKING:
    import duckdb

_CELLS_PER_GROUP = 4_000_000


def group_rows(n_columns: int) -> int:
    """Rows of a row group; the same for the same columns, so that the same rows give the same bytes."""
    return max(2_048, min(131_072, _CELLS_PER_GROUP // max(1, n_columns)))


@contextmanager
def writer(path: Path, schema: pa.Schema) -> Iterator[TableWriter]:
    """Write batches of any size; the file has row groups of one size."""
    table = TableWriter(path, schema)
    try:
        yield table
        table.flush()
    finally:
        table.abandon()


class TableWriter:
    """Writes batches of any size in row groups of one size."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.schema = schema
        repeating = [one.name for one in schema if pa.types.is_string(one.type) or pa.types.is_timestamp(one.type)]
        self._file = pq.ParquetWriter(path, schema, compression="zstd", compression_level=1, use_dictionary=repeating)
        self._group = group_rows(len(schema))
        self._held: list[pa.RecordBatch] = []
        self._rows = 0

    def write(self, batch: pa.RecordBatch) -> None:
        self._held.append(batch)
        self._rows += batch.num_rows
        while self._rows >= self._group:
            self._write_group()

    def _write_group(self) -> None:
        table = pa.Table.from_batches(self._held, self.schema)
        self._file.write_table(table.slice(0, self._group).combine_chunks(), row_group_size=self._group)
        rest = table.slice(self._group)
        self._held, self._rows = rest.to_batches(), rest.num_rows

    def flush(self) -> None:
        if self._rows:
            self._write_group()

    def close(self) -> None:
        """Write what is still held, and end the file."""
        self.flush()
        self.abandon()

    def abandon(self) -> None:
        """End the file without what is still held."""
        self._file.close()


def literal(text: str) -> str:
    """A string as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """A column's name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def engine(folder: Path, limits: Limits) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB that can read and write below one folder only, spills there, and loads no extension."""
    import duckdb  # heavy: a web process reads plans and heads of files, never a whole one

    connection = duckdb.connect(":memory:")
    try:
        for statement in (
            "SET autoinstall_known_extensions = false",
            "SET autoload_known_extensions = false",
            f"SET threads = {limits.threads}",
            f"SET memory_limit = '{limits.memory_mb}MB'",
            f"SET temp_directory = {literal(str(folder / '.spill'))}",
            f"SET allowed_directories = [{literal(str(folder))}]",
            "SET enable_external_access = false",
            "SET TimeZone = 'UTC'",
            "SET enable_progress_bar = false",
            "SET lock_configuration = true",
        ):
            connection.execute(statement)
        yield connection
    finally:
        connection.close()


def write_sorted(
    connection: duckdb.DuckDBPyConnection, query: str, schema: pa.Schema, path: Path
) -> Iterator[tuple[int, int]]:
    """Write the rows of an ordered query; yields ``(rows of the batch, rows so far)`` as it goes.

    A thread writes while the next rows are fetched.
    """
    done = 0
    with writer(path, schema) as table, ThreadPoolExecutor(1) as pool:
        last: Future[None] | None = None
        for batch in connection.sql(query).to_arrow_reader(group_rows(len(schema))):
            rows = pa.Table.from_batches([batch]).cast(schema).combine_chunks().to_batches()[0]
            if last:
                last.result()
            last = pool.submit(table.write, rows)
            done += batch.num_rows
            yield batch.num_rows, done
        if last:
            last.result()


def rows_of(connection: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    """The rows of a small result as dictionaries."""
    result = connection.sql(query)
    return [dict(zip(result.columns, row, strict=True)) for row in result.fetchall()]
