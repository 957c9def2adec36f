"""Who may be answered by what, at this moment: the one query behind every call, remembered for a second.

Every process asks the database again when its memory is a second old, so that a revoked key, a withdrawn
authorisation or a retired version stops answering everywhere within two seconds without any message between processes.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.db.models import F, OuterRef, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from models_registry.models import Release
from projects.errors import DomainError, Forbidden
from projects.models import Authorisation, Project, in_force
from risk_products.models import Product, ProductKey

LIFE_S = 1.0
T = TypeVar("T")


class Remembered(Generic[T]):
    """Values of one process that live for a second; the oldest leaves when there are too many."""

    def __init__(self, life_s: float = LIFE_S, size: int = 4096, clock: Callable[[], float] = time.monotonic) -> None:
        self.life_s, self.size, self.clock = life_s, size, clock
        self._values: OrderedDict[Hashable, tuple[float, T]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: Hashable, load: Callable[[], T | None]) -> T | None:
        """The value, at most ``life_s`` old counted from before its query; what does not exist is not remembered."""
        known = self._values.get(name)
        now = self.clock()
        if known is not None and now - known[0] < self.life_s:
            return known[1]
        value = load()
        with self._lock:
            self._values.pop(name, None)
            if value is not None:
                self._values[name] = (now, value)
            if len(self._values) > self.size:
                self._values.popitem(last=False)
        return value

    def clear(self) -> None:
        with self._lock:
            self._values.clear()


@dataclass(frozen=True, slots=True)
class Standing:
    """A product, for whom it is asked, by which key or person, and what may answer."""

    product_id: int
    product_slug: str
    institution_id: int
    project_open: bool
    version_id: int | None
    authorisation: Authorisation | None  # only id and key are filled
    key_id: int | None = None
    user_id: int | None = None
    daily_limit: int | None = None
    expires_at: datetime | None = None
    revoked: bool = False


remembered: Remembered[Standing] = Remembered()


def of_key(key: str) -> Standing | None:
    """What a product key opens; None for a key that was never made."""
    key_hash = hash_key(key)
    return remembered.get(("key", key_hash), lambda: _load_key(key_hash))


def of_user(product: Product, institution_id: int, user_id: int | None) -> Standing:
    """The same for a person who is signed in and acts for an institution."""
    name = ("institution", product.pk, institution_id)
    standing = remembered.get(name, lambda: _load_product(product.pk, institution_id))
    assert standing is not None
    return replace(standing, user_id=user_id)


def hash_key(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def require_answering(standing: Standing, now: datetime) -> tuple[int, Authorisation]:
    """The version that answers and the authorisation under which it does, or the reason why nothing does."""
    if standing.revoked:
        raise DomainError("key_revoked", _("This key was revoked."), status=401)
    if standing.expires_at is not None and standing.expires_at <= now:
        raise DomainError("key_expired", _("This key has expired."), status=401)
    if not standing.project_open:
        raise Forbidden("project_not_open", _("The project of this product is not open."))
    if standing.authorisation is None:
        raise Forbidden("no_authorisation", _("No data authorisation of your institution is in force here."))
    if standing.version_id is None:
        raise DomainError("no_live_version", _("No version of this product's model is live."), status=503)
    return standing.version_id, standing.authorisation


def _load_key(key_hash: str) -> Standing | None:
    rows = ProductKey.objects.filter(key_hash=key_hash).annotate(
        **_standing("product__", OuterRef("institution_id")),
        slug=F("product__slug"),
        status=F("product__project__status"),
    )
    row = rows.values(
        *_COLUMNS, "id", "product_id", "institution_id", "daily_limit", "expires_at", "revoked_at"
    ).first()
    if row is None:
        return None
    return replace(
        _standing_from(row, row["product_id"], row["institution_id"]),
        key_id=row["id"],
        daily_limit=row["daily_limit"],
        expires_at=row["expires_at"],
        revoked=row["revoked_at"] is not None,
    )


def _load_product(product_id: int, institution_id: int) -> Standing | None:
    rows: Any = Product.objects.filter(pk=product_id).annotate(
        **_standing("", Value(institution_id)), status=F("project__status")
    )
    row = rows.values("slug", "status", "live", "authorisation", "data_key").first()
    return _standing_from(row, product_id, institution_id) if row else None


_COLUMNS = ("slug", "status", "live", "authorisation", "data_key")


def _standing_from(row: dict[str, Any], product_id: int, institution_id: int) -> Standing:
    authorisation = Authorisation(pk=row["authorisation"], data_key=row["data_key"]) if row["authorisation"] else None
    return Standing(
        product_id=product_id,
        product_slug=row["slug"],
        institution_id=institution_id,
        project_open=row["status"] == Project.Status.OPEN,
        version_id=row["live"],
        authorisation=authorisation,
    )


def _standing(prefix: str, institution: OuterRef | Value) -> dict[str, Any]:
    """Live version and authorisation in force, as columns of a query on keys or products.

    An institution acts under its own grant first, then under one that it received: the platform tries calls under the
    partner's.
    """
    live = Release.objects.filter(model=OuterRef(f"{prefix}model_id"), live_to=None).values("version_id")
    in_project = Authorisation.objects.filter(in_force(timezone.now()), project=OuterRef(f"{prefix}project_id"))
    granted = in_project.filter(grantor=institution).order_by("-pk").values("pk")
    received = in_project.filter(recipient=institution).order_by("-pk").values("pk")
    sealed = Authorisation.objects.filter(pk=OuterRef("authorisation")).values("data_key")
    return {
        "live": Subquery(live[:1]),
        "authorisation": Coalesce(Subquery(granted[:1]), Subquery(received[:1])),
        "data_key": Subquery(sealed[:1]),
    }
