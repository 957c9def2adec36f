"""What this floor keeps of people's rows: predictions of training runs, counts of bin sets. Models and bins stay."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from datafactory.derived import Holding
from datafactory.models import FeatureTable
from models_registry.models import BinSet, Evaluation, Release, TrainingRun, ValueOfData
from models_registry.services.frames import PREDICTIONS
from projects import jobs
from projects.models import Job, Project

BUSY = (Job.State.QUEUED, Job.State.RUNNING)


class PredictedRows:
    """The :class:`datafactory.derived.DerivedRows` of trained models."""

    def holdings(self, tables: Sequence[FeatureTable]) -> list[Holding]:
        """Predictions by row; of a run that never ended the whole folder."""
        runs = [
            Holding("run", run.number, run.name, run.content_hash, (self._pattern(run),))
            for run in TrainingRun.objects.filter(feature_table__in=tables).order_by("number")
        ]
        sets = [
            Holding("bin set", row.number, row.name, row.content_hash, (f"bins/{row.project_id}/{row.number}-*",))
            for row in BinSet.objects.filter(feature_table__in=tables).order_by("number")
        ]
        return [*runs, *sets]

    def _pattern(self, run: TrainingRun) -> str:
        folder = f"runs/{run.project_id}/{run.number}-*"
        return f"{folder}/{PREDICTIONS}" if run.state == TrainingRun.State.READY else folder

    def mark(self, tables: Sequence[FeatureTable], at: datetime) -> None:
        """Runs, evaluations and values of data say that their rows are gone; work on them is stopped."""
        TrainingRun.objects.filter(feature_table__in=tables, deleted_at=None).update(deleted_at=at)
        Evaluation.objects.filter(run__feature_table__in=tables, deleted_at=None).update(deleted_at=at)
        ValueOfData.objects.filter(feature_table__in=tables, deleted_at=None).update(deleted_at=at)
        BinSet.objects.filter(feature_table__in=tables, deleted_at=None).update(deleted_at=at)
        for row in Job.objects.filter(pk__in=self._jobs(tables), state__in=BUSY):
            jobs.cancel(row)

    def _jobs(self, tables: Sequence[FeatureTable]) -> set[UUID]:
        rows = (
            TrainingRun.objects.filter(feature_table__in=tables),
            Evaluation.objects.filter(run__feature_table__in=tables),
            ValueOfData.objects.filter(feature_table__in=tables),
            BinSet.objects.filter(feature_table__in=tables),
        )
        return {pk for found in rows for pk in found.values_list("job", flat=True) if pk is not None}

    def live(self, tables: Sequence[FeatureTable]) -> str:
        rows = Release.objects.filter(version__run__feature_table__in=tables, live_to=None)
        return ", ".join(str(release.version) for release in rows.select_related("version__model"))

    def needs_key(self, project: Project) -> str:
        """The live versions that look people up: they answer on, unless somebody retires them."""
        live = Release.objects.filter(version__model__project=project, live_to=None).select_related("version__model")
        return ", ".join(str(release.version) for release in live if release.version.signature.get("lookup"))
