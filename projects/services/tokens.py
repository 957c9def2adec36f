"""API tokens: shown once, kept as a hash by knox, named here."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from knox.models import AuthToken

from projects import audit
from projects.errors import NotFound
from projects.models import ApiToken, User


@transaction.atomic
def create_token(user: User, name: str, ttl: timedelta | None = None) -> str:
    """Make a token that acts as ``user``, and return it: it cannot be shown again. ``ttl`` None = until revoked."""
    row, token = AuthToken.objects.create(user, expiry=ttl)
    expires_at = timezone.now() + ttl if ttl else None
    ApiToken.objects.create(token=row, user=user, name=name[:80], expires_at=expires_at)
    audit.record("token.created", actor=user, target=name)
    return str(token)


@transaction.atomic
def revoke_token(user: User, pk: int) -> None:
    """The token stops answering with this transaction's commit."""
    row = ApiToken.objects.filter(user=user, pk=pk).select_related("token").first()
    if row is None:
        raise NotFound("token_not_found", _("There is no such token."))
    name = row.name
    row.token.delete()
    audit.record("token.revoked", actor=user, target=name)
