"""What the doors of this floor share: reading a body, pages of a list, the answer of ordered work."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework import status
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

PAGE = [OpenApiParameter("limit", int), OpenApiParameter("offset", int)]


def read(shape: type[BaseSerializer[Any]], data: Any) -> dict[str, Any]:
    """The valid body, or 400 with the fields at fault."""
    serializer = shape(data=data)
    serializer.is_valid(raise_exception=True)
    values: dict[str, Any] = serializer.validated_data
    return values


def paged(request: Request, rows: QuerySet[Any], shape: type[BaseSerializer[Any]]) -> Response:
    pages = LimitOffsetPagination()
    page = pages.paginate_queryset(rows, request)
    return pages.get_paginated_response(shape(page, many=True, context={"request": request}).data)


def ordered(row: Any, url: str) -> Response:
    """202 with where to look; a job that ran at once already shows its end."""
    row.refresh_from_db(fields=["state"])
    body = {"number": row.number, "state": row.state, "job": row.job_id, "url": url}
    return Response(body, status=status.HTTP_202_ACCEPTED)
