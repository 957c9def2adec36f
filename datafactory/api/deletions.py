"""REST doors of level, retention and deletion."""

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from datafactory import access
from datafactory.api.doors import read
from datafactory.models import Deletion, Sample
from datafactory.selectors import deletions as selectors
from datafactory.services import deletions
from projects.access import person
from projects.serializers import ErrorSerializer


class NewDeletionSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=300, help_text="It stands on the certificate.")


class RetentionSerializer(serializers.Serializer[Any]):
    level = serializers.ChoiceField(choices=Sample.Level.choices)
    retain_until = serializers.DateField(allow_null=True, help_text="Deleted by itself after this day.")


class CertificateLineSerializer(serializers.Serializer[Any]):
    noun = serializers.CharField()
    number = serializers.IntegerField()
    name = serializers.CharField()
    content_hash = serializers.CharField()
    files = serializers.IntegerField()
    bytes = serializers.IntegerField()


class CertificateSerializer(serializers.Serializer[Any]):
    """``state`` is "removing" until every file is gone."""

    number = serializers.IntegerField()
    target = serializers.CharField()
    project = serializers.CharField(allow_null=True)
    institution = serializers.CharField()
    reason = serializers.CharField()
    requested_by = serializers.EmailField(allow_null=True)
    requested_at = serializers.DateTimeField()
    state = serializers.CharField()
    finished_at = serializers.DateTimeField(allow_null=True)
    artifacts = CertificateLineSerializer(many=True)
    files = serializers.IntegerField()
    bytes = serializers.IntegerField()
    keys_destroyed = serializers.ListField(child=serializers.CharField())
    kept = serializers.ListField(child=serializers.DictField())
    url = serializers.CharField()


def certificate(deletion: Deletion) -> dict[str, Any]:
    told = selectors.certificate(deletion) | {"url": reverse("api-deletion-detail", args=[deletion.number])}
    return dict(CertificateSerializer(told).data)


DELETE_DOOR: dict[str, Any] = {
    "operation_id": "samples_delete",
    "request": NewDeletionSerializer,
    "responses": {202: CertificateSerializer, 403: ErrorSerializer, 404: ErrorSerializer, 422: ErrorSerializer},
    "examples": [OpenApiExample("Purpose fulfilled", {"reason": "The pilot has ended."}, request_only=True)],
}
KEEP_DOOR: dict[str, Any] = {
    "operation_id": "samples_keep",
    "request": RetentionSerializer,
    "responses": {200: RetentionSerializer, 403: ErrorSerializer, 404: ErrorSerializer, 409: ErrorSerializer},
}


class RetainedSample(APIView):
    """What the owner of a sample may do to it; the door of the sample itself inherits from this."""

    @extend_schema(**DELETE_DOOR)
    def delete(self, request: Request, slug: str, number: int) -> Response:
        """Delete the sample and everything made of its rows; answers with the certificate's number."""
        sample = access.sample_for(request.user, slug, number)
        reason = read(NewDeletionSerializer, request.data)["reason"]
        deletion = deletions.delete_sample(sample=sample, user=person(request.user), reason=reason)
        return Response(certificate(deletion), status=status.HTTP_202_ACCEPTED)

    @extend_schema(**KEEP_DOOR)
    def patch(self, request: Request, slug: str, number: int) -> Response:
        """Set how sensitive the sample is and until when it is kept."""
        sample = access.sample_for(request.user, slug, number)
        given = read(RetentionSerializer, request.data)
        deletions.keep_until(user=person(request.user), sample=sample, **given)
        return Response(RetentionSerializer(given).data)


class VersionRetentionSerializer(serializers.Serializer[Any]):
    retain_until = serializers.DateField(allow_null=True, help_text="Deleted by itself after this day.")


class RetainedVersion(APIView):
    """What a source's keepers may do to a version; the door of the version itself inherits from this."""

    @extend_schema(**(DELETE_DOOR | {"operation_id": "source_versions_delete"}))
    def delete(self, request: Request, code: str, number: int) -> Response:
        """Delete the version and everything made of its rows, unless a live model looks people up in it."""
        version = access.source_version_for(request.user, code, number)
        reason = read(NewDeletionSerializer, request.data)["reason"]
        deletion = deletions.delete_source_version(version=version, user=person(request.user), reason=reason)
        return Response(certificate(deletion), status=status.HTTP_202_ACCEPTED)

    @extend_schema(
        **(KEEP_DOOR | {"operation_id": "source_versions_keep", "request": VersionRetentionSerializer}),
    )
    def patch(self, request: Request, code: str, number: int) -> Response:
        """Set until when the version is kept."""
        version = access.source_version_for(request.user, code, number)
        given = read(VersionRetentionSerializer, request.data)
        deletions.keep_version_until(user=person(request.user), version=version, **given)
        return Response(VersionRetentionSerializer(given).data)


class DeletionDetail(APIView):
    @extend_schema(operation_id="deletions_read", responses={200: CertificateSerializer, 404: ErrorSerializer})
    def get(self, request: Request, number: int) -> Response:
        """The certificate of a deletion."""
        return Response(certificate(access.deletion_for(request.user, number)))
