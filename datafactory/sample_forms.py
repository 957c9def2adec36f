"""What a partner says about a sample: roles, what outcomes mean, who is left out."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from datafactory.forms import MappingForm, split_list
from modeling.errors import DataError
from projects.errors import sentence

EXCLUSION_ROWS = 4
OPERATORS = [
    ("in", _("is one of")),
    ("not_in", _("is none of")),
    ("lt", _("is below")),
    ("le", _("is at most")),
    ("gt", _("is above")),
    ("ge", _("is at least")),
    ("missing", _("is missing")),
    ("present", _("is present")),
]
ALONE = {"missing", "present"}


class SampleForm(MappingForm):
    roles = ("row_id", "observed_at", "label", "weight", "split", "approved")

    name = forms.CharField(label=_("Name of the sample"), max_length=120)
    row_id = forms.ChoiceField(
        label=_("Row id"), required=False, help_text=_("Your own number of the application; unique. Not an id number.")
    )
    observed_at = forms.ChoiceField(
        label=_("Application time"),
        required=False,
        help_text=_("A date without time is the start of its day. Without a time leakage cannot be excluded."),
    )
    label = forms.ChoiceField(label=_("Outcome"), required=False)
    bad_values = forms.CharField(label=_("Values that mean bad"), required=False, initial="1", max_length=200)
    good_values = forms.CharField(label=_("Values that mean good"), required=False, initial="0", max_length=200)
    indeterminate_values = forms.CharField(
        label=_("Values that mean neither"),
        required=False,
        max_length=200,
        help_text=_("Indeterminate: the rows stay, without an outcome."),
    )
    bad_from = forms.FloatField(
        label=_("Bad from"),
        required=False,
        help_text=_("For an outcome that is a number, such as the worst days past due: it is bad from here on, …"),
    )
    good_to = forms.FloatField(
        label=_("Good up to"), required=False, help_text=_("… good up to here, and indeterminate between.")
    )
    weight = forms.ChoiceField(label=_("Weight"), required=False)
    split = forms.ChoiceField(label=_("Split"), required=False, help_text=_("Holds train, valid, test or oot."))
    approved = forms.ChoiceField(
        label=_("Decision"),
        required=False,
        help_text=_("Rejected applicants are kept apart, without an outcome, for reject inference."),
    )
    approved_values = forms.CharField(
        label=_("Values that mean approved"), required=False, initial="1, true, yes, approved", max_length=200
    )
    observation_window_months = forms.IntegerField(
        label=_("Observation window, months"),
        required=False,
        min_value=1,
        max_value=240,
        help_text=_("How far back before the application your own columns look."),
    )
    performance_window_months = forms.IntegerField(
        label=_("Performance window, months"),
        required=False,
        min_value=1,
        max_value=120,
        help_text=_("How long after the application the outcome was watched."),
    )
    outcomes_as_of = forms.DateField(
        label=_("Outcomes as of"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("The day on which the outcomes were read."),
    )

    def __init__(self, *args: Any, plan: Mapping[str, Any] | None = None, **kw: Any) -> None:
        self.n_exclusions = max(EXCLUSION_ROWS, len((plan or {}).get("exclusions", [])) + 1)
        super().__init__(*args, plan=plan, **kw)
        columns = [("", "—"), *((name, name) for name in self.names)]
        for n in range(self.n_exclusions):
            self.fields[f"exclude_column_{n}"] = forms.ChoiceField(label=_("Column"), choices=columns, required=False)
            self.fields[f"exclude_operator_{n}"] = forms.ChoiceField(label=_("Rule"), choices=OPERATORS, required=False)
            self.fields[f"exclude_values_{n}"] = forms.CharField(label=_("Values"), required=False, max_length=200)
            self.fields[f"exclude_reason_{n}"] = forms.CharField(label=_("Reason"), required=False, max_length=120)

    @property
    def exclusion_rows(self) -> list[list[forms.BoundField]]:
        parts = ("column", "operator", "values", "reason")
        return [[self[f"exclude_{part}_{n}"] for part in parts] for n in range(self.n_exclusions)]

    def _from_sniff(self) -> dict[str, Any]:
        found = super()._from_sniff()
        label = next((column for column in self.columns if column["name"] == found["label"]), None)
        if label:
            bad, good = guess_outcomes(label["values"])
            found |= {"bad_values": ", ".join(bad), "good_values": ", ".join(good)}
        return found

    def _from_plan(self, plan: Mapping[str, Any]) -> dict[str, Any]:
        found = super()._from_plan(plan)
        for name in ("bad_values", "good_values", "indeterminate_values", "approved_values"):
            found[name] = ", ".join(plan.get(name, []))
        for n, rule in enumerate(plan.get("exclusions", [])):
            told = rule | {"values": ", ".join(rule.get("values", []))}
            found |= {f"exclude_{part}_{n}": told.get(part, "") for part in ("column", "operator", "values", "reason")}
        return found | {name: plan.get(name) for name in (*_WINDOWS, "outcomes_as_of", "bad_from", "good_to")}

    def clean(self) -> dict[str, Any]:
        values = super().clean()
        by_limits = values.get("bad_from") is not None or values.get("good_to") is not None
        if values.get("label") and not by_limits:
            for name in ("bad_values", "good_values"):
                if not values.get(name):
                    self.add_error(name, _("Say which values these are."))
            if set(split_list(values.get("bad_values", ""))) & set(split_list(values.get("good_values", ""))):
                self.add_error("good_values", _("A value cannot be both bad and good."))
        return values

    def plan(self) -> dict[str, Any]:
        """The form as the engine's plan in JSON."""
        values, plan = self.cleaned_data, self.base_plan()
        for name in ("bad_values", "good_values", "indeterminate_values", "approved_values"):
            if values[name]:
                plan[name] = split_list(values[name])
        plan |= {name: values[name] for name in (*_WINDOWS, "bad_from", "good_to")}
        plan["exclusions"] = self._exclusions()
        plan["outcomes_as_of"] = values["outcomes_as_of"].isoformat() if values["outcomes_as_of"] else None
        plan["features"] = self.chosen_columns(plan)
        plan |= {"kinds": self.column_settings("kind"), "specials": self.column_settings("specials")}
        return plan

    def _exclusions(self) -> list[dict[str, Any]]:
        rules = []
        for n in range(self.n_exclusions):
            column, operator, values, reason = (
                self.cleaned_data[f"exclude_{part}_{n}"] for part in ("column", "operator", "values", "reason")
            )
            if column:
                given = [] if operator in ALONE else split_list(values)
                rules.append({"column": column, "operator": operator, "values": given, "reason": reason})
        return rules

    def refuse(self, error: DataError) -> None:
        number = error.params.get("number")
        if error.code.startswith("exclusion_") and number:
            filled = [n for n in range(self.n_exclusions) if self.cleaned_data.get(f"exclude_column_{n}")]
            self.add_error(f"exclude_values_{filled[number - 1]}", sentence(error))
        elif error.code == "label_rule":
            self.add_error("bad_from", sentence(error))
        else:
            super().refuse(error)


_WINDOWS = ("observation_window_months", "performance_window_months")
BAD_WORDS = {"1", "1.0", "bad", "default", "true", "yes", "y", "坏", "是", "逾期"}
GOOD_WORDS = {"0", "0.0", "good", "paid", "false", "no", "n", "好", "否", "正常"}


def guess_outcomes(values: Iterable[str]) -> tuple[list[str], list[str]]:
    """Which of a label's values mean bad and which good; a third value is left for people to place.

    >>> guess_outcomes(["bad", "fine"]), guess_outcomes(["0", "1", "7"])
    ((['bad'], ['fine']), (['1'], ['0']))
    """
    found = list(values)
    bad = [value for value in found if value.lower() in BAD_WORDS]
    rest = [value for value in found if value not in bad]
    good = rest if len(rest) == 1 else [value for value in rest if value.lower() in GOOD_WORDS]
    return (bad, good) if bad else (["1"], ["0"])


class ProfileForm(forms.Form):
    name = forms.CharField(label=_("Name of the profile"), max_length=120)
