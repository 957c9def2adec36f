"""The shape of what comes in over REST and of what goes out."""

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from models_registry import selectors
from models_registry.models import Evaluation, Model, Release, TrainingRun, ValueOfData, Version
from projects.models import Artifact, Job


class ErrorBody(serializers.Serializer[Any]):
    """Why a job failed: the first cause in plain words."""

    code = serializers.CharField()
    message = serializers.CharField()
    detail = serializers.JSONField(allow_null=True)


class ArtifactSerializer(serializers.ModelSerializer[Any]):
    """What every stage's noun shows: number, state, figures, job, and the error of a failed one."""

    job = serializers.UUIDField(source="job_id", allow_null=True, read_only=True)
    url = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()
    url_name = ""

    def get_url(self, row: Artifact) -> str:
        return reverse(self.url_name, args=[row.project.slug, row.number])

    @extend_schema_field(ErrorBody(allow_null=True))
    def get_error(self, row: Artifact) -> dict[str, Any] | None:
        job = row.job
        if job is None or job.state not in {Job.State.FAILED, Job.State.CANCELLED}:
            return None
        return {"code": job.error_code or job.state, "message": job.error, "detail": job.error_detail or None}


BASE = ("number", "name", "state", "plan", "summary", "fingerprint", "content_hash", "created_at", "finished_at")
ENDS = ("job", "url", "error")


class TrainingRunSerializer(ArtifactSerializer):
    feature_table = serializers.IntegerField(source="feature_table.number", read_only=True)
    figures = serializers.JSONField(read_only=True, help_text="AUC and KS by split of the latest evaluation.")
    url_name = "api-run-detail"

    class Meta:
        model = TrainingRun
        fields = (*BASE, "algorithm", "column_set", "feature_table", "figures", *ENDS)


class TrainingRunDetailSerializer(TrainingRunSerializer):
    report = serializers.SerializerMethodField(help_text="Funnel, coefficients, points, bins, importance.")

    class Meta:
        model = TrainingRun
        fields = (*TrainingRunSerializer.Meta.fields, "report")

    def get_report(self, row: TrainingRun) -> dict[str, Any]:
        return selectors.training_report(row) if row.state == TrainingRun.State.READY else {}


class EvaluationSerializer(ArtifactSerializer):
    run = serializers.IntegerField(source="run.number", read_only=True)
    url_name = "api-evaluation-detail"

    class Meta:
        model = Evaluation
        fields = (*BASE, "run", *ENDS)


class EvaluationDetailSerializer(EvaluationSerializer):
    class Meta:
        model = Evaluation
        fields = (*EvaluationSerializer.Meta.fields, "result")


class ValueSerializer(ArtifactSerializer):
    feature_table = serializers.IntegerField(source="feature_table.number", read_only=True)
    url_name = "api-value-detail"

    class Meta:
        model = ValueOfData
        fields = (*BASE, "feature_table", *ENDS)


class ValueDetailSerializer(ValueSerializer):
    runs = serializers.SerializerMethodField()

    class Meta:
        model = ValueOfData
        fields = (*ValueSerializer.Meta.fields, "runs", "result")

    def get_runs(self, row: ValueOfData) -> list[int]:
        return sorted(run.number for run in row.runs.all())


class ReleaseSerializer(serializers.ModelSerializer[Release]):
    version = serializers.IntegerField(source="version.number", read_only=True)
    published_by = serializers.CharField(source="published_by.email", read_only=True)
    retired_by = serializers.EmailField(source="retired_by.email", read_only=True, default=None)

    class Meta:
        model = Release
        fields = ("version", "live_from", "live_to", "published_by", "retired_by", "reason")


class ModelSerializer(serializers.ModelSerializer[Model]):
    live = serializers.SerializerMethodField(help_text="Number of the version that answers now.")
    versions = serializers.SerializerMethodField()

    class Meta:
        model = Model
        fields = ("slug", "name", "description", "live", "versions", "created_at")

    def get_live(self, row: Any) -> int | None:
        return row.live[0].version.number if row.live else None

    def get_versions(self, row: Model) -> list[int]:
        return [version.number for version in row.versions.all()]


class ModelDetailSerializer(ModelSerializer):
    history = serializers.SerializerMethodField()
    at = serializers.SerializerMethodField(help_text="The release at the moment asked for with ?at=.")

    class Meta:
        model = Model
        fields = (*ModelSerializer.Meta.fields, "history", "at")

    def get_history(self, row: Model) -> list[dict[str, Any]]:
        return list(ReleaseSerializer(selectors.releases_of(row), many=True).data)

    def get_at(self, row: Model) -> dict[str, Any] | None:
        release = selectors.live_release(row, self.context["at"]) if self.context.get("at") else None
        return dict(ReleaseSerializer(release).data) if release else None


class VersionSerializer(serializers.ModelSerializer[Version]):
    model = serializers.SlugField(source="model.slug", read_only=True)
    run = serializers.IntegerField(source="run.number", read_only=True)
    evaluation = serializers.IntegerField(source="evaluation.number", read_only=True)
    algorithm = serializers.CharField(source="run.algorithm", read_only=True)
    column_set = serializers.CharField(source="run.column_set", read_only=True)
    figures = serializers.JSONField(source="evaluation.summary", read_only=True)
    marks = serializers.SerializerMethodField(help_text="What limits the figures; publishing asks to acknowledge it.")
    author = serializers.EmailField(source="author.email", read_only=True)
    decided_by = serializers.EmailField(source="decided_by.email", read_only=True, default=None)
    url = serializers.SerializerMethodField()

    class Meta:
        model = Version
        fields = (
            *("model", "number", "status", "run", "evaluation", "algorithm", "column_set", "figures", "marks"),
            *("signature", "bands", "gate", "acknowledged", "note", "author", "created_at", "submitted_at"),
            *("decided_by", "decided_at", "decision_note", "url"),
        )

    def get_marks(self, row: Version) -> list[str]:
        return selectors.marks_of(row)

    def get_url(self, row: Version) -> str:
        return reverse("api-version-detail", args=[row.project.slug, row.model.slug, row.number])


class NewRun(serializers.Serializer[Any]):
    feature_table = serializers.IntegerField(min_value=1)
    name = serializers.CharField(max_length=120, required=False, default="", allow_blank=True)
    plan = serializers.JSONField(default=dict)


class NewEvaluation(serializers.Serializer[Any]):
    run = serializers.IntegerField(min_value=1)
    plan = serializers.JSONField(required=False, default=dict)


class NewVersion(serializers.Serializer[Any]):
    run = serializers.IntegerField(min_value=1)
    model = serializers.CharField(max_length=120, help_text="Name or slug; a new name makes a new model.")
    note = serializers.CharField(required=False, default="", allow_blank=True)
    bands = serializers.ListField(child=serializers.DictField(), required=False)


class Act(serializers.Serializer[Any]):
    note = serializers.CharField(required=False, default="", allow_blank=True)
    acknowledge = serializers.ListField(
        child=serializers.CharField(max_length=80),
        required=False,
        default=list,
        help_text="Publish only: the marks that you accept, for example leakage_unknown.",
    )


class RunNumbers(serializers.Serializer[Any]):
    """``?runs=1,2,3``"""

    runs = serializers.RegexField(r"^\d{1,9}(,\d{1,9}){0,11}$")

    def validate_runs(self, value: str) -> list[int]:
        return [int(number) for number in value.split(",")]


class Moment(serializers.Serializer[Any]):
    at = serializers.DateTimeField(required=False, default=None)
