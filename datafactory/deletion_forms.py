"""The shape of what an owner says about keeping and deleting a sample."""

from django import forms
from django.utils.translation import gettext_lazy

from datafactory.models import Sample


class KeepForm(forms.Form):
    level = forms.TypedChoiceField(
        choices=Sample.Level.choices,
        coerce=int,
        required=False,
        empty_value=Sample.Level.SENSITIVE,  # type: ignore[arg-type]
        initial=Sample.Level.SENSITIVE,
        label=gettext_lazy("Level"),
    )
    retain_until = forms.DateField(
        required=False,
        label=gettext_lazy("Keep until"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=gettext_lazy("Deleted by itself after this day; empty: as long as the project lasts."),
    )


class DeleteForm(forms.Form):
    reason = forms.CharField(
        max_length=300,
        label=gettext_lazy("Reason"),
        help_text=gettext_lazy("It stands on the certificate, so no names and no numbers of people."),
    )
