"""The shape of what comes in over the API, and of what goes out."""

from typing import Any

from rest_framework import serializers

from risk_products.models import Product, ScoreCall
from risk_products.selectors.catalogue import KeyLine

MAX_ACCOUNTS_PER_REQUEST = 5_000
KEY_STATES = ("active", "expiring", "expired", "revoked")


class ProductIn(serializers.Serializer[Any]):
    slug = serializers.SlugField(max_length=60, required=False, default="")
    name = serializers.CharField(max_length=120)
    description = serializers.CharField(required=False, default="", allow_blank=True, max_length=2000)
    family = serializers.ChoiceField(choices=Product.Family.choices)
    project = serializers.SlugField(help_text="Slug of the project that the model belongs to.")
    model = serializers.SlugField(help_text="Slug of the model; the product answers with its live version.")


class ProductOut(serializers.ModelSerializer[Product]):
    project = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    model = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    live_version = serializers.SerializerMethodField(help_text="Number of the version that answers now, or null.")

    class Meta:
        model = Product
        fields = ["slug", "name", "description", "family", "project", "model", "live_version", "created_at"]

    def get_live_version(self, product: Product) -> int | None:
        number: int | None = getattr(product, "live_number", None)
        return number


class KeyIn(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=80)
    expires_at = serializers.DateTimeField(required=False, default=None)
    daily_limit = serializers.IntegerField(required=False, default=None, min_value=1, max_value=2**31 - 1)


class KeyOut(serializers.Serializer[KeyLine]):
    id = serializers.IntegerField(source="row.pk")
    name = serializers.CharField(source="row.name")
    prefix = serializers.CharField(source="row.prefix")
    institution = serializers.CharField(source="row.institution.slug")
    state = serializers.ChoiceField(choices=KEY_STATES)
    daily_limit = serializers.IntegerField(source="row.daily_limit", allow_null=True)
    calls_today = serializers.IntegerField()
    last_used = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(source="row.expires_at")
    created_at = serializers.DateTimeField(source="row.created_at")


class NewKeyOut(KeyOut):
    key = serializers.CharField(help_text="The whole key: shown this once, stored as a hash only.")
    curl = serializers.CharField(help_text="A complete example call with this key.")


class CallOut(serializers.ModelSerializer[ScoreCall]):
    institution = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    version = serializers.IntegerField(source="version.number")
    key = serializers.CharField(source="key.prefix", default=None, allow_null=True)

    class Meta:
        model = ScoreCall
        fields = [
            "request_id", "institution", "key", "channel", "at", "observed_at",
            "version", "score", "pd", "band", "matched", "took_ms",
        ]  # fmt: skip


class ValueOut(serializers.Serializer[Any]):
    name = serializers.CharField()
    title = serializers.CharField()
    owner = serializers.ChoiceField(choices=["partner", "platform"])
    value = serializers.JSONField(allow_null=True, help_text="Null for columns of the other side.")
    hidden = serializers.BooleanField()


class CallDetailOut(CallOut):
    answer = serializers.JSONField()
    values = ValueOut(many=True)

    class Meta(CallOut.Meta):
        fields = [*CallOut.Meta.fields, "answer", "values"]


class ReplayOut(serializers.Serializer[Any]):
    equal = serializers.BooleanField()
    recorded = serializers.JSONField()
    recomputed = serializers.JSONField()


class LiveOut(serializers.Serializer[Any]):
    version = serializers.IntegerField(source="version.number")
    live_from = serializers.DateTimeField()
    live_to = serializers.DateTimeField(allow_null=True)
    published_by = serializers.CharField()
    reason = serializers.CharField()


class WatchListIn(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=80)
    min_change = serializers.IntegerField(required=False, default=20, min_value=1, max_value=1000)


class WatchListOut(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="pk")
    name = serializers.CharField()
    min_change = serializers.IntegerField()
    accounts = serializers.IntegerField(source="n_accounts")
    last_run_at = serializers.DateTimeField(allow_null=True)
    job = serializers.UUIDField(source="job_id", allow_null=True)


class AccountIn(serializers.Serializer[Any]):
    account = serializers.RegexField(r"^[A-Za-z0-9._:~@-]{1,64}$")
    ids = serializers.DictField(child=serializers.CharField(max_length=128))
    features = serializers.DictField(child=serializers.JSONField(allow_null=True), required=False, default=dict)


class AccountsIn(serializers.Serializer[Any]):
    accounts = serializers.ListField(child=AccountIn(), allow_empty=False, max_length=MAX_ACCOUNTS_PER_REQUEST)


class AccountOut(serializers.Serializer[Any]):
    account = serializers.CharField()
    score = serializers.IntegerField(allow_null=True)
    band = serializers.CharField()
    reported_score = serializers.IntegerField(allow_null=True)
    reported_band = serializers.CharField()
    scored_at = serializers.DateTimeField(allow_null=True)
    error = serializers.CharField()


class ChangeOut(serializers.Serializer[Any]):
    account = serializers.CharField(source="account.account")
    at = serializers.DateTimeField()
    score_before = serializers.IntegerField()
    score = serializers.IntegerField()
    points = serializers.IntegerField()
    band_before = serializers.CharField()
    band = serializers.CharField()
