"""Matches: ordered by a modeler, worked on by a job, visible only when whole."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from datafactory.engine import matching
from datafactory.engine.engines import TableEngine, open_engine, require_engine
from datafactory.engine.fills import feature_lines
from datafactory.engine.matching import MatchPlan
from datafactory.models import IdTrial, Match, Sample, SourceVersion
from datafactory.services import id_trials, keyed_ids, probing, uploads
from modeling.artifacts import MatchReport, Progress, SampleFile, fingerprint, from_json, hash_folder, no_progress
from projects import audit, jobs, keys, storage
from projects.errors import Conflict, Invalid
from projects.models import Artifact, Project, User
from projects.services import artifacts

UNDER_WAY = [Artifact.State.QUEUED, Artifact.State.RUNNING]


def match_sample(
    *,
    user: User,
    sample: Sample,
    source_versions: Sequence[SourceVersion],
    id_types: Sequence[str] | None = None,
    name: str = "",
    on: str | None = None,
) -> Match:
    """Order a match of a ready sample with ready versions of sources.

    ``id_types`` in order of preference; left out, all that the sample shares with the sources. ``on`` forces a table
    engine. What cannot be matched is refused here (DataError), before anything is queued. The same order twice while it
    is under way is one match.
    """
    require_usable(sample)
    versions = sorted(source_versions, key=lambda version: version.source.slug)
    for version in versions:
        _require_version(sample.project, version)
    ticket = from_json(SampleFile, sample.ticket)
    plan = replace(_plan(sample.project, ticket, versions, id_types), engine=on)
    if on:
        require_engine(on)
    matching.check_plan(ticket, plan)
    recipe = fingerprint(matching.match_recipe(ticket, plan))
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=sample.project_id)
        twin = Match.objects.filter(project=sample.project, fingerprint=recipe, state__in=UNDER_WAY).first()
        if twin:
            return twin
        match = artifacts.new(
            Match, project=sample.project, created_by=user, plan=plan, name=name, sample=sample, fingerprint=recipe
        )
        match.source_versions.set(versions)
        _spend(sample, ticket, versions)
        match.job = jobs.start(
            "datafactory.match_sample",
            title=_("Match %(name)s") % {"name": sample},
            project=sample.project,
            user=user,
            result_url=reverse("datafactory:match-detail", args=[sample.project.slug, match.number]),
            match_id=match.pk,
        )
        match.save(update_fields=["job"])
        _record("match.ordered", user, match, sources=[f"{v.source.slug} v{v.number}" for v in versions])
    return match


def _spend(sample: Sample, ticket: SampleFile, versions: Sequence[SourceVersion]) -> None:
    """Count the sample's ids against each source, or refuse with ``id_cap_reached``."""
    for version in versions:
        id_trials.spend(
            institution=sample.institution,
            source=version.source,
            project=sample.project,
            mode=IdTrial.Mode.KEYED,
            n_ids=ticket.n_ids,
            sample=sample,
        )


def require_usable(sample: Sample) -> None:
    """A sample may be worked on while its project is open, it is ready and its owner's authorisation is in force."""
    project = Project.objects.get(pk=sample.project_id)
    if project.status != Project.Status.OPEN:
        raise Conflict("project_not_open", _("The project is not open."))
    if sample.state != Artifact.State.READY:
        raise Conflict("sample_not_ready", _("The sample is not ready."))
    require_rows(sample)
    uploads.authorisation_in_force(project, sample.institution)


def require_rows(row: Artifact) -> None:
    """``rows_deleted`` for an artifact whose rows are gone for good."""
    if row.deleted_at is not None:
        text = _("The rows of %(what)s were deleted; only its figures are left. Bring the sample again.")
        raise Conflict("rows_deleted", text % {"what": row})


def _require_version(project: Project, version: SourceVersion) -> None:
    if version.state != Artifact.State.READY:
        raise Conflict("source_not_ready", _("%(source)s is not ready.") % {"source": version})
    if version.deleted_at is not None:
        raise Conflict("source_deleted", _("The rows of %(source)s were deleted.") % {"source": version})
    if not project.participations.filter(institution=version.source.institution_id).exists():
        raise Invalid(
            "source_not_in_project",
            _("The owner of %(source)s does not take part in this project.") % {"source": version.source},
        )


