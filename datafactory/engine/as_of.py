"""What each application could know of one source: the latest row, and what happened in the windows before it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datafactory.engine import sorted_rows
from datafactory.engine.engines import Table, TableEngine
from datafactory.engine.keying import id_column, keys_file
from datafactory.engine.matching import MatchPlan, as_known, moments_of
from datafactory.engine.sorted_rows import Applications
from datafactory.engine.windows import bucket, cleaned, distinct_counts, exponent, summed
from modeling.artifacts import Column

if TYPE_CHECKING:
    from datafactory.engine.features import SourceFeatures

ROW_HASH = "row_hash"  # column of a source: md5 of all values of the row, the last word on ties
IN_MEMORY_CELLS = 50_000_000  # of a table that is handed on as it is; a larger one goes through the engine


def build_source(one: SourceFeatures, plan: MatchPlan, keyed: Path, engine: TableEngine) -> list[Table]:
    """Tables keyed by ``__pos``: the latest row and the exact parts of the windows; of the engine or of pyarrow."""
    tables = []
    if one.snapshot:
        tables.append(_latest(one, plan, keyed, engine))
    if one.windows:
        tables += _windows(one, plan, keyed, engine)
    return tables


def _windows(one: SourceFeatures, plan: MatchPlan, keyed: Path, engine: TableEngine) -> list[Table]:
    one.exponents.update(_exponents(one, engine))
    read_off = _read_off(one, plan, keyed, engine)
    types = [id_type for id_type in _id_types(one, plan) if read_off is None or id_type != one.source.id_types[0]]
    if read_off is not None and not types:
        return [_handed(f"read_off_{one.prefix}", read_off, engine)]
    found = [_prefixed(table, one) for table in _joined_windows(one, types, keyed, engine)]
    if read_off is not None:
        lent = engine.lend(f"read_off_{one.prefix}", read_off)
        mine = [lent.select(*table.columns) for table in found]
        found = [own.union(table.cast(own.schema())) for own, table in zip(mine, found, strict=True)]
    return [engine.keep(f"windows_{one.prefix}_{n}", table) for n, table in enumerate(found)]


def _handed(name: str, table: pa.Table, engine: TableEngine) -> Table:
    return table if table.num_rows * table.num_columns <= IN_MEMORY_CELLS else engine.lend(name, table)


def _joined_windows(one: SourceFeatures, id_types: Sequence[str], keyed: Path, engine: TableEngine) -> list[Table]:
    fields = [column.name for column in one.window_fields]
    parts = [_joined(one, id_type, keyed, engine, fields, windows=True) for id_type in id_types]
    events = reduce(lambda a, b: a.union(b), [_bucketed(part, one) for part in parts])
    counted = sorted({aggregate.field for aggregate in one.windows if aggregate.agg == "distinct"})
    if counted:
        events = engine.keep(f"events_{one.prefix}", events)
    sums = summed(events, one.windows, one.days, one.exponents)
    return [*([sums] if sums is not None else []), *(distinct_counts(events, field, one.days) for field in counted)]


def _read_off(one: SourceFeatures, plan: MatchPlan, keyed: Path, engine: TableEngine) -> pa.Table | None:
    """The windows of those whom the source's first id hit, where the engine goes through sorted rows."""
    asked = _asked(one, plan, keyed, engine)
    if asked is None:
        return None
    rows = engine.root / one.source.path / "rows.parquet"
    parts = sorted_rows.window_parts(rows, asked, one.window_fields, one.windows, one.days, one.exponents)
    if parts is None:
        return None
    names = [name if name == "__pos" else f"{one.prefix}|{name}" for name in parts.column_names]
    return parts.rename_columns(names)


def _asked(one: SourceFeatures, plan: MatchPlan, keyed: Path, engine: TableEngine) -> Applications | None:
    first = one.source.id_types[0]
    if not (engine.loops and first in plan.id_types and sorted_rows.has_rows(keyed, first)):
        return None
    spine = pq.read_table(engine.scratch("spine.parquet"))
    spine = spine.filter(pc.equal(spine[f"__via_{one.prefix}"], first))
    moments = [spine[name] for name in moments_of(one.source)]
    starts = [spine[f"__from_{day}"] for day in one.days] if one.windows else []
    if starts and len(moments) == 1:
        moments.append(None)
    asked = sorted_rows.applications(
        spine["__pos"], spine[f"__key_{one.prefix}"], [*moments, *starts], keyed, first, engine
    )
    return asked if len(asked.pos) else None


def _prefixed(table: Table, one: SourceFeatures) -> Table:
    """Parts under the name of their source."""
    return table.rename({f"{one.prefix}|{name}": name for name in table.columns if name != "__pos"})


def _id_types(one: SourceFeatures, plan: MatchPlan) -> list[str]:
    return [id_type for id_type in plan.id_types if id_type in one.source.id_types]


