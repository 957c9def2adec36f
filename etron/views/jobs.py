"""The state of one job as a strip that renews itself."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from projects import access
from projects.models import Job

BUSY = {Job.State.QUEUED, Job.State.RUNNING}


@login_required
def job_strip(request: HttpRequest, pk: UUID) -> HttpResponse:
    """At the job's end, ``?reload=1`` has the whole page fetched anew."""
    user = access.person(request.user)
    job = access.job_for(user, pk)
    reload = "reload" in request.GET
    context = {"job": job, "reload": reload, "quiet": not access.may_read_log(user, job)}
    response = render(request, "ui/job.html", context)
    if reload and job.state not in BUSY:
        response["HX-Refresh"] = "true"
    return response
