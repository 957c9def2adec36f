"""REST doors of a second look at an upload and of import profiles."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from datafactory import access
from datafactory import serializers as shapes
from datafactory.api.doors import PAGE, paged, read
from datafactory.engine.dialect import ENCODINGS
from datafactory.engine.plans import Saved
from datafactory.models import ImportProfile, Upload
from datafactory.selectors import profiles as selectors
from datafactory.services import profiles, sniffs
from projects.access import person, project_for
from projects.serializers import ErrorSerializer


class SavedSerializer(serializers.Serializer[Any]):
    """How a file was saved; what is left out is found from the file."""

    encoding = serializers.ChoiceField(choices=ENCODINGS, required=False, allow_null=True)
    delimiter = serializers.CharField(required=False, allow_null=True, max_length=1, trim_whitespace=False)
    header = serializers.BooleanField(
        required=False, allow_null=True, help_text="false: the first row holds values and the columns are c1, c2, …"
    )
    sheet = serializers.CharField(required=False, allow_null=True, max_length=100)
    decimal = serializers.ChoiceField(choices=[".", ","], required=False, allow_null=True)
    nulls = serializers.ListField(child=serializers.CharField(allow_blank=True), required=False, allow_null=True)


class ImportProfileSerializer(serializers.ModelSerializer[ImportProfile]):
    institution = serializers.CharField(source="institution.slug", read_only=True)

    class Meta:
        model = ImportProfile
        fields = ["id", "name", "institution", "columns", "plan", "changed_at"]


class NewImportProfileSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=120)
    sample = serializers.IntegerField(help_text="Number of a finished sample of one's own institution")


def looked(request: Request, upload: Upload) -> Response:
    """Look at the file as the body says it was saved."""
    values = read(SavedSerializer, request.data)
    nulls = values.pop("nulls", None)
    saved = Saved(**values, nulls=None if nulls is None else ("", *(marker for marker in nulls if marker)))
    return Response(shapes.UploadSerializer(sniffs.look_again(upload=upload, saved=saved)).data)


SNIFF_DOOR: dict[str, Any] = {
    "request": SavedSerializer,
    "responses": {200: shapes.UploadSerializer, 409: ErrorSerializer, 422: ErrorSerializer},
}


class ProjectUploadSniff(APIView):
    @extend_schema(operation_id="uploads_sniff", **SNIFF_DOOR)
    def post(self, request: Request, slug: str, pk: UUID) -> Response:
        """Look at an uploaded file again, told how it was saved; nothing is sent again."""
        _, upload = access.upload_for(request.user, slug, pk)
        return looked(request, upload)


class SourceUploadSniff(APIView):
    @extend_schema(operation_id="source_uploads_sniff", **SNIFF_DOOR)
    def post(self, request: Request, code: str, pk: UUID) -> Response:
        """The same for the file of a source."""
        _, upload = access.source_upload_for(request.user, code, pk)
        return looked(request, upload)


class ImportProfiles(APIView):
    @extend_schema(operation_id="import_profiles_list", parameters=PAGE, responses=ImportProfileSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """Import profiles of one's own institution; ``plan`` is the body of the next sample, without its month."""
        project = project_for(request.user, slug, access.BRING)
        rows = selectors.profiles_of(access.bringing_institutions(request.user, project))
        return paged(request, rows, ImportProfileSerializer)

    @extend_schema(
        operation_id="import_profiles_create",
        request=NewImportProfileSerializer,
        responses={201: ImportProfileSerializer, 403: ErrorSerializer, 409: ErrorSerializer},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Keep how a finished sample was read; a profile of that name is replaced."""
        project_for(request.user, slug, access.BRING)
        order = read(NewImportProfileSerializer, request.data)
        sample = access.sample_for(request.user, slug, order["sample"], access.BRING)
        profile = profiles.save_profile(user=person(request.user), sample=sample, name=order["name"])
        return Response(ImportProfileSerializer(profile).data, status=status.HTTP_201_CREATED)


class ImportProfileDetail(APIView):
    @extend_schema(operation_id="import_profiles_delete", responses={204: None, 404: ErrorSerializer})
    def delete(self, request: Request, slug: str, pk: int) -> Response:
        """Forget a profile; samples that were read with it stay."""
        project, profile = access.import_profile_for(request.user, slug, pk)
        profiles.delete_profile(user=person(request.user), profile=profile, project=project)
        return Response(status=status.HTTP_204_NO_CONTENT)
