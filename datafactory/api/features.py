"""REST doors of feature tables."""

from django.urls import reverse
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from datafactory import access
from datafactory import serializers as shapes
from datafactory.api import built_shapes as built
from datafactory.api.doors import PAGE, ordered, paged, read
from datafactory.selectors import features as selectors
from datafactory.services import features
from projects.access import person, project_for
from projects.serializers import ErrorSerializer

NEW_TABLE = {
    "match": 1,
    "plan": {"windows_days": [7, 30, 90], "aggregates": ["count", "sum"], "grids": {"multi-lending": ["amount"]}},
}


class FeatureTables(APIView):
    @extend_schema(
        operation_id="feature_tables_list", parameters=PAGE, responses=built.FeatureTableSerializer(many=True)
    )
    def get(self, request: Request, slug: str) -> Response:
        """The project's feature tables, newest first."""
        project = project_for(request.user, slug)
        return paged(request, selectors.tables_of(project, person(request.user)), built.FeatureTableSerializer)

    @extend_schema(
        operation_id="feature_tables_create",
        request=built.NewFeatureTableSerializer,
        responses={202: shapes.OrderSerializer, 403: ErrorSerializer, 409: ErrorSerializer, 422: ErrorSerializer},
        examples=[OpenApiExample("Two aggregates in three windows", NEW_TABLE, request_only=True)],
    )
    def post(self, request: Request, slug: str) -> Response:
        """Build features of a match: latest values of snapshots, windows over events."""
        project_for(request.user, slug, access.BUILD)
        order = read(built.NewFeatureTableSerializer, request.data)
        match = access.match_for(request.user, slug, order["match"], access.BUILD)
        table = features.build_features(user=person(request.user), match=match, plan=order["plan"], name=order["name"])
        return ordered(table, reverse("api-feature-table-detail", args=[slug, table.number]))


class FeatureTableDetail(APIView):
    @extend_schema(operation_id="feature_tables_read", responses=built.FeatureTableDetailSerializer)
    def get(self, request: Request, slug: str, number: int) -> Response:
        """A feature table with its columns and the profile of each; never rows."""
        table = access.feature_table_for(request.user, slug, number)
        return Response(built.FeatureTableDetailSerializer(table, context={"request": request}).data)
