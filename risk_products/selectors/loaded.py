"""A version made ready to answer: its model, its signature and the stores it looks people up in. Never changes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from datafactory.services.features import lookup_of
from modeling.artifacts import from_json
from modeling.scoring import Scorer, load_scorer
from models_registry.models import Version
from projects import storage
from risk_products.engine.signature import Checker, Plain, Signature

KEPT_VERSIONS = 32
Lookup = Callable[[Mapping[str, str], datetime], tuple[Mapping[str, Plain], bool]]


class Band(NamedTuple):
    """A decision band of a version; the last one is open below."""

    band: str
    min_score: float
    action: str


@dataclass(frozen=True)
class Loaded:
    """All that a call needs of a version."""

    version_id: int
    label: str  # "credit-score/v3"
    scorer: Scorer
    checker: Checker
    bands: tuple[Band, ...]  # from the safest down
    lookup: Lookup

    def band_of(self, score: int) -> Band:
        """The first band whose lower bound the score reaches."""
        for band in self.bands:
            if score >= band.min_score:
                return band
        return self.bands[-1] if self.bands else Band("", 0, "")


_loading = threading.Lock()


def loaded(version_id: int) -> Loaded:
    """The version's parts, from memory after the first time; versions are immutable once they were approved."""
    with _loading:
        return _load(version_id)


def forget() -> None:
    _load.cache_clear()


@lru_cache(maxsize=KEPT_VERSIONS)
def _load(version_id: int) -> Loaded:
    version = Version.objects.select_related("model__project", "run__feature_table__match").get(pk=version_id)
    signature = from_json(Signature, version.signature)
    scorer = load_scorer(storage.folder(version.run.ticket["path"]))
    return Loaded(
        version_id=version.pk,
        label=f"{version.model.slug}/v{version.number}",
        scorer=scorer,
        checker=Checker(signature, {entry.name: entry.categories for entry in scorer.signature}),
        bands=read_bands(version.bands),
        lookup=_lookup(version, signature),
    )


def _lookup(version: Version, signature: Signature) -> Lookup:
    """What the platform knows about a person at a moment, for the columns that the version asks for."""
    if not signature.lookup:
        return _nobody
    return lookup_of(version.run.feature_table, [field.name for field in signature.lookup])


def _nobody(ids: Mapping[str, str], observed_at: datetime) -> tuple[Mapping[str, Plain], bool]:
    """A model on the caller's own columns looks nobody up."""
    del ids, observed_at
    return {}, False


def read_bands(bands: list[dict[str, Any]]) -> tuple[Band, ...]:
    rows = [Band(row["band"], _bound(row.get("min_score")), row.get("action", "")) for row in bands]
    return tuple(sorted(rows, key=lambda row: -row.min_score))


def _bound(value: int | None) -> float:
    return float("-inf") if value is None else value
