"""A version's input schema, and the check of a request against it. No DataFrame, one dict in, one dict out."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from etron_partner.identifiers import HASH_LENGTHS
from modeling.artifacts import Kind
from modeling.errors import DataError
from risk_products.engine.requests import ScoreRequest

Plain = float | int | str | bool | None
CLOCK_SKEW = timedelta(minutes=5)
_HEX = re.compile(r"[0-9a-f]+")
_TOKEN = re.compile(r"[!-~]{1,128}")


class RequestField(msgspec.Struct, frozen=True):
    """A value that the caller sends. ``name`` is the model's column, ``field`` what the caller writes."""

    name: str
    kind: Kind
    field: str = ""
    title: str = ""
    required: bool = False
    specials: tuple[float, ...] = ()
    example: Any = None

    @property
    def key(self) -> str:
        return self.field or self.name.removeprefix("partner__")


class LookupField(msgspec.Struct, frozen=True):
    """A value that the platform looks up by hashed id."""

    name: str
    kind: Kind
    source: str = ""
    field: str = ""
    title: str = ""


class SourceUsed(msgspec.Struct, frozen=True):
    """A version of a source that the lookups read."""

    slug: str
    version: int


class Signature(msgspec.Struct, frozen=True):
    """Everything a version may be asked with."""

    ids: tuple[str, ...] = ()
    request: tuple[RequestField, ...] = ()
    lookup: tuple[LookupField, ...] = ()
    sources: tuple[SourceUsed, ...] = ()


class Checked(NamedTuple):
    """A request that fits: values by the model's column names, and what is worth saying about them."""

    values: dict[str, Plain]
    flags: tuple[str, ...]


class Checker:
    """Checks requests against one signature; made once per version."""

    def __init__(self, signature: Signature, categories: Mapping[str, Collection[str]] | None = None) -> None:
        """``categories``: by column name what training saw; others are allowed and flagged."""
        self.signature = signature
        self._fields = {field.key: field for field in signature.request}
        known = categories or {}
        self._categories = {field.key: frozenset(known.get(field.name, ())) for field in signature.request}
        self._id_types = frozenset(signature.ids)

    def check(self, request: ScoreRequest, now: datetime) -> Checked:
        """The request's values, typed; raises ``DataError`` naming the field that does not fit."""
        self._check_ids(request.ids)
        self._check_time(request.observed_at, now)
        unknown = request.features.keys() - self._fields.keys()
        if unknown:
            text = "The model has no field %(column)s. It takes: %(known)s."
            raise DataError("unknown_field", text, column=min(unknown), known=", ".join(sorted(self._fields)))
        values: dict[str, Plain] = {}
        flags: list[str] = []
        for key, field in self._fields.items():
            values[field.name] = self._value(key, field, request.features, flags)
        return Checked(values, tuple(flags))

    def _value(self, key: str, field: RequestField, features: Mapping[str, Any], flags: list[str]) -> Plain:
        raw = features.get(key)
        if raw is None:
            if field.required and key not in features:
                raise DataError("missing_field", "The field %(column)s is missing.", column=key)
            flags.append(f"missing:{key}")
            return None
        value = READERS[field.kind](raw)
        if value is None:
            text = "The field %(column)s must be %(expected)s, not %(got)s."
            got = _shown(raw)
            raise DataError("wrong_type", text, column=key, expected=EXPECTED[field.kind], got=got)
        known = self._categories[key]
        if known and isinstance(value, str) and value not in known:
            flags.append(f"unknown_category:{key}")
        return value

    def _check_ids(self, ids: Mapping[str, str]) -> None:
        for id_type, id_hash in ids.items():
            if id_type not in self._id_types:
                text = "The product does not look people up by %(column)s. It takes: %(known)s."
                known = ", ".join(sorted(self._id_types)) or "-"
                raise DataError("unknown_id_type", text, column=id_type, known=known)
            check_id_hash(id_type, id_hash)
        if not ids and self.signature.lookup:
            text = "Give at least one hashed id: %(known)s."
            raise DataError("missing_id", text, column="ids", known=", ".join(sorted(self._id_types)))

    @staticmethod
    def _check_time(observed_at: datetime | None, now: datetime) -> None:
        if observed_at is not None and observed_at > now + CLOCK_SKEW:
            text = "observed_at is %(at)s, later than now."
            raise DataError("observed_in_future", text, column="observed_at", at=observed_at.isoformat())


def check_id_hash(id_type: str, id_hash: str) -> None:
    """Refuse what cannot be a hash of the declared algorithm, without repeating it.

    >>> check_id_hash("mobile__md5", "13800000000")
    Traceback (most recent call last):
    ...
    modeling.errors.DataError: mobile__md5 must be 32 lower-case hexadecimal digits, not 11 characters. \
Never send a plain phone or id number.
    """
    algorithm = id_type.rpartition("__")[2]
    length = HASH_LENGTHS.get(algorithm)
    if length is None:
        if not _TOKEN.fullmatch(id_hash):
            raise DataError("bad_hash", "%(column)s must be 1 to 128 printable characters.", column=id_type)
    elif len(id_hash) != length:
        text = (
            "%(column)s must be %(length)s lower-case hexadecimal digits, not %(got)s characters. "
            "Never send a plain phone or id number."
        )
        raise DataError("bad_hash", text, column=id_type, length=length, got=len(id_hash))
    elif not _HEX.fullmatch(id_hash):
        raise DataError("bad_hash", "%(column)s must be lower-case hexadecimal digits only.", column=id_type)


def _integer(raw: Any) -> int | None:
    if isinstance(raw, bool):
        return None
    if isinstance(raw, float):
        return int(raw) if raw.is_integer() and abs(raw) < 2**63 else None
    return raw if isinstance(raw, int) and abs(raw) < 2**63 else None


def _number(raw: Any) -> float | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float) or abs(raw) > 1e300:
        return None
    return float(raw) if math.isfinite(raw) else None


def _category(raw: Any) -> str | None:
    return raw if isinstance(raw, str) else None


def _boolean(raw: Any) -> bool | None:
    return raw if isinstance(raw, bool) else None


def _day(raw: Any) -> str | None:
    try:
        return date.fromisoformat(raw).isoformat() if isinstance(raw, str) else None
    except ValueError:
        return None


def _shown(raw: Any) -> str:
    """The type that came, never the value: error texts are logged."""
    return {bool: "true or false", str: "a string", int: "a number", float: "a number", list: "a list"}.get(
        type(raw), "an object"
    )


READERS: Mapping[Kind, Callable[[Any], Plain]] = {
    "int": _integer,
    "float": _number,
    "decimal": _number,
    "category": _category,
    "bool": _boolean,
    "date": _day,
}
EXPECTED: Mapping[Kind, str] = {
    "int": "a whole number",
    "float": "a number",
    "decimal": "a number",
    "category": "a string",
    "bool": "true or false",
    "date": "a date such as 2026-03-12",
}
