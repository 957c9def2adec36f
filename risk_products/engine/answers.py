"""What the scoring door answers, as JSON bytes that are stored and sent alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from modeling.artifacts import Reason

MAX_REASONS = 5


class ReasonOut(msgspec.Struct, frozen=True):
    code: str
    text: str
    contribution: float


class Answer(msgspec.Struct, frozen=True):
    request_id: str
    version: str  # "credit-score/v3"
    score: int
    pd: float  # rounded to 9 digits, as the score is made from it
    band: str
    action: str
    reasons: tuple[ReasonOut, ...]
    matched: bool
    flags: tuple[str, ...]
    took_ms: float  # until the answer was ready to be recorded


class ErrorOut(msgspec.Struct, frozen=True):
    """The shape of every error."""

    code: str
    message: str
    detail: Any = None


class RowError(msgspec.Struct, frozen=True):
    request_id: str | None
    error: ErrorOut


_ENCODER = msgspec.json.Encoder()


def encode(value: Any) -> bytes:
    return _ENCODER.encode(value)


def reasons_out(reasons: Sequence[Reason]) -> tuple[ReasonOut, ...]:
    return tuple(ReasonOut(r.code, r.text, round(r.contribution, 6)) for r in reasons[:MAX_REASONS])


def same_answer(recorded: Answer, recomputed: Answer) -> bool:
    """Whether two answers say the same: PD to 1e-6, contributions to 1e-5, everything else exactly."""

    def rest(answer: Answer) -> Answer:
        return msgspec.structs.replace(answer, pd=0.0, reasons=())

    def texts(answer: Answer) -> list[tuple[str, str]]:
        return [(reason.code, reason.text) for reason in answer.reasons]

    pairs = zip(recorded.reasons, recomputed.reasons, strict=False)
    return (
        abs(recorded.pd - recomputed.pd) <= 1e-6
        and rest(recorded) == rest(recomputed)
        and texts(recorded) == texts(recomputed)
        and all(abs(a.contribution - b.contribution) <= 1e-5 for a, b in pairs)
    )


def decode(answer: str | bytes) -> Answer:
    return msgspec.json.decode(answer, type=Answer)
