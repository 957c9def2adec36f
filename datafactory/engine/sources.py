# ruff: noqa: S608 - names and paths enter SQL through quoted() and literal() only
"""A platform-side file becomes a source table: ids, event time, known-at time and fields, in a total order."""

from __future__ import annotations

import datetime as dt
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from datafactory.engine import times, validation
from datafactory.engine.identifiers import IdColumn
from datafactory.engine.kinds import STORED, FeatureColumn
from datafactory.engine.plans import Limits, SourcePlan, feature_columns
from datafactory.engine.roles import TimeColumn
from datafactory.engine.scanning import FileReading, Looks, Scan, read_file
from datafactory.engine.tables import TableWriter, engine, literal, quoted, write_sorted
from modeling.artifacts import Column, Kind, Progress, SourceFile, fingerprint, hash_folder, no_progress
from modeling.errors import DataError
from modeling.marks import ZERO_DELAY

if TYPE_CHECKING:
    import duckdb

READER = 1  # raised when the same file and plan would give another table
ROW_HASH = "row_hash"
_RESERVED = {"event_time", "known_at", ROW_HASH, "file_row_number"}  # the last is DuckDB's own
_RESERVED_STARTS = ("id__", "__")  # hashed ids, and what queries need for themselves


class _SourceColumns:
    """All columns of one source, converted batch by batch."""

    def __init__(self, plan: SourcePlan, names: list[str], kinds: dict[str, Kind], now: dt.datetime) -> None:
        self.plan = plan
        self.ids = [IdColumn(role) for role in plan.ids]
        self.event = TimeColumn(plan.event_time or "", plan, "end", now, required=True)
        self.known = TimeColumn(plan.known_at or "", plan, "end", now, future_refused=True)
        self.fields = [
            FeatureColumn(name, kinds[name], plan.nulls, plan.decimal, plan.zone)
            for name in feature_columns(plan, names)
        ]
        for one in self.fields:
            if one.name.lower() in _RESERVED or one.name.lower().startswith(_RESERVED_STARTS):
                raise DataError(
                    "field_reserved", "A field cannot be called %(column)s. Rename it in the file.", column=one.name
                )
        self.n_known_filled = 0
        self.n_known_early = 0

    @property
    def at_once(self) -> bool:
        """Whether rows count as known at their very event, because neither a known-at nor a delay says otherwise."""
        filled = not self.plan.known_at or self.n_known_filled > 0
        return self.plan.event_time is not None and filled and not self.plan.delay_days

    @property
    def schema(self) -> pa.Schema:
        fields = [(column.role.target, pa.string()) for column in self.ids]
        if self.plan.event_time:
            fields.append(("event_time", times.UTC_US))
        if self.plan.event_time or self.plan.known_at:
            fields.append(("known_at", times.UTC_US))
        fields += [(one.name, STORED[one.kind]) for one in self.fields]
        return pa.schema(fields)

    def convert(self, looks: Looks, first_row: int, n_rows: int) -> pa.RecordBatch:
        """A block as typed rows."""
        done = {column.role.target: column.convert(looks[column.role.column], first_row) for column in self.ids}
        self._convert_times(looks, first_row, done)
        for one in self.fields:
            done[one.name] = one.convert(looks[one.name], first_row)
        return pa.RecordBatch.from_arrays([done[name] for name in self.schema.names], schema=self.schema)

    def open(self, path: Path) -> TableWriter:
        return TableWriter(path, self.schema)

    def close(self) -> None:
        """Nothing is held open."""

    def verify(self) -> None:
        for column in self.ids:
            column.verify()

    def _convert_times(self, looks: Looks, first_row: int, done: dict[str, pa.Array]) -> None:
        plan = self.plan
        if plan.event_time:
            done["event_time"] = self.event.convert(looks[plan.event_time], first_row)
            done["known_at"] = self._delayed(done["event_time"])
        if plan.known_at:
            known = self.known.convert(looks[plan.known_at], first_row)
            filled = done.get("known_at", known)
            self.n_known_filled += known.null_count
            if plan.event_time:
                day_before = pc.subtract(done["event_time"], pa.scalar(dt.timedelta(days=1), pa.duration("us")))
                self.n_known_early += pc.sum(pc.less(known, day_before)).as_py() or 0
            done["known_at"] = pc.coalesce(known, filled)

    def _delayed(self, event: pa.Array) -> pa.Array:
        delay = pa.scalar(dt.timedelta(days=self.plan.delay_days), pa.duration("us"))
        return pc.add(event, delay).cast(times.UTC_US)


def read_source(
    path: Path,
    plan: SourcePlan,
    out: Path,
    limits: Limits,
    now: dt.datetime,
    progress: Progress = no_progress,
    sha256: str | None = None,
) -> tuple[SourceFile, dict[str, Any]]:
    """Read a platform-side file into ``out/rows.parquet``.

    Rows are sorted by (first id, event time, known-at, row hash). ``row_hash`` is md5 over all values of the row in a
    fixed text form, so that the order is total and the same for every engine. A date-only event or known-at is the end
    of its day; a missing known-at is the event time plus the declared delay.

    Raises
    ------
    DataError
        With ``code``, ``row`` and ``column`` of the first thing that makes the file unusable.
    """
    with tempfile.TemporaryDirectory(prefix=".work", dir=out) as folder:
        typed = Path(folder) / "typed.parquet"
        reading = FileReading(path, plan, limits, progress)
        scan, columns = read_file(reading, lambda names, kinds: _SourceColumns(plan, names, kinds, now), typed, sha256)
        with engine(out, limits) as connection:
            _write_rows(connection, typed, columns, out / "rows.parquet", scan.n_rows, progress)
            figures = _figures(connection, out / "rows.parquet", columns)
            report = _report(scan, columns, figures, limits)
    return _ticket(plan, scan, columns, figures, out), report


