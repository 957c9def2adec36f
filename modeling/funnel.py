"""The funnel: from measures to the candidates that are worth a model, with a line for every column of the table.

``Measures, ScreeningPlan -> Funnel``. Nothing is measured again, so thresholds may be turned until they fit: a funnel
of a thousand columns takes milliseconds. Rules are applied in order; a column leaves by the first that it breaks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from modeling.correlation import Twin, clusters, leaders
from modeling.errors import DataError
from modeling.measures import Measure, Measures
from modeling.vif import inflated
from modeling.woe import Floats

Figure = Literal["missing", "top_share", "iv", "iv_high", "ks", "auc", "psi", "trend", "correlation", "vif"]
Stage = Literal[
    "data", "by_hand", "missing", "top_share", "iv", "iv_high", "ks", "auc", "psi", "trend", "correlation", "vif",
    "sign", "p_value", "kept", "model",
]  # fmt: skip
Correlate = Callable[[Sequence[str]], Floats]


@dataclass(frozen=True)
class FunnelRow:
    """Where a candidate's way ended, by which rule, and the number that decided."""

    variable: str
    stage: Stage
    rule: str
    number: float | None
    iv: float | None = None


@dataclass(frozen=True)
class Rule:
    """One threshold. A column leaves if the figure is beyond the limit, and stays if there is no such figure."""

    figure: Figure
    limit: float
    on: bool = True


DEFAULT_RULES = (
    Rule("missing", 0.95),
    Rule("top_share", 0.99),
    Rule("iv", 0.02),
    Rule("psi", 0.25),
    Rule("correlation", 0.85),
    Rule("vif", 10.0),
)


@dataclass(frozen=True)
class ScreeningPlan:
    """Rules in order, and what no rule decides.

    ``force_in``: columns that no rule drops, as long as they have bins; ``force_out``: columns that leave first.
    ``linkage``: ``leader`` groups a column with the strongest one it is correlated with; ``chain`` also joins columns
    that are only linked through others. Of each group the column with the highest IV stays.
    """

    rules: tuple[Rule, ...] = DEFAULT_RULES
    force_in: tuple[str, ...] = ()
    force_out: tuple[str, ...] = ()
    linkage: Literal["leader", "chain"] = "leader"


@dataclass(frozen=True)
class Group:
    """Correlated variables and the one that stands for them."""

    leader: str
    others: tuple[Twin, ...]


@dataclass(frozen=True)
class Funnel:
    """One line for every column in the order of the table; ``kept``: the strongest first."""

    rows: tuple[FunnelRow, ...]
    kept: tuple[str, ...]
    groups: tuple[Group, ...] = ()

    @property
    def stages(self) -> dict[str, int]:
        """How many columns ended at each stage."""
        found: dict[str, int] = {}
        for row in self.rows:
            found[row.stage] = found.get(row.stage, 0) + 1
        return found


@dataclass
class _Way:
    """The state while rules are applied."""

    plan: ScreeningPlan
    columns: Mapping[str, Measure]
    correlate: Correlate
    left: list[str]
    gone: dict[str, FunnelRow] = field(default_factory=dict)
    groups: list[Group] = field(default_factory=list)

    def drop(self, name: str, stage: Stage, rule: str, number: float | None) -> None:
        self.gone[name] = FunnelRow(name, stage, rule, number)

    @property
    def forced(self) -> frozenset[str]:
        return frozenset(self.plan.force_in)


def decide(measures: Measures, plan: ScreeningPlan | None = None) -> Funnel:
    """Apply a plan to measures.

    Raises
    ------
    DataError
        ``column_unknown``: the plan names a column that was not measured
    """
    known = {name: i for i, name in enumerate(measures.correlated)}

    def correlate(names: Sequence[str]) -> Floats:
        places = [known.get(name, -1) for name in names]
        if -1 not in places:
            return measures.correlation[np.ix_(places, places)]
        return _partly(measures.correlation, np.array(places))

    return apply_rules(measures.columns, plan or ScreeningPlan(), correlate)


