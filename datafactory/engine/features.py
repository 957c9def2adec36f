"""Feature tables: one row an application with the partner's columns, the latest source values and window aggregates,
each as it was known at the moment of the application."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datafactory.engine.as_of import build_source
from datafactory.engine.engines import Table, TableEngine
from datafactory.engine.matching import (
    UTC_US,
    MatchPlan,
    SourceInput,
    source_prefix,
    validity_starts,
)
from datafactory.engine.windows import (
    Agg,
    Aggregate,
    finish,
    grid,
    window_starts,
)
from modeling.artifacts import (
    Column,
    FeatureTable,
    MatchReport,
    Progress,
    SampleFile,
    fingerprint,
    hash_folder,
    no_progress,
    to_json,
)
from modeling.errors import DataError

CODE_VERSION = 1
_ROW_GROUP = 131_072


@dataclass(frozen=True)
class FeaturePlan:
    """Which columns to build. ``None`` means the default: every field of a snapshot source as its latest value, every
    field of an event source in the window grid, dates in neither. A source named in either mapping gets exactly what is
    listed there. ``engine`` forces a table engine; it is no part of the recipe, as the result is the same on each."""

    snapshot_fields: dict[str, tuple[str, ...]] | None = None
    windows_days: tuple[int, ...] = (7, 30, 90, 180, 360)
    aggregates: tuple[Agg, ...] = ("count", "sum", "mean", "max", "distinct")
    grids: dict[str, tuple[str, ...]] | None = None
    engine: str | None = None


@dataclass(frozen=True)
class SourceFeatures:
    """What is built from one source."""

    source: SourceInput
    snapshot: tuple[Column, ...]
    windows: tuple[Aggregate, ...]
    days: tuple[int, ...]
    exponents: dict[str, int] = field(default_factory=dict)

    @property
    def prefix(self) -> str:
        return source_prefix(self.source.slug)

    @property
    def columns(self) -> tuple[Column, ...]:
        """The feature columns, snapshot fields first."""
        latest = [
            replace(
                c,
                name=f"{self.prefix}__{c.name}",
                kind="category" if c.kind == "date" else c.kind,
                party="platform",
                origin=self.source.slug,
                field=c.name,
            )
            for c in self.snapshot
        ]
        built = [Column(a.name, a.result_kind, "platform", self.source.slug, a.field, a.title) for a in self.windows]
        return (*latest, *built)

    @property
    def window_fields(self) -> tuple[Column, ...]:
        used = {aggregate.field for aggregate in self.windows}
        return tuple(column for column in self.source.columns if column.name in used)


def choose_features(source: SourceInput, plan: FeaturePlan) -> SourceFeatures:
    """Resolve the plan for one source; unknown fields and windows without event times are refused."""
    snapshots, grids = plan.snapshot_fields or {}, plan.grids or {}
    named = source.slug in snapshots or source.slug in grids
    every = tuple(column.name for column in source.columns if column.kind != "date")
    snapshot = snapshots.get(source.slug, every if source.kind == "snapshot" and not named else ())
    fields = grids.get(source.slug, every if source.kind == "events" and not named else ())
    windowed = source.slug in grids or (source.kind == "events" and not named)
    if windowed and not source.has_event_time:
        raise DataError(
            "windows_need_time", "The source %(source)s has no event time, so it has no windows.", source=source.slug
        )
    windows = grid(source_prefix(source.slug), _pick(source, fields), plan.aggregates, plan.windows_days)
    days = tuple(sorted(plan.windows_days))
    return SourceFeatures(source, _pick(source, snapshot), windows if windowed else (), days)


def _pick(source: SourceInput, names: Sequence[str]) -> tuple[Column, ...]:
    by_name = {column.name: column for column in source.columns}
    for name in names:
        if name not in by_name:
            raise DataError(
                "unknown_field", "The source %(source)s has no field %(field)s.", source=source.slug, field=name
            )
    return tuple(by_name[name] for name in names)


def feature_recipe(match: MatchReport, plan: FeaturePlan) -> dict[str, Any]:
    chosen = {name: value for name, value in to_json(plan).items() if name != "engine"}
    return {"stage": "build_features", "code": CODE_VERSION, "match": match.content_hash, "plan": chosen}


def build_features(
    sample: SampleFile,
    sample_dir: Path,
    match: MatchReport,
    match_dir: Path,
    match_plan: MatchPlan,
    keyed_dirs: Mapping[str, Path],
    plan: FeaturePlan,
    out: Path,
    engine: TableEngine,
    *,
    progress: Progress = no_progress,
) -> tuple[FeatureTable, dict[str, Any]]:
    """Write ``rows.parquet`` (sorted by row_id) and ``profile.json``.

    Parameters
    ----------
    match_dir : folder with ``matched.parquet``
    keyed_dirs : per source slug the folder of its keyed ids
    out : empty folder for the result

    Returns
    -------
    The ticket (``path`` empty) and the profile. The same inputs and plan give the same bytes, whatever the threads.

    Raises
    ------
    DataError
        ``unknown_field``, ``windows_need_time``, ``duplicate_feature``, ``no_features``.
    """
    columns, n_rows, n_matched = join_features(
        sample, sample_dir, match_dir, match_plan, keyed_dirs, plan, out, engine, progress=progress
    )
    progress(len(match_plan.sources) + 1, len(match_plan.sources) + 2, "profile")
    profile = _write_profile(out, columns, match_plan)
    ticket = FeatureTable(
        fingerprint=fingerprint(feature_recipe(match, plan)),
        parents=(match.content_hash, sample.content_hash),
        path="",
        content_hash=hash_folder(out),
        columns=columns,
        n_rows=n_rows,
        n_matched_rows=n_matched,
        marks=match.marks,
    )
    return ticket, profile


def join_features(
    sample: SampleFile,
    sample_dir: Path,
    match_dir: Path,
    match_plan: MatchPlan,
    keyed_dirs: Mapping[str, Path],
    plan: FeaturePlan,
    out: Path,
    engine: TableEngine,
    *,
    progress: Progress = no_progress,
) -> tuple[tuple[Column, ...], int, int]:
    """Write ``rows.parquet`` alone; returns its feature columns, rows and matched rows. As :func:`build_features`."""
    chosen = [choose_features(source, plan) for source in match_plan.sources]
    columns = (*sample.columns, *(column for one in chosen for column in one.columns))
    _check_names(columns)
    _write_spine(sample, sample_dir, match_dir, chosen, match_plan, engine)
    built: list[tuple[SourceFeatures, list[Table]]] = []
    for done, one in enumerate(chosen):
        progress(done, len(chosen) + 2, one.source.slug)
        built.append((one, build_source(one, match_plan, keyed_dirs[one.source.slug], engine)))
    progress(len(chosen), len(chosen) + 2, "rows")
    schema = _schema(sample, sample_dir, chosen, engine.root)
    return columns, *_write_rows(sample_dir / "rows.parquet", built, schema, out / "rows.parquet", engine)


def _write_profile(out: Path, columns: Sequence[Column], plan: MatchPlan) -> dict[str, Any]:
    from datafactory.engine.profile import profile_features  # binning and pandas: for the job alone

    profile = profile_features(
        out / "rows.parquet", columns, zone=plan.zone, floor_ids=plan.floor_ids, cell_floor=plan.cell_floor
    )
    (out / "profile.json").write_bytes(msgspec.json.encode(profile, order="deterministic"))
    return profile


def _check_names(columns: Sequence[Column]) -> None:
    seen: set[str] = set()
    for column in columns:
        if column.name in seen:
            raise DataError("duplicate_feature", "Two features would be called %(name)s.", name=column.name)
        seen.add(column.name)
    if not columns:
        raise DataError("no_features", "The plan leaves no feature to build.")


def _write_spine(
    sample: SampleFile,
    sample_dir: Path,
    match_dir: Path,
    chosen: Sequence[SourceFeatures],
    plan: MatchPlan,
    engine: TableEngine,
) -> None:
    """Scratch file with position, time, window starts and the keyed id that hit in each source."""
    matched = pq.read_table(match_dir / "matched.parquet")
    columns: dict[str, Any] = {"__pos": pa.array(np.arange(matched.num_rows)), "__matched": matched["matched"]}
    if sample.has_time:
        observed = pq.read_table(sample_dir / "rows.parquet", columns=["observed_at"])["observed_at"]
        columns["observed_at"] = observed
        days = sorted({day for one in chosen for day in one.days if one.windows})
        for day, start in window_starts(observed.cast(pa.int64()).to_numpy(), days).items():
            columns[f"__from_{day}"] = pa.array(start).cast(UTC_US)
        columns |= validity_starts(observed, [one.source for one in chosen])
    for one in chosen:
        for part in ("via", "key"):
            columns[f"__{part}_{one.prefix}"] = matched[f"{part}__{one.prefix}"]
    pq.write_table(pa.table(columns), engine.scratch("spine.parquet"))


def _schema(sample: SampleFile, sample_dir: Path, chosen: Sequence[SourceFeatures], root: Path) -> pa.Schema:
    """The columns of a feature table, whatever types an engine computes in."""
    own = pq.read_schema(sample_dir / "rows.parquet")
    plain = ("row_id", "person", "observed_at", "y", "weight", "split", "approved")
    fields = [(name, own.field(name).type) for name in plain if name in own.names]
    fields += [("matched", pa.bool_()), *((column.name, own.field(column.name).type) for column in sample.columns)]
    for one in chosen:
        stored = pq.read_schema(root / one.source.path / "rows.parquet")
        types = [_latest_type(column, stored) for column in one.snapshot]
        types += [_window_type(aggregate, stored) for aggregate in one.windows]
        fields += [(column.name, type_) for column, type_ in zip(one.columns, types, strict=True)]
    return pa.schema(fields)


def _latest_type(column: Column, stored: pa.Schema) -> pa.DataType:
    if column.kind in {"date", "category"}:
        return pa.string()
    return pa.int64() if column.kind == "bool" else stored.field(column.name).type


def _window_type(aggregate: Aggregate, stored: pa.Schema) -> pa.DataType:
    if aggregate.result_kind != "decimal":
        return pa.int64() if aggregate.result_kind == "int" else pa.float64()
    type_ = stored.field(aggregate.field).type
    return pa.decimal128(38, type_.scale) if aggregate.agg == "sum" else type_


def _write_rows(
    sample_rows: Path,
    built: Sequence[tuple[SourceFeatures, list[Table]]],
    schema: pa.Schema,
    path: Path,
    engine: TableEngine,
) -> tuple[int, int]:
    """Bring everything beside the sample in its order and write it; returns rows and matched rows."""
    tables = [table for _, found in built for table in found]
    in_memory = engine.loops and all(isinstance(table, pa.Table) for table in tables)
    wide = _side_by_side(sample_rows, tables, engine) if in_memory else _joined(sample_rows, tables, engine)
    n_rows = n_matched = 0
    with pq.ParquetWriter(path, schema) as writer:
        for batch in _even(wide, _ROW_GROUP):
            table = _finished(batch, schema, [one for one, _ in built])
            writer.write_table(table)
            n_rows += table.num_rows
            n_matched += pc.sum(table["matched"]).as_py() or 0
    return n_rows, n_matched


def _joined(sample_rows: Path, tables: Sequence[Table], engine: TableEngine) -> Iterator[pa.RecordBatch]:
    spine = engine.table(engine.scratch("spine.parquet"))
    wide = engine.table(sample_rows, row_no="__pos").join(spine.select("__pos", matched=spine["__matched"]), "__pos")
    for n, table in enumerate(tables):
        own = engine.lend(f"part_{n}", table) if isinstance(table, pa.Table) else table
        wide = wide.left_join(own, "__pos").drop("__pos_right")
    yield from engine.batches(wide.order_by("__pos"))


def _side_by_side(sample_rows: Path, tables: Sequence[pa.Table], engine: TableEngine) -> Iterator[pa.RecordBatch]:
    """The same without the engine: positions say where each row goes."""
    matched = pq.read_table(engine.scratch("spine.parquet"), columns=["__matched"])["__matched"]
    parts = [table.sort_by("__pos").combine_chunks() for table in tables]
    places = [table["__pos"].to_numpy() for table in parts]
    start = 0
    for batch in pq.ParquetFile(sample_rows).iter_batches(_ROW_GROUP):
        stop = start + batch.num_rows
        table = pa.Table.from_batches([batch]).append_column("matched", matched.slice(start, batch.num_rows))
        for part, place in zip(parts, places, strict=True):
            first, last = np.searchsorted(place, (start, stop))
            at = np.full(batch.num_rows, -1)
            at[place[first:last] - start] = np.arange(first, last)
            found = part.drop_columns("__pos").take(pa.array(at, mask=at < 0))
            for name in found.column_names:
                table = table.append_column(name, found[name])
        yield from table.combine_chunks().to_batches()
        start = stop


def _finished(batch: pa.Table, schema: pa.Schema, built: Sequence[SourceFeatures]) -> pa.Table:
    parts = {name: batch[name].combine_chunks() for name in batch.column_names}
    for one in built:
        for aggregate in one.windows:
            renamed = {name: parts[f"{one.prefix}|{name}"] for name in aggregate.raw}
            parts[aggregate.name] = finish(aggregate, renamed, one.exponents)
    return pa.table([parts[name].cast(schema.field(name).type) for name in schema.names], schema=schema)


def _even(batches: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """Batches of exactly ``rows`` rows (the last one fewer), so that the file does not depend on the engine's pace."""
    held: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        held.append(batch)
        count += batch.num_rows
        while count >= rows:
            table = pa.Table.from_batches(held)
            yield table.slice(0, rows)
            held = table.slice(rows).to_batches()
            count -= rows
    if count:
        yield pa.Table.from_batches(held)
