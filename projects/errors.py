"""One family of errors that people may read, and how they leave the site: JSON for the API, a page for the browser."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

from modeling.errors import DataError

Text = str | Promise
NOTHING_HERE = _("There is nothing here.")
NOT_ALLOWED = _("Your role does not allow this.")


class DomainError(Exception):
    """Something that the asker may not do or that cannot be done now, in plain words.

    ``code`` is stable and for programs, ``message`` is translated and for people, ``detail`` is small JSON.
    """

    status = 400

    def __init__(self, code: str, message: Text, status: int | None = None, detail: Any = None) -> None:
        self.code = code
        self.message = message
        self.detail = detail
        self.status = status or type(self).status
        super().__init__(code)

    def __str__(self) -> str:
        return str(self.message)


class NotFound(DomainError):
    """Also the answer to strangers: whether the object exists is not said."""

    status = 404

    def __init__(self, code: str = "not_found", message: Text = NOTHING_HERE, detail: Any = None):
        super().__init__(code, message, detail=detail)


class Forbidden(DomainError):
    status = 403

    def __init__(self, code: str = "forbidden", message: Text = NOT_ALLOWED, detail: Any = None):
        super().__init__(code, message, detail=detail)


class Conflict(DomainError):
    """Right in itself, but not in the present state of things."""

    status = 409


class Invalid(DomainError):
    """Understood, but the values cannot be used."""

    status = 422


def sentence(error: DataError) -> str:
    """The error's template in the reader's language, with its holes filled."""
    return gettext(error.template) % error.params


def place(error: DataError) -> dict[str, Any]:
    """Row and column at fault, as far as they are known."""
    return {key: value for key, value in (("row", error.row), ("column", error.column)) if value is not None}


def as_domain_error(error: Exception) -> DomainError | None:
    """What a reader may be told about ``error``; None for faults of the site itself."""
    match error:
        case DomainError():
            return error
        case DataError():
            return Invalid(error.code, sentence(error), detail=place(error) or None)
        case Http404():
            return NotFound()
        case PermissionDenied():
            return Forbidden()
    return None


def body(error: DomainError) -> dict[str, Any]:
    return {"code": error.code, "message": str(error.message), "detail": error.detail}


def _framework_body(error: exceptions.APIException) -> dict[str, Any]:
    if isinstance(error, exceptions.ValidationError):
        return {"code": "invalid", "message": gettext("Some fields are not right."), "detail": error.detail}
    codes = error.get_codes()
    return {"code": codes if isinstance(codes, str) else "error", "message": str(error.detail), "detail": None}


def api_exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: ``{"code", "message", "detail"}`` for everything but faults of the site."""
    told = as_domain_error(error)
    if told is not None:
        return Response(body(told), status=told.status)
    response = exception_handler(error, context)
    if response is not None and isinstance(error, exceptions.APIException):
        response.data = _framework_body(error)
    return response
