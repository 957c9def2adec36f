"""What people say about a file: roles of its columns, how text is read, what outcomes mean."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from datafactory.engine.dialect import ENCODINGS
from datafactory.models import Source
from etron_partner.identifiers import ALGORITHMS
from modeling.errors import DataError
from projects.errors import sentence

KINDS = [
    ("", _("as found")),
    ("int", _("whole number")),
    ("float", _("number")),
    ("decimal", _("money (exact)")),
    ("category", _("category")),
    ("bool", _("yes or no")),
    ("date", _("date")),
]
NAMES_OF_DELIMITERS = {",": _("comma"), ";": _("semicolon"), "\t": _("tab"), "|": _("bar")}
NAMESPACES = ["mobile", "idno", "device", "bankcard", "email", "person"]
ID_ROWS = 3
SHOWN_COLUMNS = 200  # more cannot be changed one by one in a form; the API takes any number


def split_list(text: str) -> list[str]:
    """Values between commas, Chinese ones too.

    >>> split_list("1, bad，charged off")
    ['1', 'bad', 'charged off']
    """
    return [part.strip() for part in text.replace("，", ",").split(",") if part.strip()]


def small_input() -> forms.TextInput:
    return forms.TextInput(attrs={"class": "input--small"})


class UploadForm(forms.Form):
    file = forms.FileField(
        label=_("File"),
        help_text=_("CSV (plain or .gz), Parquet or Excel (.xlsx)."),
        error_messages={"required": _("Choose a file.")},
    )
    encoding = forms.ChoiceField(
        label=_("Encoding"),
        required=False,
        choices=[("", _("find out")), *((name, name.upper()) for name in ENCODINGS)],
    )
    delimiter = forms.ChoiceField(
        label=_("Delimiter"), required=False, choices=[("", _("find out")), *NAMES_OF_DELIMITERS.items()]
    )


class MappingForm(forms.Form):
    """Roles, kinds and codes of the columns of one upload; ``initial`` comes from the sniff or from a former plan."""

    roles: tuple[str, ...] = ()

    zone = forms.CharField(label=_("Time zone of the file"), max_length=60)
    time_format = forms.CharField(
        label=_("Format of times"),
        required=False,
        max_length=60,
        help_text=_("For example %d/%m/%Y %H:%M, unix or unix_ms. Empty: found from the values."),
    )
    decimal = forms.ChoiceField(
        label=_("Decimal mark"), choices=[(".", _("point: 1.5")), (",", _("comma: 1,5"))], initial="."
    )
    encoding = forms.ChoiceField(label=_("Encoding"), required=False)
    delimiter = forms.ChoiceField(label=_("Delimiter"), required=False)
    header = forms.ChoiceField(
        label=_("First row"),
        required=False,
        choices=[("yes", _("names of the columns")), ("no", _("values: the columns are called c1, c2, …"))],
    )
    sheet = forms.ChoiceField(label=_("Sheet"), required=False)
    nulls = forms.CharField(
        label=_("Markers for missing values"),
        required=False,
        max_length=300,
        help_text=_("Values between commas. An empty value is always missing."),
    )

    def __init__(self, *args: Any, sniff: Mapping[str, Any], plan: Mapping[str, Any] | None = None, **kw: Any) -> None:
        self.sniff = sniff
        self.columns: list[dict[str, Any]] = sniff["columns"]
        self.names = [column["name"] for column in self.columns]
        self.is_wide = len(self.names) > SHOWN_COLUMNS
        kw["initial"] = self._from_plan(plan) if plan else self._from_sniff()
        super().__init__(*args, **kw)
        self._add_saved()
        none_or_column = [("", "—"), *((name, name) for name in self.names)]
        for role in self.roles:
            field = self.fields[role]
            assert isinstance(field, forms.ChoiceField)
            field.choices = none_or_column
        self._add_ids(none_or_column)
        self._add_columns()

    def _add_saved(self) -> None:
        """What can be said of how this file was saved: nothing of a Parquet file, little of a workbook."""
        sniff = self.sniff
        is_text, is_book = sniff["format"].startswith("csv"), sniff["format"] == "xlsx"
        encodings = [*ENCODINGS, *({encoding_name(sniff)} - {"", *ENCODINGS})]
        marks = NAMES_OF_DELIMITERS | {mark: mark for mark in [sniff["delimiter"]] if mark not in NAMES_OF_DELIMITERS}
        self._choose("encoding", [(name, name.upper()) for name in encodings] if is_text else [])
        self._choose("delimiter", list(marks.items()) if is_text else [])
        self._choose("sheet", [(name, name) for name in sniff.get("sheets", [])] if is_book else [])
        if not is_text and not is_book:
            del self.fields["header"], self.fields["decimal"]

    def _choose(self, name: str, choices: list[tuple[str, Any]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices
        if not choices:
            del self.fields[name]

    @property
    def saved_fields(self) -> list[forms.BoundField]:
        """Controls that make the page look at the file again."""
        names = ("encoding", "delimiter", "sheet", "header", "decimal", "nulls")
        return [self[name] for name in names if name in self.fields]

    def carry_over(self, data: Mapping[str, Any], names: list[str]) -> None:
        """Start from what was chosen on the page, where the columns are still the same ones."""
        if names != self.names:
            data = {name: data[name] for name in ("name", "zone", "time_format") if name in data}
        for name, field in self.fields.items():
            if name in data or (names == self.names and isinstance(field, forms.BooleanField)):
                self.initial[name] = data.get(name, False)
        for name in ("encoding", "delimiter", "sheet", "header", "decimal", "nulls"):
            self.initial[name] = self._saved_initial()[name]

    def _saved_initial(self) -> dict[str, Any]:
        sniff = self.sniff
        return {
            "encoding": encoding_name(sniff),
            "delimiter": sniff["delimiter"],
            "header": "yes" if sniff["header"] else "no",
            "sheet": sniff.get("sheet", ""),
            "decimal": sniff["decimal"],
            "nulls": ", ".join(marker for marker in sniff["nulls"] if marker),
        }

    def _add_ids(self, choices: list[tuple[str, str]]) -> None:
        for n in range(ID_ROWS):
            self.fields[f"id_column_{n}"] = forms.ChoiceField(label=_("Column"), choices=choices, required=False)
            self.fields[f"id_namespace_{n}"] = forms.CharField(
                label=_("What it identifies"),
                required=False,
                max_length=30,
                widget=forms.TextInput(attrs={"list": "namespaces", "placeholder": "mobile"}),
            )
            self.fields[f"id_algorithm_{n}"] = forms.ChoiceField(
                label=_("Hash"), choices=[(name, name) for name in ALGORITHMS], required=False, initial="sha256"
            )

    def _add_columns(self) -> None:
        for n in range(0 if self.is_wide else len(self.names)):
            self.fields[f"use_{n}"] = forms.BooleanField(required=False, initial=True)
            self.fields[f"kind_{n}"] = forms.ChoiceField(
                choices=KINDS, required=False, widget=forms.Select(attrs={"class": "input--small"})
            )
            self.fields[f"specials_{n}"] = forms.CharField(required=False, max_length=100, widget=small_input())

    def _from_sniff(self) -> dict[str, Any]:
        guessed = {column["role"]: column["name"] for column in self.columns}
        found: dict[str, Any] = {role: guessed.get(role, "") for role in self.roles}
        ids = [column for column in self.columns if column["role"] == "id"]
        for n, column in enumerate(ids[:ID_ROWS]):
            found |= _id_initial(n, column["name"], column["namespace"], column["algorithm"])
        return found | self._saved_initial() | {"zone": settings.DISPLAY_ZONE}

    def _from_plan(self, plan: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {role: plan.get(role) or "" for role in self.roles}
        for n, role in enumerate(plan.get("ids", [])[:ID_ROWS]):
            found |= _id_initial(n, role["column"], role["namespace"], role["algorithm"])
        found |= self._saved_initial() | {name: plan.get(name) or "" for name in ("zone", "time_format")}
        if "nulls" in plan:
            found["nulls"] = ", ".join(marker for marker in plan["nulls"] if marker)
        chosen = plan.get("features", plan.get("fields"))
        for n, name in enumerate(self.names):
            found[f"use_{n}"] = chosen is None or name in chosen
            found[f"kind_{n}"] = plan.get("kinds", {}).get(name, "")
            found[f"specials_{n}"] = ", ".join(f"{code:g}" for code in plan.get("specials", {}).get(name, []))
        return found

    @property
    def id_rows(self) -> list[list[forms.BoundField]]:
        parts = ("column", "namespace", "algorithm")
        return [[self[f"id_{part}_{n}"] for part in parts] for n in range(ID_ROWS)]

    @property
    def column_rows(self) -> Iterable[dict[str, Any]]:
        """Columns with their controls, as the table of the page shows them."""
        for n, column in enumerate([] if self.is_wide else self.columns):
            controls = {name: self[f"{name}_{n}"] for name in ("use", "kind", "specials")}
            yield column | {"kind_found": column["kind"]} | controls

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not any(values.get(f"id_column_{n}") for n in range(ID_ROWS)):
            self.add_error("id_column_0", _("Choose at least one column with hashed ids."))
        for n in range(ID_ROWS):
            if values.get(f"id_column_{n}") and not values.get(f"id_namespace_{n}"):
                self.add_error(f"id_namespace_{n}", _("Say what the id identifies, for example mobile or idno."))
        for n in range(0 if self.is_wide else len(self.names)):
            self._clean_specials(f"specials_{n}", values)
        return values

    def _clean_specials(self, name: str, values: dict[str, Any]) -> None:
        try:
            values[name] = [float(code) for code in split_list(values.get(name) or "")]
        except ValueError:
            self.add_error(name, _("Codes are numbers between commas, for example -1, -999."))

    def base_plan(self) -> dict[str, Any]:
        """What the plans of samples and sources have in common."""
        values = self.cleaned_data
        plan: dict[str, Any] = {role: values[role] or None for role in self.roles}
        plan |= {"zone": values["zone"], "time_format": values["time_format"] or None}
        plan |= {name: values.get(name) or None for name in ("encoding", "delimiter", "sheet")}
        plan |= {"header": values.get("header") != "no", "decimal": values.get("decimal") or "."}
        plan["nulls"] = ["", *split_list(values["nulls"])]
        plan["ids"] = [
            {part: values[f"id_{part}_{n}"] for part in ("column", "namespace", "algorithm")}
            for n in range(ID_ROWS)
            if values[f"id_column_{n}"]
        ]
        return plan

    def chosen_columns(self, plan: Mapping[str, Any]) -> list[str] | None:
        """Columns to keep; None, meaning all without a role, when none was left out."""
        used = {plan[role] for role in self.roles} | {role["column"] for role in plan["ids"]}
        open_columns = [n for n, name in enumerate(self.names) if name not in used]
        if self.is_wide or all(self.cleaned_data[f"use_{n}"] for n in open_columns):
            return None
        return [self.names[n] for n in open_columns if self.cleaned_data[f"use_{n}"]]

    def column_settings(self, part: str) -> dict[str, Any]:
        """Pinned kinds or special codes by column."""
        if self.is_wide:
            return {}
        given = {name: self.cleaned_data[f"{part}_{n}"] for n, name in enumerate(self.names)}
        return {name: value for name, value in given.items() if value}

    def refuse(self, error: DataError) -> None:
        """Show what the engine or service found wrong beside the control it is about."""
        roles = {self.data.get(role): role for role in self.roles}
        roles |= {self.data.get(f"id_column_{n}"): f"id_column_{n}" for n in range(ID_ROWS)}
        fields = {"time_format": "time_format", "zone_unknown": "zone", "outcome_date": "outcomes_as_of"}
        fields["no_id_column"] = "id_column_0"
        field = fields.get(error.code) or (roles.get(error.column) if error.column else None)
        self.add_error(field if field in self.fields else None, sentence(error))


def encoding_name(sniff: Mapping[str, Any]) -> str:
    """The encoding as people know it."""
    name: str = sniff["encoding"]
    return {"utf-8-sig": "utf-8", "iso8859-1": "latin-1"}.get(name, name)


def _id_initial(n: int, column: str, namespace: str, algorithm: str) -> dict[str, str]:
    return {f"id_column_{n}": column, f"id_namespace_{n}": namespace, f"id_algorithm_{n}": algorithm}


class SourceForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=120)
    slug = forms.SlugField(
        label=_("Short name"),
        max_length=60,
        required=False,
        help_text=_("Latin letters; the source's columns are named after it in feature tables. It never changes."),
    )
    kind = forms.ChoiceField(label=_("What a row is"), choices=Source.Kind.choices, widget=forms.RadioSelect)
    description = forms.CharField(label=_("Description"), required=False, widget=forms.Textarea(attrs={"rows": 3}))


class SourceVersionForm(MappingForm):
    roles = ("event_time", "known_at")

    event_time = forms.ChoiceField(
        label=_("Event time"), required=False, help_text=_("A date without time is the end of its day.")
    )
    known_at = forms.ChoiceField(
        label=_("Known at"),
        required=False,
        help_text=_("When the platform knew the row. Missing: event time plus the delay."),
    )
    delay_days = forms.FloatField(label=_("Delay, days"), min_value=0, max_value=3650, initial=0)
    valid_days = forms.IntegerField(
        label=_("Valid for, days"),
        required=False,
        min_value=1,
        max_value=36_500,
        help_text=_("An older row no longer counts for an application. Empty: a row counts for ever."),
    )

    def __init__(self, *args: Any, **kw: Any) -> None:
        super().__init__(*args, **kw)
        for n in range(0 if self.is_wide else len(self.names)):
            self.fields[f"title_{n}"] = forms.CharField(required=False, max_length=200, widget=small_input())

    def _from_sniff(self) -> dict[str, Any]:
        found = super()._from_sniff()
        time = next((column["name"] for column in self.columns if column["role"] == "observed_at"), "")
        return found | {"event_time": time, "delay_days": 0}

    def _from_plan(self, plan: Mapping[str, Any]) -> dict[str, Any]:
        """A former version's plan, as far as its columns are in the new file."""
        found = super()._from_plan(plan) | {name: plan.get(name) for name in ("delay_days", "valid_days")}
        titles = plan.get("titles", {})
        return found | {f"title_{n}": titles.get(name, "") for n, name in enumerate(self.names)}

    @property
    def column_rows(self) -> Iterable[dict[str, Any]]:
        for n, row in enumerate(super().column_rows):
            yield row | {"title": self[f"title_{n}"]}

    def plan(self) -> dict[str, Any]:
        plan = self.base_plan()
        plan |= {name: self.cleaned_data[name] for name in ("delay_days", "valid_days")}
        plan["fields"] = self.chosen_columns(plan)
        plan |= {"kinds": self.column_settings("kind"), "specials": self.column_settings("specials")}
        return plan | {"titles": self.column_settings("title")}
