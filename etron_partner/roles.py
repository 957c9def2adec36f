"""Which column is what: from a plan file as the platform takes it, or from the command line."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from etron_partner.failures import Failure
from etron_partner.identifiers import ALGORITHMS, is_namespace


@dataclass(frozen=True)
class IdColumn:
    """A column of ids: ``mobile_sha256:mobile:sha256`` on the command line."""

    column: str
    namespace: str
    algorithm: str

    @classmethod
    def parse(cls, text: str) -> IdColumn:
        parts = text.rsplit(":", 2)
        if len(parts) != 3 or not is_namespace(parts[1]) or parts[2] not in ALGORITHMS:
            known = ", ".join(ALGORITHMS)
            raise Failure("id_column", f"{text!r}: write COLUMN:KIND:ALGORITHM, with an algorithm of {known}.")
        return cls(*parts)

    @property
    def id_type(self) -> str:
        return f"{self.namespace}__{self.algorithm}"


@dataclass(frozen=True)
class Roles:
    """What is known about a file's columns."""

    ids: tuple[IdColumn, ...] = ()
    row_id: str | None = None
    observed_at: str | None = None
    label: str | None = None
    bad_values: tuple[str, ...] = ("1",)
    good_values: tuple[str, ...] = ("0",)
    nulls: tuple[str, ...] = ("", "NA", "N/A", "#N/A", "NaN", "nan", "NULL", "null", "None", "\\N")
    time_format: str | None = None
    body: dict[str, Any] = field(default_factory=dict)

    def with_ids(self, ids: list[IdColumn]) -> Roles:
        return replace(self, ids=(*self.ids, *ids))


def read_plan(path: Path | None) -> Roles:
    """The roles of a plan file; without one, none."""
    if path is None:
        return Roles()
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        ids = tuple(IdColumn(one["column"], one["namespace"], one["algorithm"]) for one in body.get("ids", []))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Failure("plan", f"{path} is not a plan: {error!r}") from None
    known: dict[str, Any] = {
        name: body[name] for name in ("row_id", "observed_at", "label", "time_format") if name in body
    }
    lists: dict[str, Any] = {
        name: tuple(map(str, body[name])) for name in ("bad_values", "good_values", "nulls") if body.get(name)
    }
    return Roles(ids=ids, body=body, **known, **lists)
