"""Features of one person at one moment, from an indexed copy of a source: equal to the batch value of the same row.

A store holds per keyed id all rows of a source version, in the total order in which the batch path ranks them. The
caller gives a hashed id; what is looked up, windows included, is computed by the same rules as in a feature table.
"""

from __future__ import annotations

import math
import sqlite3
import threading
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datafactory.engine.as_of import ROW_HASH
from datafactory.engine.features import SourceFeatures
from datafactory.engine.keying import id_column, keyer, keys_file
from datafactory.engine.matching import SourceInput
from datafactory.engine.windows import NUMERIC, SIGNIFICANT_DIGITS, Aggregate, exponent, round_significant
from modeling.artifacts import Column, Progress, no_progress

STORE = "store.sqlite"
Row = list[Any]  # event time and known-at in microseconds (None without time), then the fields in order
Value = float | int | str | None
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DAY_US = 86_400_000_000
_CHUNK = 200_000


@dataclass(frozen=True)
class StoreInfo:
    """What is in a store."""

    columns: tuple[Column, ...]
    has_event_time: bool
    exponents: dict[str, int]


def build_online_store(
    source: SourceInput, source_dir: Path, keyed_dir: Path, out: Path, *, progress: Progress = no_progress
) -> StoreInfo:
    """Write ``store.sqlite``: one row a keyed id, all rows of the person in their order. About 8 s a million rows.

    Parameters
    ----------
    source_dir : folder with the source's ``rows.parquet``
    keyed_dir : folder with its keyed ids
    out : existing folder
    """
    rows = pq.read_table(source_dir / "rows.parquet")
    info = StoreInfo(source.columns, source.has_event_time, _exponents(rows, source.columns))
    connection = sqlite3.connect(out / STORE)
    try:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("CREATE TABLE people (key BLOB PRIMARY KEY, rows BLOB NOT NULL) WITHOUT ROWID")
        connection.execute("CREATE TABLE info (body BLOB NOT NULL)")
        connection.execute("INSERT INTO info VALUES (?)", [msgspec.json.encode(info)])
        for done, id_type in enumerate(source.id_types):
            progress(done * rows.num_rows, len(source.id_types) * rows.num_rows, id_type)
            people = _people(rows, source, id_type, keyed_dir)
            connection.executemany("INSERT INTO people VALUES (?, ?)", people)
        connection.commit()
    finally:
        connection.close()
    return info


def _exponents(rows: pa.Table, columns: Sequence[Column]) -> dict[str, int]:
    """The same scales as in the batch path: from the largest usable value of the whole source."""
    found = {}
    for column in (c for c in columns if c.kind == "float"):
        x = rows[column.name].cast(pa.float64()).to_numpy()
        usable = np.abs(x[np.isfinite(x) & ~np.isin(x, column.specials)])
        found[column.name] = exponent(float(usable.max()) if len(usable) else None)
    return found


def _people(rows: pa.Table, source: SourceInput, id_type: str, keyed_dir: Path) -> Iterator[tuple[bytes, bytes]]:
    """Key and packed rows of each person, keys ascending."""
    known = pq.read_table(keyed_dir / keys_file(id_type))
    at = pc.index_in(rows[id_column(id_type)].cast(pa.string()).combine_chunks(), known["id"].combine_chunks())
    times = ["event_time", "known_at"] if source.has_event_time else []
    fields = [column.name for column in source.columns]
    chosen = rows.select([*times, ROW_HASH, *fields]).append_column("__key", known["key"].combine_chunks().take(at))
    chosen = chosen.append_column("__row", pa.array(np.arange(rows.num_rows))).filter(pc.is_valid(at))
    order = [("__key", "ascending"), *((name, "ascending") for name in (*times, ROW_HASH, "__row"))]
    chosen = chosen.take(pc.sort_indices(chosen, sort_keys=order))
    for key, group in groupby(_packed(chosen, source, times), key=lambda pair: pair[0]):
        yield key, msgspec.msgpack.encode([row for _, row in group])