def floor_of(project: Project) -> int:
    """Distinct ids that a match or a statistic needs in this project."""
    return settings.PRIVACY_FLOOR_SANDBOX_IDS if project.is_sandbox else settings.PRIVACY_FLOOR_IDS


def _plan(
    project: Project, sample: SampleFile, versions: Sequence[SourceVersion], id_types: Sequence[str] | None
) -> MatchPlan:
    sources = tuple(keyed_ids.source_input(version) for version in versions)
    carried = {id_type for source in sources for id_type in source.id_types}
    shared = tuple(id_type for id_type in sample.id_types if id_type in carried)
    return MatchPlan(
        id_types=tuple(id_types or shared or sample.id_types),
        sources=sources,
        floor_ids=floor_of(project),
        cell_floor=settings.CELL_FLOOR_PEOPLE,
        zone=settings.DISPLAY_ZONE,
    )


def engine(name: str | None = None) -> TableEngine:
    """The table engine of one job, with its temporary files where killed workers' leftovers are swept."""
    return open_engine(
        name or settings.ENGINE,
        settings.ARTIFACT_ROOT,
        threads=settings.ENGINE_THREADS,
        memory_mb=settings.ENGINE_MEMORY_MB,
        temp=settings.ARTIFACT_ROOT / storage.STAGING,
        spark_master=settings.SPARK_MASTER,
    )


def run_match_sample(*, match: Match, progress: Progress = no_progress) -> Match:
    """Do the work of :func:`match_sample`. Twice is safe: a ready match stays as it is."""
    if match.state == Match.State.READY:
        return match
    require_usable(match.sample)
    plan = from_json(MatchPlan, match.plan)
    sample = from_json(SampleFile, match.sample.ticket)
    versions = match.source_versions.select_related("source").order_by("source__slug")
    told_before = probing.groups_told_before(match)
    keyed = {version.source.slug: keyed_ids.keyed_dir(match.project, version, progress) for version in versions}
    with storage.staging() as staged, closing(engine(plan.engine)) as running:
        ticket, report = matching.match_sample(
            sample,
            storage.folder(sample.path),
            plan,
            keys.project_key(match.project),
            keyed,
            staged,
            running,
            told_before=told_before,
            progress=progress,
        )
        ticket = _with_features(ticket, report, storage.folder(sample.path), staged, plan, keyed, running)
        where = storage.publish(staged, f"matches/{match.project_id}/{match.number}-{ticket.content_hash[:12]}")
    with transaction.atomic():
        figures = summary(ticket, report) | {"engine": running.name}
        artifacts.finish(match, replace(ticket, path=where), figures, report=report)
        _record("match.finished", match.created_by, match, n_ids=ticket.n_ids, content_hash=ticket.content_hash)
    return match


def _with_features(
    ticket: MatchReport,
    report: dict[str, Any],
    sample_dir: Path,
    staged: Path,
    plan: MatchPlan,
    keyed: Mapping[str, Path],
    running: TableEngine,
) -> MatchReport:
    """The report with how often each field is filled, beside the rows as ``features.json``."""
    report["features"] = feature_lines(sample_dir, staged, plan, keyed, running)
    (staged / "features.json").write_bytes(msgspec.json.encode(report["features"], order="deterministic"))
    return replace(ticket, content_hash=hash_folder(staged))


def summary(ticket: MatchReport, report: dict[str, Any]) -> dict[str, Any]:
    """The figures that lists and the flow show; what the report hides is not here either."""
    return {
        "n_rows": report["n_rows"],
        "n_ids": report["n_ids"],
        "n_matched_rows": report["n_matched_rows"],
        "match_rate": report["match_rate"],
        "sources": list(ticket.sources),
        "id_types": report["id_types"],
        "marks": list(ticket.marks),
    }


def _record(action: str, user: User, match: Match, **detail: Any) -> None:
    audit.record(
        action,
        actor=user,
        project=match.project,
        institution=match.sample.institution,
        target=f"match {match.number} of {match.project.slug}",
        sample=match.sample.number,
        **detail,
    )
