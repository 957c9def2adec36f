"""Brings a project's flow up to date: every stale step is ordered anew on what has replaced its parents, in one job.

Only work is redone. Versions and products stay as they are: what is live changes when somebody publishes.
"""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from celery import current_app
from django.db import transaction
from django.utils.translation import gettext as _

from datafactory.models import FeatureTable, Match, Sample, SourceVersion
from datafactory.services.features import build_features
from datafactory.services.matches import match_sample
from etron.flow import Flow, Node
from etron.lineage.inspect import MODELS
from etron.lineage.read import flow_of
from modeling.artifacts import Progress, no_progress
from models_registry.models import Evaluation, TrainingRun, ValueOfData
from models_registry.services import plans
from models_registry.services.evaluation import evaluate_model
from models_registry.services.training import train_model
from models_registry.services.value import value_of_data
from projects import audit, jobs
from projects.errors import Conflict
from projects.models import Artifact, Job, Project, User

PAUSE_S = 0.5
BUSY = (Job.State.QUEUED, Job.State.RUNNING)
Parents = Mapping[str, list[Any]]


def rebuild_stale(*, user: User, project: Project) -> Job:
    """Start the job. While one is under way the answer is that one (double clicks)."""
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)
        busy = Job.objects.filter(project=project, name="etron.rebuild_stale", state__in=BUSY).first()
        if busy:
            return busy
        if not to_do(flow_of(project, user)):
            raise Conflict("nothing_stale", _("Everything is up to date."))
        audit.record("project.rebuild_started", actor=user, project=project, target=project.slug)
        return jobs.start(
            "etron.rebuild_stale",
            title=_("Rebuild what is stale"),
            project=project,
            user=user,
            project_id=project.pk,
            user_id=user.pk,
        )


def run_rebuild(*, user: User, project: Project, progress: Progress = no_progress) -> int:
    """Rebuild step by step, parents first, until nothing is stale; how many steps were made. Twice is safe."""
    done: list[str] = []
    flow = flow_of(project, user)
    while waiting := [node for node in to_do(flow) if node.step.key not in done]:
        node, total = waiting[0], len(done) + len(waiting)
        made = ORDERS[node.step.kind](user, current_row(node), parents_of(flow, node))
        finish(made, node, partial(progress, len(done), total, node.step.label))
        done.append(node.step.key)
        flow = flow_of(project, user)
    return len(done)


def to_do(flow: Flow) -> list[Node]:
    """Stale steps that can be made again, those first whose parents are up to date."""
    stale = {node.step.key for node in flow.stale}
    nodes = [node for node in flow.stale if node.step.kind in ORDERS]
    ready = [node for node in nodes if not stale & {edge.parent for edge in flow.edges if edge.child == node.step.key}]
    return ready + [node for node in nodes if node not in ready]


def parents_of(flow: Flow, node: Node) -> Parents:
    """The rows that now stand where the step's parents stood, by kind."""
    found: dict[str, list[Any]] = {}
    for edge in flow.edges:
        if edge.child == node.step.key:
            kind, _dash, pk = edge.parent.rpartition("-")
            found.setdefault(kind, []).append(MODELS[kind].objects.get(pk=pk))
    return found


def current_row(node: Node) -> Any:
    return MODELS[node.step.kind].objects.get(pk=node.step.key.rpartition("-")[2])


def again_match(user: User, old: Match, parents: Parents) -> Match:
    sample: Sample = parents["sample"][0]
    versions: list[SourceVersion] = parents["source"]
    return match_sample(
        user=user, sample=sample, source_versions=versions, id_types=old.plan.get("id_types"), name=old.name
    )


def again_features(user: User, old: FeatureTable, parents: Parents) -> FeatureTable:
    return build_features(user=user, match=parents["match"][0], plan=old.plan, name=old.name)


def again_run(user: User, old: TrainingRun, parents: Parents) -> TrainingRun:
    plan = plans.read_training(old.plan)
    return train_model(user=user, feature_table=parents["features"][0], plan=plan, name=old.name)


def again_evaluation(user: User, old: Evaluation, parents: Parents) -> Evaluation:
    return evaluate_model(user=user, run=parents["run"][0], plan=plans.read_evaluation(old.plan))


def again_value(user: User, old: ValueOfData, parents: Parents) -> ValueOfData:
    plan = plans.read_training(old.plan)
    return value_of_data(user=user, feature_table=parents["features"][0], plan=plan, name=old.name)


ORDERS: dict[str, Callable[[User, Any, Parents], Artifact]] = {
    "match": again_match,
    "features": again_features,
    "run": again_run,
    "evaluation": again_evaluation,
    "value": again_value,
}


def finish(row: Artifact, node: Node, beat: Callable[[], None]) -> None:
    """Have the ordered row made, here or by the worker that took its job; Conflict if it fails."""
    beat()
    while row.job is not None and row.job.state in BUSY:
        current_app.tasks[row.job.name].apply(args=(str(row.job.pk),))  # does nothing if another worker holds the job
        row.job.refresh_from_db()
        if row.job.state in BUSY:
            time.sleep(PAUSE_S)
        beat()
    row.refresh_from_db()
    if row.state != Artifact.State.READY:
        cause = row.job.error if row.job else ""
        text = _("%(step)s could not be made again: %(cause)s")
        raise Conflict("rebuild_stopped", text % {"step": node.step.label, "cause": cause})
