"""Feature tables: ordered by a modeler from a match, built by a job; and the same features for one person."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

import msgspec
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from datafactory.engine import features as engine
from datafactory.engine.engines import require_engine
from datafactory.engine.features import FeaturePlan, SourceFeatures, choose_features
from datafactory.engine.matching import MatchPlan
from datafactory.engine.online import FeatureLookup, OnlineStore
from datafactory.models import FeatureTable, Match, SourceVersion
from datafactory.services import keyed_ids, leaks, matches
from modeling.artifacts import FeatureTable as Ticket
from modeling.artifacts import MatchReport, Progress, SampleFile, fingerprint, from_json, no_progress
from modeling.errors import DataError
from projects import audit, jobs, keys, storage
from projects.errors import Conflict
from projects.models import Project, User
from projects.services import artifacts


def read_plan(given: FeaturePlan | Mapping[str, Any]) -> FeaturePlan:
    """The plan in ``given``; DataError ``plan_invalid`` for what is not one, a misspelt name included."""
    if isinstance(given, FeaturePlan):
        return given
    unknown = sorted(set(given) - set(FeaturePlan.__dataclass_fields__))
    try:
        if unknown:
            raise msgspec.ValidationError(f"unknown: {unknown}")
        return from_json(FeaturePlan, dict(given))
    except msgspec.ValidationError as error:
        text = gettext_noop("The plan cannot be read: %(problem)s.")
        raise DataError("plan_invalid", text, problem=str(error)) from None


def build_features(
    *, user: User, match: Match, plan: FeaturePlan | Mapping[str, Any] | None = None, name: str = ""
) -> FeatureTable:
    """Order a feature table. Unknown fields are refused here; the same order twice while under way is one table."""
    if match.state != Match.State.READY:
        raise Conflict("match_not_ready", _("The match is not ready."))
    matches.require_rows(match)
    matches.require_usable(match.sample)
    chosen = read_plan(plan or FeaturePlan())
    _check(from_json(MatchPlan, match.plan), chosen)
    recipe = fingerprint(engine.feature_recipe(from_json(MatchReport, match.ticket), chosen))
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=match.project_id)
        rows = FeatureTable.objects.filter(project=match.project, fingerprint=recipe)
        twin = rows.filter(state__in=matches.UNDER_WAY).first()
        if twin:
            return twin
        table = artifacts.new(
            FeatureTable,
            project=match.project,
            created_by=user,
            plan=chosen,
            name=name,
            match=match,
            fingerprint=recipe,
        )
        table.job = jobs.start(
            "datafactory.build_features",
            title=_("Build features of %(name)s") % {"name": match.sample},
            project=match.project,
            user=user,
            result_url=reverse("datafactory:feature-detail", args=[match.project.slug, table.number]),
            feature_table_id=table.pk,
        )
        table.save(update_fields=["job"])
        _record("features.ordered", user, table, match=match.number)
    return table


def _check(match_plan: MatchPlan, plan: FeaturePlan) -> None:
    known = {source.slug for source in match_plan.sources}
    unknown = sorted({*(plan.snapshot_fields or {}), *(plan.grids or {})} - known)
    if unknown:
        text = gettext_noop("The match has no source %(source)s; it has %(known)s.")
        raise DataError("unknown_source", text, source=", ".join(unknown), known=", ".join(sorted(known)))
    if plan.engine:
        require_engine(plan.engine)
    for source in match_plan.sources:
        choose_features(source, plan)


def run_build_features(*, table: FeatureTable, progress: Progress = no_progress) -> FeatureTable:
    """Do the work of :func:`build_features`. Twice is safe: a ready table stays as it is."""
    if table.state == FeatureTable.State.READY:
        return table
    match = table.match
    matches.require_rows(match)
    matches.require_usable(match.sample)
    sample, plan = from_json(SampleFile, match.sample.ticket), from_json(FeaturePlan, table.plan)
    ticket_of_match = from_json(MatchReport, match.ticket)
    versions = match.source_versions.select_related("source")
    keyed = {version.source.slug: keyed_ids.keyed_dir(table.project, version, progress) for version in versions}
    with storage.staging() as staged, closing(matches.engine(plan.engine)) as running:
        ticket, profile = engine.build_features(
            sample,
            storage.folder(sample.path),
            ticket_of_match,
            storage.folder(ticket_of_match.path),
            from_json(MatchPlan, match.plan),
            keyed,
            plan,
            staged,
            running,
            progress=progress,
        )
        where = storage.publish(staged, f"features/{table.project_id}/{table.number}-{ticket.content_hash[:12]}")
    with transaction.atomic():
        figures = summary(ticket, profile) | {"engine": running.name}
        artifacts.finish(table, replace(ticket, path=where), figures, profile=profile)
        _record("features.built", table.created_by, table, rows=ticket.n_rows, content_hash=ticket.content_hash)
        leaks.scan_leaks(user=table.created_by, table=table)
    return table


def summary(ticket: Ticket, profile: dict[str, Any]) -> dict[str, Any]:
    """The figures that lists and the flow show."""
    parties = [column.party for column in ticket.columns]
    return {
        "n_rows": ticket.n_rows,
        "n_columns": len(ticket.columns),
        "n_partner": parties.count("partner"),
        "n_platform": parties.count("platform"),
        "basis": profile["basis"],
        "marks": list(ticket.marks),
    }


def lookup_of(
    table: FeatureTable, wanted: Sequence[str] | None = None, *, progress: Progress = no_progress
) -> FeatureLookup:
    """The table's platform columns for one person at one moment, by hashed ids: equal to what the table holds.

    Opens (on first use: builds) the stores of the sources that ``wanted`` needs; keep the result.
    """
    sources = [
        (features, OnlineStore(keyed_ids.online_dir(table.project, version, progress)))
        for features, version in _looked_up(table, wanted)
    ]
    id_types = from_json(MatchPlan, table.match.plan).id_types
    return FeatureLookup(id_types, keys.project_key(table.project), sources, wanted)


def lookup_is_built(table: FeatureTable, wanted: Sequence[str]) -> bool:
    """Whether :func:`lookup_of` would only open what is there."""
    return all(keyed_ids.has_online(table.project, version) for _, version in _looked_up(table, wanted))


def _looked_up(table: FeatureTable, wanted: Sequence[str] | None) -> list[tuple[SourceFeatures, SourceVersion]]:
    """What to compute from which version of a source; sources that ``wanted`` does not need are left out."""
    match = table.match
    plan, chosen = from_json(MatchPlan, match.plan), from_json(FeaturePlan, table.plan)
    versions = {version.source.slug: version for version in match.source_versions.select_related("source")}
    every = ((choose_features(source, chosen), versions[source.slug]) for source in plan.sources)
    return [
        (features, version)
        for features, version in every
        if wanted is None or {column.name for column in features.columns} & set(wanted)
    ]


def _record(action: str, user: User, table: FeatureTable, **detail: Any) -> None:
    audit.record(
        action,
        actor=user,
        project=table.project,
        institution=table.match.sample.institution,
        target=f"feature table {table.number} of {table.project.slug}",
        **detail,
    )
