"""Fit one model on given rows: bins, screening and regression, or encoding and trees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from modeling.artifacts import Column, Progress, no_progress
from modeling.bin_given import refuse_thin, tabulate_rows
from modeling.bin_plan import read_labels
from modeling.binning import BinPlan, Bins, bin_table, kind_of
from modeling.encoding import Input, describe_input, fit_tree_encoding
from modeling.errors import DataError
from modeling.marks import THIN_LEAVES
from modeling.scorecard import Scorecard
from modeling.scoring import ModelFile, Scorer
from modeling.screening import FunnelRow, Selected, select
from modeling.training_rows import Rows, significant
from modeling.trees import TreeModel, ValidRows, fit_trees
from modeling.woe import check_two_classes

if TYPE_CHECKING:
    from modeling.train import TrainPlan


@dataclass(frozen=True)
class Fitted:
    """A fitted model, ready to score, with what ``training.json`` tells about it."""

    scorer: Scorer
    trees: TreeModel | None
    report: Mapping[str, Any]
    marks: tuple[str, ...] = field(default=())


def fit_rows(train: Rows, valid: Rows | None, plan: TrainPlan, progress: Progress = no_progress) -> Fitted:
    """Fit the plan's algorithm on ``train``; ``valid`` steers early stopping of trees only."""
    check_two_classes(train.y)
    usable, dropped = _usable(train)
    if not usable:
        raise DataError("no_variables", "No column holds anything to learn from: all are constant, empty or dates.")
    if plan.algorithm == "scorecard":
        return _fit_scorecard(train, usable, dropped, plan, progress)
    return _fit_trees(train, valid, usable, dropped, plan, progress)


def _usable(train: Rows) -> tuple[tuple[Column, ...], list[FunnelRow]]:
    """Columns that can teach anything, and a funnel line for each of the others."""
    usable, dropped = [], []
    for column in train.inputs:
        rule = _useless(column, train.columns[column.name])
        if rule is None:
            usable.append(column)
        else:
            dropped.append(FunnelRow(column.name, "data", rule, None))
    return tuple(usable), dropped


def _useless(column: Column, values: Any) -> str | None:
    if column.kind == "date":
        return "dates are not modelled"
    if column.kind == "category":
        seen = set(values.tolist())
        n_values, n_missing = len(seen - {None}), int(None in seen)
    else:
        missing = np.isnan(values)
        here = values[~missing]
        n_values, n_missing = (1 + int(here.min() < here.max()) if len(here) else 0), int(missing.any())
    if n_values == 0:
        return "no values"
    return "one value only" if n_values + n_missing < 2 else None


def _fit_scorecard(
    train: Rows, usable: tuple[Column, ...], dropped: list[FunnelRow], plan: TrainPlan, progress: Progress
) -> Fitted:
    progress(0, len(usable), "bins")
    usable, dropped = _without_others(usable, dropped, plan)
    bins = _bins(train, usable, plan)
    woe = {name: one.transform(train.columns[name]) for name, one in bins.items()}
    progress(len(usable), len(usable), "regression")
    chosen = select(bins, woe, train.y, train.weight, plan.screen)
    card = _card([bins[term.variable] for term in chosen.coefficients], chosen, train, plan)
    by_name = {column.name: column for column in usable}
    inputs = tuple(
        describe_input(by_name[one.name], train.columns[one.name], plan.min_people, train.person) for one in card.bins
    )
    scorer = Scorer(ModelFile("scorecard", inputs, plan.scaling, scorecard=card))
    return Fitted(scorer, None, _card_report(chosen, dropped, card, bins))


def _without_others(
    usable: tuple[Column, ...], dropped: list[FunnelRow], plan: TrainPlan
) -> tuple[tuple[Column, ...], list[FunnelRow]]:
    """Only the variables of the bin set, if the plan leaves the others out."""
    if plan.given is None or plan.given.others == "optimise":
        return usable, dropped
    held = plan.given.bins
    out = [FunnelRow(column.name, "data", "not in the bin set", None) for column in usable if column.name not in held]
    kept = tuple(column for column in usable if column.name in held)
    if not kept:
        raise DataError("no_given_columns", "The bin set holds no variable of this table that could be used.")
    return kept, [*dropped, *out]


def _bins(train: Rows, usable: tuple[Column, ...], plan: TrainPlan) -> dict[str, Bins]:
    """Given bins as they are, all others by the search, in the order of the table."""
    given = _given_bins(train, usable, plan)
    found = _searched_bins(train, tuple(column for column in usable if column.name not in given), plan)
    return {column.name: (given | found)[column.name] for column in usable}


def _given_bins(train: Rows, usable: tuple[Column, ...], plan: TrainPlan) -> dict[str, Bins]:
    held = plan.given.bins if plan.given else {}
    columns = [column for column in usable if column.name in held]
    if not columns:
        return {}
    labels = read_labels(train.y, train.weight, train.person)
    for column in columns:
        if kind_of(column.kind) != held[column.name].kind:
            raise DataError("given_kind", "The bin set has bins of another kind for %(column)s.", column=column.name)
    return {
        column.name: tabulate_rows(column.name, held[column.name], train.columns[column.name], labels, plan.min_people)
        for column in columns
    }


