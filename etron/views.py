"""Doors that belong to no single floor: home, flow, a job's strip."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from projects import access
from projects.models import Job


@login_required
def home(request: HttpRequest) -> HttpResponse:
    return render(request, "etron/home.html", {})


@login_required
def flow(request: HttpRequest, slug: str) -> HttpResponse:
    return render(request, "etron/flow.html", {"project": access.project_for(request.user, slug)})


@login_required
def job_strip(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The state of one job; at its end, ``?reload=1`` has the page fetched anew."""
    user = access.person(request.user)
    job = access.job_for(user, pk)
    response = render(request, "ui/job.html", job_context(user, job, reload="reload" in request.GET))
    if "reload" in request.GET and job.state not in {Job.State.QUEUED, Job.State.RUNNING}:
        response["HX-Refresh"] = "true"
    return response


def job_context(user: access.User, job: Job, *, reload: bool) -> dict[str, object]:
    return {
        "job": job,
        "reload": reload,
        "quiet": not access.may_read_log(user, job),
        "steer": access.may_steer_job(user, job),
    }
