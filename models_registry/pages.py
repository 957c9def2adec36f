"""What the pages show of results: rows of tables and figures of charts, out of stored reports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from modeling import artifacts as tickets
from modeling import charts, figure_parts
from modeling.artifacts import Column
from modeling.judging import ORDER
from models_registry import selectors
from models_registry.models import TrainingRun, ValueOfData

Curves = Mapping[str, Sequence[Sequence[float]]]


@dataclass(frozen=True)
class Variable:
    """A variable of a scorecard: its bins, their points, and the chart of both."""

    chart_id: str
    name: str
    title: str
    party: str
    iv: float
    trend: str
    rows: list[dict[str, Any]]
    figure: dict[str, Any]


@dataclass(frozen=True)
class TrainingPage:
    report: dict[str, Any]
    funnel: list[dict[str, Any]]
    stages: list[dict[str, Any]]
    coefficients: list[dict[str, Any]]
    importance: list[dict[str, Any]]
    variables: list[Variable]


def in_order(by_split: Mapping[str, Any]) -> dict[str, Any]:
    """Train, valid, test, out of fold, OOT: a JSON column need not keep the order of keys."""
    return {name: by_split[name] for name in ORDER if name in by_split}


def training_page(run: TrainingRun) -> TrainingPage:
    """Everything that the page of a ready run shows."""
    report = selectors.training_report(run)
    report |= {"splits": in_order(report["splits"])}
    columns = _columns(run)
    funnel = [_named(row, columns) for row in report["funnel"]]
    coefficients = [
        _named(row, columns) | {"right_sign": row["coefficient"] < 0} for row in report.get("coefficients", [])
    ]
    most = max((row["share"] for row in report["importance"]), default=1.0)
    importance = [_named(row, columns) | {"most": most} for row in report["importance"]]
    return TrainingPage(report, funnel, _stages(funnel), coefficients, importance, _variables(report, columns))


def _columns(run: TrainingRun) -> dict[str, Column]:
    table = tickets.from_json(tickets.FeatureTable, run.feature_table.ticket)
    return {column.name: column for column in table.columns}


def _named(row: dict[str, Any], columns: dict[str, Column]) -> dict[str, Any]:
    """The row with the variable's title and whose data it is."""
    column = columns.get(row["variable"])
    stage = _stage_title(row["stage"]) if "stage" in row else ""
    return row | {
        "title": column.title if column else "",
        "party": column.party if column else "",
        "stage_title": stage,
    }


def _stage_title(stage: str) -> str:
    """The test that the variable did not pass."""
    return {
        "data": _("data"),
        "iv": "IV",
        "correlation": _("correlation"),
        "vif": "VIF",
        "sign": _("sign"),
        "p_value": _("p-value"),
    }.get(stage, stage)


STAGES: dict[str, Promise] = {
    "data": gettext_lazy("hold something to learn from"),
    "iv": gettext_lazy("enough IV"),
    "correlation": gettext_lazy("not a copy of a stronger one"),
    "vif": gettext_lazy("not a mixture of others"),
    "sign": gettext_lazy("right sign"),
    "p_value": gettext_lazy("significant"),
}