def _packed(table: pa.Table, source: SourceInput, times: Sequence[str]) -> Iterator[tuple[bytes, Row]]:
    for start in range(0, table.num_rows, _CHUNK):
        part = table.slice(start, _CHUNK)
        columns = [part[name].cast(pa.int64()).to_pylist() for name in times] or [[None] * part.num_rows] * 2
        for column in source.columns:
            values = part[column.name]
            columns.append((values.cast(pa.string()) if column.kind == "date" else values).to_pylist())
        yield from zip(part["__key"].to_pylist(), map(list, zip(*columns, strict=True)), strict=True)


class OnlineStore:
    """Reads a store; safe to share between threads."""

    def __init__(self, path: Path) -> None:
        self.path = path / STORE if path.is_dir() else path
        self._local = threading.local()
        (body,) = self._connection().execute("SELECT body FROM info").fetchone()
        self.info = msgspec.json.decode(body, type=StoreInfo)
        self._decoder = msgspec.msgpack.Decoder(list[Row])
        self._decimals = [2 + i for i, column in enumerate(self.info.columns) if column.kind == "decimal"]

    def _connection(self) -> sqlite3.Connection:
        if not hasattr(self._local, "connection"):
            self._local.connection = sqlite3.connect(f"{self.path.as_uri()}?mode=ro&immutable=1", uri=True)
        connection: sqlite3.Connection = self._local.connection
        return connection

    def rows(self, key: bytes) -> list[Row]:
        """All rows of a keyed id, oldest first; empty if the source does not know it."""
        found = self._connection().execute("SELECT rows FROM people WHERE key = ?", [key]).fetchone()
        rows = self._decoder.decode(found[0]) if found else []
        for row in rows:
            for index in self._decimals:
                row[index] = None if row[index] is None else Decimal(row[index])
        return rows


def known_rows(rows: Sequence[Row], observed_at: datetime, source: SourceInput) -> list[Row]:
    """Rows that an application at this moment could know: before it, known by then, and not too old."""
    if not source.has_event_time:
        return list(rows)
    moment = _micros(observed_at)
    known = [row for row in rows if row[0] < moment and row[1] <= moment]
    if source.valid_days is None:
        return known
    start = moment - source.valid_days * _DAY_US
    return [row for row in known if row[0] >= start]


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def features_at(
    rows: Sequence[Row], observed_at: datetime, features: SourceFeatures, exponents: Mapping[str, int]
) -> dict[str, Value]:
    """The features of one person at one moment.

    Parameters
    ----------
    rows : of the person, as :meth:`OnlineStore.rows` gives them
    observed_at : aware
    features : what to compute, as :func:`~datafactory.engine.features.choose_features` resolves a plan
    exponents : of the store

    Returns
    -------
    Column name to value. Decimals come as the nearest double; everything else is exactly what the batch writes.
    """
    known = known_rows(rows, observed_at, features.source)
    place = {column.name: 2 + index for index, column in enumerate(features.source.columns)}
    last = known[-1] if known else None
    found: dict[str, Value] = {
        f"{features.prefix}__{column.name}": _snapshot(last[place[column.name]], column) if last else None
        for column in features.snapshot
    }
    if features.windows:
        found |= _windows(known, observed_at, features, place, exponents)
    return found


def _snapshot(value: Any, column: Column) -> Value:
    if value is None:
        return None
    if column.kind in {"decimal", "float"}:
        return float(value)
    return int(value) if column.kind in {"int", "bool"} else str(value)


def _windows(
    known: Sequence[Row],
    observed_at: datetime,
    features: SourceFeatures,
    place: Mapping[str, int],
    exponents: Mapping[str, int],
) -> dict[str, Value]:
    moment, times = _micros(observed_at), [row[0] for row in known]
    first = {days: bisect_left(times, moment - days * _DAY_US) for days in features.days}
    usable = {
        column.name: [_usable(row[place[column.name]], column, exponents) for row in known]
        for column in features.window_fields
    }
    found: dict[str, Value] = {}
    for aggregate in features.windows:
        since = first[aggregate.days]
        values = [v for v in usable.get(aggregate.field, ())[since:] if v is not None]
        found[aggregate.name] = _aggregate(aggregate, values, len(known) - since, exponents, place, features)
    doubles = [a.name for a in features.windows if a.agg in {"sum", "mean"} and isinstance(found[a.name], float)]
    rounded = round_significant(np.array([found[name] for name in doubles]), SIGNIFICANT_DIGITS)
    return found | dict(zip(doubles, rounded.tolist(), strict=True))


