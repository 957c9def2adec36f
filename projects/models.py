"""Who takes part, what they may do, what is running and what happened."""

import uuid
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _


class Institution(models.Model):
    """A legal person that brings data: the platform itself or a partner (a lender)."""

    class Kind(models.TextChoices):
        PLATFORM = "platform", _("Platform")
        PARTNER = "partner", _("Partner")

    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=120, unique=True)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.PARTNER)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class User(AbstractUser):
    """A person who signs in with an e-mail address (kept in ``username`` as well)."""

    email = models.EmailField(_("e-mail"), unique=True)
    language = models.CharField(max_length=10, default="en")
    is_demo = models.BooleanField(default=False, help_text=_("Made by the demo; refused in production."))

    def __str__(self) -> str:
        return self.get_full_name() or self.email


class Role(models.TextChoices):
    MODELER = "modeler", _("Modeler")
    ANALYST = "analyst", _("Partner analyst")
    APPROVER = "approver", _("Approver")
    INTEGRATOR = "integrator", _("Integrator")
    ADMINISTRATOR = "administrator", _("Administrator")


class Membership(models.Model):
    """A user in an institution with one role; several roles are several rows."""

    user = models.ForeignKey("projects.User", on_delete=models.CASCADE, related_name="memberships")
    institution = models.ForeignKey("projects.Institution", on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "institution", "role"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.user} · {self.get_role_display()} · {self.institution}"


class Invitation(models.Model):
    """An address asked to join an institution. The token is shown once and stored hashed."""

    email = models.EmailField()
    institution = models.ForeignKey("projects.Institution", on_delete=models.PROTECT, related_name="invitations")
    role = models.CharField(max_length=20, choices=Role.choices)
    token_hash = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey("projects.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.email} → {self.institution}"


class Project(models.Model):
    """One joint-modeling undertaking of the platform with one or more partners."""

    class Status(models.TextChoices):
        REVIEWING = "reviewing", _("Under review")
        OPEN = "open", _("Open")
        ARCHIVED = "archived", _("Archived")

    slug = models.SlugField(unique=True, max_length=80)
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    purpose = models.CharField(max_length=200, help_text=_("What the scores will be used for."))
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.REVIEWING)
    created_by = models.ForeignKey("projects.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(auto_now=True)
    hash_key = models.BinaryField(editable=False, help_text=_("The project's HMAC key, wrapped by the site's key."))
    is_sandbox = models.BooleanField(default=False, help_text=_("Synthetic people: the lower privacy floor applies."))

    class Meta:
        permissions = [
            ("build_project", "Can match, build features, train and evaluate"),
            ("bring_sample", "Can bring a sample of the own institution"),
            ("decide_project", "Can approve for the own institution"),
            ("release_project", "Can approve and publish versions"),
            ("integrate_project", "Can issue keys and score"),
            ("manage_project", "Can change members and participants"),
        ]

    def __str__(self) -> str:
        return self.name


class Participation(models.Model):
    """An institution in a project. The project opens when each has approved."""

    class Decision(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        APPROVED = "approved", _("Approved")
        REFUSED = "refused", _("Refused")

    project = models.ForeignKey("projects.Project", on_delete=models.CASCADE, related_name="participations")
    institution = models.ForeignKey("projects.Institution", on_delete=models.PROTECT, related_name="participations")
    decision = models.CharField(max_length=10, choices=Decision.choices, default=Decision.WAITING)
    decided_by = models.ForeignKey("projects.User", null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    note = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "institution"], name="participation_once")]

    def __str__(self) -> str:
        return f"{self.institution} in {self.project}"


class ProjectMember(models.Model):
    """A user who works in a project, on behalf of one institution. Guardian rows are derived from this."""

    project = models.ForeignKey("projects.Project", on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey("projects.User", on_delete=models.CASCADE, related_name="project_memberships")
    institution = models.ForeignKey("projects.Institution", on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=20, choices=Role.choices)
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "user", "institution", "role"], name="project_member_once")
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.project}"


class Authorisation(models.Model):
    """What one institution allows another to do with its data in a project, on which ground, until when."""

    project = models.ForeignKey("projects.Project", on_delete=models.PROTECT, related_name="authorisations")
    grantor = models.ForeignKey("projects.Institution", on_delete=models.PROTECT, related_name="+")
    recipient = models.ForeignKey("projects.Institution", on_delete=models.PROTECT, related_name="+")
    basis = models.CharField(max_length=200, help_text=_("Legal ground, for example separate consent, PIPL art. 23."))
    purpose = models.CharField(max_length=200)
    data_categories = models.JSONField(default=list)
    starts_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    granted_by = models.ForeignKey("projects.User", on_delete=models.PROTECT, related_name="+")
    data_key = models.BinaryField(editable=False, help_text=_("Key of stored call values, wrapped; empty = destroyed"))
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.grantor} → {self.recipient}: {self.purpose}"


