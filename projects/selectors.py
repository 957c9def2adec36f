"""Every read of this floor that is worth a name."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db.models import Prefetch, Q, QuerySet
from django.utils import timezone
from django.utils.module_loading import import_string

from projects import sharing
from projects.models import (
    AuditEvent,
    Authorisation,
    Institution,
    Invitation,
    Job,
    Membership,
    Participation,
    Project,
    ProjectMember,
    Role,
    User,
    in_force,
)


def projects_of(user: User) -> QuerySet[Project]:
    """Projects that ``user`` belongs to, the last changed first, with their participants."""
    participations = Participation.objects.select_related("institution").order_by("institution__kind")
    rows = sharing.objects_for(user, Project.objects.all(), "projects.view_project")
    return rows.prefetch_related(Prefetch("participations", participations)).order_by("-changed_at")


@dataclass(frozen=True)
class ProjectFigures:
    """What the floors above know about a project, for its line in the list; None shows as a dash."""

    match_rate: float | None = None
    n_features: int | None = None
    ks: float | None = None
    ks_history: tuple[float, ...] = ()
    psi: float | None = None
    live_version: str = ""
    step: str = ""  # what is running now


FiguresOf = Callable[[list[Project]], Mapping[int, ProjectFigures]]


@lru_cache(maxsize=1)
def _figures_source() -> FiguresOf | None:
    dotted = getattr(settings, "PROJECT_FIGURES", "")
    found: FiguresOf | None = import_string(dotted) if dotted else None
    return found


@dataclass(frozen=True)
class ProjectLine:
    project: Project
    partners: list[Institution]
    figures: ProjectFigures = field(default_factory=ProjectFigures)


def project_lines(projects: Iterable[Project]) -> list[ProjectLine]:
    """A line per project: its partners, and figures from the function that settings name."""
    rows = list(projects)
    source = _figures_source()
    known = source(rows) if source else {}
    return [ProjectLine(row, partners_of(row), known.get(row.pk, ProjectFigures())) for row in rows]


def partners_of(project: Project) -> list[Institution]:
    found = [row.institution for row in project.participations.all()]
    return [row for row in found if row.kind == Institution.Kind.PARTNER]


def institutions_seen_by(user: User) -> QuerySet[Institution]:
    """One's own, those of one's projects, the platform; for the platform's people all, to propose projects to."""
    if not user.memberships.exists():
        return Institution.objects.none()
    if user.memberships.filter(institution__kind=Institution.Kind.PLATFORM).exists():
        return Institution.objects.order_by("kind", "name")
    known = Q(memberships__user=user) | Q(kind=Institution.Kind.PLATFORM)
    return (
        Institution.objects.filter(known | Q(participations__project__in=projects_of(user))).distinct().order_by("name")
    )


def roles_by_institution(user: User) -> dict[Institution, list[str]]:
    found: dict[Institution, list[str]] = {}
    for row in user.memberships.select_related("institution").order_by("institution__name", "role"):
        found.setdefault(row.institution, []).append(row.role)
    return found


def people_of(institution: Institution) -> QuerySet[Membership]:
    return institution.memberships.select_related("user").order_by("user__email", "role")


def open_invitations(institution: Institution) -> QuerySet[Invitation]:
    return institution.invitations.filter(accepted_at=None, expires_at__gt=timezone.now()).order_by("-created_at")


def members_of(project: Project) -> QuerySet[ProjectMember]:
    rows = ProjectMember.objects.filter(project=project).select_related("user", "institution")
    return rows.order_by("institution__kind", "institution__name", "user__email", "role")


def addable_to(project: Project, institutions: Iterable[Institution]) -> list[Membership]:
    """Roles in these institutions that are not yet in the project."""
    taken = set(ProjectMember.objects.filter(project=project).values_list("user_id", "institution_id", "role"))
    rows = Membership.objects.filter(institution__in=list(institutions), user__is_active=True)
    rows = rows.select_related("user", "institution").order_by("institution__name", "user__email", "role")
    return [row for row in rows if (row.user_id, row.institution_id, row.role) not in taken]


@dataclass(frozen=True)
class AuthorisationLine:
    row: Authorisation
    state: str  # "active", "expiring", "starting", "expired", "withdrawn"
    mine: bool
    erased: bool


def authorisation_state(row: Authorisation, now: datetime, soon_days: int = 30) -> str:
    if row.withdrawn_at is not None:
        return "withdrawn"
    if row.starts_at > now:
        return "starting"
    if row.expires_at <= now:
        return "expired"
    return "expiring" if row.expires_at <= now + timedelta(days=soon_days) else "active"


def authorisation_lines(project: Project, granting: Iterable[Institution]) -> list[AuthorisationLine]:
    now, mine = timezone.now(), {row.pk for row in granting}
    rows = project.authorisations.select_related("grantor", "recipient", "granted_by").order_by("-created_at")
    return [
        AuthorisationLine(row, authorisation_state(row, now), row.grantor_id in mine, not bytes(row.data_key))
        for row in rows
    ]


def authorisation_in_force(project: Project, grantor: Institution) -> Authorisation | None:
    rows = Authorisation.objects.filter(in_force(timezone.now()), project=project, grantor=grantor)
    return rows.order_by("-expires_at").first()


def jobs_of(user: User) -> QuerySet[Job]:
    """Jobs of one's projects, of one's institutions, and those that one started oneself."""
    projects = sharing.objects_for(user, Project.objects.all(), "projects.view_project")
    institutions = Institution.objects.filter(memberships__user=user)
    mine = Q(project__in=projects) | Q(project=None, institution__in=institutions)
    mine |= Q(project=None, institution=None, created_by=user)
    return Job.objects.filter(mine).select_related("project", "institution", "created_by")


@dataclass(frozen=True)
class AuditFilter:
    text: str = ""
    project: str = ""
    since: Any = None  # date
    until: Any = None  # date, included


def _matching(rows: QuerySet[AuditEvent], wanted: AuditFilter) -> QuerySet[AuditEvent]:
    if wanted.text:
        text = wanted.text
        rows = rows.filter(Q(action__icontains=text) | Q(actor__icontains=text) | Q(target__icontains=text))
    if wanted.project:
        rows = rows.filter(project__slug=wanted.project)
    if wanted.since:
        rows = rows.filter(at__gte=timezone.make_aware(datetime.combine(wanted.since, time.min)))
    if wanted.until:
        rows = rows.filter(at__lt=timezone.make_aware(datetime.combine(wanted.until, time.min)) + timedelta(days=1))
    return rows


def audit_events(user: User, wanted: AuditFilter | None = None) -> QuerySet[AuditEvent]:
    """Lines of one's projects, of institutions that one administers, and of one's own account; newest first."""
    projects = sharing.objects_for(user, Project.objects.all(), "projects.view_project")
    ruled = Membership.objects.filter(user=user, role=Role.ADMINISTRATOR).values("institution")
    seen = Q(project__in=projects) | Q(project=None, institution__in=ruled) | Q(project=None, actor=user.email)
    rows = AuditEvent.objects.filter(seen).select_related("project", "institution").order_by("-seq")
    return _matching(rows, wanted or AuditFilter())