def _usable(value: Any, column: Column, exponents: Mapping[str, int]) -> Any:
    """A field as the batch path cleans it; None if it does not count."""
    if value is None or (column.kind == "float" and not math.isfinite(value)):
        return None
    if column.specials and column.kind in NUMERIC and float(value) in column.specials:
        return None
    return int(value) if column.kind == "bool" else value


def _aggregate(
    aggregate: Aggregate,
    values: list[Any],
    n_events: int,
    exponents: Mapping[str, int],
    place: Mapping[str, int],
    features: SourceFeatures,
) -> Value:
    if aggregate.agg == "count":
        return n_events
    if not values:
        return None
    if aggregate.agg == "distinct":
        return len(set(values))
    if aggregate.agg == "max":
        return float(max(values)) if aggregate.kind == "decimal" else max(values)
    if aggregate.kind == "float":
        power = exponents[aggregate.field]
        total = math.ldexp(_double(sum(round(value * 2.0**power) for value in values)), -power)
    elif aggregate.kind == "decimal":
        total = _decimal_total(values, exact=aggregate.agg == "sum")
    else:
        return sum(values) if aggregate.agg == "sum" else float(sum(values)) / len(values)
    return total if aggregate.agg == "sum" else total / len(values)


def _double(total: int) -> float:
    """An exact sum as a double by the same two steps as the batch path takes."""
    high, low = divmod(abs(total), 2**64)
    size = float(high) * 2.0**64 + float(low)
    return -size if total < 0 else size


def _decimal_total(values: Sequence[Decimal], *, exact: bool) -> float:
    total = sum(values, Decimal(0))
    if exact:
        return float(total)
    scale = max(2, -int(total.as_tuple().exponent))
    return _double(int(total.scaleb(scale))) / 10.0**scale


class FeatureLookup:
    """All platform columns of a feature table for one person at one moment.

    Parameters
    ----------
    id_types : in order of preference, as in the match
    key : the project's key
    sources : what to compute from which store
    wanted : names of the columns that are needed, None = all
    """

    def __init__(
        self,
        id_types: Sequence[str],
        key: bytes,
        sources: Sequence[tuple[SourceFeatures, OnlineStore]],
        wanted: Sequence[str] | None = None,
    ) -> None:
        self._keyers = {id_type: keyer(id_type, key) for id_type in id_types}
        self._sources = [(narrowed(features, wanted), store) for features, store in sources]

    def __call__(self, ids: Mapping[str, str], observed_at: datetime) -> tuple[dict[str, Value], bool]:
        """Values by column name, and whether any source knew the person by then."""
        keys = {id_type: keyed(ids[id_type]) for id_type, keyed in self._keyers.items() if id_type in ids}
        values: dict[str, Value] = {}
        matched = False
        for features, store in self._sources:
            rows = self._first_hit(features, store, keys, observed_at)
            matched |= bool(rows)
            values |= features_at(rows, observed_at, features, store.info.exponents)
        return values, matched

    @staticmethod
    def _first_hit(
        features: SourceFeatures, store: OnlineStore, keys: Mapping[str, bytes], observed_at: datetime
    ) -> list[Row]:
        for id_type, key in keys.items():
            if id_type in features.source.id_types:
                rows = known_rows(store.rows(key), observed_at, features.source)
                if rows:
                    return rows
        return []


def narrowed(features: SourceFeatures, wanted: Sequence[str] | None) -> SourceFeatures:
    """The same source with only the columns that somebody needs."""
    if wanted is None:
        return features
    names = set(wanted)
    snapshot = tuple(c for c in features.snapshot if f"{features.prefix}__{c.name}" in names)
    return replace(features, snapshot=snapshot, windows=tuple(a for a in features.windows if a.name in names))
