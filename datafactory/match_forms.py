"""The shape of what the browser sends to match samples and to build features."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from datafactory.engine.features import FeaturePlan
from datafactory.models import Match, Sample, SourceVersion
from datafactory.selectors.sources import SourceLine

AGGREGATES = [
    ("count", _("count")),
    ("sum", _("sum")),
    ("mean", _("mean")),
    ("max", _("largest")),
    ("distinct", _("distinct values")),
]


class MatchForm(forms.Form):
    """Which sample with which sources, on which ids."""

    sample = forms.ModelChoiceField(Sample.objects.none(), label=_("Sample"))
    name = forms.CharField(max_length=120, required=False, label=_("Name"))
    id_types = forms.CharField(
        max_length=300,
        required=False,
        label=_("Id types, best first"),
        help_text=_(
            "Comma-separated. Empty: all that the sample shares with the sources. The first that hits is used."
        ),
    )

    def __init__(self, *args: Any, samples: Any, lines: list[SourceLine], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["sample"].queryset = samples  # type: ignore[attr-defined]
        self.lines = lines
        self.chosen = set(self.data.getlist("source")) if self.is_bound else set()  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        self.versions: list[SourceVersion] = [
            line.latest for line in self.lines if line.source.slug in self.chosen and line.latest is not None
        ]
        if not self.versions:
            raise ValidationError(_("Choose at least one source."))
        return cleaned

    def clean_id_types(self) -> list[str]:
        return [part.strip() for part in self.cleaned_data["id_types"].split(",") if part.strip()]


class FeatureForm(forms.Form):
    """Which match, and which columns of its sources."""

    match = forms.ModelChoiceField(Match.objects.none(), label=_("Match"))
    name = forms.CharField(max_length=120, required=False, label=_("Name"))
    windows = forms.CharField(
        initial="7, 30, 90, 180, 360",
        max_length=100,
        label=_("Windows, days"),
        help_text=_("Each reaches back from the moment of the application."),
    )
    aggregates = forms.MultipleChoiceField(
        choices=AGGREGATES,
        initial=[value for value, _label in AGGREGATES],
        widget=forms.CheckboxSelectMultiple,
        label=_("Aggregates"),
    )

    def __init__(self, *args: Any, matches: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["match"].queryset = matches  # type: ignore[attr-defined]

    def clean_windows(self) -> tuple[int, ...]:
        try:
            return tuple(
                int(part) for part in self.cleaned_data["windows"].replace("，", ",").split(",") if part.strip()
            )
        except ValueError:
            raise ValidationError(_("Write whole numbers with commas between them.")) from None

    def plan(self, keep: dict[str, list[str]]) -> FeaturePlan:
        """The plan; ``keep`` narrows sources to some fields."""
        match: Match = self.cleaned_data["match"]
        snapshots: dict[str, tuple[str, ...]] = {}
        grids: dict[str, tuple[str, ...]] = {}
        for source in match.plan.get("sources", []):
            fields = tuple(keep.get(source["slug"], ()))
            if source["slug"] in keep:
                (grids if source["kind"] == "events" else snapshots)[source["slug"]] = fields
        return FeaturePlan(
            snapshot_fields=snapshots or None,
            windows_days=self.cleaned_data["windows"],
            aggregates=tuple(self.cleaned_data["aggregates"]),
            grids=grids or None,
        )
