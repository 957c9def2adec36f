"""What waits for me, and the find box."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone

from etron import selectors
from projects import access
from projects.models import Institution, Job, Role, User
from projects.selectors import project_lines, projects_of, roles_by_institution

MOST = 8


@login_required
def home(request: HttpRequest) -> HttpResponse:
    user = access.person(request.user)
    waiting = selectors.waiting_for(user)
    return render(
        request,
        "etron/home.html",
        {
            "waiting": waiting,
            "n_urgent": sum(entry.urgent for entry in waiting),
            "jobs": job_lines(user),
            "lines": project_lines(projects_of(user)),
            "now": timezone.now(),
            **standing(user),
        },
    )


def job_lines(user: User) -> list[tuple[Job, bool, bool]]:
    """Running jobs, then those that failed lately: may I read why, may I run it again."""
    jobs = [*selectors.running_jobs(user)[:MOST], *selectors.failed_jobs(user)[:MOST]]
    return [(job, not access.may_read_log(user, job), access.may_steer_job(user, job)) for job in jobs]


def standing(user: User) -> dict[str, Any]:
    """For whom I work, and which acts the page offers because of it."""
    roles = roles_by_institution(user)
    everything = {role for found in roles.values() for role in found}
    modeler = any(
        Role.MODELER in found and institution.kind == Institution.Kind.PLATFORM for institution, found in roles.items()
    )
    named = [(institution, [Role(role).label for role in found]) for institution, found in roles.items()]
    return {"roles": named, "may_propose": modeler, "integrates": Role.INTEGRATOR in everything}


@login_required
def find(request: HttpRequest) -> HttpResponse:
    text = request.GET.get("q", "")
    found = selectors.find(access.person(request.user), text)
    return render(request, "etron/find.html", {"q": text, "found": found})


@login_required
def find_json(request: HttpRequest) -> JsonResponse:
    found = selectors.find(access.person(request.user), request.GET.get("q", ""))
    return JsonResponse({"results": [{"kind": one.kind, "title": one.title, "url": one.url} for one in found[:12]]})