def refuse_thin_bins(fitted: Fitted, plan: TrainPlan) -> None:
    """A stored model whose given bins hold too few of its own train rows is refused, with the bin's name."""
    for name, given in (plan.given.bins if plan.given else {}).items():
        if name in fitted.report.get("bins", {}):
            refuse_thin(fitted.report["bins"][name], given, plan.min_people)


def _searched_bins(train: Rows, usable: tuple[Column, ...], plan: TrainPlan) -> dict[str, Bins]:
    plans = {c.name: _own_plan(plan.column_bins.get(c.name, plan.bins), c, plan.min_people) for c in usable}
    columns = {c.name: train.columns[c.name] for c in usable}
    kinds = {c.name: c.kind for c in usable}
    return bin_table(columns, kinds, train.y, train.weight, plan.bins, plan.threads, plans=plans, person=train.person)


def _own_plan(plan: BinPlan, column: Column, min_people: int) -> BinPlan:
    specials = tuple(dict.fromkeys((*column.specials, *plan.specials)))
    return replace(plan, specials=specials, min_people=max(plan.min_people, min_people))


def _card(bins: list[Bins], chosen: Selected, train: Rows, plan: TrainPlan) -> Scorecard:
    coefficients = tuple(significant([term.coefficient for term in chosen.coefficients]).tolist())
    intercept = float(significant(chosen.intercept.coefficient))
    card = Scorecard(tuple(bins), intercept, coefficients, plan.scaling, (0.0,) * len(bins))
    means = [
        float(np.average(card.points(i)[one.index(train.columns[one.name])], weights=train.weight))
        for i, one in enumerate(bins)
    ]
    return replace(card, mean_points=tuple(significant(means).tolist()))


def _card_report(
    chosen: Selected, dropped: list[FunnelRow], card: Scorecard, bins: Mapping[str, Bins]
) -> Mapping[str, Any]:
    spread = {one.name: float(np.ptp(card.points(i))) for i, one in enumerate(card.bins)}
    return {
        "funnel": [*chosen.funnel, *dropped],
        "intercept": chosen.intercept,
        "coefficients": chosen.coefficients,
        "bins": bins,
        "points": card.points_table(),
        "importance": _shares(spread),
        "scaling": card.scaling,
    }


def _shares(sizes: Mapping[str, float]) -> list[dict[str, Any]]:
    """Shares of the sum, the largest first."""
    total = sum(sizes.values()) or 1.0
    ordered = sorted(sizes.items(), key=lambda item: (-item[1], item[0]))
    return [{"variable": name, "share": size / total} for name, size in ordered]


def _fit_trees(
    train: Rows,
    valid: Rows | None,
    usable: tuple[Column, ...],
    dropped: list[FunnelRow],
    plan: TrainPlan,
    progress: Progress,
) -> Fitted:
    inputs = tuple(
        describe_input(column, train.columns[column.name], plan.min_people, train.person) for column in usable
    )
    encoding = fit_tree_encoding(inputs, train.columns, train.y, train.weight, plan.min_people, train.person)
    stopping = None if valid is None else ValidRows(encoding.matrix(valid.columns), valid.y, valid.weight)
    trees = fit_trees(
        encoding.matrix(train.columns),
        train.y,
        train.weight,
        plan.xgb,
        valid=stopping,
        monotone=_signs(inputs, [(f.source, f.role) for f in encoding.features], plan.xgb.monotone or {}),
        people=train.person,
        min_people=plan.min_people,
        threads=plan.threads,
        progress=progress,
    )
    scorer = Scorer(ModelFile("xgboost", inputs, plan.scaling, encoding=encoding), trees)
    thin = trees.thin_leaves(plan.min_people)
    gains = np.bincount([f.source for f in encoding.features], trees.gain_shares(), len(inputs))
    offered = [FunnelRow(e.name, "model", "offered to the trees", float(g)) for e, g in zip(inputs, gains, strict=True)]
    report = {
        "funnel": [*offered, *dropped],
        "importance": _shares({e.name: float(g) for e, g in zip(inputs, gains, strict=True)}),
        "parameters": plan.xgb,
        "n_trees": trees.n_trees,
        "thin_leaves": len(thin),
        "scaling": plan.scaling,
    }
    return Fitted(scorer, trees, report, (THIN_LEAVES,) if thin else ())


def _signs(inputs: tuple[Input, ...], features: list[tuple[int, str]], monotone: Mapping[str, int]) -> list[int]:
    """Constraint of every matrix column; flags of special codes are free."""
    return [0 if role == "flag" else monotone.get(inputs[source].name, 0) for source, role in features]
