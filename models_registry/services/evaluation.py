"""Evaluations: the figures of a run on its splits."""

from dataclasses import replace
from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from modeling import artifacts as tickets
from modeling.artifacts import Progress, no_progress
from modeling.judging import EvaluationPlan
from models_registry import selectors
from models_registry.models import Evaluation, TrainingRun
from models_registry.services import plans, training
from projects import audit, jobs, storage
from projects.errors import Conflict
from projects.models import Project, User
from projects.services import artifacts


def evaluate_model(*, user: User, run: TrainingRun, plan: EvaluationPlan) -> Evaluation:
    """Order the evaluation of a ready run. Twice with the same plan is the same evaluation: test is touched once."""
    if run.state != TrainingRun.State.READY:
        raise Conflict("run_not_ready", _("Run %(number)s is not ready.") % {"number": run.number})
    training.require_ready(run.feature_table)
    with transaction.atomic():
        evaluation, is_new = order(user=user, run=run, plan=plan)
        if is_new:
            evaluation.job = jobs.start(
                "models_registry.evaluate_model",
                title=_("Evaluate %(run)s") % {"run": run},
                project=run.project,
                user=user,
                result_url=reverse("models_registry:evaluation-detail", args=[run.project.slug, evaluation.number]),
                evaluation_id=evaluation.pk,
            )
            evaluation.save(update_fields=["job"])
    return evaluation


def order(*, user: User, run: TrainingRun, plan: EvaluationPlan) -> tuple[Evaluation, bool]:
    """The evaluation of this run by this plan if there is one that has not failed, and False; else a new row."""
    plan = plans.judging(plan, run.feature_table)
    with transaction.atomic():
        project = Project.objects.select_for_update().get(pk=run.project_id)
        twin = selectors.evaluation_of_recipe(run, tickets.to_json(plan))
        if twin:
            return twin, False
        evaluation = artifacts.new(Evaluation, project=project, created_by=user, plan=plan, run=run)
        audit.record(
            "evaluation.started",
            actor=user,
            project=project,
            target=f"evaluation {evaluation.number}",
            run=run.number,
        )
    return evaluation, True


def run_evaluation(*, evaluation: Evaluation, progress: Progress = no_progress) -> Evaluation:
    """Do the work of :func:`evaluate_model`. Twice is safe: a ready evaluation stays."""
    if evaluation.state == Evaluation.State.READY:
        return evaluation
    training.require_ready(evaluation.run.feature_table)
    from modeling.evaluate import evaluate_model as judge  # pandas and scipy: for the job alone

    model = tickets.from_json(tickets.TrainedModel, evaluation.run.ticket)
    plan = plans.read_evaluation(evaluation.plan)
    with storage.staging() as staged:
        ticket, result = judge(model, storage.folder(model.path), plan, staged, progress=progress)
        place = f"evaluations/{evaluation.project_id}/{evaluation.number}-{ticket.content_hash[:12]}"
        path = storage.publish(staged, place)
    artifacts.finish(evaluation, replace(ticket, path=path), _summary(ticket, result), result=result)
    return evaluation


def _summary(ticket: tickets.Evaluation, result: dict[str, Any]) -> dict[str, Any]:
    """What lists and the flow show: AUC and KS by split, and on which split the model is judged."""
    return {
        "auc": ticket.auc,
        "ks": ticket.ks,
        "judged_on": result["judged_on"],
        "marks": list(ticket.marks),
    }