class Job(models.Model):
    """The truth about one piece of long work. The queue only carries its id."""

    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        FINISHED = "finished", _("Finished")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=80)
    title = models.CharField(max_length=200, blank=True)
    project = models.ForeignKey("projects.Project", null=True, on_delete=models.PROTECT, related_name="jobs")
    institution = models.ForeignKey("projects.Institution", null=True, on_delete=models.PROTECT, related_name="+")
    created_by = models.ForeignKey("projects.User", null=True, on_delete=models.PROTECT, related_name="+")
    arguments = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    rows_done = models.BigIntegerField(default=0)
    rows_total = models.BigIntegerField(default=0)
    step = models.CharField(max_length=200, blank=True)
    log = models.JSONField(default=list)  # [{"at", "level", "text"}], newest last, at most 200
    error_code = models.CharField(max_length=80, blank=True)
    error = models.TextField(blank=True)
    error_detail = models.JSONField(default=dict)
    cancel_requested = models.BooleanField(default=False)
    attempt = models.PositiveSmallIntegerField(default=0)
    max_attempts = models.PositiveSmallIntegerField(default=2)
    created_at = models.DateTimeField(auto_now_add=True)
    queued_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    result_url = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["state", "heartbeat_at"])]

    def __str__(self) -> str:
        return self.title or self.name


class AuditEvent(models.Model):
    """One line of the append-only, hash-chained log. Holds no ids of people and no values."""

    seq = models.BigIntegerField(unique=True)
    at = models.DateTimeField()
    actor = models.CharField(max_length=254, blank=True)
    actor_roles = models.CharField(max_length=300, blank=True)  # "Huaxin Bank: analyst; Panshi: modeler"
    institution = models.ForeignKey("projects.Institution", null=True, on_delete=models.PROTECT, related_name="+")
    project = models.ForeignKey("projects.Project", null=True, on_delete=models.PROTECT, related_name="+")
    action = models.CharField(max_length=80)  # "sample.imported"
    target = models.CharField(max_length=200, blank=True)  # "sample 2 of auto-loan"
    detail = models.JSONField(default=dict)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, unique=True)

    class Meta:
        ordering = ["seq"]

    def __str__(self) -> str:
        return f"{self.seq} {self.action}"


class AuditHead(models.Model):
    """The one row that says where the log ends, sealed with the site's key: a cut-off end shows, and writers queue."""

    seq = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64)
    seal = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"up to {self.seq}"


class ApiToken(models.Model):
    """The name that a person gave to one of their API tokens; knox keeps the token itself, hashed."""

    token = models.OneToOneField("knox.AuthToken", on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey("projects.User", on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name


class Artifact(models.Model):
    """Base of every stage's row: the ticket plus who, when and which project. Immutable once ready."""

    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        READY = "ready", _("Ready")
        FAILED = "failed", _("Failed")

    project = models.ForeignKey("projects.Project", on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()  # per project and noun, from 1
    name = models.CharField(max_length=120, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    plan = models.JSONField(default=dict)  # the recipe, as the engine's frozen plan in JSON
    ticket = models.JSONField(default=dict)  # modeling.artifacts ticket in JSON, empty until ready
    summary = models.JSONField(default=dict)  # small figures for lists and the flow
    fingerprint = models.CharField(max_length=64, blank=True, db_index=True)
    content_hash = models.CharField(max_length=64, blank=True, db_index=True)
    job = models.ForeignKey("projects.Job", null=True, on_delete=models.SET_NULL, related_name="+")
    created_by = models.ForeignKey("projects.User", on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)  # its rows are gone for good; figures and the row itself stay

    class Meta:
        abstract = True
        ordering = ["-number"]
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["project", "number"], name="%(app_label)s_%(class)s_number")
        ]

    def __str__(self) -> str:
        return self.name or f"{gettext(str(self._meta.verbose_name))} {self.number}"


def in_force(now: Any) -> Q:
    """Authorisations that may be used at ``now``."""
    return Q(withdrawn_at=None, starts_at__lte=now, expires_at__gt=now) & ~Q(grantor=F("recipient"))
