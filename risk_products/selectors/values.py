"""The values that a call used, as far as a reader's side owns the columns."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import msgspec

from modeling.artifacts import from_json
from projects import keys
from projects.errors import Conflict
from risk_products.engine import answers
from risk_products.engine.signature import Plain, Signature
from risk_products.models import ScoreCall


def stored_values(call: ScoreCall) -> dict[str, Plain]:
    """The feature values that the call used, opened. Callers show a reader only the own side's."""
    opened = keys.decrypt(call.authorisation, bytes(call.features))
    return msgspec.json.decode(opened, type=dict[str, Plain])


@dataclass(frozen=True)
class ValueLine:
    """One column of a call. Of the other side's columns only the name and the reason are told."""

    name: str
    title: str
    owner: str
    value: Plain
    hidden: bool
    contribution: float | None  # as the answer's reasons told it


def value_lines(call: ScoreCall, sides: Collection[str]) -> list[ValueLine]:
    """The call's columns in the order of its signature; empty when the stored values were deleted."""
    try:
        values = stored_values(call)
    except Conflict:
        return []
    told = {reason.code: reason.contribution for reason in answers.decode(call.answer).reasons}
    signature = from_json(Signature, call.version.signature)
    columns = [("partner", f) for f in signature.request] + [("platform", f) for f in signature.lookup]
    return [
        ValueLine(
            name=field.name,
            title=field.title or field.field or field.name,
            owner=owner,
            value=values.get(field.name) if owner in sides else None,
            hidden=owner not in sides,
            contribution=told.get(field.name),
        )
        for owner, field in columns
    ]
