"""REST doors of matches."""

from django.urls import reverse
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from datafactory import access
from datafactory import serializers as shapes
from datafactory.api import built_shapes as built
from datafactory.api.doors import PAGE, ordered, paged, read
from datafactory.selectors import matches as selectors
from datafactory.services import matches
from projects.access import person, project_for
from projects.errors import NotFound
from projects.serializers import ErrorSerializer

NEW_MATCH = {"sample": 1, "sources": [{"slug": "multi-lending"}], "id_types": ["mobile__sha256"]}


class Matches(APIView):
    @extend_schema(operation_id="matches_list", parameters=PAGE, responses=built.MatchSerializer(many=True))
    def get(self, request: Request, slug: str) -> Response:
        """The project's matches, newest first."""
        project = project_for(request.user, slug)
        return paged(request, selectors.matches_of(project, person(request.user)), built.MatchSerializer)

    @extend_schema(
        operation_id="matches_create",
        request=built.NewMatchSerializer,
        responses={202: shapes.OrderSerializer, 403: ErrorSerializer, 409: ErrorSerializer, 422: ErrorSerializer},
        examples=[OpenApiExample("With one source", NEW_MATCH, request_only=True)],
    )
    def post(self, request: Request, slug: str) -> Response:
        """Match a sample with sources on keyed ids, as of each application."""
        project = project_for(request.user, slug, access.BUILD)
        order = read(built.NewMatchSerializer, request.data)
        sample = access.sample_for(request.user, slug, order["sample"], access.BUILD)
        versions, missing = selectors.versions_asked_for(project, person(request.user), order["sources"])
        if missing:
            raise NotFound("source_not_found", _("There is no such source."), detail={"sources": missing})
        match = matches.match_sample(
            user=person(request.user),
            sample=sample,
            source_versions=versions,
            id_types=order.get("id_types"),
            name=order["name"],
            on=order.get("engine"),
        )
        return ordered(match, reverse("api-match-detail", args=[slug, match.number]))


class MatchDetail(APIView):
    @extend_schema(operation_id="matches_read", responses=built.MatchDetailSerializer)
    def get(self, request: Request, slug: str, number: int) -> Response:
        """A match with its state and report; cells of fewer than ten people are null."""
        match = access.match_for(request.user, slug, number)
        return Response(built.MatchDetailSerializer(match, context={"request": request}).data)
