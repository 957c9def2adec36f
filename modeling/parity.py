"""Proof that one row and many score alike where implementations part: missing, special, unseen, extreme."""

from __future__ import annotations

from typing import Any

import numpy as np

from modeling.encoding import Input
from modeling.scoring import Scorer

PD_TOLERANCE = 1e-6
UNSEEN = "\x00 never seen in training"


def probe_values(entry: Input) -> list[Any]:
    """Awkward values of one input: missing, special codes, ends, beyond the ends, unseen."""
    if entry.is_category:
        return [None, UNSEEN, "", *entry.categories[:20]]
    low, high = entry.minimum or 0.0, entry.maximum or 0.0
    inside = [low, high, (low + high) / 2, np.nextafter(low, -np.inf), np.nextafter(high, np.inf), 0.0, -0.0]
    return [None, *entry.specials, *map(float, inside), -1e300, 1e300, 1e-300, float(np.float32(0.1)), 0.1]


def probe_rows(signature: tuple[Input, ...], n: int = 200, seed: int = 0) -> list[dict[str, Any]]:
    """Raw rows: all missing, all typical, each awkward value alone, then random mixtures of awkward values."""
    values = {entry.name: probe_values(entry) for entry in signature}
    typical: dict[str, Any] = {entry.name: entry.typical for entry in signature}
    rows: list[dict[str, Any]] = [dict.fromkeys(values), {}, typical]
    rows += [typical | {name: value} for name, options in values.items() for value in options]
    rng = np.random.default_rng(seed)
    rows += [{name: options[rng.integers(len(options))] for name, options in values.items()} for _ in range(n)]
    return rows


def check_parity(scorer: Scorer) -> int:
    """Number of rows on which single and batch, and for scorecards the points, gave the same score.

    Raises
    ------
    RuntimeError
        where they part: such a model must not be stored
    """
    rows = probe_rows(scorer.signature)
    columns = {entry.name: np.array([row.get(entry.name) for row in rows], dtype=object) for entry in scorer.signature}
    batch = scorer.score_rows(columns)
    for i, row in enumerate(rows):
        one = scorer.score_row(row, reasons=0)
        if abs(one.pd - batch.pd[i]) > PD_TOLERANCE or one.score != batch.score[i]:
            raise RuntimeError(f"Row and batch part: {one.pd} {one.score}, {batch.pd[i]} {batch.score[i]} for {row}")
        _check_points(scorer, row, one.pd)
    return len(rows)


def _check_points(scorer: Scorer, row: dict[str, Any], pd: float) -> None:
    card = scorer.model.scorecard
    if card is None:
        return
    points = sum(float(card.points(i)[b.index_one(row.get(b.name))]) for i, b in enumerate(card.bins))
    chance = 1 / (1 + np.exp((points - card.scaling.offset) / card.scaling.factor))
    if abs(chance - pd) > PD_TOLERANCE:
        raise RuntimeError(f"Points {points} and PD {pd} part for {row}")
