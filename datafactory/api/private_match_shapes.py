"""What sessions of private matching look like over REST: sizes, never ids."""

from typing import Any

from django.urls import reverse
from rest_framework import serializers

from datafactory.models import PrivateMatch
from datafactory.selectors import private_matches as selectors
from datafactory.serializers import failure
from datafactory.services.private_matches import DAYS, MAX_DAYS


class NewPrivateMatchSerializer(serializers.Serializer[Any]):
    source: Any = serializers.SlugField(max_length=60)
    version = serializers.IntegerField(required=False, min_value=1, help_text="The newest if left out.")
    id_type = serializers.CharField(max_length=60, help_text="For example mobile__sha256.")
    reveal = serializers.ChoiceField(choices=PrivateMatch.Reveal.choices, default=PrivateMatch.Reveal.IDS)
    max_ids = serializers.IntegerField(min_value=1, help_text="The most ids that the session may ask for.")
    days = serializers.IntegerField(default=DAYS, min_value=1, max_value=MAX_DAYS, help_text="Until it ends by itself.")


class DecisionOnPrivateMatchSerializer(serializers.Serializer[Any]):
    approve = serializers.BooleanField()


class SizeOfPrivateMatchSerializer(serializers.Serializer[Any]):
    n_matched = serializers.IntegerField(min_value=0)


class PrivateMatchSerializer(serializers.ModelSerializer[Any]):
    project: Any = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    institution: Any = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    source: Any = serializers.SlugField(source="source_version.source.slug", read_only=True)
    version = serializers.IntegerField(source="source_version.number", read_only=True)
    state = serializers.SerializerMethodField()
    job = serializers.UUIDField(source="job_id", allow_null=True, read_only=True)
    error = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField()

    class Meta:
        model = PrivateMatch
        fields = [
            "id", "project", "institution", "source", "version", "id_type", "reveal", "state", "max_ids", "n_platform",
            "n_partner", "n_matched", "seconds", "created_at", "expires_at", "finished_at", "job", "error", "url",
        ]  # fmt: skip

    def get_state(self, row: PrivateMatch) -> str:
        return selectors.shown_state(row)

    def get_error(self, row: PrivateMatch) -> dict[str, Any] | None:
        return failure(row.job, self.context["request"].user)

    def get_url(self, row: PrivateMatch) -> str:
        return reverse("api-private-match-detail", args=[row.project.slug, row.pk])
