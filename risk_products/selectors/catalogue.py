"""What may be read about products, keys, calls and watch lists."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from models_registry import selectors as registry
from models_registry.models import Release, Version
from projects import sharing
from projects.models import Institution, Project, User
from risk_products.models import Product, ProductKey, ScoreCall, WatchChange, WatchList
from risk_products.selectors.days import start_of_day


def products_of(user: User, project: Project | None = None) -> QuerySet[Product]:
    """The products that the user may see, each with the number of its live version (``live_number``)."""
    live = Release.objects.filter(model=OuterRef("model_id"), live_to=None)
    rows = Product.objects.all() if project is None else Product.objects.filter(project=project)
    return (
        sharing.objects_for(user, rows, "risk_products.view_product")
        .select_related("project", "model", "created_by")
        .annotate(live_number=Subquery(live.values("version__number")[:1]))
        .order_by("family", "name")
    )


def by_family(products: Iterable[Product]) -> list[tuple[str, list[Product]]]:
    """All four families in their order, with their products."""
    rows = list(products)
    return [(str(label), [p for p in rows if p.family == value]) for value, label in Product.Family.choices]


def builds_in(user: User) -> QuerySet[Project]:
    """Open projects in which the user may put models on the catalogue."""
    return sharing.objects_for(user, Project.objects.filter(status=Project.Status.OPEN), "projects.build_project")


def calls_today(products: QuerySet[Product], now: datetime) -> dict[int, int]:
    """Number of calls since midnight by product."""
    rows = ScoreCall.objects.filter(product__in=products, at__gte=start_of_day(now))
    return dict(rows.order_by().values_list("product").annotate(n=Count("pk")))


@dataclass(frozen=True)
class KeyLine:
    """A key as its table shows it."""

    row: ProductKey
    state: str
    calls_today: int
    last_used: datetime | None


def keys_of(product: Product, institutions: Sequence[Institution] | None, now: datetime | None = None) -> list[KeyLine]:
    """The keys of these institutions (None: of all), newest first."""
    now = now or timezone.now()
    rows = product.keys.select_related("institution", "created_by")
    if institutions is not None:
        rows = rows.filter(institution__in=institutions)
    mine = ScoreCall.objects.filter(key=OuterRef("pk"))
    today = mine.filter(at__gte=start_of_day(now)).order_by().values("key").annotate(n=Count("pk")).values("n")
    rows = rows.annotate(n_today=Subquery(today), last_used=Subquery(mine.order_by("-at").values("at")[:1]))
    return [KeyLine(row, key_state(row, now), row.n_today or 0, row.last_used) for row in rows]


def key_state(key: ProductKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return "revoked"
    if key.expires_at <= now:
        return "expired"
    return "expiring" if (key.expires_at - now).days < 14 else "active"


def calls_of(product: Product, institutions: Sequence[Institution] | None) -> QuerySet[ScoreCall]:
    """Recorded calls of these institutions (None: of all), newest first, without their sealed values."""
    rows = ScoreCall.objects.filter(product=product).select_related("institution", "version__model", "key", "user")
    if institutions is not None:
        rows = rows.filter(institution__in=institutions)
    return rows.defer("features")


def live_version(product: Product, at: datetime | None = None) -> Version | None:
    return registry.live_version(product.model, at)


def releases_of(product: Product) -> QuerySet[Release]:
    return registry.releases_of(product.model)


def release_at(product: Product, at: datetime) -> Release | None:
    """What was live at a moment."""
    return registry.live_release(product.model, at)


def watch_lists_of(product: Product, institutions: Sequence[Institution]) -> QuerySet[WatchList]:
    """Watch lists with the number of their accounts, and of the changes of the last run."""
    return (
        WatchList.objects.filter(product=product, institution__in=institutions)
        .select_related("institution", "created_by", "job")
        .annotate(n_accounts=Count("accounts", distinct=True))
    )


def changes_of(watch_list: WatchList, *, last_run_only: bool = False) -> QuerySet[WatchChange]:
    rows = watch_list.changes.select_related("account")
    if not last_run_only:
        return rows
    return rows.filter(at=watch_list.last_run_at) if watch_list.last_run_at else rows.none()


def refused(watch_list: WatchList) -> int:
    return watch_list.accounts.filter(~Q(error="")).count()
