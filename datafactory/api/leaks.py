"""REST doors of leak scans."""

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from datafactory import access
from datafactory.api.doors import read
from datafactory.models import LeakScan
from datafactory.selectors import leaks as selectors
from datafactory.services import leaks
from projects.access import person
from projects.serializers import ErrorSerializer


class LeakScanSerializer(serializers.ModelSerializer[LeakScan]):
    """``state`` is that of the scan's job."""

    state = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField()

    class Meta:
        model = LeakScan
        fields = ["state", "scanned_at", "result", "decisions", "job", "url"]

    def get_state(self, row: LeakScan) -> str:
        return row.job.state if row.job else "finished"

    def get_url(self, row: LeakScan) -> str:
        table = row.feature_table
        return reverse("api-leak-scan", args=[table.project.slug, table.number])


class LeakDecisionSerializer(serializers.Serializer[Any]):
    column = serializers.CharField(max_length=200)
    act = serializers.ChoiceField(choices=leaks.ACTS, allow_blank=True)
    reason = serializers.CharField(required=False, default="", allow_blank=True, max_length=500)


class LeakScans(APIView):
    @extend_schema(operation_id="leak_scan_read", responses={200: LeakScanSerializer, 404: ErrorSerializer})
    def get(self, request: Request, slug: str, number: int) -> Response:
        """What the newest scan found: column, reason, figures; and what was decided."""
        table = access.feature_table_for(request.user, slug, number)
        scan = selectors.scan_of(table) or LeakScan(feature_table=table)
        return Response(LeakScanSerializer(scan).data)

    @extend_schema(operation_id="leak_scan_create", request=None, responses={202: LeakScanSerializer})
    def post(self, request: Request, slug: str, number: int) -> Response:
        """Scan again."""
        table = access.feature_table_for(request.user, slug, number, access.BUILD)
        scan = leaks.scan_leaks(user=person(request.user), table=table)
        return Response(LeakScanSerializer(scan).data, status=status.HTTP_202_ACCEPTED)


class LeakDecisions(APIView):
    @extend_schema(
        operation_id="leak_decisions_create",
        request=LeakDecisionSerializer,
        responses={200: LeakScanSerializer, 404: ErrorSerializer, 422: ErrorSerializer},
        examples=[OpenApiExample("Left out", {"column": "partner__collected", "act": "excluded"}, request_only=True)],
    )
    def post(self, request: Request, slug: str, number: int) -> Response:
        """Dismiss a finding with a reason, or leave its column out of training by default."""
        table = access.feature_table_for(request.user, slug, number, access.BUILD)
        given = read(LeakDecisionSerializer, request.data)
        scan = leaks.decide(user=person(request.user), table=table, **given)
        return Response(LeakScanSerializer(scan).data)
