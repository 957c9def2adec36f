"""What every page of the shell shows: navigation, running jobs, what waits for me."""

from typing import Any

from django.http import HttpRequest


def context(request: HttpRequest) -> dict[str, Any]:
    return {}
