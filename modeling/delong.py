"""DeLong's variance of the AUC: the closed form that checks the bootstrap."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

Floats = NDArray[np.float64]


class DeLong(NamedTuple):
    """AUCs of two rankings of the same rows, the standard error of their difference and its two-sided p-value."""

    auc: float
    other: float
    error: float
    p: float


def delong(y: ArrayLike, risk: ArrayLike, other: ArrayLike) -> DeLong:
    """Test whether two rankings of the same rows have the same AUC.

    With m bads and n goods, ``var = S10 / m + S01 / n`` from the covariances of the placements. Rows are taken as
    independent and of equal weight: where people have several rows, trust the bootstrap by person.

    Parameters
    ----------
    y : shape (n,), 0 or 1, both present
    risk, other : shape (n,), higher is riskier

    Source: DeLong, DeLong and Clarke-Pearson (1988); midranks as in Sun and Xu (2014).

    >>> delong([0, 0, 1, 1], [1, 2, 3, 4], [1, 3, 2, 4])[:2]
    (1.0, 0.75)
    """
    bad = np.asarray(y).astype(bool)
    placements = [_placements(np.asarray(r, dtype=np.float64), bad) for r in (risk, other)]
    m, n = int(bad.sum()), int((~bad).sum())
    cov_bads = np.atleast_2d(np.cov([p[0] for p in placements])) / m
    cov_goods = np.atleast_2d(np.cov([p[1] for p in placements])) / n
    first, second = (float(p[0].mean()) for p in placements)
    contrast = np.array([1.0, -1.0])
    variance = float(contrast @ (cov_bads + cov_goods) @ contrast)
    error = float(np.sqrt(max(variance, 0.0)))
    p = 1.0 if first == second else 0.0 if error == 0 else float(2 * ndtr(-abs(first - second) / error))
    return DeLong(first, second, error, p)


def _placements(risk: Floats, bad: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Each bad's share of goods below it, and each good's share of bads above it."""
    m, n = bad.sum(), (~bad).sum()
    together = midranks(risk)
    of_bads = (together[bad] - midranks(risk[bad])) / n
    of_goods = 1 - (together[~bad] - midranks(risk[~bad])) / m
    return of_bads, of_goods


def midranks(values: Floats) -> Floats:
    """Ranks from 1; equal values share the mean of their ranks.

    >>> midranks(np.array([3.0, 1.0, 3.0])).tolist()
    [2.5, 1.0, 2.5]
    """
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(count) - (count - 1) / 2)[place])
