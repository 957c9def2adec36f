"""The spine: frozen tickets handed from stage to stage. Bulk rows live in Parquet under a ticket's ``path``.

``SampleFile -> MatchReport -> FeatureTable -> TrainedModel -> Evaluation -> Release -> Score``

Each stage is one pure function ``ticket, plan -> ticket``. A ticket has a *recipe fingerprint* (inputs, plan, seed,
versions of the code that matter) and a *content hash* (what was written). Same recipe, same content.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

Party = Literal["partner", "platform"]
Kind = Literal["int", "float", "decimal", "category", "bool", "date"]
Progress = Callable[[int, int, str], None]
"""``progress(rows_done, rows_total, what)``; raises :class:`modeling.errors.Cancelled` when the user asked to stop."""


def no_progress(done: int, total: int, what: str) -> None:
    """Default for callers who do not watch."""


@dataclass(frozen=True)
class Column:
    """One feature column of a table and where it comes from."""

    name: str  # in Parquet: "partner__income", "lending__count_d90"
    kind: Kind
    party: Party
    origin: str  # "sample" or the slug of the source
    field: str = ""  # name in the partner's file or in the source
    title: str = ""
    specials: tuple[float, ...] = ()  # codes such as -1 or -999 that are not amounts


@dataclass(frozen=True)
class Ticket:
    fingerprint: str
    parents: tuple[str, ...]  # content hashes of what this was made from
    path: str  # folder under the artifact root
    content_hash: str


@dataclass(frozen=True)
class SourceFile(Ticket):
    """A version of a platform-side source: ``rows.parquet`` with ``id__*``, ``event_time``, ``known_at`` and fields."""

    slug: str
    id_types: tuple[str, ...]  # "mobile__sha256"
    columns: tuple[Column, ...]
    n_rows: int
    n_ids: int
    has_event_time: bool
    has_known_at: bool
    first_event: str | None = None  # ISO 8601
    last_event: str | None = None
    marks: tuple[str, ...] = ()


@dataclass(frozen=True)
class SampleFile(Ticket):
    """``rows.parquet``: row_id, person, id__*, observed_at?, y?, weight, split?, approved?, partner__*."""

    id_types: tuple[str, ...]
    columns: tuple[Column, ...]
    n_rows: int
    n_ids: int
    n_bad: int | None
    has_time: bool
    has_split: bool
    marks: tuple[str, ...] = ()  # names of modeling.marks


@dataclass(frozen=True)
class MatchReport(Ticket):
    """``matched.parquet`` (row_id and one ``hit__<source>`` each) and ``report.json``."""

    sources: tuple[str, ...]
    n_rows: int
    n_ids: int
    n_matched_rows: int
    n_matched_ids: int
    marks: tuple[str, ...] = ()


@dataclass(frozen=True)
class FeatureTable(Ticket):
    """``rows.parquet``: row_id, person, observed_at?, y?, weight, split?, matched, features; ``profile.json``."""

    columns: tuple[Column, ...]
    n_rows: int
    n_matched_rows: int
    marks: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrainedModel(Ticket):
    """``model.json`` (all that scoring needs), ``model.onnx`` for trees, ``predictions.parquet``, ``training.json``."""

    algorithm: Literal["scorecard", "xgboost"]
    columns: tuple[Column, ...]  # what the model asks for
    n_train: int
    n_candidates: int
    marks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evaluation(Ticket):
    """``evaluation.json``: figures by split with intervals, curves, tables."""

    auc: dict[str, float] = field(default_factory=dict)  # by split: train, valid, test, oot, oof
    ks: dict[str, float] = field(default_factory=dict)
    marks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Release(Ticket):
    """A version that answers, and since when."""

    model: str
    version: int
    live_from: str
    live_to: str | None = None


@dataclass(frozen=True)
class Reason:
    code: str  # stable: the column's name
    text: str
    contribution: float  # points lost (scorecard) or log-odds towards bad (trees)


@dataclass(frozen=True)
class Score:
    pd: float
    score: int
    band: str
    reasons: tuple[Reason, ...]


T = TypeVar("T")


def to_json(value: Any) -> Any:
    """Plain dicts and lists, fit for a JSON column: every field by its name, however the object was built.

    ``msgspec`` alone writes what an instance holds of its own: no field that it read as left out, but cached figures.

    >>> to_json(from_json(Release, {"fingerprint": "f", "parents": [], "path": "", "content_hash": "c",
    ...                             "model": "m", "version": 1, "live_from": "2024-01-01"}))["live_to"] is None
    True
    """
    return msgspec.to_builtins(_spelt_out(value))


def _spelt_out(value: Any) -> Any:
    if is_dataclass(value):
        return {one.name: _spelt_out(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, dict):
        return {key: _spelt_out(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_spelt_out(one) for one in value]
    return value


def from_json(kind: type[T], value: Any) -> T:
    """The inverse of :func:`to_json`; raises ``msgspec.ValidationError`` on a foreign shape."""
    return msgspec.convert(value, kind, strict=False)


def fingerprint(*parts: Any) -> str:
    """sha256 over the canonical JSON (sorted keys) of the parts.

    >>> fingerprint({"b": 1, "a": 2}) == fingerprint({"a": 2, "b": 1})
    True
    """
    return hashlib.sha256(msgspec.json.encode(to_json(parts), order="deterministic")).hexdigest()


def hash_folder(folder: Path) -> str:
    """sha256 over names and bytes of all files below ``folder``, in order of name."""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()