def _write_rows(
    connection: duckdb.DuckDBPyConnection,
    typed: Path,
    columns: _SourceColumns,
    path: Path,
    n_rows: int,
    progress: Progress,
) -> None:
    names = columns.schema.names
    schema = columns.schema.append(pa.field(ROW_HASH, pa.string()))
    values = ", ".join(_hashed(name, columns.schema.field(name).type) for name in names)
    order = [quoted(names[0]), *(name for name in ("event_time", "known_at") if name in names), ROW_HASH]
    query = (
        f"SELECT {', '.join(quoted(name) for name in names)}, md5(concat({values})) AS {ROW_HASH}"
        f" FROM read_parquet({literal(str(typed))}) ORDER BY {', '.join(order)}"
    )
    for _, done in write_sorted(connection, query, schema, path):
        progress(done, n_rows, "writing")


def _hashed(name: str, type_: pa.DataType) -> str:
    """A value as text that differs for different values, with a mark between values and one for null."""
    column = quoted(name)
    text = f"epoch_us({column})::VARCHAR" if pa.types.is_timestamp(type_) else f"{column}::VARCHAR"
    return f"coalesce({text}, chr(30)), chr(31)"


def _figures(connection: duckdb.DuckDBPyConnection, rows: Path, columns: _SourceColumns) -> dict[str, Any]:
    source = f"read_parquet({literal(str(rows))})"
    ids = [
        {
            "id_type": column.role.id_type,
            "column": column.role.column,
            "n_missing": column.n_missing,
            "n_distinct": (
                connection.sql(f"SELECT count(DISTINCT {quoted(column.role.target)}) FROM {source}").fetchone() or (0,)
            )[0],
        }
        for column in columns.ids
    ]
    first = last = None
    if columns.plan.event_time:
        span = connection.sql(f"SELECT epoch_us(min(event_time)), epoch_us(max(event_time)) FROM {source}").fetchone()
        first, last = (_iso(micros) for micros in span or (None, None))
    repeated = connection.sql(f"SELECT count(*) - count(DISTINCT {ROW_HASH}) FROM {source}").fetchone() or (0,)
    return {"ids": ids, "first_event": first, "last_event": last, "n_repeated": repeated[0]}


def _iso(micros: int | None) -> str | None:
    if micros is None:
        return None
    return (dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=micros)).isoformat()


def _report(scan: Scan, columns: _SourceColumns, figures: dict[str, Any], limits: Limits) -> dict[str, Any]:
    plan, checks = columns.plan, validation.Checks()
    validation.check_ids(checks, columns.ids, scan.n_rows)
    _check_times(checks, columns)
    if figures["n_repeated"]:
        checks.warned("duplicates", "%(count)d rows repeat another row exactly.", count=figures["n_repeated"])
    validation.check_columns(checks, columns.fields)
    validation.check_specials(checks, columns.fields, plan.specials)
    return {
        "format": scan.dialect.format,
        "encoding": scan.dialect.encoding,
        "delimiter": scan.dialect.delimiter,
        "zone": plan.zone,
        "n_rows": scan.n_rows,
        **figures,
        "columns": validation.column_lines(columns.fields, set(plan.kinds), scan.n_rows, limits.cell_floor),
        "checks": checks.lines,
    }


def _check_times(checks: validation.Checks, columns: _SourceColumns) -> None:
    plan = columns.plan
    if not plan.event_time and not plan.known_at:
        checks.warned("leakage_unknown", "The source has no time: leakage cannot be excluded.")
        return
    if not plan.known_at and not plan.delay_days:
        checks.warned(
            "no_delay", "No known-at time and no delay are given: every row counts as known at its event time."
        )
    if columns.n_known_filled:
        checks.warned(
            "known_at_filled",
            "%(count)d missing known-at times are taken as event time plus %(delay)s days.",
            count=columns.n_known_filled,
            delay=plan.delay_days,
            column=plan.known_at,
        )
    if columns.n_known_early:
        checks.warned(
            "known_before_event",
            "%(count)d rows were known more than a day before their event.",
            count=columns.n_known_early,
            column=plan.known_at,
        )


def _plan_recipe(plan: SourcePlan) -> dict[str, Any]:
    """The plan without what was added later and is not used, so that old recipes keep their fingerprint."""
    return {name: value for name, value in asdict(plan).items() if name != "valid_days" or value is not None}


def _ticket(plan: SourcePlan, scan: Scan, columns: _SourceColumns, figures: dict[str, Any], out: Path) -> SourceFile:
    recipe = {"stage": "read_source", "reader": READER, "file": scan.sha256, "plan": _plan_recipe(plan)}
    return SourceFile(
        fingerprint=fingerprint(recipe),
        parents=(scan.sha256,),
        path="",
        content_hash=hash_folder(out),
        slug=plan.slug,
        id_types=tuple(role.id_type for role in plan.ids),
        columns=tuple(
            Column(
                one.name,
                one.kind,
                "platform",
                plan.slug,
                one.name,
                plan.titles.get(one.name, ""),
                plan.specials.get(one.name, ()),
            )
            for one in columns.fields
        ),
        n_rows=scan.n_rows,
        n_ids=figures["ids"][0]["n_distinct"],
        has_event_time=plan.event_time is not None,
        has_known_at=plan.known_at is not None,
        first_event=figures["first_event"],
        last_event=figures["last_event"],
        marks=(ZERO_DELAY,) if columns.at_once else (),
    )
