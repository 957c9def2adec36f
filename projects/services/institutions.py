"""Institutions and the people in them: invited by an administrator, joined by themselves."""

import hashlib
import secrets
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from projects import audit
from projects.errors import Conflict, Forbidden, Invalid, NotFound
from projects.models import Institution, Invitation, Membership, Role, User
from projects.services.accounts import check_password

INVITATION_DAYS = 7


def _is_administrator(user: User, institution: Institution) -> bool:
    return Membership.objects.filter(user=user, institution=institution, role=Role.ADMINISTRATOR).exists()


def may_create(user: User) -> bool:
    platform = Membership.objects.filter(user=user, institution__kind=Institution.Kind.PLATFORM)
    return platform.filter(role=Role.ADMINISTRATOR).exists()


def may_invite(user: User, institution: Institution) -> bool:
    if _is_administrator(user, institution):
        return True
    empty = institution.kind == Institution.Kind.PARTNER and not institution.memberships.exists()
    return empty and may_create(user)


@transaction.atomic
def create_institution(*, user: User, name: str, kind: str = Institution.Kind.PARTNER, slug: str = "") -> Institution:
    """Register a partner; only the platform's administrators do."""
    if not may_create(user):
        raise Forbidden("not_a_platform_administrator", _("Only the platform's administrators register institutions."))
    slug = slug or slugify(name)[:50] or f"institution-{Institution.objects.count() + 1}"
    if Institution.objects.filter(slug=slug).exists() or Institution.objects.filter(name=name).exists():
        raise Conflict("institution_exists", _("There is already an institution with this name."))
    row = Institution.objects.create(slug=slug, name=name, kind=kind)
    audit.record("institution.created", actor=user, institution=row, target=slug)
    return row


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@transaction.atomic
def invite(*, user: User, institution: Institution, email: str, role: str) -> tuple[Invitation, str]:
    """Ask somebody to join; returns the token of the link, which cannot be shown again.

    Administrators invite into their institution; the platform's administrators also the first people of a partner.
    """
    if not may_invite(user, institution):
        raise Forbidden("not_an_administrator", _("Only an administrator of the institution invites people."))
    if role not in Role.values:
        raise Invalid("unknown_role", _("There is no such role."))
    token = secrets.token_urlsafe(32)
    row = Invitation.objects.create(
        email=email.lower(),
        institution=institution,
        role=role,
        token_hash=_digest(token),
        invited_by=user,
        expires_at=timezone.now() + timedelta(days=INVITATION_DAYS),
    )
    audit.record("invitation.created", actor=user, institution=institution, target=row.email, role=role)
    return row, token


def invitation_of(token: str) -> Invitation:
    """The open invitation behind a link; used, expired and unknown ones are all the same 404."""
    rows = Invitation.objects.select_related("institution").filter(accepted_at=None, expires_at__gt=timezone.now())
    row = rows.filter(token_hash=_digest(token)).first()
    if row is None:
        raise NotFound("invitation_not_found", _("This invitation does not exist, was used, or has expired."))
    return row


def _joining_person(row: Invitation, user: User | None, name: str, password: str) -> User:
    known = User.objects.filter(email=row.email).first()
    if known is not None:
        if user is None or user.pk != known.pk:
            raise Conflict(
                "sign_in_first", _("This address has an account: sign in with it, then open the link again.")
            )
        return known
    if user is not None:
        raise Conflict("other_person", _("This invitation is for %(email)s.") % {"email": row.email})
    fresh = User(username=row.email, email=row.email, first_name=name)
    check_password(password, fresh)
    fresh.set_password(password)
    fresh.save()
    return fresh


@transaction.atomic
def accept_invitation(*, token: str, user: User | None = None, name: str = "", password: str = "") -> User:
    """Join: a new person sets a password, one who is signed in only accepts. A link works once."""
    row = Invitation.objects.select_for_update().get(pk=invitation_of(token).pk)
    if row.accepted_at is not None:
        raise NotFound("invitation_not_found", _("This invitation does not exist, was used, or has expired."))
    person = _joining_person(row, user, name, password)
    Membership.objects.get_or_create(user=person, institution=row.institution, role=row.role)
    row.accepted_at = timezone.now()
    row.save(update_fields=["accepted_at"])
    audit.record("invitation.accepted", actor=person, institution=row.institution, target=row.email, role=row.role)
    return person


@transaction.atomic
def withdraw_invitation(*, user: User, invitation: Invitation) -> None:
    """The link stops working. Only administrators of the institution, or who invited."""
    if invitation.invited_by_id != user.pk and not _is_administrator(user, invitation.institution):
        raise Forbidden("not_an_administrator", _("Only an administrator of the institution does this."))
    audit.record("invitation.withdrawn", actor=user, institution=invitation.institution, target=invitation.email)
    invitation.delete()
