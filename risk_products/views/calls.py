"""Pages of recorded calls."""

import msgspec
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from projects.access import person
from risk_products import access
from risk_products.engine import answers
from risk_products.selectors import catalogue, examples
from risk_products.selectors.values import value_lines
from risk_products.services import scoring

PER_PAGE = 50


@login_required
def call_list(request: HttpRequest, slug: str) -> HttpResponse:
    product = access.product_for(request.user, slug)
    rows = catalogue.calls_of(product, access.visible_institutions(request.user, product))
    if wanted := request.GET.get("q", "").strip():
        rows = rows.filter(request_id=wanted)
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "risk_products/call_list.html", {"product": product, "page": page, "q": wanted})


@login_required
def call_detail(request: HttpRequest, slug: str, request_id: str) -> HttpResponse:
    call = access.call_for(request.user, slug, request_id, request.GET.get("institution", ""))
    context = {
        "product": call.product,
        "call": call,
        "answer": answers.decode(call.answer),
        "answer_text": examples.pretty_json(call.answer.encode()),
        "lines": value_lines(call, access.sides_of(request.user, call)),
        "user": person(request.user),
    }
    return render(request, "risk_products/call_detail.html", context)


@login_required
@require_POST
def call_replay(request: HttpRequest, slug: str, request_id: str) -> HttpResponse:
    """Score the recorded values again with the recorded version: a fragment that says whether it is the same."""
    call = access.call_for(request.user, slug, request_id, request.GET.get("institution", ""))
    replay = scoring.replay(call)
    context = {"call": call, "replay": replay, "recomputed": examples.pretty(msgspec.to_builtins(replay.recomputed))}
    return render(request, "risk_products/_call_replay.html", context)