def _partly(correlation: Floats, places: np.typing.NDArray[np.intp]) -> Floats:
    """Columns whose correlation was not measured stand alone."""
    found = np.eye(len(places))
    here = np.flatnonzero(places >= 0)
    found[np.ix_(here, here)] = correlation[np.ix_(places[here], places[here])]
    return found


def apply_rules(columns: Sequence[Measure], plan: ScreeningPlan, correlate: Correlate) -> Funnel:
    """:func:`decide` with correlations that are computed when they are asked for; names come strongest first."""
    way = _Way(plan, {one.name: one for one in columns}, correlate, [])
    for name in (*plan.force_in, *plan.force_out):
        if name not in way.columns:
            raise DataError("column_unknown", "The plan names %(column)s, which the table does not have.", column=name)
    for one in columns:
        if one.name in plan.force_out:
            way.drop(one.name, "by_hand", "left out by hand", None)
        elif not one.usable:
            way.drop(one.name, "data", one.reason or "one bin only", one.iv)
        else:
            way.left.append(one.name)
    way.left.sort(key=lambda name: (-(way.columns[name].iv or 0.0), name))
    for rule in plan.rules:
        if rule.on:
            _APPLY[rule.figure](way, rule)
    for name in way.left:
        way.drop(name, "kept", "kept", way.columns[name].iv)
    rows = tuple(replace(way.gone[one.name], iv=one.iv) for one in columns)
    return Funnel(rows, tuple(way.left), tuple(way.groups))


def _threshold(way: _Way, rule: Rule) -> None:
    words, value, above = _FIGURES[rule.figure]
    stayed = []
    for name in way.left:
        number = value(way.columns[name])
        beyond = number is not None and (number > rule.limit if above else number < rule.limit)
        if beyond and name not in way.forced:
            way.drop(name, rule.figure, f"{words} {'above' if above else 'below'} {rule.limit:g}", number)
        else:
            stayed.append(name)
    way.left = stayed


def _correlated(way: _Way, rule: Rule) -> None:
    matrix = way.correlate(way.left)
    if way.plan.linkage == "chain":
        twins = _chained(way, matrix, rule.limit)
    else:
        twins = leaders(way.left, matrix, rule.limit, way.forced)[1]
    for twin in twins:
        words = f"correlation with {twin.leader} above {rule.limit:g}"
        way.drop(twin.variable, "correlation", words, twin.correlation)
    way.left = [name for name in way.left if name not in way.gone]
    own: dict[str, list[Twin]] = {}
    for twin in twins:
        own.setdefault(twin.leader, []).append(twin)
    way.groups += [Group(leader, tuple(others)) for leader, others in own.items()]


def _chained(way: _Way, matrix: Floats, limit: float) -> list[Twin]:
    place = {name: i for i, name in enumerate(way.left)}
    return [
        Twin(name, group[0], float(abs(matrix[place[name], place[group[0]]])))
        for group in clusters(way.left, matrix, limit)
        for name in group[1:]
        if name not in way.forced
    ]


def _inflated(way: _Way, rule: Rule) -> None:
    free = [name not in way.forced for name in way.left]
    kept, dropped = inflated(way.correlate(way.left), free, rule.limit)
    for place, factor in dropped:
        way.drop(way.left[place], "vif", f"VIF above {rule.limit:g}", factor)
    way.left = [way.left[place] for place in kept]


_FIGURES: Mapping[str, tuple[str, Callable[[Measure], float | None], bool]] = {
    "missing": ("missing", lambda one: one.missing, True),
    "top_share": ("commonest value", lambda one: one.top_share, True),
    "iv": ("IV", lambda one: one.iv, False),
    "iv_high": ("IV", lambda one: one.iv, True),
    "ks": ("KS", lambda one: one.ks, False),
    "auc": ("AUC", lambda one: one.auc, False),
    "psi": ("PSI", lambda one: one.psi_max, True),
    "trend": ("order kept by month", lambda one: one.trend, False),
}
_APPLY: Mapping[str, Callable[[_Way, Rule], None]] = dict.fromkeys(_FIGURES, _threshold) | {
    "correlation": _correlated,
    "vif": _inflated,
}
