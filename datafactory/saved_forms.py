"""How a file was saved, as a person says it."""

from django import forms

from datafactory.engine.dialect import ENCODINGS
from datafactory.engine.plans import Saved
from datafactory.forms import split_list


class SavedForm(forms.Form):
    """How a file was saved, as the mapping page says it; anything may be left out."""

    encoding = forms.ChoiceField(required=False, choices=[("", ""), *((name, name) for name in ENCODINGS)])
    delimiter = forms.CharField(required=False, max_length=1, strip=False)
    header = forms.ChoiceField(required=False, choices=[("", ""), ("yes", "yes"), ("no", "no")])
    sheet = forms.CharField(required=False, max_length=100)
    decimal = forms.ChoiceField(required=False, choices=[("", ""), (".", "."), (",", ",")])
    nulls = forms.CharField(required=False, max_length=300)

    def saved(self) -> Saved:
        """What was said; an answer that is none of the choices counts as not given."""
        self.is_valid()
        values = self.cleaned_data
        header = values.get("header")
        return Saved(
            encoding=values.get("encoding") or None,
            delimiter=values.get("delimiter") or None,
            header=header == "yes" if header else None,
            sheet=values.get("sheet") or None,
            decimal=values.get("decimal") or None,
            nulls=("", *split_list(values["nulls"])) if "nulls" in self.data and "nulls" in values else None,
        )
