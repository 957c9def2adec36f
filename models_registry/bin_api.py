"""REST doors of bin sets: drafts, revisions, files."""

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from datafactory.serializers import OrderSerializer
from models_registry import access, bin_pages, bin_selectors
from models_registry import bin_serializers as shapes
from models_registry.models import BinRevision, BinSet
from models_registry.services import bin_drafts, bin_files, bin_sets
from projects.access import person, project_for
from projects.errors import Invalid

PAGE = [OpenApiParameter("limit", int), OpenApiParameter("offset", int)]
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def read(shape: Any, data: Any) -> dict[str, Any]:
    serializer = shape(data=data)
    serializer.is_valid(raise_exception=True)
    valid: dict[str, Any] = serializer.validated_data
    return valid


class BinSets(APIView):
    @extend_schema(operation_id="bin_sets_list", parameters=PAGE, responses=shapes.BinSetSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """Bin sets of a project, newest first."""
        project = project_for(person(request.user), slug)
        pages = LimitOffsetPagination()
        rows = pages.paginate_queryset(bin_selectors.bin_sets_of(project), request)
        return pages.get_paginated_response(shapes.BinSetSerializer(rows, many=True).data)

    @extend_schema(
        operation_id="bin_sets_create",
        request=shapes.NewBinSet,
        responses={202: OrderSerializer},
        examples=[
            OpenApiExample(
                "By time",
                {"feature_table": 1, "plan": {"split": {"kind": "time", "oot_months": 2, "seed": 7}}},
                request_only=True,
            )
        ],
    )
    def post(self, request: Request, slug: str) -> Response:
        """Count a feature table's variables under a split and propose bins."""
        project_for(request.user, slug, access.BUILD)
        order = read(shapes.NewBinSet, request.data)
        table = access.feature_table_for(request.user, slug, order["feature_table"])
        plan = bin_sets.read_plan(order["plan"])
        row = bin_sets.create_bin_set(user=person(request.user), feature_table=table, plan=plan, name=order["name"])
        row.refresh_from_db(fields=["state"])
        url = shapes.BinSetSerializer().get_url(row)
        body = {"number": row.number, "state": row.state, "job": row.job_id, "url": url}
        return Response(body, status=status.HTTP_202_ACCEPTED)


class BinSetDetail(APIView):
    @extend_schema(operation_id="bin_sets_read", responses=shapes.BinSetDetailSerializer)
    def get(self, request: Request, slug: str, number: int) -> Response:
        """A bin set: its variables with state and figures, and its revisions."""
        return Response(shapes.BinSetDetailSerializer(access.bin_set_for(request.user, slug, number)).data)


class BinVariable(APIView):
    @extend_schema(operation_id="bin_variables_read", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, slug: str, number: int, name: str) -> Response:
        """One variable: bins, figures by split, months, notes. Counts of few people are hidden."""
        return Response(bin_pages.variable(access.draft_for(request.user, slug, number, name)))

    @extend_schema(
        operation_id="bin_variables_change",
        request=shapes.Change,
        responses={200: OpenApiTypes.OBJECT, 409: OpenApiTypes.OBJECT},
        examples=[
            OpenApiExample("Merge", {"version": 1, "edit": {"op": "merge", "bins": [1, 2]}}, request_only=True),
            OpenApiExample("Split", {"version": 1, "edit": {"op": "split", "bin": 0, "at": 12.5}}, request_only=True),
            OpenApiExample("Move", {"version": 1, "edit": {"op": "move", "edge": 0, "to": 30}}, request_only=True),
            OpenApiExample(
                "Missing into a bin", {"version": 1, "edit": {"op": "place", "place": "missing", "bin": 2}},
                request_only=True,
            ),
            OpenApiExample("Undo", {"version": 2, "act": "undo"}, request_only=True),
            OpenApiExample("Accept", {"version": 3, "act": "accept", "reason": "Monotone."}, request_only=True),
        ],
    )  # fmt: skip
    def put(self, request: Request, slug: str, number: int, name: str) -> Response:
        """One change: an edit, undo, redo, reset, accept, reopen, or a note. A stale ``version`` gets 409."""
        draft = access.draft_for(request.user, slug, number, name, access.BUILD)
        order = read(shapes.Change, request.data)
        row = bin_drafts.change(user=person(request.user), draft=draft, **order)
        return Response(bin_pages.variable(row))

    @extend_schema(
        operation_id="bin_variables_preview",
        request=shapes.Question,
        responses=OpenApiTypes.OBJECT,
        examples=[
            OpenApiExample("Preview", {"edit": {"op": "move", "edge": 0, "to": 31, "snap": True}}, request_only=True),
            OpenApiExample("Wish", {"wish": {"trend": "ascending", "min_bins": 4}}, request_only=True),
        ],
    )
    def post(self, request: Request, slug: str, number: int, name: str) -> Response:
        """What an edit would say, or what the optimiser proposes under a wish; no draft is changed."""
        draft = access.draft_for(request.user, slug, number, name, access.BUILD)
        order = read(shapes.Question, request.data)
        if ("edit" in order) == ("wish" in order):
            raise Invalid("bad_question", "Give either an edit or a wish.")
        bins = bin_drafts.preview(draft, order["edit"]) if "edit" in order else bin_drafts.wish(draft, order["wish"])
        return Response(bin_pages.variable(draft, bins))


class BinRevisions(APIView):
    @extend_schema(operation_id="bin_revisions_list", responses=shapes.BinRevisionSerializer(many=True))
    def get(self, request: Request, slug: str, number: int) -> Response:
        """Revisions of a bin set, newest first."""
        bin_set = access.bin_set_for(request.user, slug, number)
        rows = bin_set.revisions.select_related("author", "reviewer")
        return Response(shapes.BinRevisionSerializer(rows, many=True).data)

    @extend_schema(
        operation_id="bin_revisions_propose",
        request=shapes.Reason,
        responses={201: shapes.BinRevisionSerializer},
        examples=[OpenApiExample("Propose", {"reason": "Edges follow the product's limits."}, request_only=True)],
    )
    def post(self, request: Request, slug: str, number: int) -> Response:
        """Offer all accepted variables for review, with a reason."""
        bin_set = access.bin_set_for(request.user, slug, number, access.BUILD)
        order = read(shapes.Reason, request.data)
        made = bin_sets.propose_revision(user=person(request.user), bin_set=bin_set, reason=order["reason"])
        return Response(shapes.BinRevisionSerializer(made).data, status=status.HTTP_201_CREATED)


class BinRevisionDetail(APIView):
    @extend_schema(operation_id="bin_revisions_read", responses=shapes.BinRevisionDetailSerializer)
    def get(self, request: Request, slug: str, number: int, revision: int) -> Response:
        """A revision with its bins."""
        found = access.bin_revision_for(request.user, slug, number, revision)
        return Response(shapes.BinRevisionDetailSerializer(found).data)

    @extend_schema(
        operation_id="bin_revisions_decide",
        request=shapes.RevisionDecision,
        responses=shapes.BinRevisionSerializer,
        examples=[OpenApiExample("Accept", {"accept": True, "review": "Read."}, request_only=True)],
    )
    def post(self, request: Request, slug: str, number: int, revision: int) -> Response:
        """Accept or return a revision, once. An accepted one never changes."""
        found: BinRevision = access.bin_revision_for(request.user, slug, number, revision, access.BUILD)
        order = read(shapes.RevisionDecision, request.data)
        made = bin_sets.decide_revision(user=person(request.user), revision=found, **order)
        return Response(shapes.BinRevisionSerializer(made).data)


class BinFile(APIView):
    parser_classes = (JSONParser, MultiPartParser)

    @extend_schema(
        operation_id="bins_export",
        parameters=[
            OpenApiParameter("as", enum=["json", "xlsx"], description="Kind of file."),
            OpenApiParameter("revision", int, description="A revision; without it the drafts as they stand."),
        ],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request, slug: str, number: int) -> HttpResponse:
        """The bins as JSON or Excel."""
        bin_set = access.bin_set_for(request.user, slug, number)
        asked = read(shapes.WhichFile, {"kind": request.query_params.get("as", "json"), **request.query_params.dict()})
        content = bin_files.exported(bin_set, _revision(request, slug, bin_set, asked))
        if asked["kind"] == "json":
            return Response(content, headers={"Content-Disposition": _named(bin_set, "json")})
        file = HttpResponse(bin_files.workbook(content), content_type=EXCEL)
        file["Content-Disposition"] = _named(bin_set, "xlsx")
        return file

    @extend_schema(operation_id="bins_import", request=OpenApiTypes.OBJECT, responses=OpenApiTypes.OBJECT)
    def post(self, request: Request, slug: str, number: int) -> Response:
        """Set drafts from an exported file: JSON as the body, or a JSON or Excel file as ``file``."""
        bin_set = access.bin_set_for(request.user, slug, number, access.BUILD)
        file = request.FILES.get("file") if request.FILES else None
        bins = bin_files.read_file(file) if file else bin_files.read_json(request.data)
        return Response(bin_files.import_bins(user=person(request.user), bin_set=bin_set, bins=bins))


def _revision(request: Request, slug: str, bin_set: BinSet, asked: dict[str, Any]) -> BinRevision | None:
    if asked.get("revision") is None:
        return None
    return access.bin_revision_for(request.user, slug, bin_set.number, asked["revision"])


def _named(bin_set: BinSet, ending: str) -> str:
    return f'attachment; filename="bins-{bin_set.number}.{ending}"'
