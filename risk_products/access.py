"""Who reaches a product, its calls and its watch lists: strangers get 404, members without the right 403."""

from django.utils.translation import gettext_lazy as _

from projects import sharing
from projects.access import AnyUser, institutions_of, person
from projects.errors import Forbidden, NotFound
from projects.models import Institution, ProjectMember, Role
from risk_products.models import Product, ProductKey, ScoreCall, WatchList

RULES: dict[str, frozenset[str]] = {
    "view_product": sharing.EVERYONE,
    "score_product": frozenset({Role.MODELER, Role.ANALYST, Role.INTEGRATOR}),
    "integrate_product": frozenset({Role.ANALYST, Role.INTEGRATOR, Role.ADMINISTRATOR}),
}


def product_for(user: AnyUser, slug: str, perm: str = "view_product") -> Product:
    """The product if ``user`` belongs to its project and holds ``perm``."""
    product = Product.objects.select_related("project", "model", "created_by").filter(slug=slug).first()
    held = sharing.held(person(user), product) if product else frozenset()
    if product is None or "view_product" not in held:
        raise NotFound("product_not_found", _("There is no such product."))
    if perm not in held:
        raise Forbidden()
    return product


def acting_for(user: AnyUser, product: Product, perm: str = "view_product") -> Institution:
    """The institution in whose name ``user`` does this: of those whose role allows it, the partner first."""
    roles = ProjectMember.objects.filter(project=product.project, user=person(user), role__in=RULES[perm])
    found = institutions_of(user, product.project, roles.values_list("role", flat=True))
    if not found:
        raise Forbidden()
    return found[0]


def visible_institutions(user: AnyUser, product: Product) -> list[Institution] | None:
    """Whose calls ``user`` may list: the own institutions', and all of them (None) on the platform's side."""
    mine = institutions_of(user, product.project)
    return None if any(row.kind == Institution.Kind.PLATFORM for row in mine) else mine


def call_for(user: AnyUser, slug: str, request_id: str, institution: str = "") -> ScoreCall:
    """One recorded call; ``institution`` tells apart equal request ids of two partners on the platform's side."""
    product = product_for(user, slug)
    rows = ScoreCall.objects.filter(product=product, request_id=request_id)
    mine = visible_institutions(user, product)
    if mine is not None:
        rows = rows.filter(institution__in=mine)
    if institution:
        rows = rows.filter(institution__slug=institution)
    related = ("product__project", "product__model", "institution", "version__model", "authorisation", "key", "user")
    call = rows.select_related(*related).order_by("-at").first()
    if call is None:
        raise NotFound("call_not_found", _("There is no such call."))
    return call


def key_for(user: AnyUser, slug: str, pk: int) -> ProductKey:
    """A key of the own institution, to be revoked."""
    product = product_for(user, slug, "integrate_product")
    key = ProductKey.objects.filter(product=product, pk=pk).select_related("institution").first()
    if key is None or key.institution not in institutions_of(user, product.project):
        raise NotFound("key_not_found", _("There is no such key."))
    return key


def watch_list_for(user: AnyUser, slug: str, pk: int, perm: str = "view_product") -> WatchList:
    """A watch list of the own institution: its accounts are nobody else's business."""
    product = product_for(user, slug, perm)
    found = WatchList.objects.filter(product=product, pk=pk).select_related("institution", "product__project").first()
    if found is None or found.institution not in institutions_of(user, product.project):
        raise NotFound("watch_list_not_found", _("There is no such watch list."))
    return found


def own_institutions(user: AnyUser, product: Product) -> list[Institution]:
    return institutions_of(user, product.project)


def sides_of(user: AnyUser, call: ScoreCall) -> frozenset[str]:
    """Whose columns ``user`` may read in this call: the caller's own values, and the platform's for its people."""
    mine = institutions_of(user, call.product.project)
    sides = {"platform"} if any(row.kind == Institution.Kind.PLATFORM for row in mine) else set()
    return frozenset(sides | ({"partner"} if call.institution in mine else set()))
