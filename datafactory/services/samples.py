"""Samples: ordered by a partner's analyst, read by a job, immutable from then on."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from datafactory import access
from datafactory.engine.reading import SamplePlan, read_sample
from datafactory.models import Sample, Upload
from datafactory.services import plans, uploads
from modeling.artifacts import Progress, SampleFile, no_progress
from modeling.errors import DataError
from projects import audit, jobs, storage
from projects.errors import Invalid, NotFound
from projects.models import Project, User
from projects.services import artifacts


def import_sample(
    *,
    user: User,
    project: Project,
    upload: Upload,
    plan: SamplePlan | Mapping[str, Any],
    name: str = "",
    level: int = Sample.Level.SENSITIVE,
    retain_until: date | None = None,
) -> Sample:
    """Order the import of an uploaded file as the project's next sample.

    Only analysts of the institution that uploaded it, and only under an authorisation in force (``no_authorisation``).
    """
    _require_own(user, project, upload)
    require_retention(level, retain_until)
    authorisation = uploads.authorisation_in_force(project, upload.institution)
    chosen = plans.read_sample_plan(plan)
    uploads.require_file(upload)
    plans.check_plan(chosen, upload)
    with transaction.atomic():
        sample = artifacts.new(
            Sample,
            project=project,
            created_by=user,
            plan=chosen,
            name=name or upload.filename,
            institution=upload.institution,
            authorisation=authorisation,
            upload=upload,
            level=level,
            retain_until=retain_until,
        )
        sample.job = jobs.start(
            "datafactory.import_sample",
            title=_("Import %(name)s") % {"name": sample.name},
            project=project,
            institution=upload.institution,
            user=user,
            result_url=reverse("datafactory:sample-detail", args=[project.slug, sample.number]),
            sample_id=sample.pk,
        )
        sample.save(update_fields=["job"])
        _record("sample.ordered", user, sample, authorisation=authorisation.pk)
    return sample


def require_retention(level: int, retain_until: date | None) -> None:
    """A level from 1 to 5, and a last day that has not passed."""
    if level not in Sample.Level.values:
        raise Invalid("bad_level", _("The level is a whole number from 1 to 5."))
    if retain_until is not None and retain_until < timezone.now().astimezone(ZoneInfo(settings.DISPLAY_ZONE)).date():
        raise Invalid("retention_passed", _("This day has passed. Name a later one, or delete the data now."))


def _require_own(user: User, project: Project, upload: Upload) -> None:
    if upload.project_id != project.pk or upload.institution not in access.bringing_institutions(user, project):
        raise NotFound("upload_not_found", _("There is no such upload."))


def run_import_sample(*, sample: Sample, progress: Progress = no_progress) -> Sample:
    """Do the work of :func:`import_sample`. Twice is safe: a ready sample stays; its folder appears whole or not."""
    if sample.state == Sample.State.READY:
        return sample
    assert sample.upload is not None
    uploads.authorisation_in_force(sample.project, sample.institution)
    plan = plans.read_sample_plan(sample.plan)
    path = uploads.require_file(sample.upload)
    with storage.staging() as staged:
        try:
            ticket, report = read_sample(
                path, plan, staged, plans.limits(), timezone.now(), progress, sample.upload.sha256
            )
        except DataError as error:
            if error.code.startswith("raw_"):
                uploads.forget(sample.upload)
            raise
        where = storage.publish(staged, f"samples/{sample.project_id}/{sample.number}-{ticket.content_hash[:12]}")
    with transaction.atomic():
        artifacts.finish(sample, replace(ticket, path=where), summary(ticket, report), report=report)
        _record("sample.imported", sample.created_by, sample, rows=ticket.n_rows, content_hash=ticket.content_hash)
        transaction.on_commit(lambda: uploads.forget(sample.upload))  # type: ignore[arg-type]
    return sample


def summary(ticket: SampleFile, report: dict[str, Any]) -> dict[str, Any]:
    """The figures that lists and the flow show; small cells are hidden as in the report."""
    label = report["label"] or {}
    months = [row["month"] for row in report["maturity"]["months"]]
    return {
        "n_rows": ticket.n_rows,
        "n_ids": ticket.n_ids,
        "n_columns": len(ticket.columns),
        "n_bad": label.get("n_bad"),
        "bad_rate": label.get("bad_rate"),
        "id_types": list(ticket.id_types),
        "first_month": months[0] if months else None,
        "last_month": months[-1] if months else None,
        "n_warned": sum(line["state"] == "warned" for line in report["checks"]),
        "marks": list(ticket.marks),
    }


def _record(action: str, user: User, sample: Sample, **detail: Any) -> None:
    audit.record(
        action,
        actor=user,
        project=sample.project,
        institution=sample.institution,
        target=f"sample {sample.number} of {sample.project.slug}",
        **detail,
    )