def _joined(
    one: SourceFeatures, id_type: str, keyed: Path, engine: TableEngine, fields: Sequence[str], *, windows: bool
) -> Table:
    """Rows of the source that each application could know, of those that this id type hit."""
    moments = moments_of(one.source)
    starts = [f"__from_{day}" for day in one.days] if windows else []
    spine = engine.table(engine.scratch("spine.parquet"))
    found = spine.filter(spine[f"__via_{one.prefix}"] == id_type)
    found = found.select("__pos", *starts, key=found[f"__key_{one.prefix}"], **{f"__{n}": found[n] for n in moments})
    known = engine.table(keyed / keys_file(id_type)).select("id", "key")
    found = found.join(known, "key").drop("key").rename(__id="id")
    source = engine.table(engine.root / one.source.path / "rows.parquet", row_no="__row")
    rows = source.select(*one.source.times, "__row", *fields, __own=source[id_column(id_type)])
    joined = found.join(rows, found["__id"] == rows["__own"])
    if not moments:
        return joined
    longest = [joined.event_time >= joined[f"__from_{one.days[-1]}"]] if windows else []
    return joined.filter([*as_known(joined, one.source, "__"), *longest])


def _bucketed(events: Table, one: SourceFeatures) -> Table:
    fields = [cleaned(events, column).name(column.name) for column in one.window_fields]
    starts = [events[f"__from_{day}"] for day in one.days]
    return events.select("__pos", *fields, __bucket=bucket(events.event_time, starts))


def _exponents(one: SourceFeatures, engine: TableEngine) -> dict[str, int]:
    """Scale of each column of doubles, from the whole source: it must not depend on who is matched."""
    doubles = [column for column in one.window_fields if column.kind == "float"]
    path = engine.root / one.source.path / "rows.parquet"
    largest = {column.name: sorted_rows.largest_by_statistics(path, column) for column in doubles}
    unknown = [column for column in doubles if largest[column.name] is None]
    if unknown:
        table = engine.table(path)
        sizes = [cleaned(table, column).abs().max().name(column.name) for column in unknown]
        largest |= engine.fetch(table.aggregate(sizes)).to_pylist()[0]
    return {name: exponent(value) for name, value in largest.items()}


def _latest(one: SourceFeatures, plan: MatchPlan, keyed: Path, engine: TableEngine) -> Table:
    """The last row in the total order (event_time, known_at, row hash), with the fields asked for.

    The order is found on narrow rows; wide columns are then read for the winners alone.
    """
    asked = _asked(one, plan, keyed, engine)
    if asked is not None:
        return _latest_read_off(one, plan, asked, keyed, engine)
    parts = [_last_rows(one, id_type, keyed, engine) for id_type in _id_types(one, plan)]
    last = reduce(lambda a, b: a.union(b), parts)
    source = engine.table(engine.root / one.source.path / "rows.parquet", row_no="__row")
    fields = {f"{one.prefix}__{column.name}": _snapshot_value(source, column) for column in one.snapshot}
    return engine.keep(f"latest_{one.prefix}", last.join(source.select("__row", **fields), "__row").drop("__row"))


def _latest_read_off(
    one: SourceFeatures, plan: MatchPlan, asked: Applications, keyed: Path, engine: TableEngine
) -> Table:
    """The same where the engine goes through sorted rows; other id types are still joined."""
    path = engine.root / one.source.path / "rows.parquet"
    n, row, _ = sorted_rows.last_rows(path, asked, one.source.has_event_time)
    last = [pa.table({"__pos": asked.pos[n > 0], "__row": row[n > 0]})]
    others = [id_type for id_type in _id_types(one, plan) if id_type != one.source.id_types[0]]
    last += [engine.fetch(_last_rows(one, id_type, keyed, engine)).cast(last[0].schema) for id_type in others]
    table = pa.concat_tables(last).sort_by("__row")
    found = sorted_rows.rows_at(path, table["__row"].to_numpy(), [column.name for column in one.snapshot])
    named = found.rename_columns([f"{one.prefix}__{name}" for name in found.column_names])
    return _handed(f"latest_{one.prefix}", named.append_column("__pos", table["__pos"]), engine)


def _last_rows(one: SourceFeatures, id_type: str, keyed: Path, engine: TableEngine) -> Table:
    """Position of the last row of each application.

    A source lies sorted by its first id and the total order: there the last row is the one furthest down. For another
    id the order is gone through key by key, because window functions are not on every engine.
    """
    if id_type == one.source.id_types[0]:
        rows = _joined(one, id_type, keyed, engine, [], windows=False)
    else:
        rows = _joined(one, id_type, keyed, engine, [ROW_HASH], windows=False)
        rows = engine.keep(f"known_{one.prefix}_{id_type}", rows.select("__pos", "__row", *one.source.times, ROW_HASH))
        for name in (*one.source.times, ROW_HASH):
            best = rows.group_by("__pos").agg(__best=rows[name].max())
            joined = rows.join(best, "__pos")
            rows = joined.filter(joined[name] == joined["__best"]).drop("__best")
    return rows.group_by("__pos").agg(__row=rows["__row"].max())


def _snapshot_value(source: Table, column: Column) -> Any:
    value = source[column.name]
    return value.cast("int64") if column.kind == "bool" else value
