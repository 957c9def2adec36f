"""How well a ranking separates bads from goods, as numbers. Nothing here draws and nothing reads files.

``risk`` ranks: higher is riskier (a PD, or minus a score). Weights count everywhere; ties stand together.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modeling.bootstrap import Interval, Resamples, resample
from modeling.calibration import HosmerLemeshow, brier, calibration_table, hosmer_lemeshow
from modeling.deciles import Decile, decile_ks, decile_table
from modeling.delong import DeLong, delong
from modeling.stability import PsiBins, psi, psi_bins, psi_by_month, psi_noise

__all__ = [
    "DeLong",
    "Decile",
    "HosmerLemeshow",
    "Interval",
    "Ks",
    "PsiBins",
    "Ranking",
    "Resamples",
    "auc",
    "bad_rate_at_approval",
    "brier",
    "calibration_table",
    "decile_ks",
    "decile_table",
    "delong",
    "gini",
    "hosmer_lemeshow",
    "ks",
    "psi",
    "psi_bins",
    "psi_by_month",
    "psi_noise",
    "resample",
    "score_distribution",
]

Floats = NDArray[np.float64]


class Ks(NamedTuple):
    value: float
    at: float  # the risk from which on rows are on the bad side of the cut


@dataclass(frozen=True)
class Ranking:
    """Rows gathered by distinct risk, riskiest first: the steps of every curve.

    Attributes
    ----------
    risk : the distinct risks, falling
    bads, goods, rows : weight of bads, weight of goods and plain count up to and including each step
    """

    risk: Floats
    bads: Floats
    goods: Floats
    rows: NDArray[np.int64]

    @classmethod
    def of(cls, y: ArrayLike, risk: ArrayLike, weight: ArrayLike | None = None) -> Ranking:
        labels, values = np.asarray(y, dtype=np.float64), np.asarray(risk, dtype=np.float64)
        weights = np.ones(len(labels)) if weight is None else np.asarray(weight, dtype=np.float64)
        if not np.isin(labels, (0, 1)).all() or np.isnan(values).any():
            raise ValueError("y must be 0 or 1 and risk a number in every row")
        order = np.argsort(-values, kind="stable")
        values, bad = values[order], (weights * labels)[order]
        good = weights[order] - bad
        last = np.append(np.flatnonzero(np.diff(values)), len(values) - 1) if len(values) else np.array([], dtype=int)
        return cls(values[last], np.cumsum(bad)[last], np.cumsum(good)[last], last + 1)

    @property
    def one_class(self) -> bool:
        return not len(self.risk) or self.bads[-1] <= 0 or self.goods[-1] <= 0

    @cached_property
    def tpr(self) -> Floats:
        """Share of bads refused when the cut lies after each step."""
        share: Floats = self.bads / self.bads[-1]
        return share

    @cached_property
    def fpr(self) -> Floats:
        """Share of goods refused when the cut lies after each step."""
        share: Floats = self.goods / self.goods[-1]
        return share

    @property
    def auc(self) -> float:
        if self.one_class:
            return float("nan")
        return float(np.trapezoid(np.append(0.0, self.tpr), np.append(0.0, self.fpr)))

    @property
    def ks_step(self) -> int:
        return int(np.argmax(np.abs(self.tpr - self.fpr)))

    @property
    def ks(self) -> Ks:
        if self.one_class:
            return Ks(float("nan"), float("nan"))
        step = self.ks_step
        return Ks(float(abs(self.tpr[step] - self.fpr[step])), float(self.risk[step]))


def auc(y: ArrayLike, risk: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Area under the ROC curve: ``P(risk of a bad > risk of a good) + P(equal) / 2``; NaN with one class only.

    Parameters
    ----------
    y : shape (n,), 0 or 1
    risk : shape (n,), higher is riskier
    weight : shape (n,), above 0; by default 1

    Source: Hanley and McNeil, "The meaning and use of the area under a ROC curve" (1982).

    >>> auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    return Ranking.of(y, risk, weight).auc


def gini(y: ArrayLike, risk: ArrayLike, weight: ArrayLike | None = None) -> float:
    """``2 AUC - 1``, also Somers' D of the risk; see :func:`auc`.

    >>> gini([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.5
    """
    return 2 * auc(y, risk, weight) - 1


def ks(y: ArrayLike, risk: ArrayLike, weight: ArrayLike | None = None) -> Ks:
    """Kolmogorov-Smirnov distance ``max_t |share of bads with risk >= t - share of goods with risk >= t|``.

    Taken over distinct risks, so the order of tied rows cannot add to it; NaN with one class only.

    Source: Siddiqi, "Intelligent Credit Scoring" (2017); two-sample statistic of Smirnov (1939).

    >>> ks([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    Ks(value=0.5, at=0.8)
    """
    return Ranking.of(y, risk, weight).ks


def bad_rate_at_approval(y: ArrayLike, risk: ArrayLike, approval: float, weight: ArrayLike | None = None) -> float:
    """Bad rate among the safest ``approval`` share of applicants; tied rows at the cut are approved in part.

    >>> bad_rate_at_approval([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], 0.5)
    0.5
    """
    ranking = Ranking.of(y, risk, weight)
    everyone = ranking.bads + ranking.goods
    refused = (1 - approval) * everyone[-1]
    bads_refused = np.interp(refused, np.append(0.0, everyone), np.append(0.0, ranking.bads))
    return float((ranking.bads[-1] - bads_refused) / (everyone[-1] - refused))


def score_distribution(
    y: ArrayLike, score: ArrayLike, edges: ArrayLike, weight: ArrayLike | None = None
) -> tuple[Floats, Floats]:
    """Weight of goods and of bads in ``[edges[i], edges[i + 1])``; the last interval holds its end.

    >>> [side.tolist() for side in score_distribution([0, 1, 0], [500, 510, 600], [500, 550, 600])]
    [[1.0, 1.0], [1.0, 0.0]]
    """
    labels = np.asarray(y, dtype=np.float64)
    weights = np.ones(len(labels)) if weight is None else np.asarray(weight, dtype=np.float64)
    cuts = np.asarray(edges, dtype=np.float64)
    goods = np.histogram(score, cuts, weights=weights * (1 - labels))[0]
    bads = np.histogram(score, cuts, weights=weights * labels)[0]
    return goods.astype(np.float64), bads.astype(np.float64)
