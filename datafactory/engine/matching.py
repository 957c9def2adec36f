"""A sample joined with sources on keyed ids, as each application could have known them.

A source row counts for an application only if ``event_time < observed_at`` and ``known_at <= observed_at`` and, where
the source says for how many days a row is valid, ``event_time >= observed_at - valid_days``. Every row counts as it
stands: a correction is one more row, which takes the place of what it corrects only where the latest row is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datafactory.engine.engines import Table, TableEngine
from datafactory.engine.keying import KEY_TYPE, id_column, keyed_column, keys_file
from datafactory.engine.match_report import Hits, build_report
from modeling.artifacts import Column, MatchReport, Progress, SampleFile, fingerprint, hash_folder, no_progress
from modeling.errors import DataError
from modeling.marks import BEFORE_SOURCE, LEAKAGE_UNKNOWN

CODE_VERSION = 1
UTC_US = pa.timestamp("us", tz="UTC")
DAY_US = 86_400_000_000


@dataclass(frozen=True)
class SourceInput:
    """One version of a source as matching sees it; ``path`` is its folder below the artifact root."""

    slug: str
    kind: Literal["snapshot", "events"]
    path: str
    id_types: tuple[str, ...]
    has_event_time: bool
    has_known_at: bool
    content_hash: str
    columns: tuple[Column, ...] = ()
    first_event: str | None = None
    marks: tuple[str, ...] = ()
    valid_days: int | None = None

    @property
    def times(self) -> tuple[str, ...]:
        return ("event_time", "known_at") if self.has_event_time else ()


@dataclass(frozen=True)
class MatchPlan:
    """``id_types`` in order of preference: for each source and application the first one that hits is used.

    ``engine`` forces a table engine; it is no part of the recipe, because the result is the same on each.
    """

    id_types: tuple[str, ...]
    sources: tuple[SourceInput, ...]
    floor_ids: int = 1000
    cell_floor: int = 10
    zone: str = "Asia/Shanghai"  # in which months begin
    engine: str | None = None


@dataclass(frozen=True)
class SourceHits:
    """Per application, in the order of the sample: qualifying rows of one source, the id that hit, the latest event."""

    slug: str
    rows: npt.NDArray[np.int64]
    via: npt.NDArray[np.int8]  # index into the plan's id types, -1 = no hit
    latest: npt.NDArray[np.int64] | None  # microseconds since 1970 of the latest qualifying event
    keys: dict[int, pa.Array] = field(default_factory=dict)

    @property
    def hit(self) -> npt.NDArray[np.bool_]:
        return self.via >= 0


def source_prefix(slug: str) -> str:
    """The slug as it stands in column names.

    >>> source_prefix("multi-lending")
    'multi_lending'
    """
    return slug.replace("-", "_")


def check_plan(sample: SampleFile, plan: MatchPlan) -> tuple[str, ...]:
    """Refuse what cannot be matched, by name; return the marks that the result must carry."""
    if not plan.sources:
        raise DataError("no_sources", "Choose at least one source to match with.")
    if not plan.id_types:
        raise DataError("no_id_types", "Choose at least one id type to match on.")
    for id_type in plan.id_types:
        if id_type not in sample.id_types:
            raise DataError("sample_lacks_id_type", "The sample has no ids of type %(id_type)s.", id_type=id_type)
    for source in plan.sources:
        _check_source(sample, plan, source)
    timeless = not sample.has_time or any(not source.has_event_time for source in plan.sources)
    of_sources = (mark for source in plan.sources for mark in source.marks)
    return tuple(dict.fromkeys((*sample.marks, *((LEAKAGE_UNKNOWN,) if timeless else ()), *of_sources)))


def _check_source(sample: SampleFile, plan: MatchPlan, source: SourceInput) -> None:
    if not set(plan.id_types) & set(source.id_types):
        raise DataError(
            "algorithm_missing",
            "The source %(source)s has no ids of type %(wanted)s; it carries %(carried)s.",
            source=source.slug,
            wanted=", ".join(plan.id_types),
            carried=", ".join(source.id_types) or "none",
        )
    if source.has_event_time and not sample.has_time:
        raise DataError(
            "sample_without_time",
            "The sample has no application time, so the source %(source)s, whose rows have times, cannot be used: "
            "rows from after the application could not be told apart.",
            source=source.slug,
        )


def match_recipe(sample: SampleFile, plan: MatchPlan) -> dict[str, Any]:
    """What the result depends on; where files lie and how many threads run is not part of it."""
    sources = [
        (s.slug, s.kind, s.content_hash, s.has_event_time, *((s.valid_days,) if s.valid_days else ()))
        for s in plan.sources
    ]
    return {
        "stage": "match_sample",
        "code": CODE_VERSION,
        "sample": sample.content_hash,
        "id_types": plan.id_types,
        "sources": sources,
        "floors": (plan.floor_ids, plan.cell_floor),
        "zone": plan.zone,
    }


def match_sample(
    sample: SampleFile,
    sample_dir: Path,
    plan: MatchPlan,
    key: bytes,
    keyed_dirs: Mapping[str, Path],
    out: Path,
    engine: TableEngine,
    *,
    told_before: Sequence[str] = (),
    progress: Progress = no_progress,
) -> tuple[MatchReport, dict[str, Any]]:
    """Find for each application and source whether any row qualifies; write ``matched.parquet`` and ``report.json``.

    Parameters
    ----------
    sample_dir : folder with the sample's ``rows.parquet``
    key : the project's HMAC key
    keyed_dirs : per source slug the folder that :func:`~datafactory.engine.keying.key_ids` wrote
    out : empty folder for the result
    told_before : groups of which an earlier match told nearly the same people; the report hides them

    Returns
    -------
    The ticket (``path`` empty) and the report. ``matched.parquet`` has ``row_id``, ``matched`` and per source
    ``hit__``, ``via__`` (id type) and ``key__`` (keyed id), in the order of the sample.

    Raises
    ------
    DataError
        ``algorithm_missing``, ``sample_without_time``, ``below_floor``, ``no_match`` and others.
    """
    marks = check_plan(sample, plan)
    _check_floor(sample_dir / "rows.parquet", plan)
    names = ["row_id", *(id_column(t) for t in plan.id_types), *(["observed_at"] if sample.has_time else [])]
    rows = pq.read_table(sample_dir / "rows.parquet", columns=names)
    marks = (*marks, *_early_mark(rows, plan))
    spine = _write_spine(rows, plan, key, engine)
    found = []
    for done, source in enumerate(plan.sources):
        progress(done, len(plan.sources), source.slug)
        found.append(_match_source(source, plan, spine, keyed_dirs[source.slug], engine, rows.num_rows))
    _write_matched(rows, plan, spine, found, out / "matched.parquet")
    report = _report(sample, sample_dir, plan, found, marks, told_before)
    ids = report.pop("exact")
    _check_found(ids["n_matched_ids"], plan, rows.num_rows)
    (out / "report.json").write_bytes(msgspec.json.encode(report, order="deterministic"))
    ticket = MatchReport(
        fingerprint=fingerprint(match_recipe(sample, plan)),
        parents=(sample.content_hash, *(source.content_hash for source in plan.sources)),
        path="",
        content_hash=hash_folder(out),
        sources=tuple(source.slug for source in plan.sources),
        n_rows=rows.num_rows,
        n_ids=ids["n_ids"],
        n_matched_rows=ids["n_matched_rows"],
        n_matched_ids=ids["n_matched_ids"],
        marks=tuple(report["marks"]),
    )
    return ticket, report


def _check_found(n_people: int, plan: MatchPlan, n_rows: int) -> None:
    """Nobody and a few are one answer: who asks about chosen people learns nothing of any of them."""
    if n_people < max(1, plan.cell_floor):
        raise DataError(
            "no_match",
            "None of the %(n_rows)d applications was found in %(sources)s, or too few to be told. Check that the ids "
            "were cleaned and hashed in the same way and that the sources reach back before the applications.",
            n_rows=n_rows,
            sources=", ".join(source.slug for source in plan.sources),
        )


def _report(
    sample: SampleFile,
    sample_dir: Path,
    plan: MatchPlan,
    found: Sequence[SourceHits],
    marks: tuple[str, ...],
    told_before: Sequence[str],
) -> dict[str, Any]:
    return build_report(
        pq.read_table(sample_dir / "rows.parquet", columns=_report_columns(sample)),
        sample.columns,
        [Hits(hits.slug, hits.hit, hits.via, hits.latest, hits.rows) for hits in found],
        plan.id_types,
        plan.floor_ids,
        plan.cell_floor,
        plan.zone,
        marks,
        told_before,
    )


def _early_mark(rows: pa.Table, plan: MatchPlan) -> tuple[str, ...]:
    """Flag applications from before a source's first event: nothing could be known about them there."""
    starts = [datetime.fromisoformat(s.first_event) for s in plan.sources if s.has_event_time and s.first_event]
    if not starts or "observed_at" not in rows.column_names:
        return ()
    first = pc.min(rows["observed_at"]).as_py()
    return (BEFORE_SOURCE,) if first is not None and first <= max(starts) else ()


