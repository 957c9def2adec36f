"""Reads of matches and of what may be matched."""

from typing import Any

from django.db.models import Prefetch, QuerySet

from datafactory.models import Match, Sample, SourceVersion
from datafactory.selectors import samples
from datafactory.selectors.sources import READY, SourceLine, source_lines, sources_seen_by
from projects import sharing
from projects.models import Project, User


def matches_of(project: Project, user: User) -> QuerySet[Match]:
    """The project's matches that ``user`` may see, newest first, without their long reports."""
    versions = SourceVersion.objects.select_related("source").defer("ticket", "summary", "plan")
    rows = Match.objects.filter(project=project).select_related("project", "sample", "created_by", "job")
    rows = rows.prefetch_related(Prefetch("source_versions", versions.order_by("source__slug")))
    return sharing.objects_for(user, rows, "datafactory.view_match").defer("report", "ticket", "sample__report")


def ready_samples(project: Project, user: User) -> QuerySet[Sample]:
    return samples.samples_of(project, user).filter(state=READY, deleted_at=None)


def matchable_sources(project: Project, user: User) -> list[SourceLine]:
    """Sources of the project's participants with a ready version, as far as ``user`` sees them."""
    owners = project.participations.values("institution")
    lines = source_lines(user, sources_seen_by(user).filter(institution__in=owners))
    return [line for line in lines if line.latest is not None]


def versions_asked_for(
    project: Project, user: User, asked: list[dict[str, Any]]
) -> tuple[list[SourceVersion], list[str]]:
    """The versions named by ``{"slug", "version"?}``, the newest ready one by default; and the slugs not found."""
    seen = sources_seen_by(user).filter(institution__in=project.participations.values("institution"))
    rows = SourceVersion.objects.filter(source__in=seen).select_related("source__institution")
    found, missing = [], []
    for one in asked:
        chosen = rows.filter(source__slug=one["slug"])
        newest = {"state": READY, "deleted_at": None}
        chosen = chosen.filter(**({"number": one["version"]} if one.get("version") else newest))
        version = chosen.order_by("-number").first()
        if version is None:
            missing.append(str(one["slug"]))
        else:
            found.append(version)
    return found, missing
