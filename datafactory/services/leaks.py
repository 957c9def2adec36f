"""Leak scans: ordered when a feature table is built or by hand, and decisions about what they find."""

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from datafactory.models import FeatureTable, LeakScan
from datafactory.selectors import leaks as selectors
from datafactory.services import matches
from modeling.artifacts import FeatureTable as Ticket
from modeling.artifacts import Progress, from_json, no_progress, to_json
from projects import audit, jobs, storage
from projects.errors import Conflict, Invalid, NotFound
from projects.models import Job, User

UNDER_WAY = (Job.State.QUEUED, Job.State.RUNNING)
ACTS = (selectors.DISMISSED, selectors.EXCLUDED, "")


def scan_leaks(*, user: User, table: FeatureTable) -> LeakScan:
    """Order a scan of a ready table, anew if there was one. While one is under way the answer is that one."""
    if table.state != FeatureTable.State.READY:
        text = _("Feature table %(number)s is not ready.")
        raise Conflict("feature_table_not_ready", text % {"number": table.number})
    matches.require_rows(table)
    matches.require_usable(table.match.sample)
    with transaction.atomic():
        scan, _made = LeakScan.objects.select_for_update().get_or_create(feature_table=table)
        if scan.job is not None and scan.job.state in UNDER_WAY:
            return scan
        scan.job = jobs.start(
            "datafactory.scan_leaks",
            title=_("Scan feature table %(number)s for leaks") % {"number": table.number},
            project=table.project,
            user=user,
            result_url=reverse("datafactory:feature-detail", args=[table.project.slug, table.number]),
            scan_id=scan.pk,
        )
        scan.save(update_fields=["job"])
    return scan


def run_scan_leaks(*, scan: LeakScan, progress: Progress = no_progress) -> LeakScan:
    """Do the work of :func:`scan_leaks`. Twice is safe: decisions stay with their columns."""
    from datafactory.engine.leak_columns import LeakLimits
    from datafactory.engine.leaks import scan_table  # scipy: for the job alone

    table = scan.feature_table
    matches.require_rows(table)
    matches.require_usable(table.match.sample)
    ticket = from_json(Ticket, table.ticket)
    report = scan_table(
        storage.folder(ticket.path) / "rows.parquet",
        ticket.columns,
        limits=LeakLimits(cell_floor=settings.CELL_FLOOR_PEOPLE, floor_ids=matches.floor_of(table.project)),
        zone=settings.DISPLAY_ZONE,
        progress=progress,
    )
    with transaction.atomic():
        scan.result, scan.scanned_at = to_json(report), timezone.now()
        scan.save(update_fields=["result", "scanned_at"])
        _record("features.scanned", None, table, n_suspected=len({one.column for one in report.findings}))
    return scan


def decide(*, user: User, table: FeatureTable, column: str, act: str, reason: str = "") -> LeakScan:
    """Dismiss what the scan found on a column, with a reason; leave the column out of training by default; or neither.

    A dismissed finding puts no mark on models any more; an excluded one does if a recipe uses the column all the same.
    """
    if act not in ACTS:
        raise Invalid("bad_decision", _("A finding is dismissed, or its column is excluded, or neither."))
    if act == selectors.DISMISSED and not reason.strip():
        raise Invalid("reasons_missing", _("Say why this column cannot know the outcome."))
    with transaction.atomic():
        scan = LeakScan.objects.select_for_update().filter(feature_table=table).first()
        if scan is None or column not in {line.column for line in selectors.lines_of(scan)}:
            raise NotFound("finding_not_found", _("The leak scan has not found anything on this column."))
        made = {"act": act, "reason": reason.strip()[:500], "by": str(user), "at": timezone.now().isoformat()}
        scan.decisions = {**scan.decisions, column: made} if act else _left_out(scan.decisions, column)
        scan.save(update_fields=["decisions"])
        _record("features.leak_decided", user, table, column=column, act=act or "reopened", reason=made["reason"])
    return scan


def _left_out(decisions: dict[str, dict[str, str]], column: str) -> dict[str, dict[str, str]]:
    return {name: decision for name, decision in decisions.items() if name != column}


def _record(action: str, user: User | None, table: FeatureTable, **detail: str | int) -> None:
    audit.record(
        action,
        actor=user,
        project=table.project,
        institution=table.match.sample.institution,
        target=f"feature table {table.number} of {table.project.slug}",
        **detail,
    )
