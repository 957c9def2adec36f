"""The durable record of a call, made before the answer leaves."""

from __future__ import annotations

import fcntl
import os
import threading
from collections import deque
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from functools import cache
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from projects.errors import Conflict
from risk_products.engine.requests import ScoreRequest
from risk_products.models import Refusal, ScoreCall
from risk_products.selectors.standing import Standing


def insert_once(call: ScoreCall) -> bool:
    """Insert the call unless its request id is taken, committed when this returns. True if it is new."""
    return _writer.insert(call) if connection.vendor == "sqlite" else _insert_one(call)


def insert_missing(calls: list[ScoreCall]) -> None:
    """Insert those calls whose request ids are free, all in one commit."""
    with turn():
        ScoreCall.objects.bulk_create(calls, ignore_conflicts=True, batch_size=200)


def turn() -> AbstractContextManager[Any]:
    """SQLite has one writer: who queues here waits their turn, those that meet in the database sleep and try again."""
    return _writer.turn if connection.vendor == "sqlite" else nullcontext()


class Turn:
    """One at a time over threads and processes; the next is woken the moment the one before is done."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._threads = threading.Lock()
        self._file: tuple[int, int] | None = None  # process and descriptor: a lock is not shared with a fork

    def __enter__(self) -> None:
        self._threads.acquire()
        try:
            fcntl.flock(self._descriptor(), fcntl.LOCK_EX)
        except BaseException:
            self._threads.release()
            raise

    def __exit__(self, *_error: object) -> None:
        fcntl.flock(self._descriptor(), fcntl.LOCK_UN)
        self._threads.release()

    def _descriptor(self) -> int:
        if self._file is None or self._file[0] != os.getpid():
            settings.HOME.mkdir(parents=True, exist_ok=True)
            self._file = os.getpid(), os.open(settings.HOME / self._name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return self._file[1]


class _Waiting:
    """A call that waits for the commit that takes it along."""

    def __init__(self, call: ScoreCall) -> None:
        self.call = call
        self.new: bool | None = None
        self.error: DatabaseError | None = None

    def outcome(self) -> bool:
        if self.error is not None:
            raise self.error
        assert self.new is not None
        return self.new


class GroupCommit:
    """Threads of a process share commits: who gets the turn writes for all that wait. PostgreSQL does this itself.

    One sync of the disk serves every thread that came while the one before was under way.
    """

    def __init__(self) -> None:
        self.turn = Turn("calls.lock")
        self._queue: deque[_Waiting] = deque()

    def insert(self, call: ScoreCall) -> bool:
        mine = _Waiting(call)
        self._queue.append(mine)
        with self.turn:
            if mine.new is None and mine.error is None:
                self._write([self._queue.popleft() for _ in range(len(self._queue))])
        return mine.outcome()

    def _write(self, group: list[_Waiting]) -> None:
        try:
            with transaction.atomic() if len(group) > 1 else nullcontext():
                outcomes = [_insert_one(waiting.call) for waiting in group]
        except DatabaseError as error:
            if len(group) == 1:
                group[0].error = error
                return
            for waiting in group:  # one row at fault must not spoil the others
                self._write([waiting])
            return
        for waiting, new in zip(group, outcomes, strict=True):
            waiting.new = new


_writer = GroupCommit()


def _insert_one(call: ScoreCall) -> bool:
    statement, fields = _insert()
    values = [field.get_db_prep_save(getattr(call, field.attname), connection) for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return bool(cursor.rowcount)


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
