# ruff: noqa: S608 - names enter SQL through named() alone, and only those that the database lists; values are bound
"""Connectors to databases: names come from the catalogue, values are bound, transactions only read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote

import pyarrow as pa

from datafactory.engine.connectors import BATCH_ROWS, MOST_TABLES, Wanted, named, reported, since_value

_AS_IT_IS = {  # of PostgreSQL; all other types travel as text, numeric too, which keeps every digit
    "smallint",
    "integer",
    "bigint",
    "real",
    "double precision",
    "boolean",
    "date",
    "timestamp without time zone",
    "timestamp with time zone",
}


class PostgresConnector:
    """Arrow batches straight from the server, through ADBC."""

    def __init__(self, url: str) -> None:
        from adbc_driver_postgresql import dbapi  # only the job and the page that import load it

        with reported():
            self._connection = dbapi.connect(url)
            self._rows("SET default_transaction_read_only = on")
            self._connection.commit()

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(query, list(values) or None)
            return cursor.fetchall() if cursor.description else []

    def _tables(self) -> dict[str, tuple[str, str]]:
        query = (
            "SELECT table_schema, table_name FROM information_schema.tables "
            "WHERE table_schema NOT IN ('pg_catalog', 'information_schema') "
            f"ORDER BY table_schema, table_name LIMIT {MOST_TABLES}"
        )
        with reported():
            return {f"{schema}.{name}": (schema, name) for schema, name in self._rows(query)}

    def tables(self) -> list[str]:
        return list(self._tables())

    def columns(self, table: str) -> list[str]:
        return list(self._types(table))

    def _types(self, table: str) -> dict[str, str]:
        query = (
            "SELECT column_name, data_type FROM information_schema.columns "
            "WHERE table_schema = $1 AND table_name = $2 ORDER BY ordinal_position"
        )
        with reported():
            return dict(self._rows(query, self._tables()[table]))

    def batches(self, wanted: Wanted) -> Iterator[pa.RecordBatch]:
        types = self._types(wanted.table)
        columns = wanted.columns or tuple(types)
        chosen = [
            name if types[column] in _AS_IT_IS else f"{name}::text AS {name}"
            for column, name in zip(columns, named(columns, '"'), strict=True)
        ]
        where, values = "", None
        if wanted.since_column and wanted.since is not None:
            (since,) = named([wanted.since_column], '"')
            where, values = f" WHERE {since} > CAST(CAST($1 AS text) AS {types[wanted.since_column]})", [wanted.since]
        source = ".".join(named(self._tables()[wanted.table], '"'))
        with self._connection.cursor() as cursor:
            try:
                cursor.execute(f"SELECT {', '.join(chosen)} FROM {source}{where}", values)
                reader = cursor.fetch_record_batch()
            except self._connection.DataError:
                raise since_value(wanted) from None
            with reported():
                yield from reader

    def close(self) -> None:
        self._connection.close()


_MYSQL_TYPES = {
    **dict.fromkeys(("tinyint", "smallint", "mediumint", "int", "bigint", "year"), pa.int64()),
    **dict.fromkeys(("float", "double"), pa.float64()),
    "date": pa.date32(),
    "datetime": pa.timestamp("us"),
    "timestamp": pa.timestamp("us", tz="UTC"),
}


class MySQLConnector:
    """Rows from a cursor on the server's side, so that no table is held in memory."""

    def __init__(self, parts: SplitResult) -> None:
        import pymysql  # only the job and the page that import load it

        options = parse_qs(parts.query)
        with reported():
            self._connection = pymysql.connect(
                host=parts.hostname,
                port=parts.port or 3306,
                user=unquote(parts.username or ""),
                password=unquote(parts.password or ""),
                database=unquote(parts.path.strip("/")),
                charset="utf8mb4",
                connect_timeout=10,
                read_timeout=600,
                cursorclass=pymysql.cursors.SSCursor,
                ssl={"ca": options["ssl_ca"][-1]} if "ssl_ca" in options else None,
            )
            for statement in ("SET SESSION TRANSACTION READ ONLY", "SET SESSION time_zone = '+00:00'"):
                self._rows(statement)

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(query, tuple(values))
            return list(cursor.fetchall())

    def tables(self) -> list[str]:
        query = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY table_name"
        with reported():
            return [name for (name,) in self._rows(f"{query} LIMIT {MOST_TABLES}")]

    def columns(self, table: str) -> list[str]:
        return list(self._types(table))

    def _types(self, table: str) -> dict[str, pa.DataType]:
        query = (
            "SELECT column_name, data_type, column_type FROM information_schema.columns "
            "WHERE table_schema = DATABASE() AND table_name = %s ORDER BY ordinal_position"
        )
        with reported():
            found = self._rows(query, [table])
        wide = {name for name, kind, full in found if kind == "bigint" and "unsigned" in full}  # may pass 64 bits
        return {name: pa.string() if name in wide else _MYSQL_TYPES.get(kind, pa.string()) for name, kind, _ in found}

    def batches(self, wanted: Wanted) -> Iterator[pa.RecordBatch]:
        types = self._types(wanted.table)
        columns = wanted.columns or tuple(types)
        (source,) = named([wanted.table], "`")
        query, values = f"SELECT {', '.join(named(columns, '`'))} FROM {source}".replace("%", "%%"), []
        if wanted.since_column and wanted.since is not None:
            (since,) = named([wanted.since_column], "`")
            query, values = f"{query} WHERE {since.replace('%', '%%')} > %s", [_comparable(wanted, types)]
        schema = pa.schema([(column, types[column]) for column in columns])
        with reported(), self._connection.cursor() as cursor:
            cursor.execute(query, values)
            while rows := cursor.fetchmany(BATCH_ROWS):
                yield pa.RecordBatch.from_arrays(
                    [_array(values, field.type) for values, field in zip(zip(*rows, strict=True), schema, strict=True)],
                    schema=schema,
                )

    def close(self) -> None:
        self._connection.close()


def _comparable(wanted: Wanted, types: dict[str, pa.DataType]) -> Any:
    """The bound value in the column's own type: MySQL would compare what is no number as zero."""
    type_ = types[str(wanted.since_column)]
    try:
        if pa.types.is_timestamp(type_):
            moment = datetime.fromisoformat(str(wanted.since))
            return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
        return pa.scalar(wanted.since).cast(type_).as_py()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError):
        raise since_value(wanted) from None


def _array(values: Sequence[Any], type_: pa.DataType) -> pa.Array:
    """A column of Python objects; a date that no calendar has (0000-00-00) is missing."""
    if pa.types.is_temporal(type_):
        return pa.array([value if isinstance(value, date) else None for value in values], type_)
    if pa.types.is_string(type_):
        return pa.array([None if value is None else _text(value) for value in values], type_)
    return pa.array(values, type_)


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
