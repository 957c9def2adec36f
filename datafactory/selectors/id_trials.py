"""Reads of the ledger of ids that an institution held against a source."""

from datetime import timedelta

from django.conf import settings
from django.db.models import QuerySet, Sum
from django.utils import timezone

from datafactory.models import IdTrial, Source
from projects.models import Institution


def recent(institution: Institution, source: Source) -> QuerySet[IdTrial]:
    """What counts now: the trials of the rolling window, of all projects and both modes."""
    since = timezone.now() - timedelta(days=settings.IDS_WINDOW_DAYS)
    return IdTrial.objects.filter(institution=institution, source=source, at__gt=since)


def ids_left(institution: Institution, source: Source) -> int:
    """How many ids the institution may still try against the source."""
    spent = recent(institution, source).aggregate(n=Sum("n_ids"))["n"] or 0
    return max(0, settings.IDS_PER_SOURCE - int(spent))
