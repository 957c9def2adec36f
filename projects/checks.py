"""System checks: no demo people in production, and a task behind every job that is started."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.core import checks
from django.db import DatabaseError

TASKS = re.compile(r"""^@job\(\s*["']([\w.]+)["']""", re.MULTILINE)
STARTS = re.compile(r"""\bjobs\.start\(\s*["']([\w.]+)["']""")


def demo_people() -> int:
    """How many demo people the database holds; none while it has no tables yet."""
    from projects.models import User

    try:
        return User.objects.filter(is_demo=True).count()
    except DatabaseError:
        return 0


def _demo_error(number: int) -> checks.Error:
    return checks.Error(
        f"{number} demo people with known passwords are in the database.",
        hint="Use a database of its own for production, or delete the users with is_demo.",
        id="projects.E001",
    )


@checks.register("projects", deploy=True)
def no_demo_people(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    number = demo_people()
    return [_demo_error(number)] if number else []


@checks.register(checks.Tags.database)
def no_demo_people_in_production(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """Runs with ``migrate``, so a production site with demo people does not come up."""
    return no_demo_people(app_configs) if settings.PRODUCTION and databases else []


def _sources(pattern: str) -> Iterator[Path]:
    for config in apps.get_app_configs():
        if Path(config.path).parent == settings.BASE_DIR:
            yield from Path(config.path).rglob(pattern)


def started_names() -> Iterator[tuple[str, Path]]:
    """Every job name that the code of our apps starts."""
    for path in _sources("*.py"):
        yield from ((name, path) for name in STARTS.findall(path.read_text()))


@checks.register("projects")
def every_job_has_a_task(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Reads the sources: importing every task would make each command wait for the engines."""
    known = {name for path in _sources("tasks.py") for name in TASKS.findall(path.read_text())}
    return [
        checks.Error(f"The job {name!r} has no task.", hint=f"It is started in {path.name}.", id="projects.E002")
        for name, path in started_names()
        if name not in known
    ]
