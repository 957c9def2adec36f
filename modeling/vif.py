"""Variance inflation: how far a variable is a mixture of the others."""

from __future__ import annotations

import numpy as np

from modeling.woe import Floats

SINGULAR = 1e8  # factors beyond this come from a matrix that has no inverse


def vif(correlation: Floats) -> Floats:
    """Variance inflation factors: the diagonal of the inverse correlation matrix, ``VIF_i = 1 / (1 - R_i^2)``.

    >>> vif(np.array([[1.0, 0.6], [0.6, 1.0]])).round(4).tolist()
    [1.5625, 1.5625]
    """
    if not len(correlation):
        return np.zeros(0)
    return np.asarray(np.diag(np.linalg.pinv(correlation, hermitian=True)))


def inflated(correlation: Floats, free: list[bool], limit: float) -> tuple[list[int], list[tuple[int, float]]]:
    """Drop the variable with the largest factor until no free one is above ``limit``.

    After each the inverse is brought up to date (a rank-one step), so a thousand variables take milliseconds.

    Returns
    -------
    kept, dropped : places, and the factor at which each of the others left, in order

    >>> inflated(np.array([[1.0, 0.99], [0.99, 1.0]]), [True, True], 10.0)[0]
    [1]
    """
    kept, dropped = list(range(len(correlation))), []
    inverse = _inverse(correlation)
    while kept:
        factors = vif(correlation[np.ix_(kept, kept)]) if inverse is None else np.diag(inverse)
        above = [j for j, i in enumerate(kept) if free[i] and factors[j] > limit]
        if not above:
            break
        worst = max(above, key=lambda j: factors[j])
        dropped.append((kept.pop(worst), float(factors[worst])))
        if inverse is None:
            inverse = _inverse(correlation[np.ix_(kept, kept)])
        else:
            left = np.arange(len(inverse)) != worst
            step = np.outer(inverse[left, worst], inverse[worst, left]) / inverse[worst, worst]
            inverse = np.asarray(inverse[np.ix_(left, left)] - step, dtype=np.float64)
    return kept, dropped


def _inverse(correlation: Floats) -> Floats | None:
    """The inverse, or None where rounding decides it."""
    try:
        found = np.asarray(np.linalg.inv(correlation), dtype=np.float64)
    except np.linalg.LinAlgError:
        return None
    factors = np.diag(found)
    sound = len(factors) > 0 and np.isfinite(factors).all() and 0.99 < factors.min() <= factors.max() < SINGULAR
    return found if sound else None
