"""REST doors of private matching: bytes of the protocol in and out, sizes in JSON, ids never."""

from pathlib import Path
from typing import IO, Any
from uuid import UUID

from django.http import FileResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import status
from rest_framework.parsers import BaseParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from datafactory import access
from datafactory.api import private_match_shapes as shapes
from datafactory.api.doors import PAGE, paged, read
from datafactory.models import PrivateMatch
from datafactory.selectors import matches
from datafactory.selectors import private_matches as selectors
from datafactory.services import private_matches
from projects.access import person, project_for
from projects.errors import NotFound
from projects.serializers import ErrorSerializer

BYTES = "application/octet-stream"
FILE = {(200, BYTES): OpenApiTypes.BINARY}
FITS = "Setup-SHA256"
REFUSED = {403: ErrorSerializer, 409: ErrorSerializer, 422: ErrorSerializer}
NEW_SESSION = {"source": "multi-lending", "id_type": "mobile__sha256", "reveal": "ids", "max_ids": 20000, "days": 7}


class BytesParser(BaseParser):
    """Leaves the body where it is, to be read piece by piece."""

    media_type = BYTES

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None) -> Any:
        return stream


class BytesOrJson(JSONRenderer):
    """For who asks for bytes alone: what is refused comes as JSON all the same."""

    media_type = BYTES
    format = "bytes"


def shown(request: Request, session: PrivateMatch, code: int = status.HTTP_200_OK) -> Response:
    fresh = access.private_match_for(request.user, session.project.slug, session.pk)
    return Response(shapes.PrivateMatchSerializer(fresh, context={"request": request}).data, status=code)


def streamed(path: Path) -> FileResponse:
    return FileResponse(path.open("rb"), content_type=BYTES, as_attachment=True, filename=path.name)


class PrivateMatches(APIView):
    @extend_schema(
        operation_id="private_matches_list", parameters=PAGE, responses=shapes.PrivateMatchSerializer(many=True)
    )
    def get(self, request: Request, slug: str) -> Response:
        """The sessions of one's own institutions in the project, newest first."""
        rows = selectors.sessions_of(project_for(request.user, slug), person(request.user))
        return paged(request, rows, shapes.PrivateMatchSerializer)

    @extend_schema(
        operation_id="private_matches_create",
        request=shapes.NewPrivateMatchSerializer,
        responses={201: shapes.PrivateMatchSerializer, **REFUSED},
        examples=[OpenApiExample("Which of at most 20,000 are known", NEW_SESSION, request_only=True)],
    )
    def post(self, request: Request, slug: str) -> Response:
        """Ask for a session: the owner of the source allows or refuses it. The page says what each side learns."""
        project = project_for(request.user, slug, access.BRING)
        order = read(shapes.NewPrivateMatchSerializer, request.data)
        named = {"slug": order.pop("source"), "version": order.pop("version", None)}
        versions, _missing = matches.versions_asked_for(project, person(request.user), [named])
        if not versions:
            raise NotFound("source_not_found", _("There is no such source."))
        session = private_matches.request_session(
            user=person(request.user), project=project, version=versions[0], **order
        )
        return shown(request, session, status.HTTP_201_CREATED)


class PrivateMatchDetail(APIView):
    @extend_schema(operation_id="private_matches_read", responses=shapes.PrivateMatchSerializer)
    def get(self, request: Request, slug: str, pk: UUID) -> Response:
        """A session with its state and sizes."""
        return shown(request, access.private_match_for(request.user, slug, pk))

    @extend_schema(operation_id="private_matches_close", request=None, responses={204: None, 403: ErrorSerializer})
    def delete(self, request: Request, slug: str, pk: UUID) -> Response:
        """End a session, by either side: its request and response are removed, its sizes and audit lines stay."""
        session = access.closed_private_match_for(request.user, slug, pk)
        private_matches.close(user=person(request.user), session=session)
        return Response(status=status.HTTP_204_NO_CONTENT)


class PrivateMatchDecision(APIView):
    @extend_schema(
        operation_id="private_matches_decide",
        request=shapes.DecisionOnPrivateMatchSerializer,
        responses={200: shapes.PrivateMatchSerializer, **REFUSED},
    )
    def post(self, request: Request, slug: str, pk: UUID) -> Response:
        """Allow or refuse a session: modelers and administrators of the source's owner, never who asked for it."""
        session = access.kept_private_match_for(request.user, slug, pk)
        order = read(shapes.DecisionOnPrivateMatchSerializer, request.data)
        private_matches.decide(user=person(request.user), session=session, approve=order["approve"])
        return shown(request, session)


class PrivateMatchSetup(APIView):
    renderer_classes = [JSONRenderer, BytesOrJson]

    @extend_schema(operation_id="private_matches_setup", responses={**FILE, 409: ErrorSerializer})
    def get(self, request: Request, slug: str, pk: UUID) -> FileResponse:
        """The set-up message, protobuf ``ServerSetup``: the platform's ids as a coded set under its secret."""
        return streamed(private_matches.setup_file(access.asked_private_match_for(request.user, slug, pk)))


class PrivateMatchRequest(APIView):
    parser_classes = [BytesParser]

    @extend_schema(
        operation_id="private_matches_ask",
        request={BYTES: OpenApiTypes.BINARY},
        responses={202: shapes.PrivateMatchSerializer, **REFUSED},
    )
    def post(self, request: Request, slug: str, pk: UUID) -> Response:
        """The session's one request, protobuf ``Request``: points under the partner's secret. The same bytes again get
        the same answer, others 409."""
        session = access.asked_private_match_for(request.user, slug, pk)
        body: Any = request.data
        private_matches.ask(user=person(request.user), session=session, body=body)
        return shown(request, session, status.HTTP_202_ACCEPTED)


class PrivateMatchResponse(APIView):
    renderer_classes = [JSONRenderer, BytesOrJson]

    @extend_schema(
        operation_id="private_matches_response",
        responses={**FILE, 202: shapes.PrivateMatchSerializer, 409: ErrorSerializer},
    )
    def get(self, request: Request, slug: str, pk: UUID) -> FileResponse | Response:
        """The response, protobuf ``Response``, with the sha256 of the set-up that it fits in Setup-SHA256; 202 with
        the session while it is being worked on."""
        session = access.asked_private_match_for(request.user, slug, pk)
        path = private_matches.response_file(session)
        if path is None:
            return shown(request, session, status.HTTP_202_ACCEPTED)
        answer = streamed(path)
        answer.headers[FITS] = private_matches.setup_sha256(session)
        return answer


class PrivateMatchSize(APIView):
    @extend_schema(
        operation_id="private_matches_note_size",
        request=shapes.SizeOfPrivateMatchSerializer,
        responses={200: shapes.PrivateMatchSerializer, **REFUSED},
    )
    def post(self, request: Request, slug: str, pk: UUID) -> Response:
        """Tell the other side the number of shared ids of a size-only session; kept in steps of ten."""
        session = access.asked_private_match_for(request.user, slug, pk)
        order = read(shapes.SizeOfPrivateMatchSerializer, request.data)
        private_matches.note_size(user=person(request.user), session=session, n_matched=order["n_matched"])
        return shown(request, session)
