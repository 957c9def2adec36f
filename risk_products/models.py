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
        permissions = [
            ("score_product", "Can try calls and keep watch lists"),
            ("integrate_product", "Can issue and revoke keys"),
        ]

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


class KeyDay(models.Model):
    """How many calls of a key's daily limit have been handed to the processes that answer for it."""

    key = models.ForeignKey("risk_products.ProductKey", on_delete=models.CASCADE, related_name="+")
    day = models.DateField()
    taken = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "day"], name="key_day_once")]

    def __str__(self) -> str:
        return f"{self.key_id} {self.day}"


class ScoreCall(models.Model):
    """One answered call. The same institution, product and request id is the same answer.

    Every index costs each call a write, so foreign keys have none of their own: calls are found by product or key and
    time, and by request id.
    """

    class Channel(models.TextChoices):
        API = "api", _("API")
        BATCH = "batch", _("Batch")
        TRY = "try", _("Tried on the site")
        WATCH = "watch", _("Watch list")

    product = models.ForeignKey("risk_products.Product", on_delete=models.PROTECT, related_name="+", db_index=False)
    institution = models.ForeignKey("projects.Institution", on_delete=models.PROTECT, related_name="+", db_index=False)
    request_id = models.CharField(max_length=64)
    key = models.ForeignKey(
        "risk_products.ProductKey", null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    user = models.ForeignKey("projects.User", null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    version = models.ForeignKey("models_registry.Version", on_delete=models.PROTECT, related_name="+", db_index=False)
    authorisation = models.ForeignKey(
        "projects.Authorisation", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    at = models.DateTimeField()
    observed_at = models.DateTimeField()
    input_hash = models.CharField(max_length=64)
    features = models.BinaryField()  # as used, AES-GCM under the authorisation's key
    answer = models.TextField()  # exactly what was sent
    pd = models.FloatField()
    score = models.IntegerField()
    band = models.CharField(max_length=8, blank=True)
    matched = models.BooleanField()
    took_ms = models.FloatField()
    channel = models.CharField(max_length=10, choices=Channel.choices, default=Channel.API)

    class Meta:
        ordering = ["-at"]
        constraints = [
            models.UniqueConstraint(fields=["institution", "product", "request_id"], name="one_answer_per_request")
        ]
        indexes = [models.Index(fields=["product", "at"]), models.Index(fields=["key", "at"])]

    def __str__(self) -> str:
        return self.request_id


class Refusal(models.Model):
    """How often a product refused calls of an institution in an hour, by error code. Holds nothing of the calls."""

    product = models.ForeignKey("risk_products.Product", on_delete=models.PROTECT, related_name="+")
    institution = models.ForeignKey("projects.Institution", on_delete=models.PROTECT, related_name="+")
    hour = models.DateTimeField()
    code = models.CharField(max_length=80)
    calls = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["product", "institution", "hour", "code"], name="refusal_once")]

    def __str__(self) -> str:
        return f"{self.code} {self.hour:%Y-%m-%d %H:00}"


class WatchList(models.Model):
    """Accounts of one institution that a monitoring product re-scores."""

    product = models.ForeignKey("risk_products.Product", on_delete=models.PROTECT, related_name="watch_lists")
    institution = models.ForeignKey("projects.Institution", on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=80)
    min_change = models.PositiveIntegerField(default=20, help_text=_("Report changes of at least so many points."))
    created_by = models.ForeignKey("projects.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    last_run_at = models.DateTimeField(null=True)
    job = models.ForeignKey("projects.Job", null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["product", "institution", "name"], name="watch_list_name_once")]

    def __str__(self) -> str:
        return self.name


class WatchedAccount(models.Model):
    """One account on a watch list, its last score and the score that was reported last.

    Changes are measured against the reported score, so that a slow slide is reported as surely as a fall.
    """

    watch_list = models.ForeignKey("risk_products.WatchList", on_delete=models.CASCADE, related_name="accounts")
    account = models.CharField(max_length=64)  # the partner's own reference, no person id
    ids = models.JSONField()  # {"mobile__sha256": "…"}
    features = models.BinaryField()  # the partner's own values, AES-GCM under the authorisation's key
    authorisation = models.ForeignKey("projects.Authorisation", on_delete=models.PROTECT, related_name="+")
    score = models.IntegerField(null=True)
    band = models.CharField(max_length=8, blank=True)
    reported_score = models.IntegerField(null=True)
    reported_band = models.CharField(max_length=8, blank=True)
    scored_at = models.DateTimeField(null=True)
    last_job = models.UUIDField(null=True)
    error = models.CharField(max_length=80, blank=True)  # code of the last run's refusal

    class Meta:
        ordering = ["account"]
        constraints = [models.UniqueConstraint(fields=["watch_list", "account"], name="watched_account_once")]

    def __str__(self) -> str:
        return self.account


class WatchChange(models.Model):
    """A change worth telling: by the list's limit or into another band."""

    watch_list = models.ForeignKey("risk_products.WatchList", on_delete=models.CASCADE, related_name="changes")
    account = models.ForeignKey("risk_products.WatchedAccount", on_delete=models.CASCADE, related_name="+")
    job = models.UUIDField()
    at = models.DateTimeField()
    score_before = models.IntegerField()
    score = models.IntegerField()
    band_before = models.CharField(max_length=8, blank=True)
    band = models.CharField(max_length=8, blank=True)

    class Meta:
        ordering = ["-at", "account__account"]
        constraints = [models.UniqueConstraint(fields=["account", "job"], name="change_once")]
        indexes = [models.Index(fields=["watch_list", "at"])]

    def __str__(self) -> str:
        return f"{self.account} {self.score_before} → {self.score}"

    @property
    def points(self) -> int:
        return self.score - self.score_before