def _report_columns(sample: SampleFile) -> list[str]:
    optional = [("observed_at", sample.has_time), ("y", sample.n_bad is not None)]
    own = [c.name for c in sample.columns if c.party == "partner" and c.kind != "date"]
    return ["person", *(name for name, there in optional if there), *own]


def _check_floor(rows: Path, plan: MatchPlan) -> None:
    ids = pq.read_table(rows, columns=[id_column(t) for t in plan.id_types])
    n_ids = max(pc.count_distinct(column, mode="only_valid").as_py() for column in ids.columns)
    if n_ids < plan.floor_ids:
        raise DataError(
            "below_floor",
            "The sample has %(n_ids)d distinct ids; a match needs at least %(floor)d, so that it cannot be used to ask "
            "about single people.",
            n_ids=n_ids,
            floor=plan.floor_ids,
        )


def _write_spine(rows: pa.Table, plan: MatchPlan, key: bytes, engine: TableEngine) -> pa.Table:
    """Position, time and keyed ids of each application, readable by the engine under its scratch name ``spine``."""
    columns: dict[str, Any] = {"pos": pa.array(np.arange(rows.num_rows))}
    if "observed_at" in rows.column_names:
        columns["observed_at"] = rows["observed_at"]
        columns |= validity_starts(rows["observed_at"], plan.sources)
    for index, id_type in enumerate(plan.id_types):
        columns[f"key_{index}"] = keyed_column(rows[id_column(id_type)], id_type, key)
    spine = pa.table(columns)
    pq.write_table(spine, engine.scratch("spine.parquet"))
    return spine


