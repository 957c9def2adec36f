"""Training runs: ordered once, worked on by a job, visible only when whole."""

from dataclasses import replace
from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from datafactory.models import FeatureTable
from datafactory.selectors import leaks
from datafactory.services.matches import require_rows, require_usable
from modeling import artifacts as tickets
from modeling.artifacts import Progress, no_progress
from modeling.bin_given import GivenBins
from modeling.marks import LEAK_SUSPECTED
from modeling.train import TrainPlan
from modeling.train import train_model as fit
from models_registry import bin_selectors, selectors
from models_registry.models import TrainingRun
from models_registry.services import plans
from projects import audit, jobs, storage
from projects.errors import Conflict
from projects.models import Project, User
from projects.services import artifacts


def train_model(*, user: User, feature_table: FeatureTable, plan: TrainPlan, name: str = "") -> TrainingRun:
    """Order a training. While the same recipe is queued or running the answer is that same run (double clicks)."""
    with transaction.atomic():
        run, is_new = order(user=user, feature_table=feature_table, plan=plan, name=name)
        if is_new:
            run.job = jobs.start(
                "models_registry.train_model",
                title=_("Train %(run)s") % {"run": run},
                project=run.project,
                user=user,
                result_url=reverse("models_registry:run-detail", args=[run.project.slug, run.number]),
                run_id=run.pk,
            )
            run.save(update_fields=["job"])
    return run


def order(
    *, user: User, feature_table: FeatureTable, plan: TrainPlan, name: str = "", reuse_ready: bool = False
) -> tuple[TrainingRun, bool]:
    """The run of this recipe that is under way (or ready, if wanted) and False, else a new row and True."""
    require_ready(feature_table)
    plan = with_given_bins(feature_table.project, without_excluded(feature_table, plan))
    recipe = plans.recipe(feature_table.content_hash, plan)
    with transaction.atomic():
        project = Project.objects.select_for_update().get(pk=feature_table.project_id)
        twin = selectors.run_under_way(project, recipe)
        if twin is None and reuse_ready:
            twin = selectors.run_ready(feature_table, tickets.to_json(plan))
        if twin:
            return twin, False
        run = artifacts.new(
            TrainingRun,
            project=project,
            created_by=user,
            plan=plan,
            name=name,
            fingerprint=recipe,
            feature_table=feature_table,
            algorithm=plan.algorithm,
            column_set=plan.column_set,
        )
        audit.record(
            "run.started", actor=user, project=project, target=f"run {run.number}", feature_table=feature_table.number
        )
    return run, True


def without_excluded(feature_table: FeatureTable, plan: TrainPlan) -> TrainPlan:
    """A plan that names no columns takes all but those that were excluded after the leak scan."""
    out = set(leaks.excluded(feature_table)) if plan.columns is None else set()
    if not out:
        return plan
    names = (column["name"] for column in feature_table.ticket["columns"])
    return replace(plan, columns=tuple(name for name in names if name not in out))


def with_given_bins(project: Project, plan: TrainPlan) -> TrainPlan:
    """A plan that names a bin set takes the bins of its newest accepted revision, or of the one that it names."""
    if plan.given is None:
        return plan
    revision = bin_selectors.accepted_revision(project, plan.given.number, plan.given.revision)
    if revision is None:
        raise Conflict(
            "bins_not_accepted",
            _("Bin set %(number)s has no such accepted revision.") % {"number": plan.given.number},
        )
    bins = {name: tickets.from_json(GivenBins, value) for name, value in revision.bins.items()}
    return replace(plan, given=replace(plan.given, revision=revision.number, bins=bins))


def require_ready(feature_table: FeatureTable) -> None:
    """The table is whole, its project open, and the sample's authorisation in force."""
    if feature_table.state != FeatureTable.State.READY:
        raise Conflict(
            "feature_table_not_ready", _("Feature table %(number)s is not ready.") % {"number": feature_table.number}
        )
    require_rows(feature_table)
    require_usable(feature_table.match.sample)


def run_training(*, run: TrainingRun, progress: Progress = no_progress) -> TrainingRun:
    """Do the work of :func:`train_model`. Twice is safe: a ready run stays; folders appear whole or not."""
    if run.state == TrainingRun.State.READY:
        return run
    require_ready(run.feature_table)
    table = tickets.from_json(tickets.FeatureTable, run.feature_table.ticket)
    plan = plans.read_training(run.plan)
    with storage.staging() as staged:
        model = fit(table, storage.folder(table.path), plan, staged, progress=progress)
        path = storage.publish(staged, f"runs/{run.project_id}/{run.number}-{model.content_hash[:12]}")
    model = replace(model, path=path, marks=(*model.marks, *leak_marks(run.feature_table, model)))
    artifacts.finish(run, model, _summary(model))
    return run


def leak_marks(feature_table: FeatureTable, model: tickets.TrainedModel) -> tuple[str, ...]:
    """The mark of a model that reads a column which may know the outcome."""
    found = leaks.suspected(feature_table, [column.name for column in model.columns])
    return (LEAK_SUSPECTED,) if found else ()


def _summary(ticket: tickets.TrainedModel) -> dict[str, Any]:
    return {
        "n_train": ticket.n_train,
        "n_candidates": ticket.n_candidates,
        "n_columns": len(ticket.columns),
        "marks": list(ticket.marks),
    }
