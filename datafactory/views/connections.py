"""The page that brings a version of a source over from a database or a store."""

from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _

from datafactory import access
from datafactory.engine.connectors import Wanted
from datafactory.services import connections
from modeling.errors import DataError
from projects.access import person
from projects.errors import sentence
from projects.models import Job
from projects.views.submitting import status_of, submit


class FetchForm(forms.Form):
    """Which columns of a table, and from where on."""

    columns = forms.MultipleChoiceField(
        label=_("Columns"), required=False, widget=forms.CheckboxSelectMultiple, help_text=_("None ticked means all.")
    )
    since_column = forms.ChoiceField(label=_("Column that tells of changes"), required=False)
    since = forms.CharField(
        label=_("Only rows above"),
        required=False,
        max_length=100,
        help_text=_("For example 2024-06-30 or the highest number of the last import."),
    )

    def __init__(self, *args: object, columns: list[str], **kw: object) -> None:
        super().__init__(*args, **kw)  # type: ignore[arg-type]
        choices = [(column, column) for column in columns]
        self.fields["columns"].choices = choices  # type: ignore[attr-defined]
        self.fields["since_column"].choices = [("", "–"), *choices]  # type: ignore[attr-defined]


@login_required
def source_fetch(request: HttpRequest, code: str) -> HttpResponse:
    """Connection, then table, then columns; each choice is in the address."""
    source = access.source_for(request.user, code, keep=True)
    name, table = request.GET.get("connection", ""), request.GET.get("table", "")
    context = {"source": source, "offers": connections.offered(), "connection": name, "table": table}
    try:
        context["tables"] = connections.tables_of(name) if name else []
        columns = connections.columns_of(name, table) if name and table else []
    except DataError as error:
        context["problem"] = sentence(error)
        return render(request, "datafactory/source_fetch.html", context, status=422)
    form = FetchForm(request.POST or None, columns=columns)

    def order(values: dict[str, Any]) -> Job:
        chosen, since_column, since = tuple(values["columns"]), values["since_column"] or None, values["since"] or None
        wanted = Wanted(table, chosen, since_column, since)
        return connections.fetch_table(user=person(request.user), source=source, connection=name, wanted=wanted)[0]

    job: Job | None = None
    try:
        job = submit(form, order) if columns else None
    except DataError as error:
        form.add_error(None, sentence(error))
    if job:
        return redirect("projects:job-detail", job.pk)
    return render(request, "datafactory/source_fetch.html", context | {"form": form}, status=status_of(form))
