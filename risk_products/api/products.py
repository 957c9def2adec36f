"""REST doors of the catalogue: products, keys, calls, what was live."""

from typing import Any

import msgspec
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from models_registry.access import model_for
from projects.access import person, project_for
from projects.errors import Invalid, NotFound
from risk_products import access, serializers
from risk_products.models import ScoreCall
from risk_products.selectors import catalogue, examples
from risk_products.selectors.values import value_lines
from risk_products.services import keys, scoring
from risk_products.services.products import create_product

PRODUCT = {
    "slug": "credit-score",
    "name": "Credit score",
    "family": "credit",
    "project": "auto-loan",
    "model": "credit-score",
}
KEY = {"name": "Loan origination", "expires_at": "2027-06-30T00:00:00+08:00", "daily_limit": 20000}
PAGE = [OpenApiParameter("limit", int), OpenApiParameter("offset", int)]
INSTITUTION = OpenApiParameter("institution", str, description="Tells apart equal request ids of two institutions.")


def read(shape: type[BaseSerializer[Any]], data: Any) -> dict[str, Any]:
    serializer = shape(data=data)
    serializer.is_valid(raise_exception=True)
    valid: dict[str, Any] = serializer.validated_data
    return valid


class Products(APIView):
    @extend_schema(operation_id="products_list", parameters=PAGE, responses=serializers.ProductOut(many=True))
    def get(self, request: Request) -> Response:
        """The products that you may see."""
        pages = LimitOffsetPagination()
        page = pages.paginate_queryset(catalogue.products_of(person(request.user)), request, view=self)
        return pages.get_paginated_response(serializers.ProductOut(page, many=True).data)

    @extend_schema(
        operation_id="products_create",
        request=serializers.ProductIn,
        responses={201: serializers.ProductOut},
        examples=[OpenApiExample("A credit score", PRODUCT, request_only=True)],
    )
    def post(self, request: Request) -> Response:
        """Put a model's scores on the catalogue."""
        order = read(serializers.ProductIn, request.data)
        user = person(request.user)
        project_for(user, order["project"], "projects.build_project")
        model = model_for(user, order.pop("project"), order.pop("model"))
        product = create_product(user=user, model=model, **order)
        row = catalogue.products_of(user).get(pk=product.pk)
        return Response(serializers.ProductOut(row).data, status=status.HTTP_201_CREATED)


class ProductDetail(APIView):
    @extend_schema(operation_id="products_read", responses=serializers.ProductOut)
    def get(self, request: Request, slug: str) -> Response:
        """One product."""
        product = access.product_for(request.user, slug)
        return Response(serializers.ProductOut(catalogue.products_of(person(request.user)).get(pk=product.pk)).data)


class Keys(APIView):
    @extend_schema(operation_id="keys_list", responses=serializers.KeyOut(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """The keys of your institution for this product."""
        product = access.product_for(request.user, slug)
        mine = access.own_institutions(request.user, product)
        lines: Any = catalogue.keys_of(product, mine)
        return Response(serializers.KeyOut(lines, many=True).data)

    @extend_schema(
        operation_id="keys_create",
        request=serializers.KeyIn,
        responses={201: serializers.NewKeyOut},
        examples=[OpenApiExample("A key with a daily limit", KEY, request_only=True)],
    )
    def post(self, request: Request, slug: str) -> Response:
        """Make a key. It is shown in this answer and never again."""
        product = access.product_for(request.user, slug, "integrate_product")
        institution = access.acting_for(request.user, product, "integrate_product")
        order = read(serializers.KeyIn, request.data)
        made = keys.issue_key(user=person(request.user), product=product, institution=institution, **order)
        line = catalogue.KeyLine(made.row, catalogue.key_state(made.row, timezone.now()), 0, None)
        curl = examples.curl(product, request.build_absolute_uri("/"), key=made.secret)
        body = dict(serializers.KeyOut(line).data) | {"key": made.secret, "curl": curl}
        return Response(body, status=status.HTTP_201_CREATED)


class KeyDetail(APIView):
    @extend_schema(operation_id="keys_revoke", responses={204: None})
    def delete(self, request: Request, slug: str, pk: int) -> Response:
        """Revoke a key: it stops answering within two seconds."""
        keys.revoke_key(user=person(request.user), key=access.key_for(request.user, slug, pk))
        return Response(status=status.HTTP_204_NO_CONTENT)


class Calls(APIView):
    @extend_schema(operation_id="calls_list", parameters=PAGE, responses=serializers.CallOut(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """Recorded calls, newest first: your institution's, and everybody's on the platform's side."""
        product = access.product_for(request.user, slug)
        rows = catalogue.calls_of(product, access.visible_institutions(request.user, product))
        pages = LimitOffsetPagination()
        page = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response(serializers.CallOut(page, many=True).data)


class CallDetail(APIView):
    @extend_schema(operation_id="calls_read", parameters=[INSTITUTION], responses=serializers.CallDetailOut)
    def get(self, request: Request, slug: str, request_id: str) -> Response:
        """One call with its answer and, of the values that it used, those of your side's columns."""
        call = _call(request, slug, request_id)
        return Response(call_body(call, request))


class CallReplay(APIView):
    @extend_schema(operation_id="calls_replay", parameters=[INSTITUTION], request=None, responses=serializers.ReplayOut)
    def post(self, request: Request, slug: str, request_id: str) -> Response:
        """Score the recorded values again with the recorded version and compare."""
        replay = scoring.replay(_call(request, slug, request_id))
        return Response(msgspec.to_builtins(replay._asdict()))


class Live(APIView):
    @extend_schema(
        operation_id="products_live",
        parameters=[OpenApiParameter("at", OpenApiTypes.DATETIME, description="Only what was live at this moment.")],
        responses=serializers.LiveOut(many=True),
    )
    def get(self, request: Request, slug: str) -> Response:
        """Which version answered, from when to when."""
        product = access.product_for(request.user, slug)
        wanted = request.query_params.get("at")
        if wanted is None:
            return Response(serializers.LiveOut(catalogue.releases_of(product), many=True).data)
        release = catalogue.release_at(product, moment(wanted))
        return Response(serializers.LiveOut([release] if release else [], many=True).data)


def moment(text: str) -> Any:
    """An aware time; without an offset it is meant in the site's zone."""
    try:
        at = parse_datetime(text)
    except ValueError:
        at = None
    if at is None:
        raise Invalid("bad_time", _("Write a time such as 2026-03-12T09:30:00+08:00."), detail={"column": "at"})
    return timezone.make_aware(at) if timezone.is_naive(at) else at


def call_body(call: ScoreCall, request: Request) -> dict[str, Any]:
    body = dict(serializers.CallOut(call).data)
    lines = value_lines(call, access.sides_of(request.user, call))
    return body | {"answer": msgspec.json.decode(call.answer), "values": [msgspec.to_builtins(v) for v in lines]}


def _call(request: Request, slug: str, request_id: str) -> ScoreCall:
    if len(request_id) > 64 or not request_id.isprintable():
        raise NotFound("call_not_found", _("There is no such call."))
    return access.call_for(request.user, slug, request_id, request.query_params.get("institution", ""))
