"""The credit model report, in the order in which a model-risk reviewer reads it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from modeling import charts
from modeling.figure_parts import Figure
from modeling.judging import EvaluationPlan
from models_registry import pages, selectors, words
from models_registry.models import Evaluation, ValueOfData, Version
from projects.templatetags.figures import points

PSI_WATCH, PSI_SHIFT = 0.1, 0.25


@dataclass(frozen=True)
class Section:
    id: str
    title: str | Promise
    warned: bool = False


@dataclass(frozen=True)
class Tile:
    """A figure on the split that judges, its intervals by split, and what became of it since train."""

    key: str
    name: str
    value: float | None
    badge: str
    tone: str


@dataclass(frozen=True)
class Report:
    result: dict[str, Any]
    judged_on: str
    shown: dict[str, dict[str, Any]]  # splits with enough people
    tiles: list[Tile]
    psi: dict[str, Any] | None
    sections: list[Section]
    marks: list[words.Mark]
    findings: list[dict[str, Any]]
    figures: dict[str, Any]
    most_ks: dict[str, float]  # by split, of the gains table's bins
    window: int | None  # months after which an application is called good or bad
    training: pages.TrainingPage
    versions: list[Version]
    value: ValueOfData | None
    value_view: pages.ValueView | None


SECTIONS: tuple[tuple[str, Promise], ...] = (
    ("header", _("Header")),
    ("design", _("Sample and match")),
    ("funnel", _("Variable funnel")),
    ("model", _("Model sheet")),
    ("discrimination", _("Discrimination")),
    ("gains", _("Gains table")),
    ("distribution", _("Score distribution")),
    ("calibration", _("Calibration")),
    ("stability", _("Stability")),
    ("variables", _("Variables")),
    ("value", _("Value of data")),
    ("reproduction", _("Reproduction")),
    ("sign-off", _("Limits and sign-off")),
)
# Which section a finding or a mark belongs to, for the dot in the navigation.
PLACE = {
    "auc_fall": "discrimination",
    "ks_fall": "discrimination",
    "rank_break": "gains",
    "psi_shift": "stability",
    "immature_months": "design",
    "maturity_suspected": "design",
    "leakage_unknown": "design",
    "before_source": "design",
    "zero_delay": "design",
    "people_leak": "design",
    "shared_people": "design",
    "split_hidden": "discrimination",
    "thin_leaves": "model",
}


def report_of(evaluation: Evaluation) -> Report:
    """Everything that the report's page shows of a ready evaluation."""
    result = evaluation.result | {key: pages.in_order(evaluation.result[key]) for key in BY_SPLIT}
    marks = words.marks(evaluation.ticket.get("marks", []))
    value = selectors.value_on(evaluation.run.feature_table)
    shown = {name: row for name, row in result["splits"].items() if not row.get("hidden")}
    return Report(
        result=result,
        judged_on=result["judged_on"],
        shown=shown,
        tiles=[_tile(key, name, shown, result["judged_on"]) for key, name in TILES],
        psi=_psi(shown, result["judged_on"]),
        sections=_sections({mark.mark for mark in marks} | {found["code"] for found in result["warnings"]}),
        marks=marks,
        findings=[found for found in result["warnings"] if found["level"] != "info"],
        figures=figures_of(result),
        most_ks={split: max(row["ks"] for row in rows) for split, rows in result["deciles"].items()},
        window=evaluation.run.feature_table.match.sample.report.get("maturity", {}).get("window_months"),
        training=pages.training_page(evaluation.run),
        versions=selectors.versions_of_run(evaluation.run),
        value=value,
        value_view=pages.value_views(value)[-1] if value else None,
    )


BY_SPLIT = ("splits", "roc", "ks_curve", "gain", "deciles", "widths", "calibration", "score_hist", "returning")
TILES = (("ks", "KS"), ("auc", "AUC"), ("gini", "Gini"))


def _tile(key: str, name: str, shown: dict[str, dict[str, Any]], split: str) -> Tile:
    value = shown[split][key]["value"]
    before = shown["train"][key]["value"] if "train" in shown and split != "train" else None
    change = None if value is None or before is None else value - before
    return Tile(key, name, value, "" if change is None else points(change), _fall_tone(key, change))


def _fall_tone(key: str, change: float | None) -> str:
    """The colour that goes with the finding about the same fall; Gini is twice the AUC."""
    limit = {"ks": EvaluationPlan.ks_fall, "auc": EvaluationPlan.auc_fall, "gini": 2 * EvaluationPlan.auc_fall}[key]
    if change is None or change >= -limit:
        return "good"
    return "warn" if change >= -2 * limit else "bad"


def _psi(shown: dict[str, dict[str, Any]], split: str) -> dict[str, Any] | None:
    """The score's PSI against train on the judging split, else on the last split that has one."""
    rows = [(name, row["psi"]) for name, row in shown.items() if row.get("psi")]
    if not rows:
        return None
    name, psi = next((row for row in rows if row[0] == split), rows[-1])
    limit = PSI_WATCH if psi["value"] <= PSI_WATCH else PSI_SHIFT
    tone = "good" if psi["value"] <= PSI_WATCH else "warn" if psi["value"] <= PSI_SHIFT else "bad"
    return {"split": name, "value": psi["value"], "noise": psi["noise"], "limit": limit, "tone": tone}


def _sections(codes: set[str]) -> list[Section]:
    warned = {PLACE[code] for code in codes if code in PLACE}
    return [Section(name, title, name in warned) for name, title in SECTIONS]


def figures_of(result: dict[str, Any]) -> dict[str, Any]:
    """The report's charts by name."""
    made: dict[str, Callable[..., Figure]] = {
        "roc": charts.roc,
        "ks": charts.ks,
        "gain": charts.gain,
        "lift": charts.lift,
        "deciles": charts.deciles,
        "calibration": charts.calibration,
        "histogram": charts.histogram,
    }
    figures = {name: make(result, say=gettext) for name, make in made.items()}
    if result["months"]:
        figures |= {
            "psi": charts.psi_by_month(result, say=gettext),
            "by_month": charts.figures_by_month(result, say=gettext),
        }
    return figures
