"""Pages of the catalogue: the list, a product's page, its keys, and a call to try."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from modeling.artifacts import from_json
from projects import sharing
from projects.access import person
from projects.errors import Conflict, Invalid, as_domain_error, body
from risk_products import access, charts
from risk_products.engine import requests
from risk_products.engine.signature import Signature
from risk_products.forms import KeyForm, MomentForm, ProductForm, TryForm
from risk_products.models import Product, ScoreCall
from risk_products.selectors import catalogue, examples, figures
from risk_products.selectors import standing as standings
from risk_products.services import keys, scoring
from risk_products.services.products import create_product

RECENT = 8


@login_required
def product_list(request: HttpRequest) -> HttpResponse:
    user = person(request.user)
    products = catalogue.products_of(user)
    context = {
        "families": catalogue.by_family(products),
        "calls": catalogue.calls_today(products, timezone.now()),
        "may_create": catalogue.builds_in(user).exists(),
    }
    return render(request, "risk_products/product_list.html", context)


@login_required
def product_create(request: HttpRequest) -> HttpResponse:
    user = person(request.user)
    form = ProductForm(request.POST or None, user=user, initial={"model": request.GET.get("model")})
    if request.method == "POST" and form.is_valid():
        try:
            product = create_product(user=user, **form.cleaned_data)
        except (Conflict, Invalid) as error:
            form.add_error("slug", str(error))
        else:
            return redirect("risk_products:product-detail", product.slug)
    return render(request, "risk_products/product_form.html", {"form": form}, status=422 if form.errors else 200)


@login_required
def product_detail(request: HttpRequest, slug: str) -> HttpResponse:
    product = access.product_for(request.user, slug)
    return _page(request, product)


@login_required
@require_POST
@never_cache
def key_create(request: HttpRequest, slug: str) -> HttpResponse:
    """Answers with the page itself: the key is on it once, and a reload asks before it makes another."""
    product = access.product_for(request.user, slug, "integrate_product")
    form = KeyForm(request.POST)
    if not form.is_valid():
        return _page(request, product, key_form=form, status=422)
    institution = access.acting_for(request.user, product, "integrate_product")
    try:
        made = keys.issue_key(user=person(request.user), product=product, institution=institution, **form.cleaned_data)
    except Invalid as error:
        form.add_error(error.detail["column"], str(error))
        return _page(request, product, key_form=form, status=422)
    return _page(request, product, new_key=made)


@login_required
@require_POST
def key_revoke(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    key = keys.revoke_key(user=person(request.user), key=access.key_for(request.user, slug, pk))
    messages.success(request, _("%(name)s was revoked. It stops answering within two seconds.") % {"name": key.name})
    return redirect("risk_products:product-detail", slug)


@login_required
@require_POST
def product_try(request: HttpRequest, slug: str) -> HttpResponse:
    """Score as the signed-in person; the answer or the error as a caller would get it."""
    product = access.product_for(request.user, slug, "score_product")
    institution = access.acting_for(request.user, product, "score_product")
    standing = standings.of_user(product, institution.pk, person(request.user).pk)
    form = TryForm(request.POST)
    text = form.cleaned_data["body"] if form.is_valid() else ""
    status = 200
    try:
        asked = requests.decode(text.encode())
        answer = examples.pretty_json(scoring.score(standing, asked, channel=ScoreCall.Channel.TRY))
        call_url: Any = (slug, asked.request_id)
    except Exception as error:
        told = as_domain_error(error)
        if told is None:
            raise
        status, answer, call_url = told.status, examples.pretty(body(told)), None
    context = {"status": status, "answer": answer, "call": call_url, "institution": institution}
    return render(request, "risk_products/_product_answer.html", context)


def _page(request: HttpRequest, product: Product, *, status: int = 200, **extra: Any) -> HttpResponse:
    visible = access.visible_institutions(request.user, product)
    mine = access.own_institutions(request.user, product)
    held = sharing.held(person(request.user), product)
    now = timezone.now()
    context = {
        "product": product,
        "project": product.project,
        "institutions": mine,
        "may_integrate": "integrate_product" in held,
        "may_score": "score_product" in held,
        "keys": catalogue.keys_of(product, mine, now),
        "key_form": KeyForm(),
        "recent": catalogue.calls_of(product, visible)[:RECENT],
        "releases": list(catalogue.releases_of(product)[:20]),
        **_live_at(request, product),
        **_day(product, visible, now),
        **extra,
    }
    context |= _calling(request, product, context)
    return render(request, "risk_products/product_detail.html", context, status=status)


def _calling(request: HttpRequest, product: Product, context: dict[str, Any]) -> dict[str, Any]:
    """What the page shows of the live version: code, answers, the form to try."""
    version = catalogue.live_version(product)
    if version is None:
        return {"version": None}
    signature = from_json(Signature, version.signature)
    made = context.get("new_key")
    secret = made.secret if made else examples.KEY_VARIABLE
    asked = examples.example_body(signature, f"try-{timezone.now():%Y%m%d-%H%M%S}")
    return {
        "version": version,
        "clients": examples.clients(product, signature, request.build_absolute_uri("/"), secret),
        "answers": examples.answers_and_errors(version.pk, signature),
        "try_form": TryForm(initial={"body": examples.pretty(asked)}),
    }


def _live_at(request: HttpRequest, product: Product) -> dict[str, Any]:
    form = MomentForm(request.GET if "at" in request.GET else None)
    at = form.cleaned_data["at"] if form.is_bound and form.is_valid() else None
    return {"at_form": form, "at": at, "at_release": catalogue.release_at(product, at) if at else None}


def _day(product: Product, visible: Any, now: Any) -> dict[str, Any]:
    day = figures.day_of(product, visible, now)
    hours = figures.hours_begun(day, now)
    return {
        "day": day,
        "calls_figure": charts.calls_chart(day, hours),
        "latency_figure": charts.latency_chart(day, hours),
        "hour_table": charts.hour_table(day, hours),
    }
