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


class BinSet(Artifact):
    """Counts of a feature table's variables under one split, and the bins that people set on them."""

    feature_table = models.ForeignKey("datafactory.FeatureTable", on_delete=models.PROTECT, related_name="+")

    class Meta(Artifact.Meta):
        verbose_name = _("bin set")
        verbose_name_plural = _("bin sets")


class BinDraft(models.Model):
    """The bins of one variable as they stand: every change is kept, so that a reload or a second tab loses nothing."""

    class State(models.TextChoices):
        PROPOSED = "proposed", _("Proposed")
        EDITED = "edited", _("Edited")
        ACCEPTED = "accepted", _("Accepted")
        UNFIT = "unfit", _("Cannot be binned")

    bin_set = models.ForeignKey("models_registry.BinSet", on_delete=models.CASCADE, related_name="drafts")
    name = models.CharField(max_length=200)
    position = models.PositiveIntegerField()  # in the feature table
    column = models.JSONField(default=dict)  # kind, party, title, and the file of its counts
    state = models.CharField(max_length=10, choices=State.choices, default=State.PROPOSED)
    reason = models.CharField(max_length=300, blank=True)  # why it cannot be binned, or why it was accepted
    history = models.JSONField(default=list)  # bins one after the other; the first were proposed
    at = models.PositiveIntegerField(default=0)  # the bins that hold now
    cuts = models.JSONField(default=dict)  # {"typed", "dropped", "shown"}: edges counted exactly, given way, seen
    figures = models.JSONField(default=dict)  # small figures for lists
    note = models.TextField(blank=True)
    version = models.PositiveIntegerField(default=1)  # raised by every change
    changed_by = models.ForeignKey("projects.User", null=True, on_delete=models.PROTECT, related_name="+")
    changed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["bin_set", "name"], name="bin_draft_name")]

    def __str__(self) -> str:
        return self.name


class BinRevision(models.Model):
    """Accepted drafts of a bin set offered together, with author and reason; never changed once accepted."""

    class Status(models.TextChoices):
        PROPOSED = "proposed", _("Waiting for review")
        ACCEPTED = "accepted", _("Accepted")
        RETURNED = "returned", _("Returned")

    bin_set = models.ForeignKey("models_registry.BinSet", on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PROPOSED)
    bins = models.JSONField(default=dict)  # by variable
    figures = models.JSONField(default=dict)
    fingerprint = models.CharField(max_length=64)
    reason = models.TextField()
    author = models.ForeignKey("projects.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    reviewer = models.ForeignKey("projects.User", null=True, on_delete=models.PROTECT, related_name="+")
    review = models.TextField(blank=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["bin_set", "number"], name="bin_revision_number")]

    def __str__(self) -> str:
        return f"{self.bin_set} r{self.number}"


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
