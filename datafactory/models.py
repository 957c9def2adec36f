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
    deleted_at = models.DateTimeField(null=True)
    retain_until = models.DateField(null=True)  # deleted by schedule after this day

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


class IncomingUpload(models.Model):
    """A file on its way: the first ``received_bytes`` are on disk and acknowledged, and will be there after a crash."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey("projects.Project", null=True, on_delete=models.PROTECT, related_name="+")
    source = models.ForeignKey("datafactory.Source", null=True, on_delete=models.PROTECT, related_name="+")
    institution = models.ForeignKey("projects.Institution", on_delete=models.PROTECT, related_name="+")
    filename = models.CharField(max_length=255)
    path = models.CharField(max_length=300)  # under the artifact root
    size_bytes = models.BigIntegerField()
    received_bytes = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)  # as the sender announced it, checked at the end
    options = models.JSONField(default=dict)  # encoding and delimiter, if the sender named them
    holder = models.CharField(max_length=32, blank=True)  # the request that writes to the file now
    refusal = models.JSONField(default=dict)  # why the whole file was not accepted: code, template, params, row, column
    job = models.ForeignKey("projects.Job", null=True, on_delete=models.SET_NULL, related_name="+")
    upload = models.OneToOneField("datafactory.Upload", null=True, on_delete=models.SET_NULL, related_name="+")
    created_by = models.ForeignKey("projects.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    touched_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.filename


class ImportProfile(models.Model):
    """How an institution's monthly file is read, saved under a name for the next month."""

    institution = models.ForeignKey("projects.Institution", on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=120)
    plan = models.JSONField(default=dict)  # a SamplePlan without what belongs to one month
    columns = models.JSONField(default=list)  # names of the file it was made from: offered for files that have them
    created_by = models.ForeignKey("projects.User", on_delete=models.PROTECT, related_name="+")
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["institution", "name"], name="import_profile_name")]

    def __str__(self) -> str:
        return self.name


class Sample(Artifact):
    """A partner's applications with hashed ids and outcomes, one immutable version each."""

    class Level(models.IntegerChoices):
        PUBLIC = 1, _("1 public")
        INTERNAL = 2, _("2 internal")
        CONFIDENTIAL = 3, _("3 confidential")
        SENSITIVE = 4, _("4 sensitive")
        CRITICAL = 5, _("5 highly sensitive")

    institution = models.ForeignKey("projects.Institution", on_delete=models.PROTECT, related_name="+")
    authorisation = models.ForeignKey("projects.Authorisation", on_delete=models.PROTECT, related_name="+")
    upload = models.ForeignKey("datafactory.Upload", null=True, on_delete=models.PROTECT, related_name="+")
    report = models.JSONField(default=dict)  # validation report: checks, counts by month, rows and columns at fault
    level = models.PositiveSmallIntegerField(choices=Level.choices, default=Level.SENSITIVE)
    retain_until = models.DateField(null=True)  # deleted by schedule after this day; null = until the project ends


class Match(Artifact):
    """A sample joined with sources, as of each application."""

    sample = models.ForeignKey("datafactory.Sample", on_delete=models.PROTECT, related_name="matches")
    source_versions = models.ManyToManyField("datafactory.SourceVersion", related_name="+")
    report = models.JSONField(default=dict)

    class Meta(Artifact.Meta):
        verbose_name_plural = "matches"


class MatchSketch(models.Model):
    """Keyed sums over the people of each group of a match: how far two matches differ, never who is in them.

    It outlives the rows, so that a sample cannot be deleted and brought again without one person.
    """

    match = models.OneToOneField("datafactory.Match", on_delete=models.PROTECT, related_name="sketch")
    cells = models.BinaryField()

    def __str__(self) -> str:
        return f"sketch of {self.match}"


class FeatureTable(Artifact):
    """One row an application: partner's columns, source columns and window aggregates, as known at that moment."""

    match = models.ForeignKey("datafactory.Match", on_delete=models.PROTECT, related_name="feature_tables")
    profile = models.JSONField(default=dict)


