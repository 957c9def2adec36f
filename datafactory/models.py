"""Sources of the platform, samples of the partners, what was matched and the tables built from it."""

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from projects.models import Artifact


class Source(models.Model):
    """A table or event stream that an institution holds about people, in versions."""

    class Kind(models.TextChoices):
        SNAPSHOT = "snapshot", _("Snapshot: the latest row counts")
        EVENTS = "events", _("Events: rows are counted in windows")

    slug = models.SlugField(unique=True, max_length=60)
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.SNAPSHOT)
    institution = models.ForeignKey("projects.Institution", on_delete=models.PROTECT, related_name="+")
    created_by = models.ForeignKey("projects.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class SourceVersion(models.Model):
    """One immutable load of a source."""

    source = models.ForeignKey("datafactory.Source", on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    upload = models.ForeignKey("datafactory.Upload", null=True, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=Artifact.State.choices, default=Artifact.State.QUEUED)
    plan = models.JSONField(default=dict)
    ticket = models.JSONField(default=dict)
    summary = models.JSONField(default=dict)
    fingerprint = models.CharField(max_length=64, blank=True)
    content_hash = models.CharField(max_length=64, blank=True)
    job = models.ForeignKey("projects.Job", null=True, on_delete=models.SET_NULL, related_name="+")
    created_by = models.ForeignKey("projects.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["source", "number"], name="source_version_number")]

    def __str__(self) -> str:
        return f"{self.source} v{self.number}"


class Upload(models.Model):
    """A file as it came, kept until it is imported. Bytes are complete and hashed when the row exists."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey("projects.Project", null=True, on_delete=models.PROTECT, related_name="+")
    institution = models.ForeignKey("projects.Institution", on_delete=models.PROTECT, related_name="+")
    filename = models.CharField(max_length=255)
    path = models.CharField(max_length=300)  # under the artifact root
    size_bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    sniff = models.JSONField(default=dict)
    created_by = models.ForeignKey("projects.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.filename


class Sample(Artifact):
    """A partner's applications with hashed ids and outcomes, one immutable version each."""

    institution = models.ForeignKey("projects.Institution", on_delete=models.PROTECT, related_name="+")
    authorisation = models.ForeignKey("projects.Authorisation", on_delete=models.PROTECT, related_name="+")
    upload = models.ForeignKey("datafactory.Upload", null=True, on_delete=models.PROTECT, related_name="+")
    report = models.JSONField(default=dict)  # validation report: checks, counts by month, rows and columns at fault


class Match(Artifact):
    """A sample joined with sources, as of each application."""

    sample = models.ForeignKey("datafactory.Sample", on_delete=models.PROTECT, related_name="matches")
    source_versions = models.ManyToManyField("datafactory.SourceVersion", related_name="+")
    report = models.JSONField(default=dict)

    class Meta(Artifact.Meta):
        verbose_name_plural = "matches"


class FeatureTable(Artifact):
    """One row an application: partner's columns, source columns and window aggregates, as known at that moment."""

    match = models.ForeignKey("datafactory.Match", on_delete=models.PROTECT, related_name="feature_tables")
    profile = models.JSONField(default=dict)
