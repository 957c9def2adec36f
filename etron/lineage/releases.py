"""Steps of what is offered and answers: versions and products."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import timedelta

from django.db.models import Count
from django.utils import timezone
from django.utils.translation import gettext as _

from etron.addresses import address
from etron.flow import Link, Step
from etron.lineage.base import Rights, link, party
from models_registry.models import Release, Version
from projects.models import Project
from projects.templatetags.figures import compact
from risk_products.models import Product, ScoreCall


def version_steps(project: Project, rights: Rights) -> Iterator[Step]:
    rows = Version.objects.filter(model__project=project).select_related("model", "run", "decided_by", "author")
    rows = rows.defer("run__ticket", "run__plan", "signature", "gate", "bands").order_by("model_id", "number")
    versions = list(rows)
    last = {version.model_id: version.number for version in versions}
    for version in versions:
        if version.status == Version.Status.RETIRED and version.number < last[version.model_id]:
            continue
        url = address("models_registry:version-detail", project.slug, version.model.slug, version.number)
        follow = (
            product_links(version, rights)
            if version.status == Version.Status.LIVE
            else version_links(version, url, rights)
        )
        yield Step(
            key=f"version-{version.pk}",
            kind="version",
            number=version.number,
            line=f"version-{version.pk}",
            parents=(f"evaluation-{version.evaluation_id}",),
            state=version.status,
            whose=party(version.run.column_set),
            label=_("Version %(n)s") % {"n": version.number},
            title=f"{version.model.name} v{version.number}",
            figure=str(version.get_status_display()),
            sub=str(version.decided_by or version.author),
            url=url,
            follow=follow,
        )


def version_links(version: Version, url: str, rights: Rights) -> tuple[Link, ...]:
    """The next act on a version that is not live yet; its page asks and says what the gate checked."""
    acts = {
        Version.Status.DRAFT: (rights.build, _("Submit for approval")),
        Version.Status.RETURNED: (rights.build, _("Submit for approval")),
        Version.Status.SUBMITTED: (rights.release, _("Approve or return")),
        Version.Status.APPROVED: (rights.release, _("Publish")),
    }
    allowed, title = acts.get(Version.Status(version.status), (False, ""))
    return (Link(title, url, "okc"),) if allowed and url else ()


def product_links(version: Version, rights: Rights) -> tuple[Link, ...]:
    return link(
        rights.build or rights.release,
        _("Make a product"),
        "bolt",
        "risk_products:product-create",
        query=f"?project={version.model.project_id}&model={version.model.slug}",
    )


def product_steps(project: Project, versions: Iterable[Step]) -> Iterator[Step]:
    products = list(Product.objects.filter(project=project).select_related("model").order_by("created_at"))
    if not products:
        return
    live = dict(Release.objects.filter(model__project=project, live_to=None).values_list("model_id", "version_id"))
    calls = calls_of_a_day(products)
    drawn = {step.key: step for step in versions}
    for product in products:
        version = f"version-{live.get(product.model_id)}"
        yield Step(
            key=f"product-{product.pk}",
            kind="product",
            number=product.pk,
            line=f"product-{product.pk}",
            parents=(version,) if version in drawn else (),
            state="live" if product.model_id in live else "draft",
            whose=drawn[version].whose if version in drawn else "joint",
            label=_("Product"),
            title=product.name,
            figure=compact(calls[product.pk]),
            sub=_("calls in 24 h") if product.model_id in live else _("no version is live"),
            note=product.description,
            url=address("risk_products:product-detail", product.slug),
        )


def calls_of_a_day(products: Iterable[Product]) -> Counter[int]:
    since = timezone.now() - timedelta(hours=24)
    rows = ScoreCall.objects.filter(product__in=list(products), at__gte=since).order_by()
    return Counter(dict(rows.values_list("product_id").annotate(n=Count("id"))))
