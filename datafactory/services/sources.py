"""The platform's catalogue: sources and their immutable versions."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.urls import reverse
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from datafactory import access
from datafactory.engine.reading import SourcePlan, read_source
from datafactory.models import Source, SourceVersion, Upload
from datafactory.selectors.sources import KEEPERS
from datafactory.services import plans, uploads
from modeling.artifacts import Progress, SourceFile, no_progress, to_json
from modeling.errors import DataError
from projects import audit, jobs, storage
from projects.errors import Conflict, Forbidden, Invalid, NotFound
from projects.models import Artifact, Institution, Membership, User

READY = Artifact.State.READY


def keeping_institution(user: User) -> Institution:
    """The platform, in whose name ``user`` keeps sources; 403 for everybody else."""
    rows = Membership.objects.filter(
        user=user, role__in=KEEPERS, institution__kind=Institution.Kind.PLATFORM
    ).select_related("institution")
    found = rows.order_by("institution__slug").first()
    if found is None:
        raise Forbidden()
    return found.institution


def create_source(
    *, user: User, name: str, kind: str = Source.Kind.SNAPSHOT, slug: str = "", description: str = ""
) -> Source:
    """A new, empty source of the platform. Its slug names its columns in feature tables and never changes."""
    institution = keeping_institution(user)
    slug = slug or slugify(name)[:60]
    if not slug or slug == "new":  # an address of its own
        raise Invalid("slug_missing", _("Give another short name, in Latin letters."))
    try:
        with transaction.atomic():
            source = Source.objects.create(
                slug=slug, name=name, kind=kind, description=description, institution=institution, created_by=user
            )
    except IntegrityError:
        raise Conflict("source_exists", _("There is already a source called %(slug)s.") % {"slug": slug}) from None
    audit.record("source.created", actor=user, institution=institution, target=f"source {slug}", kind=kind)
    return source


def import_source_version(
    *, user: User, source: Source, upload: Upload, plan: SourcePlan | Mapping[str, Any]
) -> SourceVersion:
    """Order the import of an uploaded file as the source's next version."""
    access.require_keeper(user, source)
    if upload.project_id is not None or upload.institution_id != source.institution_id:
        raise NotFound("upload_not_found", _("There is no such upload."))
    chosen = plans.read_source_plan(plan, source)
    uploads.require_file(upload)
    plans.check_plan(chosen, upload)
    with transaction.atomic():
        Source.objects.select_for_update().get(pk=source.pk)
        last = source.versions.aggregate(last=Max("number"))["last"] or 0
        version = SourceVersion.objects.create(
            source=source, number=last + 1, upload=upload, plan=to_json(chosen), created_by=user
        )
        version.job = jobs.start(
            "datafactory.import_source_version",
            title=_("Import %(name)s") % {"name": version},
            institution=source.institution,
            user=user,
            result_url=reverse("datafactory:source-version-detail", args=[source.slug, version.number]),
            version_id=version.pk,
        )
        version.save(update_fields=["job"])
        _record("source.ordered", user, version)
    return version


def run_import_source_version(*, version: SourceVersion, progress: Progress = no_progress) -> SourceVersion:
    """Do the work of :func:`import_source_version`. Twice is safe: a ready version stays as it is."""
    if version.state == READY:
        return version
    assert version.upload is not None
    plan = plans.read_source_plan(version.plan, version.source)
    path = uploads.require_file(version.upload)
    with storage.staging() as staged:
        try:
            ticket, report = read_source(
                path, plan, staged, plans.limits(), timezone.now(), progress, version.upload.sha256
            )
        except DataError as error:
            if error.code.startswith("raw_"):
                uploads.forget(version.upload)
            raise
        where = storage.publish(staged, f"sources/{version.source.slug}/{version.number}-{ticket.content_hash[:12]}")
    with transaction.atomic():
        _finish(version, replace(ticket, path=where), report)
        _record("source.imported", version.created_by, version, rows=ticket.n_rows, content_hash=ticket.content_hash)
        transaction.on_commit(lambda: uploads.forget(version.upload))  # type: ignore[arg-type]
    return version


def _finish(version: SourceVersion, ticket: SourceFile, report: dict[str, Any]) -> None:
    current = SourceVersion.objects.select_for_update().get(pk=version.pk)
    if current.state == READY and current.content_hash != ticket.content_hash:
        raise Conflict("artifact_ready", "This result is already there and cannot be replaced.")
    version.state = READY
    version.ticket = to_json(ticket)
    version.summary = _summary(ticket) | {"report": report}
    version.fingerprint = ticket.fingerprint
    version.content_hash = ticket.content_hash
    version.finished_at = timezone.now()
    version.save(update_fields=["state", "ticket", "summary", "fingerprint", "content_hash", "finished_at"])


def _summary(ticket: SourceFile) -> dict[str, Any]:
    return {
        "n_rows": ticket.n_rows,
        "n_ids": ticket.n_ids,
        "n_columns": len(ticket.columns),
        "id_types": list(ticket.id_types),
        "first_event": ticket.first_event,
        "last_event": ticket.last_event,
        "has_event_time": ticket.has_event_time,
        "has_known_at": ticket.has_known_at,
    }


def _record(action: str, user: User, version: SourceVersion, **detail: Any) -> None:
    audit.record(
        action,
        actor=user,
        institution=version.source.institution,
        target=f"source {version.source.slug} v{version.number}",
        **detail,
    )
