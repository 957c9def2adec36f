"""Reads of feature tables and of the statistics of their features."""

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from datafactory.models import FeatureTable, Match
from datafactory.selectors import matches
from datafactory.selectors.sources import READY
from projects import sharing
from projects.models import Project, User


def tables_of(project: Project, user: User) -> QuerySet[FeatureTable]:
    """The project's feature tables that ``user`` may see, newest first, without their profiles."""
    rows = FeatureTable.objects.filter(project=project).select_related("project", "match__sample", "created_by", "job")
    shared = sharing.objects_for(user, rows, "datafactory.view_featuretable")
    return shared.defer("profile", "ticket", "match__report", "match__ticket", "match__sample__report")


def ready_matches(project: Project, user: User) -> QuerySet[Match]:
    return matches.matches_of(project, user).filter(state=READY, deleted_at=None)


@dataclass(frozen=True)
class Feature:
    """One feature of a table with everything that its profile says."""

    line: dict[str, Any]
    months: list[str]
    first_months: list[str]


def feature_of(table: FeatureTable, name: str) -> Feature | None:
    for line in table.profile.get("features", []):
        if line["name"] == name:
            return Feature(line, table.profile["months"], table.profile["first_months"])
    return None
