"""Doors for the queue: load by id, call one service."""

from models_registry.models import BinSet, Evaluation, TrainingRun, ValueOfData, Version
from models_registry.services import bin_sets, lookups, training, value
from models_registry.services import evaluation as evaluations
from projects.jobs import JobRun, job


@job("models_registry.train_model")
def train_model(run: JobRun, *, run_id: int) -> None:
    """Train one model. Twice is safe: a ready run stays as it is."""
    row = TrainingRun.objects.select_related("feature_table", "project").get(pk=run_id)
    training.run_training(run=row, progress=run.progress)


@job("models_registry.evaluate_model")
def evaluate_model(run: JobRun, *, evaluation_id: int) -> None:
    """Work out the figures of one run. Twice is safe."""
    row = Evaluation.objects.select_related("run", "project").get(pk=evaluation_id)
    evaluations.run_evaluation(evaluation=row, progress=run.progress)


@job("models_registry.value_of_data")
def value_of_data(run: JobRun, *, value_id: int) -> None:
    """Train the six models that are not there yet, and compare them. Twice is safe; a retry keeps what is trained."""
    row = ValueOfData.objects.select_related("feature_table", "project", "created_by").get(pk=value_id)
    value.run_value_of_data(value=row, progress=run.progress)


@job("models_registry.prepare_lookup")
def prepare_lookup(run: JobRun, *, version_id: int) -> None:
    """Index what a version looks up while it scores. Twice is safe."""
    row = Version.objects.select_related("model__project", "run__feature_table__match").get(pk=version_id)
    lookups.run_prepare(version=row, progress=run.progress)


@job("models_registry.count_bins")
def count_bins(run: JobRun, *, bin_set_id: int) -> None:
    """Count the variables of a bin set and propose bins. Twice is safe: a ready set stays as it is."""
    row = BinSet.objects.select_related("feature_table__match__sample", "project").get(pk=bin_set_id)
    bin_sets.run_counting(bin_set=row, progress=run.progress)
