"""The legal basis: what an institution allows another to do with its data, until when, and how that ends."""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from projects import audit, keys
from projects.errors import Conflict, DomainError, Forbidden, Invalid
from projects.models import Authorisation, Institution, Project, ProjectMember, Role, User, in_force

GRANTORS = (Role.ANALYST, Role.ADMINISTRATOR)


def granting_institutions(user: User, project: Project) -> list[Institution]:
    """The institutions in whose name ``user`` may grant and withdraw here, partners first."""
    rows = ProjectMember.objects.filter(project=project, user=user, role__in=GRANTORS).select_related("institution")
    found = {row.institution_id: row.institution for row in rows}
    return sorted(found.values(), key=lambda row: (row.kind != Institution.Kind.PARTNER, row.slug))


def require_grantor(user: User, project: Project) -> None:
    """Say no before looking at what was asked for."""
    _grantor(user, project, None)


def _grantor(user: User, project: Project, wanted: Institution | None) -> Institution:
    mine = [row for row in granting_institutions(user, project) if wanted in {None, row}]
    if not mine:
        raise Forbidden("not_a_grantor", _("Only an analyst or administrator of the data's owner can do this."))
    return mine[0]


def _recipient(project: Project, grantor: Institution, wanted: Institution | None) -> Institution:
    others = [row.institution for row in project.participations.select_related("institution")]
    others = [row for row in others if row != grantor and wanted in {None, row}]
    if wanted is None and len(others) > 1:
        others = [row for row in others if row.kind == Institution.Kind.PLATFORM]
    if len(others) != 1:
        raise Invalid("recipient_unknown", _("The recipient must be another institution of this project."))
    return others[0]


@transaction.atomic
def grant(
    *,
    user: User,
    project: Project,
    basis: str,
    purpose: str,
    data_categories: Iterable[str],
    expires_at: datetime,
    recipient: Institution | None = None,
    grantor: Institution | None = None,
    starts_at: datetime | None = None,
) -> Authorisation:
    """Record what the grantor allows from ``starts_at`` (now) to ``expires_at``, with a data key of its own."""
    if project.status == Project.Status.ARCHIVED:
        raise Conflict("project_not_open", _("The project is archived."))
    grantor = _grantor(user, project, grantor)
    now = timezone.now()
    starts_at = starts_at or now
    if expires_at <= max(now, starts_at):
        raise Invalid("expiry_in_the_past", _("The authorisation must end in the future and after it starts."))
    row = Authorisation.objects.create(
        project=project,
        grantor=grantor,
        recipient=_recipient(project, grantor, recipient),
        basis=basis,
        purpose=purpose,
        data_categories=list(data_categories),
        starts_at=starts_at,
        expires_at=expires_at,
        granted_by=user,
        data_key=keys.new_wrapped_key(),
    )
    _record("authorisation.granted", user, row, expires_at=expires_at.isoformat(timespec="minutes"))
    return row


def _record(action: str, user: User, row: Authorisation, **detail: str) -> None:
    audit.record(
        action,
        actor=user,
        project=row.project,
        institution=row.grantor,
        target=f"authorisation {row.pk}",
        recipient=row.recipient.slug,
        **detail,
    )


@transaction.atomic
def withdraw(*, user: User, authorisation: Authorisation) -> Authorisation:
    """End an authorisation now, by its grantor only. Twice is safe."""
    _grantor(user, authorisation.project, authorisation.grantor)
    row = Authorisation.objects.select_for_update().get(pk=authorisation.pk)
    if row.withdrawn_at is None:
        row.withdrawn_at = timezone.now()
        row.save(update_fields=["withdrawn_at"])
        _record("authorisation.withdrawn", user, row)
    return row


@transaction.atomic
def erase_values(*, user: User, authorisation: Authorisation) -> Authorisation:
    """Destroy the data key of an ended authorisation: every value stored under it is gone for good. Twice is safe."""
    _grantor(user, authorisation.project, authorisation.grantor)
    row = Authorisation.objects.select_for_update().get(pk=authorisation.pk)
    if row.withdrawn_at is None and row.expires_at > timezone.now():
        raise Conflict("authorisation_in_force", _("Withdraw the authorisation first."))
    if bytes(row.data_key):
        row.data_key = b""
        row.save(update_fields=["data_key"])
        _record("authorisation.values_erased", user, row)
    return row


def require(*, project: Project, grantor: Institution) -> Authorisation:
    """The authorisation of ``grantor`` that is in force now and ends last, else DomainError "no_authorisation"."""
    rows = Authorisation.objects.filter(in_force(timezone.now()), project=project, grantor=grantor)
    row = rows.order_by("-expires_at").first()
    if row is None:
        raise DomainError(
            "no_authorisation",
            _("%(institution)s has no authorisation in force in this project.") % {"institution": grantor},
            status=403,
        )
    return row
