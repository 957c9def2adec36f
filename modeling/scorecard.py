"""The scorecard: logistic regression on WOE with standard errors, and points on a scale that is stored with it.

``ln(odds bad) = b0 + sum_i b_i * WOE_i`` with every ``b_i < 0``, since a high WOE is good.
``score = offset + factor * ln(odds good)``, ``factor = PDO / ln 2``, ``offset = base_score - factor * ln(base_odds)``.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log

import numpy as np
import numpy.typing as npt

from modeling.errors import DataError
from modeling.woe import Bins, Floats

LEAST_PD = 1e-9
LARGEST_ERROR = 100.0  # of a coefficient on WOE (honest ones are near -1): beyond it the data do not fix the value


@dataclass(frozen=True)
class Scaling:
    """``base_score`` points at ``base_odds`` goods to one bad; ``pdo`` points double the odds."""

    base_score: float = 600.0
    base_odds: float = 20.0
    pdo: float = 20.0

    @cached_property
    def factor(self) -> float:
        return self.pdo / log(2.0)

    @cached_property
    def offset(self) -> float:
        return self.base_score - self.factor * log(self.base_odds)

    def score(self, pd: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Integer score from the PD rounded to 9 digits, rounded half away from zero.

        >>> Scaling().score([1 / 21, 1 / 41, 0.0]).tolist()
        [600, 620, 1112]
        """
        chance = np.floor(np.asarray(pd, dtype=np.float64) * 1e9 + 0.5) / 1e9
        chance = np.clip(chance, LEAST_PD, 1 - LEAST_PD)
        exact = self.offset + self.factor * np.log((1 - chance) / chance)
        return (np.sign(exact) * np.floor(np.abs(exact) + 0.5)).astype(np.int64)


@dataclass(frozen=True)
class Coefficient:
    """One term of the regression: Wald ``z = coefficient / std_error``, two-sided p; VIF among the kept variables."""

    variable: str  # "" for the intercept
    coefficient: float
    std_error: float
    z: float
    p: float
    vif: float = 0.0


@dataclass(frozen=True)
class PointsRow:
    """Points of one bin. A row's score is the sum of its points over the variables."""

    variable: str
    label: str
    woe: float
    points: float


@dataclass(frozen=True)
class Scorecard:
    """What is stored: bins and coefficients in the same order, and the training population's mean points."""

    bins: tuple[Bins, ...]
    intercept: float
    coefficients: tuple[float, ...]
    scaling: Scaling
    mean_points: tuple[float, ...]

    def points(self, i: int) -> Floats:
        """Points by row of variable ``i``'s bin table: an equal share of intercept and offset, and its WOE's part."""
        return bin_points(self.bins[i].woe, self.coefficients[i], self.intercept, len(self.bins), self.scaling)

    def points_table(self) -> list[PointsRow]:
        """All points, variable by variable."""
        return [
            PointsRow(bins.name, row.label, row.woe, float(points))
            for i, bins in enumerate(self.bins)
            for row, points in zip(bins.rows, self.points(i), strict=True)
        ]


def bin_points(woe: Floats, coefficient: float, intercept: float, n: int, scaling: Scaling) -> Floats:
    """``offset / n - factor * (b0 / n + b_i * WOE)`` for every bin of one of ``n`` variables.

    Source: Siddiqi (2006), Credit Risk Scorecards, ch. 6.

    >>> bin_points(np.array([0.0, 1.0]), -1.0, -2.0, 1, Scaling()).round(3).tolist()
    [571.269, 600.123]
    """
    return (scaling.offset / n) - scaling.factor * (intercept / n + coefficient * np.asarray(woe))


def fit_logistic(
    x: Floats, y: npt.NDArray[np.floating], weight: Floats, names: Sequence[str]
) -> tuple[Coefficient, list[Coefficient]]:
    """Unpenalised logistic regression with standard errors from the information matrix.

    ``cov = (X' W X)^-1``, ``W = weight * p * (1 - p)``; weights are scaled to mean 1, so that a rescaled sample does
    not look more certain than its number of rows.

    Parameters
    ----------
    x : shape (n, k), WOE
    y : shape (n,), 0/1
    weight : shape (n,), > 0

    Returns
    -------
    intercept and the k coefficients, each with standard error, Wald z and p

    Raises
    ------
    DataError
        ``not_converged`` where a variable separates goods from bads or two variables are the same

    Source: Hosmer, Lemeshow and Sturdivant (2013), Applied Logistic Regression, ch. 2.
    """
    scale = weight / weight.mean()
    beta = _maximise(x, y, scale)
    design = np.column_stack([np.ones(len(x)), x])
    chance = 1 / (1 + np.exp(-(design @ beta)))
    information = design.T @ (design * (scale * chance * (1 - chance))[:, None])
    try:
        errors = np.sqrt(np.diag(np.linalg.inv(information)))
    except np.linalg.LinAlgError:
        raise _not_converged() from None
    if not (errors < LARGEST_ERROR).all():
        raise _not_converged()
    terms = [_wald(name, float(b), float(e)) for name, b, e in zip(["", *names], beta, errors, strict=True)]
    return terms[0], terms[1:]


def _maximise(x: Floats, y: npt.NDArray[np.floating], weight: Floats) -> Floats:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10, max_iter=100)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            model.fit(x, y, sample_weight=weight)
        except (Warning, np.linalg.LinAlgError):
            raise _not_converged() from None
    return np.append(model.intercept_, model.coef_[0])


def _not_converged() -> DataError:
    return DataError(
        "not_converged",
        "The regression has no finite solution: a variable separates goods from bads, or two variables are the same.",
    )


def _wald(name: str, coefficient: float, error: float) -> Coefficient:
    from scipy.special import ndtr  # not needed to score

    z = coefficient / error
    return Coefficient(name, coefficient, error, z, float(2 * ndtr(-abs(z))))