def _match_source(
    source: SourceInput, plan: MatchPlan, spine: pa.Table, keyed: Path, engine: TableEngine, n_rows: int
) -> SourceHits:
    rows, via = np.zeros(n_rows, np.int64), np.full(n_rows, -1, np.int8)
    latest = np.zeros(n_rows, np.int64) if source.has_event_time else None
    keys: dict[int, pa.Array] = {}
    for index, id_type in enumerate(plan.id_types):
        if id_type not in source.id_types:
            continue
        found = _found(source, index, id_type, spine, keyed, engine)
        position = found["pos"].to_numpy()
        new = via[position] < 0
        via[position[new]] = index
        rows[position[new]] = found["n"].to_numpy()[new]
        if latest is not None:
            latest[position[new]] = found["latest"].cast(UTC_US).cast(pa.int64()).to_numpy()[new]
        keys[index] = spine[f"key_{index}"]
    return SourceHits(source.slug, rows, via, latest, keys)


def _found(
    source: SourceInput, index: int, id_type: str, spine: pa.Table, keyed: Path, engine: TableEngine
) -> pa.Table:
    """``pos``, ``n`` and ``latest`` of the applications that this id type finds."""
    from datafactory.engine import sorted_rows  # compiled code: only for jobs

    if not (engine.loops and id_type == source.id_types[0] and sorted_rows.has_rows(keyed, id_type)):
        return engine.fetch(_qualifying(source, index, id_type, keyed, engine))
    moments = [spine[name] for name in moments_of(source)]
    asked = sorted_rows.applications(spine["pos"], spine[f"key_{index}"], moments, keyed, id_type, engine)
    rows = engine.root / source.path / "rows.parquet"
    n, _, latest = sorted_rows.last_rows(rows, asked, source.has_event_time)
    return pa.table({"pos": asked.pos, "n": n, "latest": pa.array(latest).cast(UTC_US)}).filter(pa.array(n > 0))


