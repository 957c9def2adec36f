"""Deletion of a sample or a source version with everything made of its rows, and the certificate that stays.

Figures, audit lines and the rows of the database stay; files go. A deletion that is killed in the middle is finished by
the next round of the watchdog: what to remove is worked out anew from the rows each time, and removing twice is safe.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from datafactory.derived import Holding, keepers
from datafactory.models import Deletion, FeatureTable, IncomingUpload, Match, Sample, SourceVersion, Upload
from datafactory.selectors import sources
from datafactory.services import keyed_ids, samples
from modeling.artifacts import Progress, no_progress
from projects import access, audit, jobs, keys, storage
from projects.errors import Conflict, Forbidden, Invalid
from projects.models import Artifact, Job, Project, User
from projects.services.authorisations import GRANTORS

JOB = "datafactory.delete_rows"
BUSY = (Job.State.QUEUED, Job.State.RUNNING)
RETENTION_ENDED = gettext_noop("The retention date has passed.")


@dataclass(frozen=True)
class Scope:
    """What goes: the sample or version itself, and what was made of it."""

    sample: Sample | None
    version: SourceVersion | None
    matches: Sequence[Match]
    tables: Sequence[FeatureTable]

    @property
    def target(self) -> str:
        if self.sample is not None:
            return scope_target(self.sample)
        assert self.version is not None
        return f"source {self.version.source.slug} v{self.version.number}"

    @property
    def upload(self) -> Upload | None:
        row = self.sample or self.version
        assert row is not None
        return row.upload

    def holdings(self) -> list[Holding]:
        """Everything on disk that holds rows, this floor's and the upper floors'."""
        own = [*self._itself(), *(_holding("match", "matches", row) for row in self.matches)]
        own += [_holding("feature table", "features", row) for row in self.tables]
        return own + [holding for keeper in keepers() for holding in keeper.holdings(self.tables)]

    def _itself(self) -> list[Holding]:
        found = []
        if self.upload is not None:
            found.append(Holding("upload", 1, self.upload.filename, self.upload.sha256, (self.upload.path,)))
        if self.sample is not None:
            return [*found, _holding("sample", "samples", self.sample)]
        assert self.version is not None
        row = self.version
        places = (f"sources/{row.source.slug}/{row.number}-*", f"keyed/*/{row.pk}-*")
        return [*found, Holding("source version", row.number, str(row), row.content_hash, places)]


def _holding(noun: str, place: str, row: Artifact) -> Holding:
    return Holding(noun, row.number, row.name, row.content_hash, (f"{place}/{row.project_id}/{row.number}-*",))


def scope_of(sample: Sample | None = None, version: SourceVersion | None = None) -> Scope:
    rows = Match.objects.filter(sample=sample) if sample else Match.objects.filter(source_versions=version)
    matches = list(rows.order_by("number"))
    tables = list(FeatureTable.objects.filter(match__in=matches).defer("profile").order_by("number"))
    return Scope(sample, version, matches, tables)


def may_delete(user: User, sample: Sample) -> bool:
    """Analysts and administrators of the institution that brought the sample."""
    return sample.institution in access.institutions_of(user, sample.project, GRANTORS)


def keep_until(*, user: User, sample: Sample, level: int, retain_until: date | None) -> Sample:
    """Set how sensitive a sample is and the last day on which it is kept; its owner's analysts and administrators."""
    if not may_delete(user, sample):
        raise Forbidden("not_the_owner", _("Only an analyst or administrator of the sample's owner can do this."))
    if sample.deleted_at is not None:
        raise Conflict("sample_deleted", _("The sample was deleted."))
    samples.require_retention(level, retain_until)
    with transaction.atomic():
        sample.level, sample.retain_until = level, retain_until
        sample.save(update_fields=["level", "retain_until"])
        day = retain_until.isoformat() if retain_until else None
        audit.record(
            "sample.kept_until",
            actor=user,
            project=sample.project,
            institution=sample.institution,
            target=scope_target(sample),
            level=level,
            retain_until=day,
        )
    return sample


def keep_version_until(*, user: User, version: SourceVersion, retain_until: date | None) -> SourceVersion:
    """Set the last day on which a version is kept; who looks after the source."""
    _require_version_keeper(user, version)
    if version.deleted_at is not None:
        raise Conflict("source_deleted", _("The rows of %(source)s were deleted.") % {"source": version})
    samples.require_retention(Sample.Level.SENSITIVE, retain_until)
    with transaction.atomic():
        version.retain_until = retain_until
        version.save(update_fields=["retain_until"])
        audit.record(
            "source.kept_until",
            actor=user,
            institution=version.source.institution,
            target=f"source {version.source.slug} v{version.number}",
            retain_until=retain_until.isoformat() if retain_until else None,
        )
    return version


