"""REST doors of the platform's catalogue."""

from django.urls import reverse
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from datafactory import access
from datafactory import serializers as shapes
from datafactory.api.deletions import RetainedVersion
from datafactory.api.doors import PAGE, ordered, read
from datafactory.api.samples import UPLOAD_DOOR, received
from datafactory.models import Source
from datafactory.selectors import sources as selectors
from datafactory.services import sources
from projects.access import person
from projects.serializers import ErrorSerializer

NEW_VERSION = {
    "upload": "5f0c1f2e-6d0f-4a55-9d58-3f3ad3f4a001",
    "plan": {
        "ids": [{"column": "mobile_sha256", "namespace": "mobile", "algorithm": "sha256"}],
        "event_time": "event_time",
        "known_at": "known_at",
        "delay_days": 1,
    },
}


class Sources(APIView):
    @extend_schema(operation_id="sources_list", parameters=PAGE, responses=shapes.SourceSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Sources that one may see: all of one's own platform, name and coverage of a partner platform's."""
        user, pages = person(request.user), LimitOffsetPagination()
        rows = pages.paginate_queryset(selectors.sources_seen_by(user), request) or []
        chosen = Source.objects.filter(pk__in=[row.pk for row in rows]).select_related("institution")
        return pages.get_paginated_response(
            shapes.SourceSerializer(selectors.source_lines(user, chosen), many=True).data
        )

    @extend_schema(
        operation_id="sources_create",
        request=shapes.NewSourceSerializer,
        responses={201: shapes.SourceSerializer, 403: ErrorSerializer, 409: ErrorSerializer},
    )
    def post(self, request: Request) -> Response:
        """Add a source to the platform's catalogue: its modelers and administrators."""
        user = person(request.user)
        sources.keeping_institution(user)
        source = sources.create_source(user=user, **read(shapes.NewSourceSerializer, request.data))
        body = shapes.SourceSerializer(selectors.source_line(user, source)).data
        return Response(body, status=status.HTTP_201_CREATED)


class SourceDetail(APIView):
    @extend_schema(operation_id="sources_read", responses=shapes.SourceSerializer)
    def get(self, request: Request, code: str) -> Response:
        """One source with its coverage and, for the platform's own people, its field dictionary."""
        source = access.source_for(request.user, code)
        return Response(shapes.SourceSerializer(selectors.source_line(person(request.user), source)).data)


class SourceUploads(APIView):
    parser_classes = [MultiPartParser]

    @extend_schema(operation_id="source_uploads_create", **UPLOAD_DOOR)
    def post(self, request: Request, code: str) -> Response:
        """Send a file for the next version of a source."""
        return received(request, source=access.source_for(request.user, code, keep=True))


class SourceVersions(APIView):
    @extend_schema(
        operation_id="source_versions_create",
        request=shapes.NewSourceVersionSerializer,
        responses={202: shapes.OrderSerializer, 403: ErrorSerializer, 422: ErrorSerializer},
        examples=[OpenApiExample("Events with known-at", NEW_VERSION, request_only=True)],
    )
    def post(self, request: Request, code: str) -> Response:
        """Import an uploaded file as the next version of the source."""
        access.source_for(request.user, code, keep=True)
        order = read(shapes.NewSourceVersionSerializer, request.data)
        source, upload = access.source_upload_for(request.user, code, order["upload"])
        version = sources.import_source_version(
            user=person(request.user), source=source, upload=upload, plan=order["plan"]
        )
        return ordered(version, reverse("api-source-version-detail", args=[code, version.number]))


class SourceVersionDetail(RetainedVersion):
    @extend_schema(operation_id="source_versions_read", responses=shapes.SourceVersionSerializer)
    def get(self, request: Request, code: str, number: int) -> Response:
        """A version with its recipe, dictionary and report: the platform's own people."""
        version = access.source_version_for(request.user, code, number)
        return Response(shapes.SourceVersionSerializer(version, context={"request": request}).data)
