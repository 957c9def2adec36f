"""What the page of a feature table says of its leak scan: sentences with figures, and the chart of strengths."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from datafactory.models import LeakScan
from datafactory.selectors.leaks import LeakLine, lines_of
from modeling import figure_parts as parts
from projects.templatetags.figures import figure, percent

REASONS = {
    "too_good": gettext_lazy("Too good alone"),
    "one_class": gettext_lazy("Values with one outcome only"),
    "missing_tells": gettext_lazy("Being filled says the outcome"),
    "after_application": gettext_lazy("Later than the application"),
    "match_by_outcome": gettext_lazy("Matched by outcome"),
    "row_order": gettext_lazy("Order of the file"),
}


@dataclass(frozen=True)
class LeakRow:
    """One suspected column in words."""

    line: LeakLine
    title: str
    said: list[tuple[str, str]]  # (reason, sentence)


def rows_of(scan: LeakScan | None) -> list[LeakRow]:
    return [LeakRow(line, _title(line), [_said(one) for one in line.findings]) for line in lines_of(scan)]


def _title(line: LeakLine) -> str:
    if line.is_feature:
        return str(line.findings[0]["title"])
    return _("Whether an application is matched") if line.column == "matched" else _("Row id")


def _said(finding: Mapping[str, Any]) -> tuple[str, str]:
    sentence = SENTENCES[finding["reason"]](finding["figures"])
    return str(REASONS[finding["reason"]]), sentence


def _too_good(figures: Mapping[str, float]) -> str:
    text = _(
        "Alone it ranks the outcome with AUC %(auc)s (likely between %(low)s and %(high)s); the table's middle column "
        "reaches %(median)s."
    )
    return text % {name: figure(value, 3) for name, value in figures.items()}


def _one_class(figures: Mapping[str, float]) -> str:
    text = _(
        "Values held by about %(good)s people with good and %(bad)s with bad outcomes, %(share)s of all, go with one "
        "outcome only."
    )
    good, bad = figure(figures["good_people"]), figure(figures["bad_people"])
    return text % {"good": good, "bad": bad, "share": percent(figures["share"], 0)}


def _missing(figures: Mapping[str, float]) -> str:
    text = _("Whether it is filled ranks the outcome with AUC %(auc)s; %(missing)s are missing.")
    return text % {"auc": figure(figures["auc"], 3), "missing": percent(figures["missing"], 0)}


def _after(figures: Mapping[str, float]) -> str:
    text = _("Its dates lie after the application for about %(people)s people, %(share)s of rows.")
    return text % {"people": figure(figures["people"]), "share": percent(figures["share"], 0)}


def _by_match(figures: Mapping[str, float]) -> str:
    text = _(
        "Bads are found in %(bad)s of cases and goods in %(good)s: what the source knows may depend on the outcome."
    )
    return text % {"bad": percent(figures["bad"], 0), "good": percent(figures["good"], 0)}


def _order(figures: Mapping[str, float]) -> str:
    text = _(
        "Within months the place in the file ranks the outcome with AUC %(auc)s: the file was sorted or joined by it."
    )
    return text % {"auc": figure(figures["auc"], 3)}


SENTENCES = {
    "too_good": _too_good,
    "one_class": _one_class,
    "missing_tells": _missing,
    "after_application": _after,
    "match_by_outcome": _by_match,
    "row_order": _order,
}


def strengths_chart(strengths: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The strongest single columns with their intervals, the best on top."""
    lines = list(reversed(strengths))
    names = [line["column"] for line in lines]
    dots = parts.points([line["auc"] for line in lines], names, name="AUC", colour="oot")
    dots["error_x"] = parts.whiskers(lines, "auc", "low", "high", "var(--oot)")
    drawn = parts.figure([dots], x=parts.axis(_("AUC of the column alone"), range_=(0.5, 1.0)), y=parts.axis(""))
    drawn["layout"]["yaxis"] |= {"type": "category", "automargin": True, "dtick": 1}
    return drawn


def strengths_table(strengths: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    rows = [[line["column"], *(figure(line[name], 3) for name in ("auc", "low", "high"))] for line in strengths]
    return {"head": [_("Feature"), "AUC", _("Low end, 95 %"), _("High end, 95 %")], "rows": rows}
