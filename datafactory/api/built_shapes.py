"""What matches and feature tables look like over REST. Tickets stay inside: they count what reports hide."""

from typing import Any

from django.urls import reverse
from rest_framework import serializers

from datafactory.engine.engines import ENGINES
from datafactory.models import FeatureTable, Match
from datafactory.serializers import failure


class SourceChoiceSerializer(serializers.Serializer[Any]):
    slug = serializers.SlugField(max_length=60)
    version = serializers.IntegerField(required=False, min_value=1, help_text="The newest if left out.")


class NewMatchSerializer(serializers.Serializer[Any]):
    sample = serializers.IntegerField(min_value=1, help_text="Number of a ready sample")
    sources = SourceChoiceSerializer(many=True, allow_empty=False)
    id_types = serializers.ListField(
        child=serializers.CharField(max_length=80),
        required=False,
        help_text="In order of preference, for example mobile__sha256; all that the sample shares if left out.",
    )
    name = serializers.CharField(required=False, default="", allow_blank=True, max_length=120)
    engine = serializers.ChoiceField(
        choices=ENGINES, required=False, help_text="The site's if left out; the result is the same on each."
    )


class NewFeatureTableSerializer(serializers.Serializer[Any]):
    match = serializers.IntegerField(min_value=1, help_text="Number of a ready match")
    plan = serializers.DictField(
        required=False,
        default=dict,
        help_text="snapshot_fields, windows_days, aggregates, grids; the default takes every field.",
    )
    name = serializers.CharField(required=False, default="", allow_blank=True, max_length=120)


class _BuiltSerializer(serializers.ModelSerializer[Any]):
    job = serializers.UUIDField(source="job_id", allow_null=True, read_only=True)
    url = serializers.SerializerMethodField()
    error = serializers.SerializerMethodField()

    def get_error(self, row: Any) -> dict[str, Any] | None:
        return failure(row.job, self.context["request"].user)


class MatchSerializer(_BuiltSerializer):
    sample: Any = serializers.SlugRelatedField(slug_field="number", read_only=True)
    sources = serializers.SerializerMethodField()

    class Meta:
        model = Match
        fields = [
            "number", "name", "state", "sample", "sources", "summary", "fingerprint", "content_hash", "created_at",
            "finished_at", "job", "url", "error",
        ]  # fmt: skip

    def get_url(self, row: Match) -> str:
        return reverse("api-match-detail", args=[row.project.slug, row.number])

    def get_sources(self, row: Match) -> list[dict[str, Any]]:
        return [{"slug": v.source.slug, "version": v.number} for v in row.source_versions.all()]


class MatchDetailSerializer(MatchSerializer):
    class Meta(MatchSerializer.Meta):
        fields = [*MatchSerializer.Meta.fields, "report"]


class FeatureTableSerializer(_BuiltSerializer):
    match: Any = serializers.SlugRelatedField(slug_field="number", read_only=True)

    class Meta:
        model = FeatureTable
        fields = [
            "number", "name", "state", "match", "summary", "fingerprint", "content_hash", "created_at", "finished_at",
            "job", "url", "error",
        ]  # fmt: skip

    def get_url(self, row: FeatureTable) -> str:
        return reverse("api-feature-table-detail", args=[row.project.slug, row.number])


class FeatureTableDetailSerializer(FeatureTableSerializer):
    columns = serializers.SerializerMethodField()

    class Meta(FeatureTableSerializer.Meta):
        fields = [*FeatureTableSerializer.Meta.fields, "plan", "columns", "profile"]

    def get_columns(self, row: FeatureTable) -> list[dict[str, Any]]:
        return list(row.ticket.get("columns", []))
