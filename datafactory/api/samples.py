"""REST doors of uploads and samples."""

from typing import Any

from django.conf import settings
from django.urls import reverse
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from datafactory import access
from datafactory import serializers as shapes
from datafactory.api.deletions import RetainedSample
from datafactory.api.doors import PAGE, ordered, paged, read
from datafactory.selectors import samples as selectors
from datafactory.services import samples, uploads
from projects.access import person, project_for
from projects.serializers import ErrorSerializer

NEW_SAMPLE = {
    "upload": "5f0c1f2e-6d0f-4a55-9d58-3f3ad3f4a001",
    "name": "Applications of 2024",
    "plan": {
        "row_id": "application_no",
        "ids": [{"column": "mobile_sha256", "namespace": "mobile", "algorithm": "sha256"}],
        "observed_at": "applied_at",
        "label": "bad_30dpd_6mob",
        "bad_values": ["1"],
        "good_values": ["0"],
        "indeterminate_values": ["2"],
        "approved": "decision",
        "exclusions": [{"column": "channel", "operator": "in", "values": ["staff"], "reason": "own staff"}],
        "specials": {"income": [-1]},
        "performance_window_months": 6,
        "outcomes_as_of": "2025-06-30",
    },
}


def received(request: Request, **where: Any) -> Response:
    """Keep the file of a multipart body and answer with what it seems to be."""
    length = int(request.META.get("CONTENT_LENGTH") or 0)
    if "file" not in request.data and length > settings.UPLOAD_MAX_BYTES:
        raise uploads.too_large()
    values = read(shapes.NewUploadSerializer, request.data)
    upload = uploads.receive_upload(
        user=person(request.user),
        file=values["file"],
        filename=values["file"].name,
        encoding=values.get("encoding"),
        delimiter=values.get("delimiter"),
        **where,
    )
    return Response(shapes.UploadSerializer(upload).data, status=status.HTTP_201_CREATED)


UPLOAD_DOOR: dict[str, Any] = {
    "request": {"multipart/form-data": shapes.NewUploadSerializer},
    "responses": {201: shapes.UploadSerializer, 403: ErrorSerializer, 409: ErrorSerializer, 422: ErrorSerializer},
}


class ProjectUploads(APIView):
    parser_classes = [MultiPartParser]

    @extend_schema(operation_id="uploads_create", **UPLOAD_DOOR)
    def post(self, request: Request, slug: str) -> Response:
        """Send a sample file: analysts with an authorisation in force. Raw personal numbers are refused."""
        project = project_for(request.user, slug, access.BRING)
        return received(request, project=project)


class Samples(APIView):
    @extend_schema(operation_id="samples_list", parameters=PAGE, responses=shapes.SampleSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """The project's samples, newest first."""
        project = project_for(request.user, slug)
        return paged(request, selectors.samples_of(project, person(request.user)), shapes.SampleSerializer)

    @extend_schema(
        operation_id="samples_create",
        request=shapes.NewSampleSerializer,
        responses={202: shapes.OrderSerializer, 403: ErrorSerializer, 409: ErrorSerializer, 422: ErrorSerializer},
        examples=[OpenApiExample("Applications", NEW_SAMPLE, request_only=True)],
    )
    def post(self, request: Request, slug: str) -> Response:
        """Import an uploaded file as the next sample of the project."""
        project = project_for(request.user, slug, access.BRING)
        order = read(shapes.NewSampleSerializer, request.data)
        _, upload = access.upload_for(request.user, slug, order["upload"])
        sample = samples.import_sample(
            user=person(request.user),
            project=project,
            upload=upload,
            plan=order["plan"],
            name=order["name"],
            level=order["level"],
            retain_until=order["retain_until"],
        )
        return ordered(sample, reverse("api-sample-detail", args=[slug, sample.number]))


class SampleDetail(RetainedSample):
    @extend_schema(operation_id="samples_read", responses=shapes.SampleDetailSerializer)
    def get(self, request: Request, slug: str, number: int) -> Response:
        """A sample with its recipe, state and validation report."""
        sample = access.sample_for(request.user, slug, number)
        return Response(shapes.SampleDetailSerializer(sample, context={"request": request}).data)
