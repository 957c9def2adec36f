"""REST door of imports from databases and stores."""

from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from datafactory import access
from datafactory.api.doors import read
from datafactory.engine.connectors import Wanted
from datafactory.services import connections
from projects.access import person
from projects.serializers import ErrorSerializer

NEW_FETCH = {"connection": "core", "table": "public.loans", "columns": ["id_sha256", "opened_at", "amount"]}


class ConnectionSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    kind = serializers.CharField(help_text="PostgreSQL, MySQL or S3")


class OfferedSerializer(serializers.Serializer[Any]):
    connections = ConnectionSerializer(many=True)
    tables = serializers.ListField(child=serializers.CharField(), help_text="Of the connection asked for.")
    columns = serializers.ListField(child=serializers.CharField(), help_text="Of the table asked for.")


class NewFetchSerializer(serializers.Serializer[Any]):
    connection = serializers.CharField(max_length=100)
    table = serializers.CharField(max_length=1000)
    columns = serializers.ListField(
        child=serializers.CharField(max_length=300), required=False, help_text="All if left out."
    )
    since_column = serializers.CharField(required=False, max_length=300, help_text="A column that grows with changes")
    since = serializers.CharField(required=False, max_length=100, help_text="Only rows above this value come over.")


class FetchSerializer(serializers.Serializer[Any]):
    job = serializers.CharField()
    upload = serializers.UUIDField(help_text="Import it as a version when the job has ended.")


class SourceFetches(APIView):
    @extend_schema(
        operation_id="source_fetches_read",
        parameters=[OpenApiParameter("connection", str), OpenApiParameter("table", str)],
        responses={200: OfferedSerializer, 403: ErrorSerializer, 422: ErrorSerializer},
    )
    def get(self, request: Request, code: str) -> Response:
        """What a version could be brought over from: connections, their tables and columns."""
        access.source_for(request.user, code, keep=True)
        asked = request.query_params
        name, table = asked.get("connection", ""), asked.get("table", "")
        body = {
            "connections": connections.offered(),
            "tables": connections.tables_of(name) if name else [],
            "columns": connections.columns_of(name, table) if name and table else [],
        }
        return Response(OfferedSerializer(body).data)

    @extend_schema(
        operation_id="source_fetches_create",
        request=NewFetchSerializer,
        responses={202: FetchSerializer, 403: ErrorSerializer, 404: ErrorSerializer, 422: ErrorSerializer},
        examples=[OpenApiExample("Three columns", NEW_FETCH, request_only=True)],
    )
    def post(self, request: Request, code: str) -> Response:
        """Bring a table over; the result is an upload, to be imported as the source's next version."""
        source = access.source_for(request.user, code, keep=True)
        order = read(NewFetchSerializer, request.data)
        wanted = Wanted(order["table"], tuple(order.get("columns", ())), order.get("since_column"), order.get("since"))
        job, upload = connections.fetch_table(
            user=person(request.user), source=source, connection=order["connection"], wanted=wanted
        )
        body = FetchSerializer({"job": job.pk, "upload": upload}).data
        return Response(body, status=status.HTTP_202_ACCEPTED)
