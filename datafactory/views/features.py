"""Pages of feature tables: the list, an order, the funnel of features, and one feature alone."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from datafactory import access, match_pages
from datafactory.match_forms import FeatureForm
from datafactory.models import FeatureTable, Match
from datafactory.selectors import features as selectors
from datafactory.services import features
from datafactory.views.leaks import leak_context
from modeling.errors import DataError
from projects.access import may, person, project_for
from projects.errors import DomainError, NotFound, sentence
from projects.views.submitting import status_of

PER_PAGE = 50


@login_required
def feature_list(request: HttpRequest, slug: str) -> HttpResponse:
    project = project_for(request.user, slug)
    page = Paginator(selectors.tables_of(project, person(request.user)), PER_PAGE).get_page(request.GET.get("page"))
    context = {"project": project, "page": page, "may_build": may(request.user, project, access.BUILD)}
    fragment = request.htmx and not request.htmx.boosted  # type: ignore[attr-defined]
    template = "_feature_table_list" if fragment else "feature_table_list"
    return render(request, f"datafactory/{template}.html", context)


@login_required
def feature_create(request: HttpRequest, slug: str) -> HttpResponse:
    project = project_for(request.user, slug, access.BUILD)
    matches = selectors.ready_matches(project, person(request.user))
    asked = request.GET.get("match", "")
    chosen = matches.filter(number=int(asked)).first() if asked.isdigit() else matches.first()
    form = FeatureForm(request.POST if request.method == "POST" else None, initial={"match": chosen}, matches=matches)
    if form.is_bound and form.is_valid():
        chosen = form.cleaned_data["match"]
        try:
            table = features.build_features(
                user=person(request.user),
                match=chosen,
                plan=form.plan(_kept(request, chosen)),
                name=form.cleaned_data["name"],
            )
            return redirect("datafactory:feature-detail", slug, table.number)
        except (DomainError, DataError) as error:
            form.add_error(None, sentence(error) if isinstance(error, DataError) else str(error))
    context = {"project": project, "form": form, "chosen": chosen, "sources": _sources(request, chosen)}
    return render(request, "datafactory/feature_table_form.html", context, status=status_of(form))


def _sources(request: HttpRequest, match: Match | None) -> list[dict[str, Any]]:
    """Sources of the match with their fields; all are ticked until somebody chose."""
    kept = _kept(request, match) if request.method == "POST" else {}
    result = []
    for source in match.plan.get("sources", []) if match else []:
        chosen = kept.get(source["slug"])
        fields = [column | {"on": chosen is None or column["name"] in chosen} for column in source["columns"]]
        result.append(source | {"fields": [f for f in fields if f["kind"] != "date"]})
    return result


def _kept(request: HttpRequest, match: Match | None) -> dict[str, list[str]]:
    """Fields left ticked, for each source of which some were taken out."""
    kept = {}
    shown = set(request.POST.getlist("shown"))
    for source in match.plan.get("sources", []) if match else []:
        every = [column["name"] for column in source["columns"] if column["kind"] != "date"]
        chosen = [name for name in every if f"{source['slug']}:{name}" in request.POST.getlist("field")]
        if source["slug"] in shown and len(chosen) < len(every):
            kept[source["slug"]] = chosen
    return kept


@login_required
def feature_detail(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    table = access.feature_table_for(request.user, slug, number)
    ready = table.state == FeatureTable.State.READY
    context: dict[str, Any] = {
        "project": table.project,
        "table": table,
        "profile": table.profile if ready else None,
        "months": (table.profile.get("months") or []) if ready else [],
        "may_build": may(request.user, table.project, access.BUILD),
    }
    if ready:
        context |= leak_context(table)
    return render(request, "datafactory/feature_table_detail.html", context)


@login_required
def feature_column(request: HttpRequest, slug: str, number: int, name: str) -> HttpResponse:
    """One feature: page, or panel for htmx."""
    table = access.feature_table_for(request.user, slug, number)
    feature = selectors.feature_of(table, name)
    if feature is None:
        raise NotFound("feature_not_found", _("There is no such feature."))
    context = {
        "project": table.project,
        "table": table,
        "feature": feature.line,
        "first_months": feature.first_months,
        "basis": table.profile.get("basis"),
        "charts": match_pages.feature_figures(feature.line, feature.months),
    }
    fragment = request.htmx and not request.htmx.boosted  # type: ignore[attr-defined]
    template = "_feature_table_column" if fragment else "feature_table_column"
    return render(request, f"datafactory/{template}.html", context)
