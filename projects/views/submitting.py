"""How a page's form meets a service: what the service refuses is shown on the form."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.forms import Form

from projects.errors import DomainError, NotFound

R = TypeVar("R")


def submit(form: Form, service: Callable[[dict[str, Any]], R]) -> R | None:
    """Call ``service`` with a valid form's values; None, and the reason on the form, if it cannot be done."""
    if not form.is_valid():
        return None
    try:
        return service(form.cleaned_data)
    except NotFound:
        raise
    except DomainError as error:
        form.add_error(None, str(error.message))
        return None


def status_of(form: Form) -> int:
    return 422 if form.is_bound and form.errors else 200
