"""Plain words for the checks of the publish gate; those for marks are shared by all floors."""

from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from projects.marks import Mark as Mark
from projects.marks import in_words

Text = str | Promise
marks = in_words

CHECKS: dict[str, tuple[Text, Text]] = {
    "evaluation_present": (
        gettext_lazy("Evaluated on rows that did not teach it"),
        gettext_lazy("The version's own run has a finished evaluation on test, OOT or out-of-fold rows."),
    ),
    "stored_scores": (
        gettext_lazy("Same score as in training"),
        gettext_lazy("Rows of the feature table, scored anew from their raw values, give training's PD and score."),
    ),
    "points_add_up": (
        gettext_lazy("Points add up to the score"),
        gettext_lazy("The sum of a row's points gives the PD that is answered."),
    ),
    "contributions_add_up": (
        gettext_lazy("Reasons add up to the score"),
        gettext_lazy("The sum of a row's contributions is the log-odds that are answered."),
    ),
    "single_is_batch": (
        gettext_lazy("One row alone scores as in a batch"),
        gettext_lazy("Both doors give the same PD and the same score."),
    ),
    "odd_values": (
        gettext_lazy("Missing, special, unseen and extreme values"),
        gettext_lazy("Each gives a PD between 0 and 1, the same alone and in a batch."),
    ),
    "people_floor": (
        gettext_lazy("Enough people in every bin and leaf"),
        gettext_lazy("The fewest people that a bin or a leaf speaks about, among the training rows."),
    ),
    "online_is_offline": (
        gettext_lazy("Looked-up values are the table's"),
        gettext_lazy("The online stores are built, and give for applicants of the table what the table holds."),
    ),
    "marks_acknowledged": (
        gettext_lazy("Marks shown and accepted"),
        gettext_lazy("What limits the figures is on this page, and the publisher has accepted each by name."),
    ),
}


@dataclass(frozen=True)
class GateLine:
    check: str
    title: str
    text: str
    passed: bool
    figure: str
    limit: str


def check_title(check: str) -> str:
    return str(CHECKS.get(check, (check, ""))[0])


def gate_lines(gate: list[dict[str, Any]]) -> list[GateLine]:
    """The gate as noted on a version, in words."""
    return [_line(entry) for entry in gate]


def _line(entry: dict[str, Any]) -> GateLine:
    title, text = CHECKS.get(entry["check"], (entry["check"], ""))
    at_fault = [] if entry["passed"] else [mark.title for mark in marks(entry["about"])]
    told = " ".join([str(text), *at_fault])
    return GateLine(
        entry["check"], str(title), told, entry["passed"], _written(entry["figure"]), _written(entry["limit"])
    )


def _written(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.1e}"