def _require_version_keeper(user: User, version: SourceVersion) -> None:
    if not access.roles_in(user, version.source.institution) & set(sources.KEEPERS):
        raise Forbidden()


def scope_target(sample: Sample) -> str:
    return f"sample {sample.number} of {sample.project.slug}"


def delete_sample(*, sample: Sample, reason: str, user: User | None = None) -> Deletion:
    """Begin to remove a sample and all that holds its rows; ``user`` is None on schedule. Twice is the same deletion.

    From this moment nothing new is made of it; the files are removed by a job.
    """
    if user is not None and not may_delete(user, sample):
        raise Forbidden("not_the_owner", _("Only an analyst or administrator of the sample's owner can delete it."))
    known = Deletion.objects.filter(sample=sample).first()
    return known or _begin(scope_of(sample=sample), reason, user, sample.project)


def delete_source_version(*, version: SourceVersion, reason: str, user: User | None = None) -> Deletion:
    """The same for a version of a source. Refused while a live model looks people up in it (``version_in_use``)."""
    if user is not None:
        _require_version_keeper(user, version)
    known = Deletion.objects.filter(source_version=version).first()
    if known is not None:
        return known
    projects = Project.objects.filter(pk__in=Match.objects.filter(source_versions=version).values("project"))
    live = [name for project in projects if (name := live_on(project))]
    if live:
        text = _("Live models look people up in this version: %(names)s. Retire them first.")
        raise Conflict("version_in_use", text % {"names": ", ".join(live)})
    return _begin(scope_of(version=version), reason, user, None)


def _begin(scope: Scope, reason: str, user: User | None, project: Project | None) -> Deletion:
    if not reason.strip():
        raise Invalid("reasons_missing", _("Say why the data is deleted; the certificate repeats it."))
    row, now = scope.sample or scope.version, timezone.now()
    assert row is not None
    institution = scope.sample.institution if scope.sample else row.source.institution  # type: ignore[union-attr]
    with transaction.atomic():
        audit.record(
            "data.deletion_started", actor=user, project=project, institution=institution, target=scope.target
        )  # its lock also numbers certificates one after the other
        deletion = Deletion.objects.create(
            number=(Deletion.objects.aggregate(last=Max("number"))["last"] or 0) + 1,
            project=project,
            institution=institution,
            target=scope.target,
            reason=reason.strip()[:300],
            body={"artifacts": [], "keys": [], "kept": []},
            requested_by=user,
            sample=scope.sample,
            source_version=scope.version,
            at=now,
        )
        _mark(scope, now)
        _note(deletion, scope.holdings())
        _start(deletion)
    deletion.refresh_from_db()
    return deletion


def _mark(scope: Scope, at: datetime) -> None:
    """Every row says at once that its rows are gone, and work on them is stopped."""
    rows = [row for row in (scope.sample, scope.version, *scope.matches, *scope.tables) if row is not None]
    for row in rows:
        type(row)._default_manager.filter(pk=row.pk, deleted_at=None).update(deleted_at=at)
        if row.job is not None and row.job.state in BUSY:
            jobs.cancel(row.job)
    for keeper in keepers():
        keeper.mark(scope.tables, at)


def _start(deletion: Deletion) -> Job:
    url = reverse("datafactory:deletion-detail", args=[deletion.number])
    title = _("Delete %(target)s") % {"target": deletion.target}
    where: dict[str, Any] = {"project": deletion.project, "institution": deletion.institution}
    return jobs.start(
        "datafactory.delete_rows",
        title=title,
        user=deletion.requested_by,
        result_url=url,
        deletion_id=deletion.pk,
        **where,
    )


def _note(deletion: Deletion, holdings: Sequence[Holding]) -> None:
    """Write down what is there. A deletion that goes on after a kill finds less: what was found first stays."""
    known = {(line["noun"], line["number"]): line for line in deletion.body["artifacts"]}
    for holding in holdings:
        sizes = [storage.measure(path) for path in storage.found(holding.patterns)]
        files, size = sum(one[0] for one in sizes), sum(one[1] for one in sizes)
        line = {name: value for name, value in asdict(holding).items() if name != "patterns"}
        before = known.get((holding.noun, holding.number), {"files": 0, "bytes": 0})
        line |= {"files": max(files, before["files"]), "bytes": max(size, before["bytes"])}
        known[holding.noun, holding.number] = line
    deletion.body = {**deletion.body, "artifacts": list(known.values())}
    deletion.save(update_fields=["body"])


