"""Pages of private matching: the list, asking for a session, and the session with its decision."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from datafactory import access
from datafactory.private_match_forms import PrivateMatchForm
from datafactory.selectors import private_matches as selectors
from datafactory.selectors.id_trials import ids_left
from datafactory.services import private_matches
from datafactory.services.matches import floor_of
from etron_partner.elements import estimated_size
from projects.access import may, person, project_for
from projects.views.submitting import status_of, submit

PER_PAGE = 50


@login_required
def private_match_list(request: HttpRequest, slug: str) -> HttpResponse:
    project = project_for(request.user, slug)
    rows = selectors.sessions_of(project, person(request.user))
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    lines = [(row, selectors.shown_state(row), selectors.shown_label(row)) for row in page]
    may_bring = may(request.user, project, access.BRING)
    context = {"project": project, "page": page, "lines": lines, "may_bring": may_bring}
    return render(request, "datafactory/private_match_list.html", context)


@login_required
def private_match_create(request: HttpRequest, slug: str) -> HttpResponse:
    project = project_for(request.user, slug, access.BRING)
    user = person(request.user)
    form = PrivateMatchForm(request.POST or None, found=selectors.privately_matchable(project, user))
    session = submit(form, lambda _values: private_matches.request_session(user=user, project=project, **form.order()))
    if session:
        return redirect("datafactory:private-match-detail", slug, session.pk)
    context = {
        "project": project,
        "form": form,
        "floor": floor_of(project),
        "largest": selectors.largest(project),
    }
    return render(request, "datafactory/private_match_form.html", context, status=status_of(form))


@login_required
def private_match_detail(request: HttpRequest, slug: str, pk: UUID) -> HttpResponse:
    """The session; a POST allows, refuses or ends it."""
    if request.method == "POST":
        _act(request, slug, pk, request.POST.get("act", ""))
        return redirect("datafactory:private-match-detail", slug, pk)
    session = access.private_match_for(request.user, slug, pk)
    context = {
        "project": session.project,
        "session": session,
        "state": selectors.shown_state(session),
        "state_label": selectors.shown_label(session),
        "standing": selectors.standing(session, person(request.user)),
        "margin": estimated_size(0, session.n_partner).margin if session.n_partner else None,
        "ids_left": ids_left(session.institution, session.source_version.source),
        "origin": request.build_absolute_uri("/").rstrip("/"),
    }
    return render(request, "datafactory/private_match_detail.html", context)


def _act(request: HttpRequest, slug: str, pk: UUID, act: str) -> None:
    user = person(request.user)
    if act in {"approve", "refuse"}:
        session = access.kept_private_match_for(user, slug, pk)
        private_matches.decide(user=user, session=session, approve=act == "approve")
    else:
        private_matches.close(user=user, session=access.closed_private_match_for(user, slug, pk))
