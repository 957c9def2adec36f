"""What may be asked about runs, evaluations, models, versions and what was live."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db.models import OuterRef, Prefetch, Q, QuerySet, Subquery
from django.urls import reverse
from django.utils.translation import gettext as _

from datafactory.engine.disclosure import hidden_cells
from datafactory.models import FeatureTable
from datafactory.selectors import leaks
from modeling.marks import LEAK_SUSPECTED
from models_registry.models import Evaluation, Model, Release, TrainingRun, ValueOfData, Version
from projects import sharing, storage
from projects.models import Job, Project, User

UNDER_WAY = (TrainingRun.State.QUEUED, TrainingRun.State.RUNNING)
BUSY = (Job.State.QUEUED, Job.State.RUNNING)


def runs_of(project: Project) -> QuerySet[TrainingRun]:
    """All runs, newest first, each with the figures of its latest evaluation as ``figures``."""
    latest = Evaluation.objects.filter(run=OuterRef("pk"), state=Evaluation.State.READY).order_by("-number")
    return (
        TrainingRun.objects.filter(project=project)
        .select_related("project", "feature_table", "created_by", "job")
        .defer("feature_table__profile")
        .annotate(
            figures=Subquery(latest.values("summary")[:1]), evaluation_number=Subquery(latest.values("number")[:1])
        )
    )


def evaluations_of(project: Project) -> QuerySet[Evaluation]:
    return (
        Evaluation.objects.filter(project=project).select_related("project", "run", "created_by", "job").defer("result")
    )


def values_of(project: Project) -> QuerySet[ValueOfData]:
    rows = ValueOfData.objects.filter(project=project).select_related("project", "feature_table", "created_by", "job")
    return rows.defer("feature_table__profile")


def run_under_way(project: Project, fingerprint: str) -> TrainingRun | None:
    """The run of this recipe that somebody is still working on; one whose job died or was stopped does not count."""
    rows = TrainingRun.objects.filter(project=project, fingerprint=fingerprint, state__in=UNDER_WAY)
    return rows.filter(job__state__in=BUSY).first()


def run_ready(feature_table: FeatureTable, plan: dict[str, Any]) -> TrainingRun | None:
    """A run that was trained on this table by this very recipe."""
    rows = feature_table.runs.filter(state=TrainingRun.State.READY).order_by("-number")
    return next((run for run in rows if run.plan == plan), None)


def value_under_way(project: Project, fingerprint: str) -> ValueOfData | None:
    rows = ValueOfData.objects.filter(project=project, fingerprint=fingerprint, state__in=UNDER_WAY)
    return rows.filter(job__state__in=BUSY).first()


def evaluation_of_recipe(run: TrainingRun, plan: dict[str, Any]) -> Evaluation | None:
    """A ready evaluation of the run by this recipe, or one that is under way."""
    usable = Q(state=Evaluation.State.READY) | Q(state__in=UNDER_WAY, job__state__in=BUSY)
    rows = run.evaluations.filter(usable).defer("result").order_by("-number")
    return next((evaluation for evaluation in rows if evaluation.plan == plan), None)


def latest_evaluation(run: TrainingRun) -> Evaluation | None:
    return run.evaluations.filter(state=Evaluation.State.READY).order_by("-number").first()


def roc_of_runs(runs: Iterable[TrainingRun], split: str | None) -> dict[str, list[list[float]]]:
    """ROC points on one split out of each run's latest evaluation; runs without one are left out."""
    found = {f"{run.number} {run.name}".strip(): latest_evaluation(run) for run in runs}
    curves = {name: row.result["roc"].get(split) for name, row in found.items() if row}
    return {name: points for name, points in curves.items() if points}


def value_on(feature_table: FeatureTable) -> ValueOfData | None:
    """The newest value-of-data statement on this table."""
    rows = ValueOfData.objects.filter(feature_table=feature_table, state=ValueOfData.State.READY)
    return rows.order_by("-number").first()


def versions_of_run(run: TrainingRun) -> list[Version]:
    """Versions that offer this run, with who decided."""
    rows = Version.objects.filter(run=run).select_related("model__project", "author", "decided_by")
    return list(rows.order_by("-created_at"))


def training_report(run: TrainingRun) -> dict[str, Any]:
    """``training.json`` of a ready run with small cells hidden: funnel, coefficients, points, bins, importance."""
    report = _stored_json(run.ticket["path"], "training.json")
    bins = report.get("bins", {})
    return report | {
        "bins": {name: with_small_cells_hidden(one, settings.CELL_FLOOR_PEOPLE) for name, one in bins.items()}
    }


COUNTS = ("n", "n_people", "share", "n_good", "n_bad", "bad_rate", "woe", "iv")


