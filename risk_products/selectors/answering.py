"""From a request to its answer by one version: checked, looked up, scored. Nothing is written here."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec

from risk_products.engine import answers
from risk_products.engine.answers import Answer
from risk_products.engine.requests import ScoreRequest
from risk_products.engine.signature import Plain
from risk_products.selectors.loaded import Loaded


class Answered(NamedTuple):
    """An answer and the values that it was made from, by the model's column names."""

    answer: Answer
    values: dict[str, Plain]
    observed_at: datetime


def answer_to(version: Loaded, request: ScoreRequest, now: datetime) -> Answered:
    """Check the request against the signature, look the person up as of the request's time, and score."""
    started = time.perf_counter()
    checked = version.checker.check(request, now)
    observed_at = request.observed_at or now
    found, matched = version.lookup(request.ids, observed_at)
    values = {**checked.values, **found}
    empty = Answer(request.request_id, version.label, 0, 0.0, "", "", (), matched, checked.flags, 0.0)
    answer = scored(version, empty, values)
    took_ms = round((time.perf_counter() - started) * 1000, 3)
    return Answered(msgspec.structs.replace(answer, took_ms=took_ms), values, observed_at)


def scored(version: Loaded, answer: Answer, values: Mapping[str, Plain]) -> Answer:
    """The answer with score, PD, band and reasons as the version computes them from these values."""
    result = version.scorer.score_row(values)
    band = version.band_of(result.score)
    return msgspec.structs.replace(
        answer,
        score=result.score,
        pd=round(result.pd, 9),
        band=band.band,
        action=band.action,
        reasons=answers.reasons_out(result.reasons),
    )
