"""The durable record of a call, made before the answer leaves."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from projects.errors import Conflict
from risk_products.engine.requests import ScoreRequest
from risk_products.models import Refusal, ScoreCall
from risk_products.selectors.standing import Standing

# SQLite has one writer: threads that queue here wait their turn, those that meet in the file sleep and retry.
_turn = threading.Lock()


def turn() -> AbstractContextManager[Any]:
    return _turn if connection.vendor == "sqlite" else nullcontext()


def insert_once(call: ScoreCall) -> bool:
    """Insert the call unless its request id is taken: one statement, one commit. True if it is new."""
    statement, fields = _insert()
    values = [field.get_db_prep_save(getattr(call, field.attname), connection) for field in fields]
    with turn(), connection.cursor() as cursor:
        cursor.execute(statement, values)
        return bool(cursor.rowcount)


def insert_missing(calls: list[ScoreCall]) -> None:
    """Insert those calls whose request ids are free, all in one commit."""
    with turn():
        ScoreCall.objects.bulk_create(calls, ignore_conflicts=True, batch_size=200)


def recorded_answer(standing: Standing, request: ScoreRequest) -> bytes | None:
    """The answer that this request id was given; ``Conflict`` if it was asked with another body."""
    return recorded_answers(standing, [request.request_id]).get(request.request_id, _NOTHING).answer_for(request)


class Recorded:
    """What is on record under one request id."""

    def __init__(self, input_hash: str, answer: str | None) -> None:
        self.input_hash, self.answer = input_hash, answer

    def answer_for(self, request: ScoreRequest) -> bytes | None:
        if self.answer is None:
            return None
        if self.input_hash != request.input_hash:
            text = _("This request id was used before with another body.")
            raise Conflict("request_id_reused", text, detail={"request_id": request.request_id})
        return self.answer.encode()


_NOTHING = Recorded("", None)


def recorded_answers(standing: Standing, request_ids: Iterable[str]) -> dict[str, Recorded]:
    rows = ScoreCall.objects.filter(
        institution_id=standing.institution_id, product_id=standing.product_id, request_id__in=list(request_ids)
    )
    found = rows.values_list("request_id", "input_hash", "answer")
    return {request_id: Recorded(input_hash, answer) for request_id, input_hash, answer in found}


def count_refusal(standing: Standing, code: str, now: datetime) -> None:
    """Add one to the hour's refusals with this code; only this sum is kept."""
    name = {
        "product_id": standing.product_id,
        "institution_id": standing.institution_id,
        "hour": now.replace(minute=0, second=0, microsecond=0),
        "code": code[:80],
    }
    with turn():
        Refusal.objects.bulk_create([Refusal(**name)], ignore_conflicts=True)
        Refusal.objects.filter(**name).update(calls=F("calls") + 1)


@cache
def _insert() -> tuple[str, list[Any]]:
    fields = [field for field in ScoreCall._meta.concrete_fields if not field.primary_key]
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    table = quote(ScoreCall._meta.db_table)
    return f"INSERT INTO {table} ({columns}) VALUES ({marks}) ON CONFLICT DO NOTHING", fields  # noqa: S608
