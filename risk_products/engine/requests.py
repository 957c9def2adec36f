"""A score request as it comes over the wire, decoded and named; wrong shapes become errors that name the field."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from modeling.errors import DataError

MAX_BODY_BYTES = 64 * 1024
MAX_BATCH_BYTES = 10 * 1024**2
MAX_BATCH_ROWS = 1000

RequestId = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._:~@-]+$")]


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The JSON body of a single call and of each row of a batch."""

    request_id: RequestId
    ids: dict[str, Any] = {}  # checked below, by name
    id_type: str | None = None
    id_hash: str | None = None
    observed_at: Annotated[datetime, Meta(tz=True)] | None = None
    features: dict[str, Any] = {}  # checked against the signature


class BatchBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rows stay undecoded, so that a broken one spoils only itself."""

    rows: list[msgspec.Raw]


class ScoreRequest(NamedTuple):
    """What is asked: one applicant, by hashed ids and the partner's own values."""

    request_id: str
    ids: Mapping[str, str]
    observed_at: datetime | None
    features: Mapping[str, Any]
    input_hash: str


_BODY = msgspec.json.Decoder(Body)
_BATCH = msgspec.json.Decoder(BatchBody)
_ROW_ID = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NAMED_FIELD = re.compile(r"field `([^`]*)`")
_PATH = re.compile(r" - at `\$\.?(.*)`$")


def decode(raw: bytes | msgspec.Raw) -> ScoreRequest:
    """One request from its JSON.

    Raises
    ------
    DataError
        ``bad_json``, ``unknown_field``, ``missing_field``, ``wrong_type``, ``ids_twice``; ``column`` is the field.

    Examples
    --------
    >>> decode(b'{"request_id": "a-1", "id_type": "mobile__md5", "id_hash": "0f"}').ids
    {'mobile__md5': '0f'}
    >>> decode(b'{"request_id": "a 1"}')
    Traceback (most recent call last):
    ...
    modeling.errors.DataError: request_id must be 1 to 64 letters, digits or . _ : ~ @ - characters.
    """
    try:
        body = _BODY.decode(raw)
    except msgspec.ValidationError as error:
        raise _shape_error(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError("bad_json", "The body is not valid JSON: %(reason)s", reason=str(error)) from None
    return from_body(body)


def from_body(body: Body) -> ScoreRequest:
    ids = _joined_ids(body)
    return ScoreRequest(body.request_id, ids, body.observed_at, body.features, input_hash(body, ids))


def decode_batch(raw: bytes) -> list[msgspec.Raw]:
    """The rows of a batch, each still to be decoded."""
    try:
        rows = _BATCH.decode(raw).rows
    except msgspec.ValidationError as error:
        raise _shape_error(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError("bad_json", "The body is not valid JSON: %(reason)s", reason=str(error)) from None
    if not 0 < len(rows) <= MAX_BATCH_ROWS:
        text = "A batch holds 1 to %(limit)s rows, this one %(n)s."
        raise DataError("batch_size", text, column="rows", limit=MAX_BATCH_ROWS, n=len(rows))
    return rows


def request_id_of(raw: msgspec.Raw) -> str | None:
    """The request id of a row that could not be decoded, if it has a readable one."""
    try:
        return msgspec.json.decode(_ROW_ID.decode(raw)["request_id"], type=RequestId)
    except (msgspec.DecodeError, KeyError, UnicodeDecodeError):
        return None


def input_hash(body: Body, ids: Mapping[str, str]) -> str:
    """sha256 of the request without its id: equal for equal content, whatever the order of keys or the spacing."""
    content = (dict(ids), body.observed_at, body.features)
    return hashlib.sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()


def _joined_ids(body: Body) -> Mapping[str, str]:
    for id_type, id_hash in body.ids.items():
        if not isinstance(id_hash, str):
            raise DataError("wrong_type", "The id %(column)s must be a string.", column=id_type)
    if body.id_type is None and body.id_hash is None:
        return body.ids
    if body.id_type is None or body.id_hash is None:
        missing = "id_type" if body.id_type is None else "id_hash"
        raise DataError("missing_field", "The field %(column)s is missing.", column=missing)
    if body.ids.get(body.id_type, body.id_hash) != body.id_hash:
        text = "The id %(column)s is given twice with different values."
        raise DataError("ids_twice", text, column=body.id_type)
    return body.ids | {body.id_type: body.id_hash}


def _shape_error(message: str) -> DataError:
    """msgspec's sentence as our error, with the field's name."""
    path = _PATH.search(message)
    place = path.group(1) if path else ""
    named = _NAMED_FIELD.search(message)
    if "unknown field" in message and named:
        return DataError("unknown_field", "There is no field %(column)s in a request.", column=named.group(1))
    if "missing required field" in message and named:
        return DataError("missing_field", "The field %(column)s is missing.", column=named.group(1))
    if place == "request_id" and not message.startswith("Expected `str`, got"):
        text = "request_id must be 1 to 64 letters, digits or . _ : ~ @ - characters."
        return DataError("bad_request_id", text, column=place)
    text = "The field %(column)s has the wrong type: %(reason)s."
    return DataError("wrong_type", text, column=place or "body", reason=message.split(" - at ")[0])
