"""Steps of the data: sources, samples, matches, feature tables."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.db.models import Prefetch
from django.db.models.fields.json import KT
from django.utils.translation import gettext as _

from datafactory.models import FeatureTable, Match, Sample, SourceVersion
from etron.addresses import address
from etron.flow import Link, Step
from etron.lineage.base import Rights, base, gone, in_progress, link, step_of
from modeling.artifacts import fingerprint
from projects.models import Artifact, Project
from projects.templatetags.figures import compact, figure, percent


def sample_steps(project: Project, rights: Rights) -> Iterator[Step]:
    rows = Sample.objects.filter(project=project).select_related("institution", "job").defer("report", "ticket")
    for row in rows.order_by("number"):
        bad_rate = row.summary.get("bad_rate")
        follow = link(
            rights.build,
            _("Match with sources"),
            "link",
            "datafactory:match-create",
            project.slug,
            query=f"?sample={row.number}",
        )
        shown = in_progress(
            Step(
                **base(row, "sample", _("Sample %(n)s") % {"n": row.number}),
                line=f"sample-{row.institution_id}-{row.name.strip().lower()}",
                whose="partner",
                title=row.name or str(row.institution),
                figure=compact(row.summary.get("n_rows")),
                sub=_("rows, %(rate)s bad") % {"rate": percent(bad_rate)} if bad_rate is not None else _("rows"),
                note=f"{row.institution}: {row}",
                url=address("datafactory:sample-detail", project.slug, row.number),
                follow=follow,
            ),
            step_of(row),
        )
        yield gone(shown, row)


def match_steps(project: Project, rights: Rights, line_of: Mapping[str, str]) -> tuple[list[Step], list[Step]]:
    used = Prefetch("source_versions", SourceVersion.objects.only("id", "source_id", "number"))
    rows = Match.objects.filter(project=project).select_related("job").prefetch_related(used).defer("report", "ticket")
    matches = [match_step(row, project, rights, line_of) for row in rows.order_by("number")]
    return matches, list(source_steps({version.source_id for row in rows for version in row.source_versions.all()}))


def match_step(row: Any, project: Project, rights: Rights, line_of: Mapping[str, str]) -> Step:
    sample = f"sample-{row.sample_id}"
    versions = sorted(row.source_versions.all(), key=lambda version: version.source_id)
    shown = in_progress(
        Step(
            **base(row, "match", _("Match %(n)s") % {"n": row.number}),
            line=f"match-{line_of.get(sample, sample)}-{'-'.join(str(version.source_id) for version in versions)}",
            parents=(sample, *(f"source-{version.pk}" for version in versions)),
            title=row.name or _("Keyed hash"),
            figure=percent(row.summary.get("match_rate")),
            sub=_("%(n)s matched") % {"n": figure(row.summary.get("n_matched_rows"))},
            url=address("datafactory:match-detail", project.slug, row.number),
            follow=link(
                rights.build,
                _("Build features"),
                "columns",
                "datafactory:feature-create",
                project.slug,
                query=f"?match={row.number}",
            ),
        ),
        step_of(row),
    )
    return gone(shown, row)


def source_steps(sources: set[int]) -> Iterator[Step]:
    """All finished versions of the sources in use: a newer one makes matches stale."""
    rows = SourceVersion.objects.filter(source__in=sources, state=Artifact.State.READY)
    rows = rows.select_related("source__institution").defer("ticket", "plan", "summary")
    for row in rows.annotate(n_rows=KT("ticket__n_rows"), n_ids=KT("ticket__n_ids")).order_by("source_id", "number"):
        yield Step(
            key=f"source-{row.pk}",
            kind="source",
            number=row.number,
            line=f"source-{row.source_id}",
            whose="partner" if row.source.institution.kind == "partner" else "platform",
            label=_("Source v%(n)s") % {"n": row.number},
            title=row.source.name,
            figure=compact(row.n_rows),
            sub=_("rows, %(n)s ids") % {"n": compact(row.n_ids)},
            note=row.source.description,
            content=row.content_hash,
            url=address("datafactory:source-detail", row.source.slug),
        )


def feature_steps(project: Project, rights: Rights, line_of: Mapping[str, str]) -> Iterator[Step]:
    rows = FeatureTable.objects.filter(project=project).select_related("job").defer("profile", "ticket")
    for row in rows.order_by("number"):
        match = f"match-{row.match_id}"
        shown = in_progress(
            Step(
                **base(row, "features", _("Features %(n)s") % {"n": row.number}),
                line=f"features-{line_of.get(match, match)}-{fingerprint(row.plan)}",
                parents=(match,),
                title=row.name or _("Joint table"),
                figure=figure(row.summary.get("n_columns")),
                sub=_("columns"),
                url=address("datafactory:feature-detail", project.slug, row.number),
                follow=training_links(project, row.number) if rights.build else (),
            ),
            step_of(row),
        )
        yield gone(shown, row)


def training_links(project: Project, number: int) -> tuple[Link, ...]:
    table = f"?feature_table={number}"
    return (
        *link(
            True,
            _("Train a scorecard"),
            "cpu",
            "models_registry:run-create",
            project.slug,
            query=f"{table}&algorithm=scorecard",
        ),
        *link(
            True,
            _("Train XGBoost"),
            "branch",
            "models_registry:run-create",
            project.slug,
            query=f"{table}&algorithm=xgboost",
        ),
        *link(True, _("Value of the data"), "scale", "models_registry:value-create", project.slug, query=table),
    )
