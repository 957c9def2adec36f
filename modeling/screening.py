"""From candidates to the variables of a scorecard, with one line for every candidate: it is never lost from sight.

Stages in order, all on training rows: ``data`` (nothing to bin), ``iv``, ``correlation`` (of WOE, the lower IV goes),
``vif``, ``sign`` (a positive coefficient contradicts the bins), ``p_value``, ``model`` (kept).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from modeling.artifacts import Kind
from modeling.errors import DataError
from modeling.funnel import FunnelRow, Rule, ScreeningPlan, Stage, apply_rules
from modeling.measures import Measure, measure_bins
from modeling.scorecard import Coefficient, fit_logistic
from modeling.vif import vif
from modeling.woe import BinKind, Bins, Floats

__all__ = ["FunnelRow", "ScreenPlan", "Selected", "Stage", "select", "vif"]


@dataclass(frozen=True)
class ScreenPlan:
    """Limits of the funnel. ``keep`` names variables that no statistical rule may drop (a wrong sign still does)."""

    min_iv: float = 0.02
    max_correlation: float = 0.85
    max_vif: float = 10.0
    max_p: float = 0.05
    keep: tuple[str, ...] = ()

    @property
    def screening(self) -> ScreeningPlan:
        """The part that is decided before the regression."""
        rules = Rule("iv", self.min_iv), Rule("correlation", self.max_correlation), Rule("vif", self.max_vif)
        return ScreeningPlan(rules, self.keep)


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
    plan = replace(plan, keep=tuple(name for name in plan.keep if name in bins))
    columns = [measure_bins(Measure(name, _KINDS[one.kind]), one) for name, one in bins.items()]

    def correlate(names: Sequence[str]) -> Floats:
        return _correlation([woe[name] for name in names], weight)

    screened = apply_rules(columns, plan.screening, correlate)
    gone = {row.variable: row for row in screened.rows if row.variable not in screened.kept}
    intercept, terms = _regress(list(screened.kept), woe, y, weight, plan, gone)
    factors = vif(correlate([term.variable for term in terms]))
    terms = [replace(term, vif=float(f)) for term, f in zip(terms, factors, strict=True)]
    for term in terms:
        gone[term.variable] = FunnelRow(term.variable, "model", "kept", term.coefficient)
    rows = tuple(replace(gone[name], iv=bins[name].iv) for name in bins)
    return Selected(intercept, tuple(terms), rows)


_KINDS: Mapping[BinKind, Kind] = {"numeric": "float", "category": "category"}


def _correlation(columns: Sequence[Floats], weight: Floats) -> Floats:
    """Weighted Pearson correlation, shape (k, k)."""
    if not columns:
        return np.zeros((0, 0))
    x = np.column_stack(columns)
    x = (x - np.average(x, axis=0, weights=weight)) * np.sqrt(weight)[:, None]
    covariance = x.T @ x
    spread = np.sqrt(np.diag(covariance))
    return np.asarray(covariance / np.outer(spread, spread))


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
