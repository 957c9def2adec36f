"""The shape of what comes in over REST and of what goes out."""

from typing import Any

from django.urls import reverse
from rest_framework import serializers

from datafactory.models import Sample, Source, SourceVersion, Upload
from projects import access
from projects.models import Job


def failure(job: Job | None, user: Any) -> dict[str, Any] | None:
    """Why a job failed; its rows and values only for the people of the institution whose file it read."""
    if job is None or job.state not in {Job.State.FAILED, Job.State.CANCELLED}:
        return None
    if not access.may_read_log(user, job):
        return {"code": job.error_code or job.state, "message": "", "detail": None}
    return {"code": job.error_code or job.state, "message": job.error, "detail": job.error_detail or None}


class IdRoleSerializer(serializers.Serializer[Any]):
    column = serializers.CharField()
    namespace = serializers.CharField(help_text="mobile, idno, device, … or a name of your own")
    algorithm = serializers.CharField(help_text="md5, sha1, sha256, sm3, sha512, or raw for a token")


class NewUploadSerializer(serializers.Serializer[Any]):
    file = serializers.FileField(help_text="CSV (plain or .gz), Parquet or Excel (.xlsx)")
    encoding = serializers.CharField(required=False, allow_blank=True)
    delimiter = serializers.CharField(required=False, allow_blank=True, trim_whitespace=False)


class UploadSerializer(serializers.ModelSerializer[Upload]):
    class Meta:
        model = Upload
        fields = ["id", "filename", "sha256", "size_bytes", "sniff", "created_at"]


class NewSampleSerializer(serializers.Serializer[Any]):
    upload = serializers.UUIDField()
    name = serializers.CharField(required=False, default="", allow_blank=True, max_length=120)
    plan = serializers.DictField(help_text="Roles of the columns: ids, row_id, observed_at, label, bad_values, …")
    level = serializers.ChoiceField(
        choices=Sample.Level.choices, required=False, default=Sample.Level.SENSITIVE, help_text="1 public to 5 critical"
    )
    retain_until = serializers.DateField(
        required=False, default=None, allow_null=True, help_text="Deleted by itself after this day."
    )


class NewSourceSerializer(serializers.Serializer[Any]):
    slug = serializers.SlugField(max_length=60, required=False, default="")
    name = serializers.CharField(max_length=120)
    kind = serializers.ChoiceField(choices=Source.Kind.choices, default=Source.Kind.SNAPSHOT)
    description = serializers.CharField(required=False, default="", allow_blank=True)


class NewSourceVersionSerializer(serializers.Serializer[Any]):
    upload = serializers.UUIDField()
    plan = serializers.DictField(help_text="Roles of the columns: ids, event_time, known_at, delay_days, …")


class OrderSerializer(serializers.Serializer[Any]):
    """What long work answers with 202: look at ``url`` until ``state`` is ready or failed."""

    number = serializers.IntegerField()
    state = serializers.CharField()
    job = serializers.UUIDField(allow_null=True)
    url = serializers.CharField()


class _WithJob(serializers.ModelSerializer[Any]):
    job = serializers.UUIDField(source="job_id", allow_null=True, read_only=True)
    url = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()
    ticket = serializers.SerializerMethodField(help_text="Columns, counts, hashes and marks; empty until ready.")

    def get_error(self, row: Any) -> dict[str, Any] | None:
        return failure(row.job, self.context["request"].user)

    def get_ticket(self, row: Any) -> dict[str, Any]:
        return {key: value for key, value in row.ticket.items() if key != "path"}


class SampleSerializer(_WithJob):
    institution = serializers.CharField(source="institution.slug", read_only=True)

    class Meta:
        model = Sample
        fields = [
            "number", "name", "state", "institution", "summary", "fingerprint", "content_hash", "created_at",
            "finished_at", "level", "retain_until", "deleted_at", "job", "url", "error",
        ]  # fmt: skip

    def get_url(self, row: Sample) -> str:
        return reverse("api-sample-detail", args=[row.project.slug, row.number])


class SampleDetailSerializer(SampleSerializer):
    class Meta(SampleSerializer.Meta):
        fields = [*SampleSerializer.Meta.fields, "plan", "ticket", "report"]


class SourceSerializer(serializers.Serializer[Any]):
    """A source; the dictionary and versions are there for the platform's own people only."""

    slug = serializers.CharField(source="source.slug")
    name = serializers.CharField(source="source.name")
    kind = serializers.CharField(source="source.kind")
    description = serializers.CharField(source="source.description")
    institution = serializers.CharField(source="source.institution.slug")
    version = serializers.IntegerField(source="latest.number", default=None, allow_null=True)
    coverage = serializers.JSONField()
    dictionary = serializers.JSONField()


class SourceVersionSerializer(_WithJob):
    slug = serializers.CharField(source="source.slug", read_only=True)

    class Meta:
        model = SourceVersion
        fields = [
            "slug", "number", "state", "plan", "summary", "ticket", "fingerprint", "content_hash", "created_at",
            "finished_at", "job", "url", "error",
        ]  # fmt: skip

    def get_url(self, row: SourceVersion) -> str:
        return reverse("api-source-version-detail", args=[row.source.slug, row.number])
