"""The scoring door: two lean views, no framework between the request and the score."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from http import HTTPStatus

from django.core.exceptions import RequestDataTooBig
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_exempt
from knox.auth import TokenAuthentication
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.exceptions import PermissionDenied as CsrfFailed

from projects.access import person
from projects.errors import DomainError, Forbidden, NotFound, as_domain_error
from projects.errors import body as error_body
from projects.models import User
from risk_products import access
from risk_products.api import schema
from risk_products.engine import answers, requests
from risk_products.models import ScoreCall
from risk_products.selectors import standing as standings
from risk_products.selectors.standing import Standing
from risk_products.services import recording, scoring

log = logging.getLogger(__name__)
Channel = ScoreCall.Channel


@csrf_exempt
def score(request: HttpRequest, slug: str) -> HttpResponse:
    """One applicant. A session's request is checked for CSRF below, a key's needs no such check."""

    def answer(standing: Standing) -> bytes:
        asked = requests.decode(_body(request, requests.MAX_BODY_BYTES))
        return scoring.score(standing, asked, channel=Channel.API if standing.key_id else Channel.TRY)

    return _answered(request, slug, answer)


@csrf_exempt
def score_batch(request: HttpRequest, slug: str) -> HttpResponse:
    """Up to 1,000 applicants, each a call of its own."""

    def answer(standing: Standing) -> bytes:
        rows = requests.decode_batch(_body(request, requests.MAX_BATCH_BYTES))
        return scoring.score_batch(standing, rows, channel=Channel.BATCH if standing.key_id else Channel.TRY)

    return _answered(request, slug, answer)


def _answered(request: HttpRequest, slug: str, answer: Callable[[Standing], bytes]) -> HttpResponse:
    standing: Standing | None = None
    try:
        if request.method != "POST":
            raise DomainError("method_not_allowed", _("Send a POST request."), status=405)
        standing = _standing(request, slug)
        return HttpResponse(answer(standing), content_type="application/json")
    except Exception as error:
        return _refused(error, standing)


def _standing(request: HttpRequest, slug: str) -> Standing:
    scheme, _space, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme == "Bearer":
        standing = standings.of_key(credentials.strip())
        if standing is None:
            raise DomainError("bad_key", _("This key is not known."), status=401)
        if standing.product_slug != slug:
            raise NotFound("product_not_found", _("There is no such product."))
        return standing
    product = access.product_for(_user(request, scheme), slug, "score_product")
    institution = access.acting_for(request.user, product, "score_product")
    return standings.of_user(product, institution.pk, person(request.user).pk)


def _user(request: HttpRequest, scheme: str) -> User:
    """Who is signed in, by token or session; for people trying a call, not for machines."""
    try:
        if scheme == "Token":
            found = TokenAuthentication().authenticate(request)
            if found is not None:
                request.user = found[0]
        elif request.user.is_authenticated:
            SessionAuthentication().enforce_csrf(request)  # type: ignore[arg-type] # it only needs cookies and headers
    except AuthenticationFailed as error:
        raise DomainError("bad_token", str(error.detail), status=401) from None
    except CsrfFailed as error:
        raise Forbidden("csrf_failed", str(error.detail)) from None
    if not request.user.is_authenticated:
        raise DomainError("not_authenticated", _("Send a product key: Authorization: Bearer pk_…"), status=401)
    return person(request.user)


def _body(request: HttpRequest, limit: int) -> bytes:
    try:
        body = request.body
    except RequestDataTooBig:
        raise _too_large(limit) from None
    except UnreadablePostError:
        raise DomainError("body_incomplete", _("The request ended before its body did.")) from None
    if len(body) > limit:
        raise _too_large(limit)
    return body


def _too_large(limit: int) -> DomainError:
    text = _("The body is larger than %(limit)s bytes.") % {"limit": limit}
    return DomainError("body_too_large", text, status=413)


def _refused(error: Exception, standing: Standing | None) -> HttpResponse:
    told = as_domain_error(error)
    if isinstance(error, OperationalError):
        log.warning("Database not reachable or locked: %s", error)
        told = DomainError("busy", _("The database is busy. Ask again with the same request id."), status=503)
    if told is None:
        fault = uuid.uuid4().hex[:12]
        log.exception("Score call failed, fault %s", fault, exc_info=error)
        text = _("Internal error. Ask again with the same request id.")
        told = DomainError("internal_error", text, status=500, detail={"fault": fault})
    if standing is not None and told.code != "busy":
        _count(standing, told)
    return _error_response(told)


def _count(standing: Standing, told: DomainError) -> None:
    """A sum that cannot be written must not hide the error that it counts."""
    try:
        recording.count_refusal(standing, told.code, timezone.now())
    except OperationalError as error:
        log.warning("A refusal was not counted: %s", error)


def _error_response(told: DomainError) -> HttpResponse:
    response = HttpResponse(answers.encode(error_body(told)), content_type="application/json", status=told.status)
    if told.status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = "Bearer"
    if isinstance(told, scoring.OverLimit):
        response["Retry-After"] = str(told.retry_after_s)
    elif told.status == HTTPStatus.SERVICE_UNAVAILABLE:
        response["Retry-After"] = "1"
    return response


# What drf-spectacular reads to describe the two functions; see api/schema.py.
for _view, _described in ((score, schema.ScoreDescribed), (score_batch, schema.ScoreBatchDescribed)):
    _view.cls = _described  # type: ignore[attr-defined]
    _view.initkwargs = {}  # type: ignore[attr-defined]
