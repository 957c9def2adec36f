"""Errors that people may read become pages, and a person's own language follows them."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import translation

from projects.errors import DomainError, as_domain_error, body

Answer = Callable[[HttpRequest], HttpResponse]


def error_response(request: HttpRequest, error: DomainError) -> HttpResponse:
    """The same error as JSON below /api/, as a fragment for htmx, as a page otherwise."""
    if request.path.startswith("/api/"):
        return JsonResponse(body(error), status=error.status)
    htmx = getattr(request, "htmx", None)
    template = "projects/_error.html" if htmx and not htmx.boosted else "projects/error.html"
    return render(request, template, {"error": error}, status=error.status)


class DomainErrorMiddleware:
    """Renders DomainError, DataError, 404 and 403 raised by page views."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        error = as_domain_error(exception)
        return error_response(request, error) if error else None


class UserLanguageMiddleware:
    """The language that a signed-in person chose wins over the browser's."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        language = getattr(request.user, "language", None)
        if not language or language == translation.get_language():
            return self.get_response(request)
        with translation.override(language):
            request.LANGUAGE_CODE = language
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        return response