def _qualifying(source: SourceInput, index: int, id_type: str, keyed: Path, engine: TableEngine) -> Table:
    """Per application: number of qualifying rows and the latest event."""
    spine = engine.table(engine.scratch("spine.parquet"))
    key = spine[f"key_{index}"]
    known = engine.table(keyed / keys_file(id_type))
    moments = moments_of(source)
    found = spine.select("pos", *moments, key=key).join(known, "key").select("pos", "id", *moments)
    table = engine.table(engine.root / source.path / "rows.parquet").select(id_column(id_type), *source.times)
    joined = found.join(table, found.id == table[id_column(id_type)])
    if not source.has_event_time:
        return joined.group_by("pos").agg(n=joined.count())
    joined = joined.filter(as_known(joined, source))
    return joined.group_by("pos").agg(n=joined.count(), latest=joined.event_time.max())


def moments_of(source: SourceInput) -> tuple[str, ...]:
    """Columns of a spine that the rule of time needs for this source."""
    valid = (f"__valid_{source_prefix(source.slug)}",) if source.valid_days else ()
    return ("observed_at", *valid) if source.has_event_time else ()


def validity_starts(observed_at: pa.ChunkedArray, sources: Sequence[SourceInput]) -> dict[str, pa.Array]:
    """For each source whose rows grow too old, the first moment from which an event still counts."""
    micros = observed_at.cast(pa.int64()).to_numpy()
    return {
        f"__valid_{source_prefix(source.slug)}": pa.array(micros - source.valid_days * DAY_US).cast(UTC_US)
        for source in sources
        if source.valid_days
    }


def as_known(joined: Table, source: SourceInput, prefix: str = "") -> list[Any]:
    """The rule of time: strictly before the application, known by then, and not too old."""
    observed_at, *valid = (joined[f"{prefix}{name}"] for name in moments_of(source))
    rule = [joined.event_time < observed_at, joined.known_at <= observed_at]
    return [*rule, *(joined.event_time >= start for start in valid)]


def _write_matched(rows: pa.Table, plan: MatchPlan, spine: pa.Table, found: list[SourceHits], path: Path) -> None:
    matched = np.logical_or.reduce([hits.hit for hits in found])
    columns: dict[str, Any] = {"row_id": rows["row_id"], "matched": pa.array(matched)}
    types = pa.array([*plan.id_types])
    for hits in found:
        name = source_prefix(hits.slug)
        columns[f"hit__{name}"] = pa.array(hits.hit)
        columns[f"via__{name}"] = types.take(pa.array(hits.via, mask=~hits.hit))
        columns[f"key__{name}"] = _winning_key(spine, hits)
    pq.write_table(pa.table(columns), path)


def _winning_key(spine: pa.Table, hits: SourceHits) -> pa.ChunkedArray:
    chosen: Any = pa.nulls(spine.num_rows, KEY_TYPE)
    for index in sorted(set(hits.via.tolist()) - {-1}):
        chosen = pc.if_else(pa.array(hits.via == index), spine[f"key_{index}"], chosen)
    return chosen
