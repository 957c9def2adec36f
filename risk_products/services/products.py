"""Putting a product on the catalogue."""

from django.db import IntegrityError, transaction
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from models_registry.models import Model
from projects import audit, sharing
from projects.errors import Conflict, Invalid
from projects.models import User
from risk_products.models import Product


def create_product(
    *, user: User, model: Model, name: str, family: str, slug: str = "", description: str = ""
) -> Product:
    """A product that answers with whatever version of ``model`` is live, visible to the project's participants.

    Raises ``Invalid("bad_slug")``, ``Invalid("bad_family")`` and ``Conflict("slug_taken")``; not safe to call twice.
    """
    slug = slug or slugify(name)
    if slug != slugify(slug) or not slug:
        raise Invalid("bad_slug", _("The short name may hold lower-case letters, digits and hyphens."))
    if slug == "new":
        raise Invalid("bad_slug", _("This short name is taken by a page of the site."))
    if family not in Product.Family.values:
        raise Invalid("bad_family", _("Choose one of the four families."))
    try:
        with transaction.atomic():
            product = Product.objects.create(
                slug=slug,
                name=name,
                description=description,
                family=family,
                project=model.project,
                model=model,
                created_by=user,
            )
            sharing.share(product)
            audit.record("product.created", actor=user, project=model.project, target=slug, family=family)
    except IntegrityError:
        raise Conflict("slug_taken", _("There is already a product with this short name.")) from None
    return product
