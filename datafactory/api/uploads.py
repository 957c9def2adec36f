"""Doors for files that come in pieces: tus 1.0 (core, creation, checksum, expiration, termination)."""

import base64
import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.http import http_date
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from datafactory import access
from datafactory.models import IncomingUpload
from datafactory.selectors import incoming as selectors
from datafactory.services import incoming
from projects.access import person, project_for
from projects.errors import DomainError
from projects.serializers import ErrorSerializer

VERSION = "1.0.0"
PIECE = "application/offset+octet-stream"
TOLD = {"filename", "sha256", "encoding", "delimiter"}


def header(name: str, about: str, *, required: bool = True, type: Any = str) -> OpenApiParameter:
    return OpenApiParameter(name, type, OpenApiParameter.HEADER, required=required, description=about)


TUS = header("Tus-Resumable", "The version of the protocol: 1.0.0")
LENGTH = header("Upload-Length", "Bytes of the whole file", type=int)
METADATA = header(
    "Upload-Metadata",
    "Names and base64 values between commas: filename, sha256 of the whole file, encoding, delimiter",
    required=False,
)
OFFSET = header("Upload-Offset", "Where the piece begins", type=int)
CHECKSUM = header("Upload-Checksum", "sha1 or sha256 of the piece, a blank, base64", required=False)
CREATE: dict[str, Any] = {
    "request": None,
    "parameters": [TUS, LENGTH, METADATA],
    "responses": {201: None, 403: ErrorSerializer, 409: ErrorSerializer, 413: ErrorSerializer, 429: ErrorSerializer},
}
APPEND: dict[str, Any] = {
    "request": {PIECE: OpenApiTypes.BINARY},
    "parameters": [TUS, OFFSET, CHECKSUM],
    "responses": {204: None, 409: ErrorSerializer, 413: ErrorSerializer, 423: ErrorSerializer, 460: ErrorSerializer},
}


class IncomingSerializer(serializers.ModelSerializer[IncomingUpload]):
    received_bytes = serializers.SerializerMethodField()
    state = serializers.SerializerMethodField(help_text="receiving, checking, then ready, refused or failed")
    error = serializers.SerializerMethodField(help_text="Why the file was not accepted; nothing of it was kept")
    expires_at = serializers.SerializerMethodField()
    upload = serializers.UUIDField(source="upload_id", allow_null=True, read_only=True)
    job = serializers.UUIDField(source="job_id", allow_null=True, read_only=True)

    class Meta:
        model = IncomingUpload
        fields = [
            "id", "filename", "size_bytes", "received_bytes", "state", "upload", "error", "job", "created_at",
            "expires_at",
        ]  # fmt: skip

    def get_received_bytes(self, row: IncomingUpload) -> int:
        return incoming.received_of(row)

    def get_state(self, row: IncomingUpload) -> str:
        return selectors.state_of(row)

    def get_error(self, row: IncomingUpload) -> dict[str, Any] | None:
        return selectors.error_of(row)

    def get_expires_at(self, row: IncomingUpload) -> str:
        return selectors.expires_at(row).isoformat()


def metadata(text: str) -> dict[str, str]:
    """``filename <base64>,sha256 <base64>`` as words; names that this door does not know are ignored.

    >>> metadata("filename YS5jc3Y=,is_confidential")
    {'filename': 'a.csv'}
    """
    found = {}
    for pair in text.split(","):
        name, _space, value = pair.strip().partition(" ")
        if name in TOLD:
            try:
                found[name] = base64.b64decode(value, validate=True).decode()
            except ValueError:
                raise DomainError("metadata", "Upload-Metadata: base64 of UTF-8 after each name.", 400) from None
    return found


def metadata_of(row: IncomingUpload) -> str:
    """The same words as they were told, for a client that has forgotten them."""
    told = {"filename": row.filename, "sha256": row.sha256} | row.options
    return ",".join(f"{name} {base64.b64encode(str(value).encode()).decode()}" for name, value in told.items() if value)


def number(request: Request, name: str) -> int:
    """A header that holds a whole number of bytes."""
    text = request.headers.get(name, "")
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise DomainError("header", _("The header %(name)s has to be a whole number.") % {"name": name}, 400)
    return int(text)


def length_of(request: Request) -> int:
    """How long the body says it is. One of unknown length is refused: its end could not be told from a break."""
    if request.headers.get("Content-Length"):
        return number(request, "Content-Length")
    if request.headers.get("Transfer-Encoding"):
        raise DomainError("length_required", _("Send the piece with its Content-Length."), 411)
    return 0


