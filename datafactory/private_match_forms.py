"""The shape of what the browser sends to ask for a session of private matching."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from datafactory.models import PrivateMatch, SourceVersion
from datafactory.services.private_matches import DAYS, MAX_DAYS


class PrivateMatchForm(forms.Form):
    """Which source on which kind of id, what is revealed, and the limits."""

    on = forms.ChoiceField(label=_("Source and kind of id"))
    reveal = forms.ChoiceField(
        choices=PrivateMatch.Reveal.choices,
        initial=PrivateMatch.Reveal.IDS,
        label=_("What is revealed"),
        widget=forms.RadioSelect,
    )
    max_ids = forms.IntegerField(
        label=_("Ids at most"), help_text=_("Distinct ids in your file. A request with more is refused.")
    )
    days = forms.IntegerField(min_value=1, max_value=MAX_DAYS, initial=DAYS, label=_("Days until it ends"))

    def __init__(self, *args: Any, found: list[tuple[SourceVersion, list[str]]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.options = {
            f"{version.source.slug} {id_type}": (version, id_type) for version, kinds in found for id_type in kinds
        }
        choices = [(name, f"{version} · {id_type}") for name, (version, id_type) in self.options.items()]
        self.fields["on"].choices = choices  # type: ignore[attr-defined]

    def order(self) -> dict[str, Any]:
        """The valid values as the service takes them."""
        values = dict(self.cleaned_data)
        version, id_type = self.options[values.pop("on")]
        return {"version": version, "id_type": id_type, **values}
