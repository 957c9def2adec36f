"""Figures of projects for the lists of the lower floor: match rate, columns, KS on the judging split, what is live."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from datafactory.models import Match
from models_registry.models import Evaluation, Release
from projects.models import Job, Project
from projects.selectors import ProjectFigures

HISTORY = 8


def figures_of(projects: list[Project]) -> Mapping[int, ProjectFigures]:
    """By project id, in four queries however many projects there are. Named in the setting PROJECT_FIGURES."""
    rates, judged, live, steps = (
        match_rates(projects),
        evaluations(projects),
        live_versions(projects),
        running(projects),
    )
    return {
        project.pk: ProjectFigures(
            match_rate=rates.get(project.pk),
            n_features=judged[project.pk][-1][1] if judged[project.pk] else None,
            ks=judged[project.pk][-1][0] if judged[project.pk] else None,
            ks_history=tuple(ks for ks, _ in judged[project.pk][-HISTORY:]),
            live_version=live.get(project.pk, ""),
            step=steps.get(project.pk, ""),
        )
        for project in projects
    }


def match_rates(projects: Iterable[Project]) -> dict[int, float]:
    """Of the newest match of each project."""
    rows = Match.objects.filter(project__in=list(projects), state=Match.State.READY).order_by("number")
    found = rows.values_list("project_id", "summary")
    return {project: summary["match_rate"] for project, summary in found if summary.get("match_rate") is not None}


def evaluations(projects: Iterable[Project]) -> dict[int, list[tuple[float, int | None]]]:
    """KS on the judging split and number of columns of each evaluation of a joint model, oldest first."""
    rows = Evaluation.objects.filter(project__in=list(projects), state=Evaluation.State.READY, run__column_set="joint")
    found: dict[int, list[tuple[float, int | None]]] = defaultdict(list)
    for project, summary, run in rows.order_by("number").values_list("project_id", "summary", "run__summary"):
        ks = judged_ks(summary)
        if ks is not None:
            found[project].append((ks, (run or {}).get("n_columns")))
    return found


def judged_ks(summary: Mapping[str, Any]) -> float | None:
    value = (summary.get("ks") or {}).get(summary.get("judged_on", ""))
    return None if value is None else float(value)


def live_versions(projects: Iterable[Project]) -> dict[int, str]:
    """``v3`` of the release that began last."""
    rows = Release.objects.filter(model__project__in=list(projects), live_to=None).order_by("live_from")
    return {project: f"v{number}" for project, number in rows.values_list("model__project_id", "version__number")}


def running(projects: Iterable[Project]) -> dict[int, str]:
    rows = Job.objects.filter(project__in=list(projects), state=Job.State.RUNNING).order_by("created_at")
    return {project: title for project, title in rows.values_list("project_id", "title") if project}
