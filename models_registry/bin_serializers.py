"""The shape of what bin sets take in over REST and give out."""

from typing import Any

from rest_framework import serializers

from models_registry.models import BinDraft, BinRevision, BinSet
from models_registry.serializers import BASE, ENDS, ArtifactSerializer
from models_registry.services.bin_drafts import ACTS


class NewBinSet(serializers.Serializer[Any]):
    feature_table = serializers.IntegerField()
    name = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    plan = serializers.DictField(required=False, default=dict)


class Change(serializers.Serializer[Any]):
    version = serializers.IntegerField(help_text="The version of the draft that was seen.")
    edit = serializers.DictField(required=False)
    act = serializers.ChoiceField(choices=ACTS, required=False)
    note = serializers.CharField(required=False, allow_blank=True)
    reason = serializers.CharField(required=False, allow_blank=True)


class Question(serializers.Serializer[Any]):
    edit = serializers.DictField(required=False)
    wish = serializers.DictField(required=False)


class Reason(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=2000)


class RevisionDecision(serializers.Serializer[Any]):
    accept = serializers.BooleanField()
    review = serializers.CharField(max_length=2000, required=False, allow_blank=True, default="")


class WhichFile(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=["json", "xlsx"], default="json")
    revision = serializers.IntegerField(required=False)


class BinSetSerializer(ArtifactSerializer):
    feature_table = serializers.IntegerField(source="feature_table.number", read_only=True)
    variables = serializers.IntegerField(source="n_drafts", read_only=True)
    accepted = serializers.IntegerField(source="n_accepted", read_only=True)
    revision = serializers.IntegerField(read_only=True, help_text="Number of the newest accepted revision.")
    url_name = "api-bin-set-detail"

    class Meta:
        model = BinSet
        fields = (*BASE, "feature_table", "variables", "accepted", "revision", *ENDS)


class BinDraftSerializer(serializers.ModelSerializer[BinDraft]):
    class Meta:
        model = BinDraft
        fields = ("name", "column", "state", "reason", "figures", "note", "version", "changed_at")


class BinRevisionSerializer(serializers.ModelSerializer[BinRevision]):
    author = serializers.CharField(source="author.email", read_only=True)
    reviewer = serializers.EmailField(source="reviewer.email", read_only=True, default=None)
    variables = serializers.SerializerMethodField()

    class Meta:
        model = BinRevision
        fields = (
            *("number", "status", "variables", "fingerprint", "reason", "author", "created_at"),
            *("reviewer", "review", "decided_at"),
        )

    def get_variables(self, row: BinRevision) -> list[str]:
        return sorted(row.bins)


class BinRevisionDetailSerializer(BinRevisionSerializer):
    class Meta:
        model = BinRevision
        fields = (*BinRevisionSerializer.Meta.fields, "bins", "figures")


class BinSetDetailSerializer(ArtifactSerializer):
    feature_table = serializers.IntegerField(source="feature_table.number", read_only=True)
    drafts = BinDraftSerializer(many=True, read_only=True)
    revisions = BinRevisionSerializer(many=True, read_only=True)
    url_name = "api-bin-set-detail"

    class Meta:
        model = BinSet
        fields = (*BASE, "feature_table", "drafts", "revisions", *ENDS)
