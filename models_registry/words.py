"""Plain words for the names that results carry: marks that limit the figures, and checks of the publish gate."""

from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

Text = str | Promise

MARKS: dict[str, tuple[Text, Text]] = {
    "leakage_unknown": (
        gettext_lazy("Leakage cannot be excluded."),
        gettext_lazy("The sample or a source has no time, so values may have become known only after the application."),
    ),
    "immature_months": (
        gettext_lazy("Some months are not mature."),
        gettext_lazy("Their applications had less time than the performance window; their bad rate will still rise."),
    ),
    "maturity_suspected": (
        gettext_lazy("The last months may not be mature."),
        gettext_lazy("The bad rate falls towards the end, and no performance window was given."),
    ),
    "future_times": (
        gettext_lazy("Some applications lie before the first data of a source."),
        gettext_lazy("Nothing could be known about them there."),
    ),
    "no_delay": (
        gettext_lazy("A source has no known-at time and no delay."),
        gettext_lazy("Its events count as known the moment they happened."),
    ),
    "thin_leaves": (
        gettext_lazy("Some leaves hold too few people."),
        gettext_lazy("The model cannot be published as it is: raise the weight of a leaf or lower the depth."),
    ),
    "shared_people": (
        gettext_lazy("Some people are in train and in OOT."),
        gettext_lazy("They applied early and again late; the live model will meet returning people too."),
    ),
}

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
class Mark:
    mark: str
    title: str
    text: str


@dataclass(frozen=True)
class GateLine:
    check: str
    title: str
    text: str
    passed: bool
    figure: str
    limit: str


def marks(names: list[str]) -> list[Mark]:
    """Every mark in words; one without words of its own is still shown."""
    return [Mark(name, *(str(part) for part in MARKS.get(name, (name, "")))) for name in names]


def check_title(check: str) -> str:
    return str(CHECKS.get(check, (check, ""))[0])


def gate_lines(gate: list[dict[str, Any]]) -> list[GateLine]:
    """The gate as noted on a version, in words."""
    return [_line(entry) for entry in gate]


def _line(entry: dict[str, Any]) -> GateLine:
    title, text = CHECKS.get(entry["check"], (entry["check"], ""))
    at_fault = [] if entry["passed"] else [mark.title for mark in marks(list(entry["about"]))]
    told = " ".join([str(text), *at_fault])
    return GateLine(
        entry["check"], str(title), told, entry["passed"], _written(entry["figure"]), _written(entry["limit"])
    )


def _written(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.1e}"
