"""Small samples and sources in the shape of the contract, and a plain, slow reader of features row by row."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from datafactory.engine.engines import open_engine
from datafactory.engine.features import FeaturePlan, build_features
from datafactory.engine.keying import key_ids
from datafactory.engine.matching import MatchPlan, SourceInput, match_sample
from modeling.artifacts import Column, FeatureTable, MatchReport, SampleFile, hash_folder

KEY = bytes(range(32))
START = datetime(2023, 1, 1, tzinfo=UTC)
TIME = pa.timestamp("us", tz="UTC")
MOBILE, IDNO = "mobile__sha256", "idno__sha256"
FIELD_TYPES = {
    "int": pa.int64(),
    "float": pa.float64(),
    "decimal": pa.decimal128(18, 2),
    "category": pa.string(),
    "date": TIME,
}


def hashed(number: Any) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def row_hash(row: dict[str, Any], columns: Sequence[Column]) -> str:
    return hashed([row.get(column.name) for column in columns])


def at(days: float) -> datetime:
    return START + timedelta(days=days)


@dataclass
class World:
    """An artifact root with one sample and some sources, and what matching made of them."""

    root: Path
    sample: SampleFile | None = None
    sample_dir: Path = Path()
    sources: tuple[SourceInput, ...] = ()
    engine: str = "local"

    def opened(self, threads: int = 1) -> Any:
        return closing(open_engine(self.engine, self.root, threads=threads, memory_mb=512))

    def folder(self, name: str) -> Path:
        path = self.root / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def add_sample(
        self, rows: Sequence[dict[str, Any]], *, id_types: Sequence[str] = (MOBILE,), columns: Sequence[Column] = ()
    ) -> None:
        """Rows with ``row_id``, an id per type (or None), and any of observed_at, y, split and feature columns."""
        self.sample_dir = self.folder("sample")
        ordered = sorted(rows, key=lambda row: row["row_id"])
        arrays: dict[str, Any] = {"row_id": pa.array([row["row_id"] for row in ordered])}
        first = [row.get(id_types[0]) for row in ordered]
        arrays["person"] = pa.array([p or row["row_id"] for p, row in zip(first, ordered, strict=True)])
        for id_type in id_types:
            arrays[f"id__{id_type}"] = pa.array([row.get(id_type) for row in ordered], pa.string())
        types = {"observed_at": TIME, "y": pa.int8(), "split": pa.string()}
        for name, kind in types.items():
            if name in ordered[0]:
                arrays[name] = pa.array([row[name] for row in ordered], kind)
        arrays["weight"] = pa.array([1.0] * len(ordered))
        for column in columns:
            arrays[column.name] = pa.array([row[column.name] for row in ordered], FIELD_TYPES[column.kind])
        pq.write_table(pa.table(arrays), self.sample_dir / "rows.parquet")
        self.sample = SampleFile(
            fingerprint="",
            parents=(),
            path="sample",
            content_hash=hash_folder(self.sample_dir),
            id_types=tuple(id_types),
            columns=tuple(columns),
            n_rows=len(ordered),
            n_ids=len(set(first)),
            n_bad=sum(row["y"] == 1 for row in ordered) if "y" in ordered[0] else None,
            has_time="observed_at" in ordered[0],
            has_split="split" in ordered[0],
        )

    def add_source(
        self,
        slug: str,
        rows: Sequence[dict[str, Any]],
        columns: Sequence[Column],
        *,
        kind: Any = "events",
        id_types: Sequence[str] = (MOBILE,),
        valid_days: int | None = None,
    ) -> SourceInput:
        folder = self.folder(slug)
        timed = bool(rows) and "event_time" in rows[0]

        def order(row: dict[str, Any]) -> Any:
            times = (row["event_time"], row["known_at"]) if timed else ()
            return (str(row.get(id_types[0])), *times, row_hash(row, columns))

        ordered = sorted(rows, key=order)
        arrays: dict[str, Any] = {}
        for id_type in id_types:
            arrays[f"id__{id_type}"] = pa.array([row.get(id_type) for row in ordered], pa.string())
        for name in ("event_time", "known_at") if timed else ():
            arrays[name] = pa.array([row[name] for row in ordered], TIME)
        for column in columns:
            arrays[column.name] = pa.array([row[column.name] for row in ordered], FIELD_TYPES[column.kind])
        arrays["row_hash"] = pa.array([row_hash(row, columns) for row in ordered])
        pq.write_table(pa.table(arrays), folder / "rows.parquet")
        keyed = self.folder(f"keyed-{slug}")
        key_ids(folder / "rows.parquet", id_types, KEY, keyed)
        source = SourceInput(
            slug,
            kind,
            slug,
            tuple(id_types),
            timed,
            timed,
            hash_folder(folder),
            tuple(columns),
            valid_days=valid_days,
        )
        self.sources = (*self.sources, source)
        return source

    def plan(self, **changes: Any) -> MatchPlan:
        assert self.sample is not None
        wanted: dict[str, Any] = {
            "id_types": self.sample.id_types,
            "sources": self.sources,
            "floor_ids": 1,
            "cell_floor": 1,
        }
        return MatchPlan(**(wanted | changes))

    @property
    def keyed(self) -> dict[str, Path]:
        return {source.slug: self.root / f"keyed-{source.slug}" for source in self.sources}

    def match(self, out: str = "match", threads: int = 1, **changes: Any) -> tuple[MatchReport, dict[str, Any]]:
        assert self.sample is not None
        with self.opened(threads) as engine:
            return match_sample(
                self.sample, self.sample_dir, self.plan(**changes), KEY, self.keyed, self.folder(out), engine
            )

    def build(
        self, plan: FeaturePlan | None = None, out: str = "features", threads: int = 1, **changes: Any
    ) -> tuple[FeatureTable, dict[str, Any]]:
        assert self.sample is not None
        ticket, _ = self.match(f"{out}-match", threads, **changes)
        with self.opened(threads) as engine:
            return build_features(
                self.sample,
                self.sample_dir,
                ticket,
                self.root / f"{out}-match",
                self.plan(**changes),
                self.keyed,
                plan or FeaturePlan(),
                self.folder(out),
                engine,
            )

    def rows(self, folder: str = "features", name: str = "rows.parquet") -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = pq.read_table(self.root / folder / name).to_pylist()
        return rows


def known_rows(
    row: dict[str, Any], source: Sequence[dict[str, Any]], id_types: Sequence[str], valid_days: int | None = None
) -> list[dict[str, Any]]:
    """Rows of a source that an application could know, through the first id type that gives any."""
    for id_type in id_types:
        mine = [r for r in source if row.get(id_type) is not None and r.get(id_type) == row[id_type]]
        if mine and "event_time" in mine[0]:
            mine = [r for r in mine if r["event_time"] < row["observed_at"] and r["known_at"] <= row["observed_at"]]
        if valid_days is not None:
            mine = [r for r in mine if r["event_time"] >= row["observed_at"] - timedelta(days=valid_days)]
        if mine:
            return mine
    return []


def latest(rows: Sequence[dict[str, Any]], columns: Sequence[Column]) -> dict[str, Any] | None:
    """The last row in the order (event_time, known_at, row hash)."""
    times = [(r["event_time"], r["known_at"]) if "event_time" in r else () for r in rows]
    keyed = [(t, row_hash(r, columns), i) for i, (t, r) in enumerate(zip(times, rows, strict=True))]
    return rows[max(keyed)[2]] if rows else None


def exact(value: Any) -> Fraction:
    return Fraction(str(value)) if isinstance(value, Decimal) else Fraction(value)


def aggregated(agg: str, values: Sequence[Any]) -> Any:
    """One aggregate of the known values of a window, without rounding."""
    if agg == "count":
        return len(values)
    if not values:
        return None
    if agg == "sum":
        return sum(map(exact, values), Fraction(0))
    if agg == "mean":
        return sum(map(exact, values), Fraction(0)) / len(values)
    return max(values) if agg == "max" else len(set(values))
