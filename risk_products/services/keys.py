"""Product keys: made once, shown once, kept as a hash."""

import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from projects import audit
from projects.errors import Invalid
from projects.models import Institution, User
from risk_products.models import Product, ProductKey
from risk_products.selectors.standing import hash_key

PREFIX = "pk_"
SHOWN = 7  # characters by which people tell keys apart
LONGEST = timedelta(days=366 * 2)


class NewKey(NamedTuple):
    row: ProductKey
    secret: str  # never stored; show it now or never


def issue_key(
    *,
    user: User,
    product: Product,
    institution: Institution,
    name: str,
    expires_at: datetime | None = None,
    daily_limit: int | None = None,
) -> NewKey:
    """A new key of ``institution`` for ``product``; valid for a year unless said otherwise."""
    now = timezone.now()
    expires_at = expires_at or now + timedelta(days=365)
    if not now < expires_at <= now + LONGEST:
        raise Invalid("bad_expiry", _("A key expires after now and within two years."), detail={"column": "expires_at"})
    if daily_limit is not None and not 0 < daily_limit < 2**31:
        raise Invalid("bad_limit", _("The daily limit is a whole number above zero."), detail={"column": "daily_limit"})
    secret = PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        row = ProductKey.objects.create(
            product=product,
            institution=institution,
            name=name,
            prefix=secret[:SHOWN],
            key_hash=hash_key(secret),
            daily_limit=daily_limit,
            created_by=user,
            expires_at=expires_at,
        )
        audit.record(
            "key.issued",
            actor=user,
            project=product.project,
            institution=institution,
            target=f"{product.slug} {row.prefix}",
            expires_at=expires_at.isoformat(),
            daily_limit=daily_limit,
        )
    return NewKey(row, secret)


def revoke_key(*, user: User, key: ProductKey) -> ProductKey:
    """The key stops answering within two seconds in every process. Twice is safe: the first moment counts."""
    with transaction.atomic():
        now = timezone.now()
        if ProductKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now):
            audit.record(
                "key.revoked",
                actor=user,
                project=key.product.project,
                institution=key.institution,
                target=f"{key.product.slug} {key.prefix}",
            )
    key.refresh_from_db()
    return key