def run_delete_rows(*, deletion: Deletion, progress: Progress = no_progress) -> Deletion:
    """Do the work of :func:`delete_sample`. Twice is safe; a killed one is gone on with.

    Raises ``still_working`` while a job on the data has not noticed that it was stopped; the next round tries again.
    """
    if deletion.finished_at is not None:
        return deletion
    scope, tag = scope_of(deletion.sample, deletion.source_version), f"deletion-{deletion.number}"
    _mark(scope, deletion.at)
    _require_quiet(scope)
    holdings = scope.holdings()
    _note(deletion, holdings)
    storage.finish_erasing(tag)
    for done, holding in enumerate(holdings):
        progress(done, len(holdings), holding.noun)
        for path in storage.found(holding.patterns):
            storage.erase(path, tag)
    _forget_heads(scope)
    live = live_models(scope.tables)
    with transaction.atomic():
        deletion.body = {**deletion.body, "kept": [{"what": "live models", "why": live}] if live else []}
        _destroy_key(deletion, scope)
        deletion.finished_at = timezone.now()
        deletion.save(update_fields=["body", "finished_at"])
        audit.record(
            "data.deleted",
            actor=deletion.requested_by,
            project=deletion.project,
            institution=deletion.institution,
            target=deletion.target,
            certificate=deletion.number,
            files=sum(line["files"] for line in deletion.body["artifacts"]),
            keys=len(deletion.body["keys"]),
        )
    return deletion


def _require_quiet(scope: Scope) -> None:
    rows = [row for row in (scope.sample, scope.version, *scope.matches, *scope.tables) if row is not None]
    if Job.objects.filter(pk__in=[row.job_id for row in rows], state=Job.State.RUNNING).exists():
        raise Conflict("still_working", _("Work on this data is still stopping. The deletion goes on by itself."))


def _forget_heads(scope: Scope) -> None:
    """The database holds first rows of a file and values at fault: they go as well."""
    row, upload = scope.sample or scope.version, scope.upload
    assert row is not None
    if upload is not None:
        Upload.objects.filter(pk=upload.pk).update(sniff={})
        IncomingUpload.objects.filter(upload=upload).delete()
    if row.job is not None:
        Job.objects.filter(pk=row.job.pk).update(log=[], error_detail={})


def live_models(tables: Sequence[FeatureTable]) -> str:
    """Live models that learned from these tables: they answer on."""
    return ", ".join(name for keeper in keepers() if (name := keeper.live(tables)))


def live_on(project: Project) -> str:
    """Live models that look people up under the project's key."""
    return ", ".join(name for keeper in keepers() if (name := keeper.needs_key(project)))


def _destroy_key(deletion: Deletion, scope: Scope) -> None:
    """With the last sample of a project go its keyed ids and its key, unless a live model looks people up under it."""
    project = scope.sample.project if scope.sample else None
    if project is None or _has_other_data(project):
        return
    if live := live_on(project):
        kept = {"what": "project key", "why": live}
        deletion.body = {**deletion.body, "kept": [*deletion.body["kept"], kept]}
        return
    keyed_ids.forget(project)
    Project.objects.filter(pk=project.pk).update(hash_key=keys.new_wrapped_key())
    deletion.body = {**deletion.body, "keys": [f"key and keyed ids of project {project.slug}"]}


def _has_other_data(project: Project) -> bool:
    return Sample.objects.filter(project=project, deleted_at=None).exclude(state=Artifact.State.FAILED).exists()


def go_round(now: datetime | None = None) -> int:
    """Delete what is past its retention date and go on with deletions that nobody works on; how many were begun.

    The watchdog calls it at every look.
    """
    today = (now or timezone.now()).astimezone(ZoneInfo(settings.DISPLAY_ZONE)).date()
    due = {"retain_until__lt": today, "deleted_at": None}
    ended = Sample.objects.filter(**due).select_related("project", "institution", "upload", "job")
    begun = [delete_sample(sample=row, reason=RETENTION_ENDED) for row in ended]
    versions = SourceVersion.objects.filter(**due).select_related("source__institution", "upload", "job")
    begun += [deletion for row in versions if (deletion := _delete_due(row)) is not None]
    left = Deletion.objects.filter(finished_at=None).exclude(pk__in=[row.pk for row in begun])
    return len(begun) + sum(_go_on(deletion) for deletion in left)


def _delete_due(version: SourceVersion) -> Deletion | None:
    """A version in use stays until its live models are retired."""
    try:
        return delete_source_version(version=version, reason=RETENTION_ENDED)
    except Conflict:
        return None


def _go_on(deletion: Deletion) -> int:
    busy = Job.objects.filter(name=JOB, arguments={"deletion_id": deletion.pk}, state__in=BUSY)
    if busy.exists():
        return 0
    with transaction.atomic():
        _start(deletion)
    return 1
