"""Reads of the platform's catalogue: all of it for its own people, name and coverage for partners."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch, Q, QuerySet

from datafactory.models import Source, SourceVersion
from projects.models import Artifact, Institution, Role, User

READY = Artifact.State.READY
KEEPERS = (Role.MODELER, Role.ADMINISTRATOR)  # who bring versions of a platform's sources


@dataclass(frozen=True)
class SourceLine:
    """A source as the list shows it; ``dictionary`` is empty for people of other institutions."""

    source: Source
    latest: SourceVersion | None
    is_own: bool

    @property
    def coverage(self) -> dict[str, Any]:
        """Figures that anybody who sees the source may see."""
        summary = self.latest.summary if self.latest else {}
        keys = ("n_ids", "id_types", "first_event", "last_event", "has_event_time", "has_known_at")
        return {key: summary.get(key) for key in keys}

    @property
    def dictionary(self) -> list[dict[str, Any]]:
        """The fields of the latest version: name, kind, title."""
        return list(self.latest.ticket.get("columns", [])) if self.latest and self.is_own else []


def own_institutions(user: User) -> QuerySet[Institution]:
    """Platform institutions whose sources ``user`` sees in full."""
    kind = Institution.Kind.PLATFORM
    return Institution.objects.filter(kind=kind, memberships__user=user).distinct()


def sources_seen_by(user: User) -> QuerySet[Source]:
    """One's own institution's sources; and, where one's institution shares a project with theirs, the filled ones."""
    mine = Institution.objects.filter(memberships__user=user)
    partners = Institution.objects.filter(participations__project__participations__institution__in=mine)
    filled = SourceVersion.objects.filter(state=READY).values("source")
    rows = Source.objects.filter(Q(institution__in=own_institutions(user)) | Q(institution__in=partners, pk__in=filled))
    return rows.select_related("institution").distinct()


def source_lines(user: User, rows: QuerySet[Source]) -> list[SourceLine]:
    """Each source with its latest ready version, in two queries."""
    ready = SourceVersion.objects.filter(state=READY, deleted_at=None).order_by("-number")
    own = set(own_institutions(user).values_list("pk", flat=True))
    found = rows.prefetch_related(Prefetch("versions", queryset=ready, to_attr="ready_versions"))
    return [line_of(source, source.institution_id in own, source.ready_versions) for source in found]


def line_of(source: Source, is_own: bool, ready: list[SourceVersion]) -> SourceLine:
    return SourceLine(source, ready[0] if ready else None, is_own)


def source_line(user: User, source: Source) -> SourceLine:
    latest = source.versions.filter(state=READY, deleted_at=None).order_by("-number")[:1]
    return line_of(source, is_own(user, source), list(latest))


def is_own(user: User, source: Source) -> bool:
    return own_institutions(user).filter(pk=source.institution_id).exists()


def may_keep(user: User) -> bool:
    """Whether to offer new sources and versions."""
    kind = Institution.Kind.PLATFORM
    return user.memberships.filter(role__in=KEEPERS, institution__kind=kind).exists()