class LeakScan(models.Model):
    """Columns of a feature table that may know the future, and what somebody decided about each."""

    feature_table = models.OneToOneField("datafactory.FeatureTable", on_delete=models.PROTECT, related_name="leak_scan")
    result = models.JSONField(default=dict)  # engine's LeakReport, empty until scanned
    decisions = models.JSONField(default=dict)  # column -> {"act", "reason", "by", "at"}
    job = models.ForeignKey("projects.Job", null=True, on_delete=models.SET_NULL, related_name="+")
    scanned_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"leak scan of {self.feature_table}"


class Deletion(models.Model):
    """What was removed, by whom and why: the certificate that stays when the data is gone."""

    number = models.PositiveIntegerField(unique=True)
    project = models.ForeignKey("projects.Project", null=True, on_delete=models.PROTECT, related_name="+")
    institution = models.ForeignKey("projects.Institution", on_delete=models.PROTECT, related_name="+")
    target = models.CharField(max_length=200)  # "sample 2 of auto-loan"
    reason = models.CharField(max_length=300)
    body = models.JSONField(default=dict)  # per artifact: noun, number, content hash, files, bytes; keys destroyed
    requested_by = models.ForeignKey("projects.User", null=True, on_delete=models.PROTECT, related_name="+")
    sample = models.OneToOneField("datafactory.Sample", null=True, on_delete=models.PROTECT, related_name="deletion")
    source_version = models.OneToOneField(
        "datafactory.SourceVersion", null=True, on_delete=models.PROTECT, related_name="deletion"
    )
    at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)  # null = still being removed; the next tick goes on

    class Meta:
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"{self.number} {self.target}"


class IdTrial(models.Model):
    """How many distinct ids an institution held against a source, in which mode: the cap counts these."""

    class Mode(models.TextChoices):
        KEYED = "keyed", _("Keyed hash")
        PRIVATE = "private", _("Private matching")

    institution = models.ForeignKey("projects.Institution", on_delete=models.PROTECT, related_name="+")
    source = models.ForeignKey("datafactory.Source", on_delete=models.PROTECT, related_name="+")
    project = models.ForeignKey("projects.Project", on_delete=models.PROTECT, related_name="+")
    mode = models.CharField(max_length=10, choices=Mode.choices)
    n_ids = models.BigIntegerField()
    sample = models.ForeignKey("datafactory.Sample", null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["institution", "source", "at"])]

    def __str__(self) -> str:
        return f"{self.institution} x {self.source}: {self.n_ids}"


class PrivateMatch(models.Model):
    """One session of private matching: the partner learns what is shared, the platform only how many ids were asked."""

    class Reveal(models.TextChoices):
        IDS = "ids", _("The partner learns which of its ids are known")
        SIZE = "size", _("Both learn only how many")

    class State(models.TextChoices):
        REQUESTED = "requested", _("Waiting for approval")
        PREPARING = "preparing", _("Being prepared")
        READY = "ready", _("Ready")
        ANSWERED = "answered", _("Answered")
        CLOSED = "closed", _("Closed")
        REFUSED = "refused", _("Refused")
        FAILED = "failed", _("Failed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey("projects.Project", on_delete=models.PROTECT, related_name="+")
    institution = models.ForeignKey("projects.Institution", on_delete=models.PROTECT, related_name="+")
    source_version = models.ForeignKey("datafactory.SourceVersion", on_delete=models.PROTECT, related_name="+")
    id_type = models.CharField(max_length=60)
    reveal = models.CharField(max_length=10, choices=Reveal.choices, default=Reveal.IDS)
    state = models.CharField(max_length=10, choices=State.choices, default=State.REQUESTED)
    max_ids = models.BigIntegerField()
    n_platform = models.BigIntegerField(null=True)
    n_partner = models.BigIntegerField(null=True)
    n_matched = models.BigIntegerField(null=True)  # as the partner reports it in size-only mode; rounded when shown
    seconds = models.FloatField(null=True)
    request_sha256 = models.CharField(max_length=64, blank=True)
    job = models.ForeignKey("projects.Job", null=True, on_delete=models.SET_NULL, related_name="+")
    created_by = models.ForeignKey("projects.User", on_delete=models.PROTECT, related_name="+")
    decided_by = models.ForeignKey("projects.User", null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.institution} x {self.source_version}"