class TusView(APIView):
    """What every answer of the protocol carries, and the method that some firewalls make senders hide in a header."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        hidden = request.headers.get("X-HTTP-Method-Override", "").upper()
        if request.method == "POST" and hidden in {"PATCH", "DELETE", "HEAD"}:
            request.method = hidden
        return super().dispatch(request, *args, **kwargs)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        answer = super().finalize_response(request, response, *args, **kwargs)
        answer.headers["Tus-Resumable"] = VERSION
        answer.headers["Cache-Control"] = "no-store"
        if answer.status_code == 412:
            answer.headers["Tus-Version"] = VERSION
        return answer

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """What this door can do, without a look at any upload."""
        abilities = {
            "Tus-Version": VERSION,
            "Tus-Max-Size": str(settings.UPLOAD_MAX_BYTES),
            "Tus-Extension": "creation,checksum,expiration,termination",
            "Tus-Checksum-Algorithm": ",".join(incoming.ALGORITHMS),
        }
        return Response(status=204, headers=abilities)


def require_version(request: Request) -> None:
    if request.headers.get("Tus-Resumable") != VERSION:
        raise DomainError("tus_version", _("This door speaks tus 1.0.0: send the header Tus-Resumable."), 412)


def begun(request: Request, url: Callable[[UUID], str], **where: Any) -> Response:
    require_version(request)
    told = metadata(request.headers.get("Upload-Metadata", ""))
    size = number(request, "Upload-Length")
    row = incoming.begin(
        user=person(request.user),
        size_bytes=size,
        filename=told.get("filename", ""),
        sha256=told.get("sha256", ""),
        encoding=told.get("encoding", ""),
        delimiter=told.get("delimiter", ""),
        **where,
    )
    return Response(status=201, headers=standing(row) | {"Location": url(row.pk)})


def standing(row: IncomingUpload) -> dict[str, str]:
    """Where an upload stands, in headers."""
    told = {"Upload-Offset": str(incoming.received_of(row)), "Upload-State": selectors.state_of(row)}
    if row.upload_id is None:
        return told | {"Upload-Expires": http_date(selectors.expires_at(row).timestamp())}
    return told | {"Upload-Id": str(row.upload_id)}


class ProjectIncoming(TusView):
    @extend_schema(operation_id="incoming_create", **CREATE)
    def post(self, request: Request, slug: str) -> Response:
        """Begin a sample file that comes in pieces (tus 1.0). Location says where to send them."""
        project = project_for(request.user, slug, access.BRING)
        return begun(request, lambda pk: reverse("api-incoming-detail", args=[slug, pk]), project=project)


class SourceIncoming(TusView):
    @extend_schema(operation_id="source_incoming_create", **CREATE)
    def post(self, request: Request, code: str) -> Response:
        """Begin a file for the next version of a source that comes in pieces (tus 1.0)."""
        source = access.source_for(request.user, code, keep=True)
        return begun(request, lambda pk: reverse("api-source-incoming-detail", args=[code, pk]), source=source)


class IncomingView(TusView):
    """One upload under way: its sender alone reaches it, while the right to bring files lasts."""

    def row(self, request: Request) -> IncomingUpload:
        raise NotImplementedError

    def head(self, request: Request, **where: Any) -> Response:
        row = self.row(request)
        require_version(request)
        told = {"Upload-Length": str(row.size_bytes), "Upload-Metadata": metadata_of(row)}
        return Response(headers=standing(row) | told)

    def _read(self, request: Request) -> Response:
        row = self.row(request)
        incoming.settle(row)
        row.refresh_from_db()
        return Response(IncomingSerializer(row).data)

    def _append(self, request: Request) -> Response:
        row = self.row(request)
        require_version(request)
        if request.content_type.partition(";")[0].strip() != PIECE:
            raise DomainError("content_type", _("A piece has the content type application/offset+octet-stream."), 415)
        row = incoming.receive(
            row=row,
            offset=number(request, "Upload-Offset"),
            length=length_of(request),
            body=request._request,
            checksum=incoming.Checksum.parse(request.headers.get("Upload-Checksum", "")),
        )
        return Response(status=204, headers=standing(row))

    def _end(self, request: Request) -> Response:
        row = self.row(request)
        require_version(request)
        incoming.abandon(row=row)
        return Response(status=204)


class ProjectIncomingDetail(IncomingView):
    def row(self, request: Request) -> IncomingUpload:
        return access.incoming_for(request.user, self.kwargs["slug"], self.kwargs["pk"])

    @extend_schema(operation_id="incoming_read", responses=IncomingSerializer)
    def get(self, request: Request, slug: str, pk: UUID) -> Response:
        """How far an upload is, and in the end the id of the file or why it was refused."""
        return self._read(request)

    @extend_schema(operation_id="incoming_append", **APPEND)
    def patch(self, request: Request, slug: str, pk: UUID) -> Response:
        """Send the next piece. What is acknowledged is on disk."""
        return self._append(request)

    @extend_schema(operation_id="incoming_end", parameters=[TUS], responses={204: None, 409: ErrorSerializer})
    def delete(self, request: Request, slug: str, pk: UUID) -> Response:
        """Stop an upload and throw away what came."""
        return self._end(request)


class SourceIncomingDetail(IncomingView):
    def row(self, request: Request) -> IncomingUpload:
        return access.source_incoming_for(request.user, self.kwargs["code"], self.kwargs["pk"])

    @extend_schema(operation_id="source_incoming_read", responses=IncomingSerializer)
    def get(self, request: Request, code: str, pk: UUID) -> Response:
        """How far an upload is, and in the end the id of the file or why it was refused."""
        return self._read(request)

    @extend_schema(operation_id="source_incoming_append", **APPEND)
    def patch(self, request: Request, code: str, pk: UUID) -> Response:
        """Send the next piece. What is acknowledged is on disk."""
        return self._append(request)

    @extend_schema(operation_id="source_incoming_end", parameters=[TUS], responses={204: None, 409: ErrorSerializer})
    def delete(self, request: Request, code: str, pk: UUID) -> Response:
        """Stop an upload and throw away what came."""
        return self._end(request)
