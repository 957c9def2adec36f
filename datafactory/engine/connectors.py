"""Tables elsewhere, brought over as Parquet: PostgreSQL, MySQL, and Parquet in an S3-compatible store.

A user names a table and columns that the connection itself lists; nothing that a user writes becomes SQL or a path.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq

from datafactory.engine.plans import Limits
from modeling.artifacts import Progress, no_progress
from modeling.errors import DataError

BATCH_ROWS = 50_000
MOST_TABLES = 2_000
KINDS = {"postgres": "PostgreSQL", "postgresql": "PostgreSQL", "mysql": "MySQL", "s3": "S3"}
_PLAIN = (pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_date, pa.types.is_timestamp)


@dataclass(frozen=True)
class Wanted:
    """What to bring over: no columns means all; ``since`` keeps rows whose ``since_column`` is above it."""

    table: str
    columns: tuple[str, ...] = ()
    since_column: str | None = None
    since: str | None = None


class Connector(Protocol):
    """One open connection, for reading only."""

    def tables(self) -> list[str]: ...

    def columns(self, table: str) -> list[str]: ...

    def batches(self, wanted: Wanted) -> Iterator[pa.RecordBatch]:
        """Rows in bounded memory; the caller has checked the names."""
        ...

    def close(self) -> None: ...


def kind_of(url: str) -> str:
    """What stands behind an address, without its secrets.

    >>> kind_of("postgresql://reader:secret@db/core"), kind_of("gopher://x")
    ('PostgreSQL', '')
    """
    return KINDS.get(urlsplit(url).scheme, "")


def open_connector(url: str) -> Connector:
    """The connector of an address; errors never show the address."""
    parts = urlsplit(url)
    if parts.scheme in {"postgres", "postgresql"}:
        from datafactory.engine.connector_sql import PostgresConnector

        return PostgresConnector(url)
    if parts.scheme == "mysql":
        from datafactory.engine.connector_sql import MySQLConnector

        return MySQLConnector(parts)
    if parts.scheme == "s3":
        return S3Connector(parts)
    raise DataError("connection_kind", "A connection must be of PostgreSQL, MySQL or S3.")


def copy_table(
    connector: Connector, wanted: Wanted, path: Path, limits: Limits, progress: Progress = no_progress
) -> int:
    """Write the wanted rows to a Parquet file; returns how many.

    Raises
    ------
    DataError
        ``table_unknown``, ``column_unknown``, ``no_rows``, ``too_many_rows``, ``too_many_columns``, ``file_too_large``.
    """
    check_wanted(connector, wanted, limits)
    writer: pq.ParquetWriter | None = None
    n_rows = 0
    try:
        for batch in connector.batches(wanted):
            table = plain(batch) if writer is None else plain(batch).cast(writer.schema)
            writer = writer or pq.ParquetWriter(path, table.schema, compression="zstd")
            writer.write_table(table)
            n_rows += table.num_rows
            progress(n_rows, 0, "rows")
            _check_size(n_rows, path, limits)
    finally:
        if writer is not None:
            writer.close()
    if not n_rows:
        raise DataError("no_rows", "The table %(table)s has no such rows.", table=wanted.table)
    return n_rows


def check_wanted(connector: Connector, wanted: Wanted, limits: Limits) -> None:
    """Refuse names that the connection does not list."""
    if wanted.table not in connector.tables():
        raise DataError("table_unknown", "The connection has no table %(table)s.", table=wanted.table)
    there = connector.columns(wanted.table)
    for column in (*wanted.columns, *([wanted.since_column] if wanted.since_column else [])):
        if column not in there:
            raise DataError(
                "column_unknown", "The table %(table)s has no column %(column)s.", table=wanted.table, column=column
            )
    if len(wanted.columns or there) > limits.max_columns:
        raise DataError("too_many_columns", "More than %(limit)d columns are wanted.", limit=limits.max_columns)


def _check_size(n_rows: int, path: Path, limits: Limits) -> None:
    if n_rows > limits.max_rows:
        raise DataError("too_many_rows", "The table has more than %(limit)d rows.", limit=limits.max_rows)
    if path.stat().st_size > limits.max_bytes:
        raise DataError("file_too_large", "The rows take more than %(limit)d MB.", limit=limits.max_bytes // 1000**2)


def plain(batch: pa.RecordBatch) -> pa.Table:
    """Columns as an import reads them: numbers, flags, dates and times as they are, everything else as text."""
    columns = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        kept = any(fits(column.type) for fits in _PLAIN)
        columns[name] = column if kept else column.cast(pa.string())
    return pa.table(columns)


class S3Connector:
    """Parquet below one prefix: ``s3://key:secret@bucket/prefix?endpoint=https://store:9000&region=…``.

    A table is an object ending in ``.parquet``, or a folder whose objects do.
    """

    def __init__(self, parts: SplitResult) -> None:
        from pyarrow import fs

        options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        given: dict[str, Any] = {"region": options.get("region", "us-east-1")}
        if parts.username:
            given |= {"access_key": unquote(parts.username), "secret_key": unquote(parts.password or "")}
        if "endpoint" in options:
            endpoint = urlsplit(options["endpoint"])
            given |= {"endpoint_override": endpoint.netloc, "scheme": endpoint.scheme}
        self._files = fs.S3FileSystem(**given, connect_timeout=10, request_timeout=60)
        self._base = "/".join(part for part in (parts.hostname, parts.path.strip("/")) if part)
        self._selector = fs.FileSelector(self._base, recursive=True)

    def tables(self) -> list[str]:
        files = self._paths()
        folders = {path.rsplit("/", 1)[0] for path in files if "/" in path}
        return sorted({*files, *(f"{folder}/" for folder in folders)})[:MOST_TABLES]

    def columns(self, table: str) -> list[str]:
        return list(self._dataset(table).schema.names)

    def batches(self, wanted: Wanted) -> Iterator[pa.RecordBatch]:
        dataset = self._dataset(wanted.table)
        chosen = _above(dataset.schema, wanted) if wanted.since_column and wanted.since is not None else None
        yield from dataset.to_batches(
            columns=list(wanted.columns) or None,
            filter=chosen,
            batch_size=BATCH_ROWS,
            batch_readahead=2,
            fragment_readahead=1,
        )

    def close(self) -> None:
        """Nothing is held open."""

    def _paths(self) -> list[str]:
        with reported():
            found = self._files.get_file_info(self._selector)
        paths = (one.path.removeprefix(f"{self._base}/") for one in found if one.is_file)
        return [path for path in paths if path.endswith(".parquet")]

    def _dataset(self, table: str) -> Any:
        import pyarrow.dataset as ds

        files = [path for path in self._paths() if path == table or (table.endswith("/") and path.startswith(table))]
        with reported():
            return ds.dataset([f"{self._base}/{path}" for path in files], filesystem=self._files, format="parquet")


def _above(schema: pa.Schema, wanted: Wanted) -> Any:
    import pyarrow.dataset as ds

    try:
        least = pa.scalar(wanted.since).cast(schema.field(wanted.since_column).type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise since_value(wanted) from None
    return ds.field(wanted.since_column) > least


def since_value(wanted: Wanted) -> DataError:
    return DataError(
        "since_value",
        "%(value)s cannot be compared with the column %(column)s.",
        value=str(wanted.since)[:40],
        column=wanted.since_column,
    )


class reported:
    """Whatever a client says about a store that does not answer becomes one sentence without addresses."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, DataError):
            raise unreachable() from None


def unreachable() -> DataError:
    return DataError("connection_failed", "The connection does not answer or refuses. Ask the operator.")


def named(columns: Sequence[str], quote: str) -> list[str]:
    """Identifiers as SQL takes them, quotes inside doubled.

    >>> named(['a"b', "c"], '"')
    ['"a""b"', '"c"']
    """
    return [f"{quote}{column.replace(quote, quote * 2)}{quote}" for column in columns]
