"""What upper floors keep of people's rows: they say so here, because this floor does not know them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from datafactory.models import FeatureTable
from projects.models import Project


@dataclass(frozen=True)
class Holding:
    """One artifact with rows of people: where they lie, as patterns below the artifact root."""

    noun: str  # "sample", "match", "feature table", "run"
    number: int
    name: str
    content_hash: str
    patterns: tuple[str, ...]


class DerivedRows(Protocol):
    """Implemented by an upper floor and named in ``settings.DERIVED_ROWS``."""

    def holdings(self, tables: Sequence[FeatureTable]) -> list[Holding]:
        """Everything with rows that was made from these tables."""
        ...

    def mark(self, tables: Sequence[FeatureTable], at: datetime) -> None:
        """Note on the own rows that theirs are gone, and stop work on them. Twice is safe."""
        ...

    def live(self, tables: Sequence[FeatureTable]) -> str:
        """What learned from these tables and answers now, or nothing."""
        ...

    def needs_key(self, project: Project) -> str:
        """What still looks people up under the project's key, or nothing."""
        ...


METHODS = ("holdings", "mark", "live", "needs_key")


def keepers() -> list[DerivedRows]:
    return [import_string(path)() for path in settings.DERIVED_ROWS]