def with_small_cells_hidden(bins: dict[str, Any], floor: int) -> dict[str, Any]:
    """A bin table without the rows of few people, nor those that would give them away: their counts are None."""
    rows = [row for row in bins["rows"] if row["n"]]
    hidden = hidden_cells([row["n_people"] for row in rows], floor)
    gone = {row["label"] for row, is_hidden in zip(rows, hidden, strict=True) if is_hidden}
    blank = dict.fromkeys(COUNTS)
    return bins | {"rows": [row | blank if row["label"] in gone else row for row in bins["rows"]]}


@lru_cache(maxsize=32)
def _stored_json(path: str, filename: str) -> dict[str, Any]:
    """Artifacts never change once published, so they may be kept. Callers must not write into what they get."""
    content: dict[str, Any] = json.loads((storage.folder(path) / filename).read_bytes())
    return content


def models_of(project: Project, user: User) -> QuerySet[Model]:
    """The project's models that the user may see, with their versions and what is live, in three queries."""
    versions = Version.objects.select_related("run", "evaluation", "author").defer("evaluation__result")
    live = Release.objects.filter(live_to=None).select_related("version")
    return (
        sharing.objects_for(user, Model.objects.filter(project=project), "models_registry.view_model")
        .select_related("created_by")
        .prefetch_related(Prefetch("versions", queryset=versions), Prefetch("releases", queryset=live, to_attr="live"))
    )


def versions_of(project: Project, user: User) -> QuerySet[Version]:
    """The project's versions that the user may see, newest first."""
    rows = Version.objects.filter(model__project=project)
    return (
        sharing.objects_for(user, rows, "models_registry.view_version")
        .select_related("model__project", "run__feature_table", "evaluation", "author", "decided_by")
        .defer("evaluation__result", "run__feature_table__profile")
        .order_by("-created_at", "-pk")
    )


def releases_of(model: Model) -> QuerySet[Release]:
    """Every interval in which a version of the model answered, newest first."""
    return model.releases.select_related("version__model", "published_by", "retired_by").order_by("-live_from", "-pk")


def live_release(model: Model, at: datetime | None = None) -> Release | None:
    """The interval that holds ``at`` (now if not given); intervals are ``[live_from, live_to)``."""
    rows = releases_of(model)
    if at is None:
        return rows.filter(live_to=None).first()
    return rows.filter(Q(live_to=None) | Q(live_to__gt=at), live_from__lte=at).first()


def live_version(model: Model, at: datetime | None = None) -> Version | None:
    """The version that answers for the model, or that answered at a moment in the past."""
    release = live_release(model, at)
    return release.version if release else None


def marks_of(version: Version) -> list[str]:
    """Everything that limits the figures, from the feature table, the run and the evaluation; and what the leak scan of
    the table suspects of the model's columns now."""
    tickets = (version.run.feature_table.ticket, version.run.ticket, version.evaluation.ticket)
    found = dict.fromkeys(mark for ticket in tickets for mark in ticket.get("marks", []))
    found.pop(LEAK_SUSPECTED, None)
    used = [column["name"] for column in version.run.ticket.get("columns", [])]
    return [*found, *([LEAK_SUSPECTED] if leaks.suspected(version.run.feature_table, used) else [])]


@dataclass(frozen=True)
class Waiting:
    """Something that waits for a decision of this user."""

    kind: str
    title: str
    text: str
    url: str
    since: datetime
    project: Project


def waiting_for(user: User) -> list[Waiting]:
    """Versions that this user may decide on, then the user's own versions that came back."""
    submitted = Version.objects.filter(status=Version.Status.SUBMITTED).exclude(author=user)
    mine = Version.objects.filter(status=Version.Status.RETURNED, author=user)
    rows = (
        sharing.objects_for(user, submitted, "models_registry.release_version").order_by("submitted_at"),
        sharing.objects_for(user, mine, "models_registry.view_version").order_by("decided_at"),
    )
    return [_waiting(v) for found in rows for v in found.select_related("model__project", "author", "decided_by")]


def _waiting(version: Version) -> Waiting:
    returned = version.status == Version.Status.RETURNED
    text = (
        _("Returned by %(who)s: %(note)s") % {"who": version.decided_by, "note": version.decision_note}
        if returned
        else _("%(who)s asks for approval. %(note)s") % {"who": version.author, "note": version.note}
    )
    since = version.decided_at if returned else version.submitted_at
    return Waiting(
        "version_returned" if returned else "version_submitted",
        str(version),
        text.strip(),
        reverse("models_registry:version-detail", args=[version.project.slug, version.model.slug, version.number]),
        since or version.created_at,
        version.project,
    )
