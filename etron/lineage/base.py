"""What the nodes of all stages say in the same way."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _

from datafactory.models import SourceVersion
from etron.addresses import address
from etron.flow import Link, Party, Step
from projects import access
from projects.models import Artifact, Job, Project, User
from projects.templatetags.figures import percent


@dataclass(frozen=True)
class Rights:
    """What the reader may do in the project: which next steps are offered."""

    build: bool = False
    bring: bool = False
    release: bool = False
    decide: bool = False

    @classmethod
    def of(cls, user: User, project: Project) -> "Rights":
        return cls(
            access.may(user, project, "build_project"),
            access.may(user, project, "bring_sample"),
            access.may(user, project, "release_project"),
            access.may(user, project, "decide_project"),
        )


def lines(steps: Iterable[Step]) -> dict[str, str]:
    return {step.key: step.line for step in steps}


def link(allowed: bool, title: str, icon: str, url_name: str, *arguments: Any, query: str = "") -> tuple[Link, ...]:
    url = address(url_name, *arguments) if allowed else ""
    return (Link(title, url + query, icon),) if url else ()


def progress_of(job: Job | None) -> float | None:
    if job is None or job.state != Job.State.RUNNING or not job.rows_total:
        return None
    return min(1.0, job.rows_done / job.rows_total)


def base(row: Artifact, kind: Any, label: str) -> dict[str, Any]:
    """What every artifact's node says in the same way; an unfinished one whose job failed or was stopped has failed."""
    return {
        "key": f"{kind}-{row.pk}",
        "kind": kind,
        "number": row.number,
        "label": label,
        "state": state_of(row),
        "content": row.content_hash,
        "progress": progress_of(row.job),
    }


def state_of(row: Artifact | SourceVersion) -> str:
    job = row.job
    if job is not None and row.state in {Artifact.State.QUEUED, Artifact.State.RUNNING}:
        if job.state in {Job.State.FAILED, Job.State.CANCELLED}:
            return str(Artifact.State.FAILED)
        if job.state == Job.State.RUNNING:
            return str(Artifact.State.RUNNING)
    return str(row.state)


def gone(step: Step, row: Artifact) -> Step:
    """A step whose rows were deleted keeps its place and figures' page, and leads nowhere."""
    if row.deleted_at is None:
        return step
    return replace(step, figure=_("Deleted"), sub=_("only its figures are left"), follow=())


def in_progress(step: Step, what: str = "") -> Step:
    """While a row is not ready its node shows how far the work is, not figures that are not there."""
    if step.state == "failed":
        return replace(step, figure=_("Failed"), sub=what or step.sub, follow=())
    if not step.busy:
        return step
    shown = percent(step.progress, 0) if step.progress is not None else _("Queued")
    if step.state == "running" and step.progress is None:
        shown = _("Running")
    return replace(step, figure=shown, sub=what or step.sub, follow=())


def step_of(row: Artifact) -> str:
    return row.job.step if row.job is not None else ""


def party(column_set: str) -> Party:
    known: dict[str, Party] = {"partner": "partner", "platform": "platform"}
    return known.get(column_set, "joint")
