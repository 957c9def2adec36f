"""From candidates to the variables of a scorecard, with one line for every candidate: it is never lost from sight.

Stages in order, all on training rows: ``data`` (nothing to bin), ``iv``, ``correlation`` (of WOE, the lower IV goes),
``vif``, ``sign`` (a positive coefficient contradicts the bins), ``p_value``, ``model`` (kept).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from modeling.errors import DataError
from modeling.scorecard import Coefficient, fit_logistic
from modeling.woe import Bins, Floats

Stage = Literal["data", "iv", "correlation", "vif", "sign", "p_value", "model"]


@dataclass(frozen=True)
class ScreenPlan:
    """Limits of the funnel. ``keep`` names variables that no statistical rule may drop (a wrong sign still does)."""

    min_iv: float = 0.02
    max_correlation: float = 0.85
    max_vif: float = 10.0
    max_p: float = 0.05
    keep: tuple[str, ...] = ()


@dataclass(frozen=True)
class FunnelRow:
    """Where a candidate's way ended, by which rule, and the number that decided."""

    variable: str
    stage: Stage
    rule: str
    number: float | None
    iv: float | None = None


@dataclass(frozen=True)
class Selected:
    """Outcome of the screening: the final regression and the whole funnel."""

    intercept: Coefficient
    coefficients: tuple[Coefficient, ...]
    funnel: tuple[FunnelRow, ...]


def select(
    bins: Mapping[str, Bins], woe: Mapping[str, Floats], y: Floats, weight: Floats, plan: ScreenPlan
) -> Selected:
    """Screen binned candidates and fit the regression; ``woe`` holds the training rows' WOE by variable."""
    gone: dict[str, FunnelRow] = {}
    kept = _by_iv(bins, plan, gone)
    correlation = _correlation([woe[name] for name in kept], weight)
    kept, correlation = _drop_correlated(kept, correlation, plan, gone)
    kept, correlation = _drop_inflated(kept, correlation, plan, gone)
    intercept, terms = _regress(kept, woe, y, weight, plan, gone)
    places = [kept.index(term.variable) for term in terms]
    factors = vif(correlation[np.ix_(places, places)])
    terms = [replace(term, vif=float(f)) for term, f in zip(terms, factors, strict=True)]
    for term in terms:
        gone[term.variable] = FunnelRow(term.variable, "model", "kept", term.coefficient)
    rows = tuple(replace(gone[name], iv=bins[name].iv) for name in bins)
    return Selected(intercept, tuple(terms), rows)


def vif(correlation: Floats) -> Floats:
    """Variance inflation factors: the diagonal of the inverse correlation matrix, ``VIF_i = 1 / (1 - R_i^2)``.

    >>> vif(np.array([[1.0, 0.6], [0.6, 1.0]])).round(4).tolist()
    [1.5625, 1.5625]
    """
    if not len(correlation):
        return np.zeros(0)
    return np.asarray(np.diag(np.linalg.pinv(correlation, hermitian=True)))


def _by_iv(bins: Mapping[str, Bins], plan: ScreenPlan, gone: dict[str, FunnelRow]) -> list[str]:
    """Names with enough IV, the strongest first."""
    kept = []
    for name, one in bins.items():
        if sum(not row.neutral for row in one.rows) < 2:
            gone[name] = FunnelRow(name, "data", "one bin only", one.iv)
        elif one.iv < plan.min_iv and name not in plan.keep:
            gone[name] = FunnelRow(name, "iv", f"IV below {plan.min_iv:g}", one.iv)
        else:
            kept.append(name)
    return sorted(kept, key=lambda name: (-bins[name].iv, name))


def _correlation(columns: Sequence[Floats], weight: Floats) -> Floats:
    """Weighted Pearson correlation, shape (k, k)."""
    if not columns:
        return np.zeros((0, 0))
    x = np.column_stack(columns)
    x = (x - np.average(x, axis=0, weights=weight)) * np.sqrt(weight)[:, None]
    covariance = x.T @ x
    spread = np.sqrt(np.diag(covariance))
    return np.asarray(covariance / np.outer(spread, spread))


def _drop_correlated(
    names: list[str], correlation: Floats, plan: ScreenPlan, gone: dict[str, FunnelRow]
) -> tuple[list[str], Floats]:
    kept: list[int] = []
    for i, name in enumerate(names):
        strengths = np.abs(correlation[i, kept])
        worst = int(strengths.argmax()) if kept else -1
        if kept and strengths[worst] > plan.max_correlation and name not in plan.keep:
            rule = f"correlation with {names[kept[worst]]} above {plan.max_correlation:g}"
            gone[name] = FunnelRow(name, "correlation", rule, float(strengths[worst]))
        else:
            kept.append(i)
    return [names[i] for i in kept], correlation[np.ix_(kept, kept)]


def _drop_inflated(
    names: list[str], correlation: Floats, plan: ScreenPlan, gone: dict[str, FunnelRow]
) -> tuple[list[str], Floats]:
    kept = list(range(len(names)))
    while True:
        factors = vif(correlation[np.ix_(kept, kept)])
        free = [j for j, i in enumerate(kept) if names[i] not in plan.keep and factors[j] > plan.max_vif]
        if not free:
            return [names[i] for i in kept], correlation[np.ix_(kept, kept)]
        worst = max(free, key=lambda j: factors[j])
        name = names[kept.pop(worst)]
        gone[name] = FunnelRow(name, "vif", f"VIF above {plan.max_vif:g}", float(factors[worst]))


def _regress(
    names: list[str],
    woe: Mapping[str, Floats],
    y: Floats,
    weight: Floats,
    plan: ScreenPlan,
    gone: dict[str, FunnelRow],
) -> tuple[Coefficient, list[Coefficient]]:
    """Fit; drop the most positive coefficient, else the least significant one; fit again until nothing is to drop."""
    names = list(names)
    while names:
        intercept, terms = fit_logistic(np.column_stack([woe[name] for name in names]), y, weight, names)
        drop = _wrong_sign(terms) or _insignificant(terms, plan)
        if drop is None:
            return intercept, terms
        gone[drop.variable] = drop
        names.remove(drop.variable)
    raise DataError("no_variables", "No variable is left for the scorecard; the funnel says why each was dropped.")


def _wrong_sign(terms: Sequence[Coefficient]) -> FunnelRow | None:
    worst = max(terms, key=lambda term: term.coefficient)
    if worst.coefficient < 0:
        return None
    return FunnelRow(worst.variable, "sign", "coefficient not below 0", worst.coefficient)


def _insignificant(terms: Sequence[Coefficient], plan: ScreenPlan) -> FunnelRow | None:
    free = [term for term in terms if term.variable not in plan.keep and term.p > plan.max_p]
    if not free:
        return None
    worst = max(free, key=lambda term: term.p)
    return FunnelRow(worst.variable, "p_value", f"p above {plan.max_p:g}", worst.p)
