"""The shape of what comes in from the browser."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from models_registry.models import Model
from projects import sharing
from projects.models import User
from risk_products.models import Product, WatchList
from risk_products.selectors.catalogue import builds_in

MOMENT = {"type": "datetime-local"}


class ModelField(forms.ModelChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name} ({obj.project.name})"


class ProductForm(forms.Form):
    model = ModelField(
        Model.objects.none(), label=_("Model"), help_text=_("The product answers with the version of it that is live.")
    )
    name = forms.CharField(max_length=120, label=_("Name"))
    slug = forms.SlugField(
        max_length=60, label=_("Short name"), help_text=_("Part of the address; it cannot be changed later.")
    )
    family = forms.ChoiceField(choices=Product.Family.choices, label=_("Family"))
    description = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}), label=_("Description"))

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = Model.objects.filter(project__in=builds_in(user)).select_related("project")
        field = self.fields["model"]
        assert isinstance(field, ModelField)
        field.queryset = sharing.objects_for(user, rows, "models_registry.view_model")
        if len(field.queryset) == 1:
            field.initial = field.queryset[0].pk


class KeyForm(forms.Form):
    name = forms.CharField(max_length=80, label=_("Name"), help_text=_("Which system uses it."))
    daily_limit = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=2**31 - 1,
        label=_("Daily limit"),
        help_text=_("Calls a day; empty: none."),
    )
    expires_at = forms.DateTimeField(
        required=False, widget=forms.DateTimeInput(attrs=MOMENT), label=_("Expires"), help_text=_("Empty: in a year.")
    )


class MomentForm(forms.Form):
    at = forms.DateTimeField(label=_("On this day"), widget=forms.DateTimeInput(attrs=MOMENT, format="%Y-%m-%dT%H:%M"))


class TryForm(forms.Form):
    body = forms.CharField(
        max_length=64_000,
        label=_("Request"),
        widget=forms.Textarea(attrs={"rows": 14, "class": "mono", "spellcheck": "false"}),
    )


class WatchListForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = WatchList
        fields = ["name", "min_change"]
        labels = {"name": _("Name"), "min_change": _("Report from, points")}


class AccountsForm(forms.Form):
    file = forms.FileField(required=False, label=_("CSV file"))
    text = forms.CharField(
        required=False,
        label=_("or paste it"),
        widget=forms.Textarea(attrs={"rows": 6, "class": "mono", "spellcheck": "false"}),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not cleaned.get("file") and not cleaned.get("text", "").strip():
            raise forms.ValidationError(_("Choose a file or paste some rows."))
        return cleaned

    def content(self) -> bytes:
        """The CSV as bytes."""
        file = self.cleaned_data.get("file")
        return file.read() if file else str(self.cleaned_data["text"]).encode()
