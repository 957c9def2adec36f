"""Recipe, training run, evaluation, comparison, model, version, release."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from projects.models import Artifact, Project


class TrainingRun(Artifact):
    """One model trained on one feature table by one recipe (``plan``)."""

    class ColumnSet(models.TextChoices):
        PARTNER = "partner", _("Partner only")
        PLATFORM = "platform", _("Platform only")
        JOINT = "joint", _("Joint")

    class Algorithm(models.TextChoices):
        SCORECARD = "scorecard", _("Scorecard")
        XGBOOST = "xgboost", "XGBoost"

    feature_table = models.ForeignKey("datafactory.FeatureTable", on_delete=models.PROTECT, related_name="runs")
    algorithm = models.CharField(max_length=20, choices=Algorithm.choices)
    column_set = models.CharField(max_length=10, choices=ColumnSet.choices, default=ColumnSet.JOINT)


class Evaluation(Artifact):
    """The figures of one run on its splits; the single look at the test rows."""

    run = models.ForeignKey("models_registry.TrainingRun", on_delete=models.PROTECT, related_name="evaluations")
    result = models.JSONField(default=dict)


class ValueOfData(Artifact):
    """The same recipe on partner's, platform's and both sides' columns, same rows and folds, paired intervals."""

    feature_table = models.ForeignKey("datafactory.FeatureTable", on_delete=models.PROTECT, related_name="+")
    runs = models.ManyToManyField("models_registry.TrainingRun", related_name="+")
    result = models.JSONField(default=dict)

    class Meta(Artifact.Meta):
        verbose_name = _("value of data")
        verbose_name_plural = _("values of data")


class Model(models.Model):
    """A named line of versions that serve one purpose."""

    project = models.ForeignKey("projects.Project", on_delete=models.PROTECT, related_name="+")
    slug = models.SlugField(max_length=60)
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    created_by = models.ForeignKey("projects.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["project", "slug"], name="model_slug_in_project")]

    def __str__(self) -> str:
        return self.name


class Version(models.Model):
    """An evaluated run offered for use; approved by somebody other than its author; then live for a time."""

    class Status(models.TextChoices):
        DRAFT = "draft", _("Draft")
        SUBMITTED = "submitted", _("Waiting for approval")
        RETURNED = "returned", _("Returned")
        APPROVED = "approved", _("Approved")
        LIVE = "live", _("Live")
        RETIRED = "retired", _("Retired")

    model = models.ForeignKey("models_registry.Model", on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    run = models.ForeignKey("models_registry.TrainingRun", on_delete=models.PROTECT, related_name="+")
    evaluation = models.ForeignKey("models_registry.Evaluation", on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.DRAFT)
    signature = models.JSONField(default=dict)  # {"ids": [...], "request": [{name, kind, ...}], "lookup": [...]}
    bands = models.JSONField(default=list)  # [{"band": "A", "min_score": 640, "action": "approve"}, ...]
    gate = models.JSONField(default=list)  # publish checks: [{"check", "passed", "figure", "limit"}]
    acknowledged = models.JSONField(default=list)  # marks that the publisher accepted: ["leakage_unknown"]
    note = models.TextField(blank=True)
    author = models.ForeignKey("projects.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    submitted_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey("projects.User", null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    decision_note = models.TextField(blank=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["model", "number"], name="version_number"),
            models.CheckConstraint(condition=~models.Q(decided_by=models.F("author")), name="four_eyes_on_version"),
        ]
        permissions = [("release_version", "Can approve, publish and retire this version")]

    def __str__(self) -> str:
        return f"{self.model} v{self.number}"

    @property
    def project(self) -> Project:
        return self.model.project


class Release(models.Model):
    """An interval in which a version answered. ``live_to`` empty = now. Intervals of a model never overlap."""

    version = models.ForeignKey("models_registry.Version", on_delete=models.PROTECT, related_name="releases")
    model = models.ForeignKey("models_registry.Model", on_delete=models.PROTECT, related_name="releases")
    live_from = models.DateTimeField()
    live_to = models.DateTimeField(null=True, blank=True)
    published_by = models.ForeignKey("projects.User", on_delete=models.PROTECT, related_name="+")
    retired_by = models.ForeignKey("projects.User", null=True, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-live_from"]
        constraints = [
            models.UniqueConstraint(fields=["model"], condition=models.Q(live_to=None), name="one_live_version"),
            models.CheckConstraint(
                condition=models.Q(live_to=None) | models.Q(live_to__gte=models.F("live_from")), name="live_forwards"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version} from {self.live_from:%Y-%m-%d %H:%M}"
