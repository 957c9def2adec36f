"""Jobs: what runs, what waits, what failed and why."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from projects import access, jobs, selectors
from projects.models import Job


@login_required
def job_list(request: HttpRequest) -> HttpResponse:
    user = access.person(request.user)
    jobs.reap_if_due()
    rows = selectors.jobs_of(user)
    state = request.GET.get("state", "")
    if state in Job.State.values:
        rows = rows.filter(state=state)
    page = Paginator(rows, 25).get_page(request.GET.get("page"))
    readable = access.readable_logs(user, page)
    lines = [(row, row.pk not in readable) for row in page]
    context = {"page": page, "lines": lines, "state": state, "states": Job.State.choices}
    return render(request, "projects/job_list.html", context)


@login_required
def job_detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The page, and for htmx the part that changes while the job lives."""
    user = access.person(request.user)
    jobs.reap_if_due()
    job = access.job_for(user, pk)
    context = {
        "job": job,
        "live": job.state in {Job.State.QUEUED, Job.State.RUNNING},
        "may_steer": access.may_steer_job(user, job),
        "quiet": not access.may_read_log(user, job),
    }
    fragment = request.htmx and not request.htmx.boosted  # type: ignore[attr-defined]
    return render(request, "projects/_job_state.html" if fragment else "projects/job_detail.html", context)


@require_POST
@login_required
def job_cancel(request: HttpRequest, pk: UUID) -> HttpResponse:
    job = jobs.cancel(access.job_for(request.user, pk, steer=True), user=access.person(request.user))
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponse(status=204)
    messages.success(request, _("The job stops at its next step.") if job.state == "running" else _("The job stopped."))
    return redirect("projects:job-detail", pk)


@require_POST
@login_required
def job_retry(request: HttpRequest, pk: UUID) -> HttpResponse:
    jobs.retry(access.job_for(request.user, pk, steer=True), user=access.person(request.user))
    messages.success(request, _("The job was queued again."))
    return redirect("projects:job-detail", pk)
