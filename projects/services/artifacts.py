"""Rows of all stages: numbered per project and noun, filled once, then left alone."""

from typing import Any, TypeVar

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from modeling.artifacts import Ticket, to_json
from projects import sharing
from projects.errors import Conflict
from projects.models import Artifact, Project, User

A = TypeVar("A", bound=Artifact)


@transaction.atomic
def new(model_class: type[A], *, project: Project, created_by: User, plan: Any, **fields: Any) -> A:
    """A queued row with the project's next number for this noun, shared with the members if the noun is registered."""
    Project.objects.select_for_update().get(pk=project.pk)
    rows = model_class._default_manager.filter(project=project)
    last = rows.aggregate(last=Max("number"))["last"] or 0
    row = model_class(project=project, number=last + 1, created_by=created_by, plan=to_json(plan), **fields)
    row.save(force_insert=True)
    if sharing.is_registered(model_class):
        sharing.share(row)
    return row


@transaction.atomic
def finish(row: A, ticket: Ticket, summary: dict[str, Any], **fields: Any) -> A:
    """Fill a row with its ticket: it is ready and never changes again. The same ticket twice is fine."""
    current = type(row)._default_manager.select_for_update().get(pk=row.pk)
    if current.state == Artifact.State.READY and current.content_hash != ticket.content_hash:
        raise Conflict("artifact_ready", "This result is already there and cannot be replaced.")
    values: dict[str, Any] = {
        "state": Artifact.State.READY,
        "ticket": to_json(ticket),
        "summary": to_json(summary),
        "fingerprint": ticket.fingerprint,
        "content_hash": ticket.content_hash,
        "finished_at": timezone.now(),
    }
    for name, value in (values | fields).items():
        setattr(row, name, value)
    row.save(update_fields=[*values, *fields])
    return row


def fail(row: A) -> A:
    """Mark an unfinished row as failed; the job says why."""
    open_states = [Artifact.State.QUEUED, Artifact.State.RUNNING]
    rows = type(row)._default_manager.filter(pk=row.pk, state__in=open_states)
    rows.update(state=Artifact.State.FAILED, finished_at=timezone.now())
    row.refresh_from_db(fields=["state", "finished_at"])
    return row
