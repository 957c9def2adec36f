"""Uploads that come in pieces, as their senders see them."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext

from datafactory.models import IncomingUpload, Sample, SourceVersion, Upload
from projects.models import Institution, Job, User


def incoming_of(user: User, institutions: list[Institution]) -> QuerySet[IncomingUpload]:
    """What ``user`` is sending for these institutions: nobody else may go on with it."""
    rows = IncomingUpload.objects.filter(created_by=user, institution__in=institutions)
    return rows.select_related("project", "source", "institution", "created_by", "job")


def unfinished_by(user: User) -> QuerySet[IncomingUpload]:
    """What ``user`` began and has still to do with: not accepted or refused yet, or accepted and not imported."""
    waiting = Q(upload=None, refusal={}) | Q(upload__in=unused_uploads())
    rows = IncomingUpload.objects.filter(waiting, created_by=user)
    return rows.select_related("job", "upload").order_by("-touched_at")


def unused_uploads() -> QuerySet[Upload]:
    """Files of which nobody has made a sample or a version yet."""
    used = (model.objects.filter(upload=OuterRef("pk")) for model in (Sample, SourceVersion))
    return Upload.objects.filter(*(~Exists(rows) for rows in used))


def state_of(row: IncomingUpload) -> str:
    """``receiving``, ``checking``, then ``ready``, ``refused`` or, when the check itself broke, ``failed``."""
    if row.upload_id:
        return "ready"
    if row.refusal:
        return "refused"
    if row.received_bytes < row.size_bytes:
        return "receiving"
    return "failed" if row.job and row.job.state in {Job.State.FAILED, Job.State.CANCELLED} else "checking"


def error_of(row: IncomingUpload) -> dict[str, Any] | None:
    """Why there will be no file, in the reader's language."""
    if row.refusal:
        params = row.refusal["params"]
        places = {key: params[key] for key in ("row", "column") if params.get(key) is not None}
        message = gettext(row.refusal["template"]) % params
        return {"code": row.refusal["code"], "message": message, "detail": places or None}
    if state_of(row) == "failed" and row.job is not None:
        return {"code": row.job.error_code or row.job.state, "message": row.job.error, "detail": None}
    return None


def expires_at(row: IncomingUpload) -> datetime:
    return row.touched_at + timedelta(days=settings.INCOMING_DAYS)
