"""One score: a request in, a recorded answer out. Calls, batches, tries and watch lists all come through here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from modeling.errors import DataError
from projects import keys
from projects.errors import DomainError, as_domain_error
from projects.models import Authorisation
from risk_products.engine import answers, requests
from risk_products.engine.answers import Answer, ErrorOut, RowError
from risk_products.engine.requests import ScoreRequest
from risk_products.models import ScoreCall
from risk_products.selectors.answering import answer_to, scored
from risk_products.selectors.days import seconds_left
from risk_products.selectors.loaded import Loaded, loaded
from risk_products.selectors.standing import Standing, require_answering
from risk_products.selectors.values import stored_values
from risk_products.services import recording
from risk_products.services.allowance import allowance


class OverLimit(DomainError):
    """The key's calls of the day are used up; ``retry_after_s`` until the next day begins."""

    status = 429

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(
            "over_limit", _("The daily limit of this key is used up."), detail={"retry_after_s": retry_after_s}
        )
        self.retry_after_s = retry_after_s


def score(standing: Standing, request: ScoreRequest, *, channel: str, now: datetime | None = None) -> bytes:
    """The answer to one request, durably recorded before it is returned.

    The same institution, product, request id and body get the same bytes for ever, also from a newer version and
    after the day's limit; another body is ``Conflict("request_id_reused")``. Twice, or a hundred times at once, is
    one record: the database decides whose answer it is.
    """
    now = now or timezone.now()
    version_id, authorisation = require_answering(standing, now)
    try:
        call = make_call(standing, loaded(version_id), authorisation, request, channel, now)
        if not allowance.take(standing, now):
            raise OverLimit(seconds_left(now))
    except (DataError, OverLimit):
        if earlier := recording.recorded_answer(standing, request):
            return earlier
        raise
    if recording.insert_once(call):
        return call.answer.encode()
    allowance.give_back(standing, now)
    earlier = recording.recorded_answer(standing, request)
    assert earlier is not None
    return earlier


def score_batch(standing: Standing, rows: Sequence[msgspec.Raw], *, channel: str, now: datetime | None = None) -> bytes:
    """``{"results": [...]}``: for each row its answer as a single call would give it, or its own error."""
    return answers.encode({"results": score_many(standing, [_decoded(row) for row in rows], channel=channel, now=now)})


def score_many(
    standing: Standing, rows: Sequence[ScoreRequest | RowError], *, channel: str, now: datetime | None = None
) -> list[msgspec.Raw | RowError]:
    """Answers in the order of the rows, recorded in one commit; a broken row spoils only itself."""
    now = now or timezone.now()
    version_id, authorisation = require_answering(standing, now)
    asked = [row for row in rows if isinstance(row, ScoreRequest)]
    known = recording.recorded_answers(standing, {row.request_id for row in asked})
    fresh = [row for row in asked if row.request_id not in known]
    made = _made_calls(standing, loaded(version_id), authorisation, fresh, channel, now)
    calls = [row for row in made.values() if isinstance(row, ScoreCall)]
    if calls:
        recording.insert_missing(calls)
        _settle(standing, calls, known, now)
    return [_result(row, known, made) for row in rows]


def make_call(
    standing: Standing,
    version: Loaded,
    authorisation: Authorisation,
    request: ScoreRequest,
    channel: str,
    now: datetime,
) -> ScoreCall:
    """Check, look up, score and encrypt; nothing is written."""
    found = answer_to(version, request, now)
    answer = found.answer
    return ScoreCall(
        product_id=standing.product_id,
        institution_id=standing.institution_id,
        request_id=request.request_id,
        key_id=standing.key_id,
        user_id=standing.user_id,
        version_id=version.version_id,
        authorisation_id=authorisation.pk,
        at=now,
        observed_at=found.observed_at,
        input_hash=request.input_hash,
        features=keys.encrypt(authorisation, answers.encode(found.values)),
        answer=answers.encode(answer).decode(),
        pd=answer.pd,
        score=answer.score,
        band=answer.band,
        matched=answer.matched,
        took_ms=answer.took_ms,
        channel=channel,
    )


class Replay(NamedTuple):
    """A recorded call scored again by the version that answered then, on the values that it used then."""

    equal: bool
    recorded: Answer
    recomputed: Answer


def replay(call: ScoreCall) -> Replay:
    """Recompute; ``Conflict("key_destroyed")`` when the stored values were deleted. Writes nothing."""
    recorded = answers.decode(call.answer)
    version = loaded(call.version_id)
    recomputed = scored(version, recorded, stored_values(call))
    return Replay(answers.same_answer(recorded, recomputed), recorded, recomputed)


def _decoded(row: msgspec.Raw) -> ScoreRequest | RowError:
    try:
        return requests.decode(row)
    except DataError as error:
        return _row_error(requests.request_id_of(row), error)


def _row_error(request_id: str | None, error: Exception) -> RowError:
    told = as_domain_error(error)
    assert told is not None
    return RowError(request_id, ErrorOut(told.code, str(told.message), told.detail))


def _made_calls(
    standing: Standing,
    version: Loaded,
    authorisation: Authorisation,
    rows: list[ScoreRequest],
    channel: str,
    now: datetime,
) -> dict[str, ScoreCall | RowError]:
    """By request id, the first row of each: a call within the allowance, or why there is none."""
    made: dict[str, ScoreCall | RowError] = {}
    for row in rows:
        if row.request_id not in made:
            try:
                made[row.request_id] = make_call(standing, version, authorisation, row, channel, now)
            except DataError as error:
                made[row.request_id] = _row_error(row.request_id, error)
    wanted = [name for name, call in made.items() if isinstance(call, ScoreCall)]
    granted = allowance.take(standing, now, len(wanted))
    for name in wanted[granted:]:
        made[name] = _row_error(name, OverLimit(seconds_left(now)))
    return made


def _settle(standing: Standing, calls: list[ScoreCall], known: dict[str, recording.Recorded], now: datetime) -> None:
    """Read back what is on record; calls that lost against a simultaneous request are not charged."""
    on_record = recording.recorded_answers(standing, [call.request_id for call in calls])
    allowance.give_back(standing, now, sum(on_record[c.request_id].answer != c.answer for c in calls))
    known.update(on_record)


def _result(
    row: ScoreRequest | RowError, known: dict[str, recording.Recorded], made: dict[str, ScoreCall | RowError]
) -> msgspec.Raw | RowError:
    if isinstance(row, RowError):
        return row
    try:
        if row.request_id in known:
            return msgspec.Raw(known[row.request_id].answer_for(row) or b"")
    except DomainError as error:
        return _row_error(row.request_id, error)
    failure = made[row.request_id]
    assert isinstance(failure, RowError)
    return failure
