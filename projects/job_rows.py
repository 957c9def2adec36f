"""What a job's row and the rows that wait for the job have in common: log lines, and states that follow."""

from functools import lru_cache
from typing import Any

from django.apps import apps
from django.db import models, transaction
from django.utils import timezone

from projects.models import Job

LOG_LINES = 200
OPEN_STATES = {"queued", "running"}


def line(text: str, level: str = "info") -> dict[str, str]:
    return {"at": timezone.now().isoformat(timespec="seconds"), "level": level, "text": text[:2000]}


@transaction.atomic
def add_line(row: Job, text: str, level: str = "info") -> None:
    """Append one line to the log of a job that no worker holds."""
    fresh = Job.objects.select_for_update().get(pk=row.pk)
    fresh.log = [*fresh.log, line(text, level)][-LOG_LINES:]
    fresh.save(update_fields=["log"])


@lru_cache(maxsize=1)
def _followers() -> list[type[models.Model]]:
    """Every noun with a ``job`` and a ``state``: samples, matches, runs, source versions and the like."""

    def follows(model: type[models.Model]) -> bool:
        fields: dict[str, Any] = {field.name: field for field in model._meta.get_fields()}
        return "state" in fields and "job" in fields and fields["job"].related_model is Job

    return [model for model in apps.get_models() if follows(model)]


def follow(row: Job, state: str) -> None:
    """Give the unfinished rows made by this job its state; "queued" also takes back failed ones."""
    states = OPEN_STATES | {"failed"} if state in OPEN_STATES else OPEN_STATES
    ended = {"finished_at": timezone.now() if state == "failed" else None}
    for model in _followers():
        rows = model._default_manager.filter(job=row, state__in=states).exclude(state=state)
        rows.update(state=state, **ended)
