"""What senders left behind: uploads that nobody finished or imported, and bytes that belong to no row."""

import time
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from datafactory.models import IncomingUpload, Upload
from datafactory.selectors import incoming as selectors
from datafactory.services import incoming, uploads
from projects import audit, storage

ORPHAN_S = 86_400
SWEEP_EVERY_S = 600

_last_sweep = 0.0


def sweep_if_due() -> int:
    """Sweep every ten minutes at most; the watchdog calls it."""
    global _last_sweep
    now = time.monotonic()
    if _last_sweep and now - _last_sweep < SWEEP_EVERY_S:
        return 0
    _last_sweep = now
    return sweep()


def sweep(now: datetime | None = None) -> int:
    """Remove the bytes of what nobody finished or imported, and those that belong to no row; returns how many."""
    now = now or timezone.now()
    for row in IncomingUpload.objects.filter(incoming.UNDECIDED, received_bytes=F("size_bytes")):
        if storage.folder(row.path).is_file():
            incoming.settle(row)
    old = IncomingUpload.objects.filter(touched_at__lt=now - timedelta(days=settings.INCOMING_DAYS))
    expired = [row for row in old.select_related("job") if not incoming.is_alive(row.job)]
    return sum(_expire(row) for row in expired) + _forget_unused(now) + _sweep_orphans(now)


def _forget_unused(now: datetime) -> int:
    """A file of which nobody made a sample or a version is not kept for ever either; its row stays."""
    old = selectors.unused_uploads().filter(created_at__lt=now - timedelta(days=settings.INCOMING_DAYS))
    kept = [row for row in old.select_related("created_by", "project") if storage.folder(row.path).is_file()]
    for row in kept:
        uploads.forget(row)
        audit.record(
            "upload.expired",
            actor=row.created_by,
            project=row.project,
            institution=row.institution,
            target=row.project.slug if row.project else "",
            size_bytes=row.size_bytes,
        )
    return len(kept)


@transaction.atomic
def _expire(row: IncomingUpload) -> int:
    """The row of an upload that ended well or badly is no longer needed; that of one under way goes with its bytes."""
    rows: QuerySet[IncomingUpload] = IncomingUpload.objects.filter(pk=row.pk, touched_at=row.touched_at)
    if not rows.delete()[0]:
        return 0
    if row.upload_id is None:
        storage.remove(row.path)
        if not row.refusal:
            incoming.record("upload.expired", row, received_bytes=row.received_bytes)
    return 1


def _sweep_orphans(now: datetime) -> int:
    base = storage.folder("uploads")
    limit = now.timestamp() - ORPHAN_S
    found = [path for path in base.glob("*/*") if path.stat().st_mtime < limit] if base.is_dir() else []
    names = {f"uploads/{path.parent.name}/{path.name}" for path in found}
    for model in (Upload, IncomingUpload):
        rows: Any = model._default_manager.filter(path__in=names)
        names -= set(rows.values_list("path", flat=True))
    for name in names:
        storage.remove(name)
    return len(names)
