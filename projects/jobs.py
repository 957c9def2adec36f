"""One mechanism for all long work. The truth about a job is its row; the queue only carries its id.

``start`` writes the row and, on commit, a message; a worker claims the row (``QUEUED -> RUNNING``, one winner), a
heartbeat thread keeps it alive and writes its progress, and ``reap`` re-queues what a killed worker or a lost broker
left behind: once, then the job is failed. Every write of a worker names its attempt, so a worker that was taken for
dead and comes back cannot touch the row any more.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from celery import current_app, shared_task
from django.conf import settings
from django.db import models, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from projects import audit, job_rows
from projects.errors import Conflict
from projects.job_run import JobRun, run
from projects.models import Institution, Job, Project, User

__all__ = ["JobRun", "cancel", "job", "reap", "reap_if_due", "retry", "start"]

logger = logging.getLogger(__name__)
Task = TypeVar("Task", bound=Callable[..., None])
WORKER_LOST = gettext_noop("The worker stopped answering.")


def job(name: str) -> Callable[[Task], Task]:
    """Register ``work(run: JobRun, **ids)`` as the task behind all jobs called ``name``."""

    def register(work: Task) -> Task:
        def task(job_id: str) -> None:
            run(job_id, work, heartbeat=not settings.CELERY_TASK_ALWAYS_EAGER)

        task.__doc__ = work.__doc__
        shared_task(name=name, acks_late=True, ignore_result=True)(task)
        return work

    return register


def has_task(name: str) -> bool:
    """Imports every app's ``tasks`` if need be; Celery's own loader would set Django up again."""
    if name not in current_app.tasks:
        autodiscover_modules("tasks")
    return name in current_app.tasks


def start(
    name: str,
    *,
    title: str,
    project: Project | None = None,
    institution: Institution | None = None,
    user: User | None = None,
    result_url: str = "",
    **ids: Any,
) -> Job:
    """Write a queued job and, when the transaction commits, put it on the queue (or run it here if jobs are eager).

    Call it inside ``transaction.atomic()`` together with the rows that it works on. A queue that does not answer is
    no error: the watchdog queues the job again.
    """
    if not has_task(name):
        raise LookupError(f"No task is registered for the job {name!r}.")
    row = Job.objects.create(
        name=name,
        title=title[:200],
        project=project,
        institution=institution,
        created_by=user,
        result_url=result_url,
        arguments=ids,
    )
    transaction.on_commit(lambda: _enqueue(row))
    return row


def _enqueue(row: Job) -> None:
    task = current_app.tasks[row.name]
    if settings.CELERY_TASK_ALWAYS_EAGER:
        task.apply(args=(str(row.pk),), throw=True)
        return
    try:
        task.apply_async(args=(str(row.pk),), retry=False)
    except Exception as error:  # whatever the broker's client raises: the row is the truth, the watchdog tries again
        logger.warning("job %s is not on the queue yet: %s", row.pk, error)


def _requeue(row: Job) -> None:
    has_task(row.name)
    transaction.on_commit(lambda: _enqueue(row))


@transaction.atomic
def cancel(row: Job, *, user: User | None = None) -> Job:
    """Stop a queued job at once and a running one at its next step. Twice is safe; an ended job is left alone."""
    now = timezone.now()
    waiting = Job.objects.filter(pk=row.pk, state=Job.State.QUEUED)
    if waiting.update(state=Job.State.CANCELLED, cancel_requested=True, finished_at=now):
        job_rows.follow(row, "failed")
    else:
        Job.objects.filter(pk=row.pk, state=Job.State.RUNNING).update(cancel_requested=True)
    row.refresh_from_db()
    _record("job.cancelled", row, user)
    return row


def _record(action: str, row: Job, user: User | None) -> None:
    if user is not None:
        target = f"{row.name} {row.pk}"
        audit.record(action, actor=user, project=row.project, institution=row.institution, target=target)


@transaction.atomic
def retry(row: Job, *, user: User | None = None) -> Job:
    """Queue a failed or cancelled job again from its beginning; its rows wait again."""
    ended = Job.objects.filter(pk=row.pk, state__in=[Job.State.FAILED, Job.State.CANCELLED])
    now = timezone.now()
    fresh = ended.update(
        state=Job.State.QUEUED,
        attempt=0,
        rows_done=0,
        rows_total=0,
        step="",
        error_code="",
        error="",
        error_detail={},
        cancel_requested=False,
        queued_at=now,
        started_at=None,
        heartbeat_at=None,
        finished_at=None,
    )
    if not fresh:
        raise Conflict("job_not_ended", _("Only a failed or cancelled job can be run again."))
    job_rows.add_line(row, gettext_noop("Queued again."))
    job_rows.follow(row, "queued")
    row.refresh_from_db()
    _requeue(row)
    _record("job.retried", row, user)
    return row


@dataclass(frozen=True)
class Reaped:
    requeued: int = 0
    failed: int = 0
    cancelled: int = 0

    def __bool__(self) -> bool:
        return bool(self.requeued or self.failed or self.cancelled)


def reap(now: datetime | None = None) -> Reaped:
    """Deal with jobs that went silent: cancelled if that was asked for, re-queued if an attempt is left, else failed.

    Jobs that wait longer than the silence limit get a new message, in case theirs was lost with the broker. Several
    processes may call this at the same moment: every change is a conditional update with one winner.
    """
    now = now or timezone.now()
    limit = now - timedelta(seconds=settings.JOB_SILENCE_S)
    silent = Job.objects.filter(state=Job.State.RUNNING, heartbeat_at__lt=limit)
    outcomes = [_settle(row, limit, now) for row in silent]
    waiting = Job.objects.filter(state=Job.State.QUEUED, queued_at__lt=limit)
    outcomes += [_remind(row, limit, now) for row in waiting]
    return Reaped(*(outcomes.count(word) for word in ("requeued", "failed", "cancelled")))


@transaction.atomic
def _settle(row: Job, limit: datetime, now: datetime) -> str:
    mine = Job.objects.filter(pk=row.pk, state=Job.State.RUNNING, attempt=row.attempt, heartbeat_at__lt=limit)
    if row.cancel_requested:
        word, changes = "cancelled", {"state": Job.State.CANCELLED, "finished_at": now}
    elif row.attempt < row.max_attempts:
        word, changes = "requeued", {"state": Job.State.QUEUED, "queued_at": now, "heartbeat_at": None}
    else:
        lost = {"error_code": "worker_lost", "error": WORKER_LOST, "error_detail": {"template": WORKER_LOST}}
        word, changes = "failed", {"state": Job.State.FAILED, "finished_at": now, **lost}
    if not mine.update(**changes):
        return ""
    job_rows.add_line(row, WORKER_LOST, level="warning")
    job_rows.follow(row, "queued" if word == "requeued" else "failed")
    if word == "requeued":
        _requeue(row)
    return word


@transaction.atomic
def _remind(row: Job, limit: datetime, now: datetime) -> str:
    waiting = Job.objects.filter(pk=row.pk, state=Job.State.QUEUED, queued_at__lt=limit)
    if not waiting.update(queued_at=now):
        return ""
    _requeue(row)
    return "requeued"


_last_reap = 0.0


def reap_if_due() -> None:
    """Reap at most twice per silence limit and process: pages that show jobs call it, so no clock process is needed."""
    global _last_reap
    now = time.monotonic()
    if now - _last_reap > settings.JOB_SILENCE_S / 2:
        _last_reap = now
        reap()


def unfinished() -> models.QuerySet[Job]:
    return Job.objects.filter(state__in=[Job.State.QUEUED, Job.State.RUNNING]).order_by(F("created_at"))
