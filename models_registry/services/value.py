"""What each side's data is worth: one recipe on the partner's, the platform's and both sides' columns."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import msgspec
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from datafactory.models import FeatureTable
from modeling import artifacts as tickets
from modeling.artifacts import Progress, no_progress
from modeling.errors import DataError
from modeling.train import TrainPlan
from models_registry import selectors
from models_registry.models import TrainingRun, ValueOfData
from models_registry.services import plans, training
from models_registry.services.frames import predictions_of
from projects import audit, jobs, storage
from projects.models import Project, User
from projects.services import artifacts

ColumnSet = Literal["partner", "platform", "joint"]
WhichRows = Literal["matched", "all"]
Runs = Mapping[tuple[WhichRows, ColumnSet], TrainingRun]
COLUMN_SETS: tuple[ColumnSet, ...] = ("partner", "platform", "joint")
PAIRS = (("joint", "partner"), ("joint", "platform"), ("platform", "partner"))


def value_of_data(*, user: User, feature_table: FeatureTable, plan: TrainPlan, name: str = "") -> ValueOfData:
    """Order the trainings (three column sets, on matched rows and on all) and their paired comparison.

    While one by the same recipe is queued or running, the answer is that same one.
    """
    training.require_ready(feature_table)
    plan = training.without_excluded(feature_table, replace(plan, column_set="joint", rows="all"))
    recipe = plans.recipe(feature_table.content_hash, plan)
    with transaction.atomic():
        project = Project.objects.select_for_update().get(pk=feature_table.project_id)
        twin = selectors.value_under_way(project, recipe)
        if twin:
            return twin
        value = artifacts.new(
            ValueOfData,
            project=project,
            created_by=user,
            plan=plan,
            name=name,
            fingerprint=recipe,
            feature_table=feature_table,
        )
        value.job = jobs.start(
            "models_registry.value_of_data",
            title=_("Value of data on feature table %(number)s") % {"number": feature_table.number},
            project=project,
            user=user,
            result_url=reverse("models_registry:value-detail", args=[project.slug, value.number]),
            value_id=value.pk,
        )
        value.save(update_fields=["job"])
        audit.record("value.started", actor=user, project=project, target=f"value of data {value.number}")
    return value


def run_value_of_data(*, value: ValueOfData, progress: Progress = no_progress) -> ValueOfData:
    """Do the work of :func:`value_of_data`. A retry keeps what is trained; a ready one stays.

    A side whose columns teach nothing counts as a model that ranks nobody.
    """
    if value.state == ValueOfData.State.READY:
        return value
    views = _views(value)
    sets = _sets_with_columns(value)
    ordered = {(rows, columns): _order(value, rows, columns) for rows in views for columns in sets}
    value.runs.set(ordered.values())
    parts = [_part_of(progress, done, len(ordered) + 1) for done in range(len(ordered) + 1)]
    runs = {which: run for (which, run), part in zip(ordered.items(), parts, strict=False) if _learns(run, part)}
    result = {"views": {rows: _compare(rows, runs, parts[-1]) for rows in views}, "all_matched": len(views) == 1}
    _store(value, result)
    return value


def _sets_with_columns(value: ValueOfData) -> list[ColumnSet]:
    """A partner that brings ids and outcomes alone has no columns to train on; a recipe may leave a side out."""
    ticket = tickets.from_json(tickets.FeatureTable, value.feature_table.ticket)
    names = plans.read_training(value.plan).columns
    parties = {"joint", *(column.party for column in ticket.columns if names is None or column.name in names)}
    return [columns for columns in COLUMN_SETS if columns in parties]


def _learns(run: TrainingRun, progress: Progress) -> bool:
    """Train. False where one side's columns hold nothing to learn from: a finding about its data, not a failure."""
    try:
        training.run_training(run=run, progress=progress)
    except DataError as error:
        if run.column_set == TrainingRun.ColumnSet.JOINT or error.code != "no_variables":
            raise
        artifacts.fail(run)
        return False
    return True


def _views(value: ValueOfData) -> tuple[WhichRows, ...]:
    """Matched rows and all rows; where everybody is matched the two are one."""
    ticket = tickets.from_json(tickets.FeatureTable, value.feature_table.ticket)
    return ("all",) if ticket.n_matched_rows == ticket.n_rows else ("matched", "all")


def _order(value: ValueOfData, rows: WhichRows, columns: ColumnSet) -> TrainingRun:
    """The run of one column set: a ready one of the same recipe, or a new one that belongs to this job."""
    plan = replace(plans.read_training(value.plan), column_set=columns, rows=rows)
    with transaction.atomic():
        run, is_new = training.order(
            user=value.created_by, feature_table=value.feature_table, plan=plan, reuse_ready=True
        )
        if is_new:
            run.job, run.state = value.job, TrainingRun.State.RUNNING
            run.save(update_fields=["job", "state"])
    return run


def _part_of(progress: Progress, done: int, parts: int) -> Progress:
    """The progress of one training as a part of the whole."""

    def report(rows: int, total: int, what: str) -> None:
        progress(1000 * done + (1000 * rows // total if total else 0), 1000 * parts, what)

    return report


def _compare(rows: WhichRows, runs: Runs, progress: Progress) -> dict[str, Any]:
    from modeling.compare import compare_models, without_variables  # pandas and scipy: for the job alone

    joint = predictions_of(runs[rows, "joint"])
    chosen = {columns: runs[rows, columns] for columns in COLUMN_SETS if (rows, columns) in runs}
    predictions: dict[str, Any] = {
        columns: predictions_of(chosen[columns]) if columns in chosen else without_variables(joint)
        for columns in COLUMN_SETS
    }
    plan = plans.judging(plans.read_evaluation({}), chosen["joint"].feature_table)
    result = compare_models(predictions, PAIRS, plan, progress=progress)
    return result | {"runs": {columns: run.number for columns, run in chosen.items()}}


def _store(value: ValueOfData, result: dict[str, Any]) -> None:
    with storage.staging() as staged:
        (staged / "value.json").write_bytes(msgspec.json.encode(result, order="sorted"))
        content = tickets.hash_folder(staged)
        path = storage.publish(staged, f"values/{value.project_id}/{value.number}-{content[:12]}")
    runs = list(value.runs.filter(state=TrainingRun.State.READY))
    ticket = tickets.Ticket(
        tickets.fingerprint(sorted(run.fingerprint for run in runs)),
        tuple(sorted(run.content_hash for run in runs)),
        path,
        content,
    )
    artifacts.finish(value, ticket, _summary(result), result=result)


def _summary(result: dict[str, Any]) -> dict[str, Any]:
    """For lists and the flow: AUC and KS by column set on all rows, and what joint has over the partner's own data."""
    view = result["views"]["all"]
    split = view["judged_on"]
    figures = view["splits"][split]
    joint = next(pair for pair in figures["pairs"] if (pair["model"], pair["other"]) == ("joint", "partner"))
    of_sets = {key: {name: row[key]["value"] for name, row in figures["models"].items()} for key in ("auc", "ks")}
    gains = {f"{key}_gain": joint[key]["value"] for key in ("auc", "ks")}
    return {"judged_on": split, **of_sets, **gains, "fewer_bads": joint["fewer_bads"]["value"]}
