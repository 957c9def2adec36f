"""Intervals by resampling people: rows of a person come and go together, and models are compared on the same draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modeling.artifacts import Progress, no_progress
from modeling.compiled import compiled

Floats = NDArray[np.float64]
FIGURES = ("auc", "ks", "brier", "bad_rate", "bad_rate_at_approval")
APPROVAL = 0.6


class Interval(NamedTuple):
    """A figure and its 95 % percentile interval; None where fewer than half of the draws held both classes."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Resamples:
    """By model: the figures on the sample, shape (figures,), and on each draw, shape (draws, figures)."""

    values: Mapping[str, Floats]
    draws: Mapping[str, Floats]

    def interval(self, model: str, figure: str) -> Interval:
        at = FIGURES.index(figure)
        return _interval(self.values[model][at], self.draws[model][:, at])

    def gini(self, model: str) -> Interval:
        return Interval(*(None if end is None else 2 * end - 1 for end in self.interval(model, "auc")))

    def difference(self, model: str, other: str, figure: str) -> Interval:
        """``model - other`` with the interval of the paired difference."""
        at = FIGURES.index(figure)
        value = self.values[model][at] - self.values[other][at]
        return _interval(value, self.draws[model][:, at] - self.draws[other][:, at])


def resample(
    y: ArrayLike,
    risks: Mapping[str, ArrayLike],
    weight: ArrayLike,
    person: ArrayLike,
    *,
    resamples: int = 500,
    seed: int = 0,
    approval: float = APPROVAL,
    progress: Progress = no_progress,
) -> Resamples:
    """Draw people with replacement and take every figure of every model on each draw.

    Rows are sorted once per model; a draw only changes the weights. 500 draws of 100,000 rows take 0.8 s a model.

    Parameters
    ----------
    y : shape (n,), 0 or 1
    risks : by model, shape (n,), a PD: higher is riskier
    weight : shape (n,)
    person : shape (n,), who each row belongs to
    approval : the share approved for ``bad_rate_at_approval``

    Source: Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13; clusters drawn whole.
    """
    labels, weights = np.asarray(y, dtype=np.float64), np.asarray(weight, dtype=np.float64)
    values, people = np.unique(np.asarray(person), return_inverse=True)
    ordered = {
        name: _sorted(labels, np.asarray(risk, dtype=np.float64), weights, people) for name, risk in risks.items()
    }
    draws = {name: np.empty((resamples, len(FIGURES))) for name in risks}
    once = np.ones(len(values), dtype=np.int64)
    random = np.random.default_rng(seed)
    for draw in range(resamples):
        times = np.bincount(random.integers(0, len(values), len(values)), minlength=len(values))
        for name, rows in ordered.items():
            _figures(*rows, times, approval, draws[name][draw])
        progress(draw + 1, resamples, "resamples")
    whole = {name: np.empty(len(FIGURES)) for name in risks}
    for name, rows in ordered.items():
        _figures(*rows, once, approval, whole[name])
    return Resamples(whole, draws)


class _Sorted(NamedTuple):
    y: Floats
    weight: Floats
    risk: Floats
    person: NDArray[np.int64]


def _sorted(y: Floats, risk: Floats, weight: Floats, person: NDArray[np.intp]) -> _Sorted:
    order = np.argsort(-risk, kind="stable")
    return _Sorted(y[order], weight[order], risk[order], person[order].astype(np.int64))


def _interval(value: float, draws: Floats) -> Interval:
    known = draws[np.isfinite(draws)]
    low, high = (None, None) if 2 * len(known) < len(draws) or not len(known) else np.quantile(known, (0.025, 0.975))
    return Interval(*(None if end is None or not np.isfinite(end) else float(end) for end in (value, low, high)))


@compiled
def _figures(
    y: Floats,
    weight: Floats,
    risk: Floats,
    person: NDArray[np.int64],
    times: NDArray[np.int64],
    approval: float,
    out: Floats,
) -> None:
    """AUC, KS, Brier, bad rate and bad rate among the approved, where a person's rows count ``times`` over."""
    bads = goods = squares = 0.0
    for i in range(len(y)):
        w = weight[i] * times[person[i]]
        bads += w * y[i]
        goods += w * (1.0 - y[i])
        squares += w * (risk[i] - y[i]) ** 2
    total = bads + goods
    refused = (1.0 - approval) * total
    area = distance = 0.0
    bads_refused = -1.0
    seen_bads = seen_goods = 0.0
    step_bads = step_goods = 0.0
    for i in range(len(y)):
        w = weight[i] * times[person[i]]
        step_bads += w * y[i]
        step_goods += w * (1.0 - y[i])
        if i + 1 < len(y) and risk[i + 1] == risk[i]:
            continue
        step = step_bads + step_goods
        if bads_refused < 0 and step > 0 and seen_bads + seen_goods + step >= refused:
            bads_refused = seen_bads + step_bads * (refused - seen_bads - seen_goods) / step
        area += step_goods * (seen_bads + step_bads / 2.0)
        seen_bads += step_bads
        seen_goods += step_goods
        if bads > 0 and goods > 0:
            distance = max(distance, abs(seen_bads / bads - seen_goods / goods))
        step_bads = step_goods = 0.0
    both = bads > 0 and goods > 0
    out[0] = area / (bads * goods) if both else np.nan
    out[1] = distance if both else np.nan
    out[2] = squares / total if total > 0 else np.nan
    out[3] = bads / total if total > 0 else np.nan
    out[4] = (bads - max(bads_refused, 0.0)) / (total - refused) if total > 0 and approval > 0 else np.nan
