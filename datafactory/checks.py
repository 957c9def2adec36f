"""System checks: whoever keeps rows of people on an upper floor can be asked for them."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.utils.module_loading import import_string

from datafactory.derived import METHODS


def _problem(path: str) -> str:
    try:
        kind = import_string(path)
    except ImportError as error:
        return str(error)
    lacking = [name for name in METHODS if not callable(getattr(kind, name, None))]
    return f"It has no {', '.join(lacking)}." if lacking else ""


@checks.register("datafactory")
def derived_rows_are_known(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    problems = {path: _problem(path) for path in settings.DERIVED_ROWS}
    return [
        checks.Error(f"DERIVED_ROWS names {path}, which cannot be used.", hint=problem, id="datafactory.E001")
        for path, problem in problems.items()
        if problem
    ]
