"""Products, the keys that open them, every call they answered, and watched accounts."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Product(models.Model):
    """A score that partners buy, backed by whatever version of its model is live."""

    class Family(models.TextChoices):
        ANTI_FRAUD = "anti_fraud", _("Anti-fraud")
        CREDIT = "credit", _("Credit")
        MONITORING = "monitoring", _("Monitoring")
        COLLECTION = "collection", _("Collection")

    slug = models.SlugField(unique=True, max_length=60)
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    family = models.CharField(max_length=12, choices=Family.choices)
    project = models.ForeignKey("projects.Project", on_delete=models.PROTECT, related_name="+")
    model = models.ForeignKey("models_registry.Model", on_delete=models.PROTECT, related_name="+")
    created_by = models.ForeignKey("projects.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["family", "name"]

    def __str__(self) -> str:
        return self.name


class ProductKey(models.Model):
    """An institution's key to one product. Shown once; only its sha256 is kept."""

    product = models.ForeignKey("risk_products.Product", on_delete=models.PROTECT, related_name="keys")
    institution = models.ForeignKey("projects.Institution", on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12)
    key_hash = models.CharField(max_length=64, unique=True)
    daily_limit = models.PositiveIntegerField(null=True, blank=True)
    created_by = models.ForeignKey("projects.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class ScoreCall(models.Model):
    """One answered call. The same institution, product and request id is the same answer."""

    product = models.ForeignKey("risk_products.Product", on_delete=models.PROTECT, related_name="+")
    institution = models.ForeignKey("projects.Institution", on_delete=models.PROTECT, related_name="+")
    request_id = models.CharField(max_length=64)
    key = models.ForeignKey("risk_products.ProductKey", null=True, on_delete=models.PROTECT, related_name="+")
    user = models.ForeignKey("projects.User", null=True, on_delete=models.PROTECT, related_name="+")
    version = models.ForeignKey("models_registry.Version", on_delete=models.PROTECT, related_name="+")
    authorisation = models.ForeignKey("projects.Authorisation", null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    observed_at = models.DateTimeField()
    input_hash = models.CharField(max_length=64)
    features = models.BinaryField()  # as used, AES-GCM under the authorisation's key
    answer = models.JSONField()  # exactly what was sent
    score = models.IntegerField()
    matched = models.BooleanField()
    took_ms = models.FloatField()
    channel = models.CharField(max_length=10, default="api")  # api, batch, try, watch

    class Meta:
        ordering = ["-at"]
        constraints = [
            models.UniqueConstraint(fields=["institution", "product", "request_id"], name="one_answer_per_request")
        ]
        indexes = [models.Index(fields=["product", "at"])]

    def __str__(self) -> str:
        return self.request_id


class WatchList(models.Model):
    """Accounts of one institution that a monitoring product re-scores."""

    product = models.ForeignKey("risk_products.Product", on_delete=models.PROTECT, related_name="watch_lists")
    institution = models.ForeignKey("projects.Institution", on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=80)
    min_change = models.PositiveIntegerField(default=20, help_text=_("Report changes of at least so many points."))
    created_by = models.ForeignKey("projects.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    last_run_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class WatchedAccount(models.Model):
    """One account on a watch list and its last two scores."""

    watch_list = models.ForeignKey("risk_products.WatchList", on_delete=models.CASCADE, related_name="accounts")
    account = models.CharField(max_length=64)  # the partner's own reference, no person id
    ids = models.JSONField()  # {"mobile__sha256": "…"}
    request = models.JSONField(default=dict)  # the partner's own features
    score = models.IntegerField(null=True)
    band = models.CharField(max_length=8, blank=True)
    previous_score = models.IntegerField(null=True)
    previous_band = models.CharField(max_length=8, blank=True)
    changed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["watch_list", "account"], name="watched_account_once")]

    def __str__(self) -> str:
        return self.account


class BatchScore(models.Model):
    """A file or list of applicants scored in one job; each row is a call of its own."""

    product = models.ForeignKey("risk_products.Product", on_delete=models.PROTECT, related_name="+")
    institution = models.ForeignKey("projects.Institution", on_delete=models.PROTECT, related_name="+")
    request_id = models.CharField(max_length=64)
    rows = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["institution", "product", "request_id"], name="one_batch")]

    def __str__(self) -> str:
        return self.request_id
