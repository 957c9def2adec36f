"""What happens inside a worker while one job runs."""

import errno
import logging
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone
from django.utils.translation import gettext_noop

from modeling.errors import Cancelled, DataError
from projects import job_rows
from projects.errors import DomainError, place
from projects.models import Job

logger = logging.getLogger(__name__)
TICK_S = 1.0
INTERNAL = gettext_noop("Internal error. Ask the operator for the entry %(id)s in the log.")
NO_MEMORY = gettext_noop("There was not enough memory for this work.")
NO_SPACE = gettext_noop("The disk is full.")


@dataclass(frozen=True)
class Failure:
    code: str
    text: str
    detail: dict[str, Any]


class JobRun:
    """A worker's hold on one attempt of a job: progress, log and the wish to stop."""

    def __init__(self, row: Job, *, heartbeat: bool) -> None:
        self.job = row
        self._mine = Job.objects.filter(pk=row.pk, attempt=row.attempt, state=Job.State.RUNNING)
        self._news: dict[str, Any] = {}
        self._log = list(row.log)
        self._stop = threading.Event()
        self._end = threading.Event()
        self._lock = threading.Lock()
        self._written = time.monotonic()
        self._thread = threading.Thread(target=self._beat, daemon=True) if heartbeat else None

    def progress(self, done: int, total: int, what: str) -> None:
        """Note how far the work is; raises ``Cancelled`` when somebody asked to stop or the job was given away."""
        with self._lock:
            self._news |= {"rows_done": done, "rows_total": total, "step": what[:200]}
        if self._thread is None and time.monotonic() - self._written >= TICK_S:
            self._write()
        if self._stop.is_set():
            raise Cancelled

    def log(self, text: str, level: str = "info") -> None:
        with self._lock:
            self._log = [*self._log, job_rows.line(text, level)][-job_rows.LOG_LINES :]
            self._news["log"] = self._log

    def _take_news(self) -> dict[str, Any]:
        with self._lock:
            news, self._news = self._news, {}
        return news

    def _write(self) -> None:
        """One heartbeat: progress out, the wish to stop in."""
        self._written = time.monotonic()
        held = self._mine.update(heartbeat_at=timezone.now(), **self._take_news())
        if not held or self._mine.filter(cancel_requested=True).exists():
            self._stop.set()

    def _beat(self) -> None:
        """A thread with its own connection, so that a long transaction of the work does not hide its progress."""
        while not self._end.wait(min(TICK_S, settings.JOB_SILENCE_S / 4)):
            try:
                self._write()
            except DatabaseError as error:
                logger.warning("heartbeat of job %s: %s", self.job.pk, error)
        connection.close()

    def __enter__(self) -> "JobRun":
        if self._thread:
            self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._end.set()
        if self._thread:
            self._thread.join(timeout=30)

    def finish(self, state: str, failure: Failure | None = None) -> bool:
        """Write the end, if this attempt still holds the job."""
        changes: dict[str, Any] = self._take_news() | {"state": state, "finished_at": timezone.now()}
        if failure:
            changes |= {"error_code": failure.code, "error": failure.text, "error_detail": failure.detail}
        return bool(self._mine.update(**changes))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """From the exception that arrived to the one that started it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _told(error: BaseException) -> Failure | None:
    match error:
        case DataError():
            params = {key: value for key, value in error.params.items() if isinstance(value, str | int | float | None)}
            detail = place(error) | {"template": error.template, "params": params}
            return Failure(error.code, str(error), detail)
        case DomainError():
            return Failure(error.code, str(error), {"about": error.detail} if error.detail else {})
        case MemoryError():
            return Failure("no_memory", NO_MEMORY, {"template": NO_MEMORY})
        case OSError(errno=errno.ENOSPC):
            return Failure("disk_full", NO_SPACE, {"template": NO_SPACE})
    return None


def first_cause(error: BaseException) -> Failure:
    """The first thing that went wrong and can be told in plain words; else an id under which the log has it all."""
    told = [failure for failure in map(_told, _causes(error)) if failure]
    if told:
        return told[-1]
    reference = uuid.uuid4().hex[:12]
    logger.error("internal error %s\n%s", reference, "".join(traceback.format_exception(error)))
    detail = {"template": INTERNAL, "params": {"id": reference}}
    return Failure("internal_error", INTERNAL % {"id": reference}, detail)


def _claim(job_id: str) -> Job | None:
    """Take the job, or find that it is not there to be taken: ended, cancelled, or in other hands."""
    row = Job.objects.filter(pk=job_id, state=Job.State.QUEUED).first()
    if row is None:
        return None
    now = timezone.now()
    waiting = Job.objects.filter(pk=job_id, state=Job.State.QUEUED, attempt=row.attempt)
    changes = {"state": Job.State.RUNNING, "attempt": row.attempt + 1, "heartbeat_at": now, "started_at": now}
    if not waiting.update(**changes):
        return None
    row.refresh_from_db()
    job_rows.follow(row, "running")
    return row


def run(job_id: str, work: Callable[..., None], *, heartbeat: bool) -> None:
    """Claim, work, and write how it ended. A second message for the same job finds nothing to claim."""
    row = _claim(job_id)
    if row is None:
        return
    failure, state = None, Job.State.FINISHED
    job_run = JobRun(row, heartbeat=heartbeat)
    with job_run:
        try:
            work(job_run, **row.arguments)
        except Cancelled:
            state = Job.State.CANCELLED
        except Exception as error:
            failure, state = first_cause(error), Job.State.FAILED
            job_run.log(failure.text, level="error")
    if job_run.finish(state, failure) and state != Job.State.FINISHED:
        job_rows.follow(row, "failed")