def _stages(funnel: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """How many candidates were left after each stage that dropped any, from all to those in the model."""
    left = len(funnel)
    counts: list[dict[str, Any]] = [{"title": _("candidates"), "n": left}]
    for stage, title in STAGES.items():
        gone = sum(row["stage"] == stage for row in funnel)
        left -= gone
        if gone:
            counts.append({"title": title, "n": left})
    return [*counts, {"title": _("in the model"), "n": left}]


def _variables(report: dict[str, Any], columns: dict[str, Column]) -> list[Variable]:
    """The model's variables, in the order of their coefficients; none for trees."""
    points: dict[str, dict[str, float]] = {}
    for row in report.get("points", []):
        points.setdefault(row["variable"], {})[row["label"]] = row["points"]
    return [_variable(at, report["bins"][name], points[name], columns.get(name)) for at, name in enumerate(points)]


def _variable(at: int, bins: dict[str, Any], points: dict[str, float], column: Column | None) -> Variable:
    rows = [row | {"points": points[row["label"]]} for row in bins["rows"]]
    return Variable(
        f"bins-{at}",
        bins["name"],
        column.title if column else "",
        column.party if column else "",
        bins["iv"],
        bins["trend"],
        rows,
        charts.bins_chart(bins, say=_),
    )


@dataclass(frozen=True)
class ValueView:
    """One way to look at the value of data: trained and judged on matched rows, or on all."""

    rows: str  # "matched" or "all"
    split: str
    figures: dict[str, Any]
    sets: list[dict[str, Any]]
    pairs: list[dict[str, Any]]
    approval: float
    worth: dict[str, Any]  # joint against partner
    figure: dict[str, Any]
    runs: dict[str, int]


SETS = {
    "partner": gettext_lazy("Partner only"),
    "platform": gettext_lazy("Platform only"),
    "joint": gettext_lazy("Joint"),
}


def value_views(value: ValueOfData) -> list[ValueView]:
    """Matched rows first, then all rows; only all rows where everybody is matched."""
    return [_value_view(rows, view) for rows, view in sorted(value.result["views"].items(), reverse=True)]


def _value_view(rows: str, view: dict[str, Any]) -> ValueView:
    split = view["judged_on"]
    figures = view["splits"][split]
    figures |= {"models": {name: figures["models"][name] for name in SETS}}
    pairs = [
        pair | {"model_title": SETS[pair["model"]], "other_title": SETS[pair["other"]]} for pair in figures["pairs"]
    ]
    sets = [{"name": name, "title": title, **figures["models"][name]} for name, title in SETS.items()]
    worth = next(pair for pair in pairs if (pair["model"], pair["other"]) == ("joint", "partner"))
    return ValueView(
        rows=rows,
        split=split,
        figures=figures,
        sets=sets,
        pairs=pairs,
        approval=view["approval"],
        worth=worth,
        figure=charts.value_of_data(figures, say=_),
        runs=view["runs"],
    )


@dataclass(frozen=True)
class ComparisonPage:
    runs: list[dict[str, Any]]
    rows: list[dict[str, Any]]  # one a split and view
    judged_on: str | None
    approval: float
    n_left_out: dict[str, int]
    roc: dict[str, Any] | None = None
    difference: dict[str, Any] | None = None


def comparison_page(compared: dict[str, Any], curves: Curves) -> ComparisonPage:
    """The judging split first; all rows, then the matched ones: every run's figures and all paired differences.

    ``curves`` are the ROC points of the runs on the judging split, as far as they were evaluated.
    """
    views = [("all", compared["splits"]), ("matched", compared["matched"] or {})]
    told = {str(run["number"]): run for run in compared["runs"]}
    rows = [
        {
            "rows": name,
            "split": split,
            **figures,
            "lines": [{"run": told[number], **row} for number, row in figures["models"].items()],
        }
        for name, splits in views
        for split, figures in reversed(in_order(splits).items())
        if not figures.get("hidden")
    ]
    both = len(curves) > 1
    return ComparisonPage(
        compared["runs"],
        rows,
        compared["judged_on"],
        compared["approval"],
        compared["n_left_out"],
        charts.roc_of_models(curves, say=_) if both else None,
        _roc_difference(curves) if both else None,
    )


def _roc_difference(curves: Curves) -> dict[str, Any]:
    """Each run's ROC minus that of the first: close curves say little, their difference says all."""
    grid = np.linspace(0, 1, 101)
    heights = {name: np.interp(grid, *np.transpose(points)) for name, points in curves.items()}
    first, *others = heights
    traces = [
        figure_parts.line(
            grid.tolist(), (heights[name] - heights[first]).tolist(), name=name, colour=charts.COLOURWAY[at % 8]
        )
        for at, name in enumerate(others, start=1)
    ]
    return figure_parts.figure(
        traces,
        x=figure_parts.axis(_("share of goods refused"), share=True, range_=(0, 1)),
        y=figure_parts.axis(_("difference"), share=True),
        shapes=[figure_parts.level(0, "oot")],
    )
