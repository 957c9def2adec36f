"""Pages of matches: the list, an order, and the report."""

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from datafactory import access, match_pages
from datafactory.match_forms import MatchForm
from datafactory.models import Match
from datafactory.selectors import matches as selectors
from datafactory.services import matches
from modeling.errors import DataError
from projects.access import may, person, project_for
from projects.errors import DomainError, sentence
from projects.views.submitting import status_of

PER_PAGE = 50


@login_required
def match_list(request: HttpRequest, slug: str) -> HttpResponse:
    project = project_for(request.user, slug)
    page = Paginator(selectors.matches_of(project, person(request.user)), PER_PAGE).get_page(request.GET.get("page"))
    context = {"project": project, "page": page, "may_build": may(request.user, project, access.BUILD)}
    fragment = request.htmx and not request.htmx.boosted  # type: ignore[attr-defined]
    template = "_match_table" if fragment else "match_list"
    return render(request, f"datafactory/{template}.html", context)


@login_required
def match_create(request: HttpRequest, slug: str) -> HttpResponse:
    project = project_for(request.user, slug, access.BUILD)
    user = person(request.user)
    samples = selectors.ready_samples(project, user)
    asked = request.GET.get("sample", "")
    first = samples.filter(number=int(asked)).first() if asked.isdigit() else samples.first()
    form = MatchForm(
        request.POST if request.method == "POST" else None,
        initial={"sample": first},
        samples=samples,
        lines=selectors.matchable_sources(project, user),
    )
    if form.is_bound and form.is_valid():
        try:
            match = matches.match_sample(
                user=user,
                sample=form.cleaned_data["sample"],
                source_versions=form.versions,
                id_types=form.cleaned_data["id_types"],
                name=form.cleaned_data["name"],
            )
            return redirect("datafactory:match-detail", slug, match.number)
        except (DomainError, DataError) as error:
            form.add_error(None, sentence(error) if isinstance(error, DataError) else str(error))
    context = {"project": project, "form": form, "floor": matches.floor_of(project)}
    return render(request, "datafactory/match_form.html", context, status=status_of(form))


@login_required
def match_detail(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    match = access.match_for(request.user, slug, number)
    report = match.report if match.state == Match.State.READY else None
    context = {
        "project": match.project,
        "match": match,
        "report": report,
        **match_pages.figures_of(report),
        "tables": match.feature_tables.defer("profile", "ticket").order_by("-number"),
        "may_build": may(request.user, match.project, access.BUILD),
    }
    return render(request, "datafactory/match_detail.html", context)
