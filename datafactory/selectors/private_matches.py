"""Reads of the sessions of private matching."""

from dataclasses import dataclass

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from datafactory.models import PrivateMatch, SourceVersion
from datafactory.selectors.sources import KEEPERS, READY, sources_seen_by
from projects.models import Job, Project, ProjectMember, Role, User

OPEN = (PrivateMatch.State.PREPARING, PrivateMatch.State.READY, PrivateMatch.State.ANSWERED)
ENDED = (PrivateMatch.State.CLOSED, PrivateMatch.State.REFUSED)


def sessions_of(project: Project, user: User) -> QuerySet[PrivateMatch]:
    """The sessions of ``user``'s own institutions, on either side, newest first."""
    mine = ProjectMember.objects.filter(project=project, user=user).values("institution")
    own_side = Q(institution__in=mine) | Q(source_version__source__institution__in=mine)
    rows = PrivateMatch.objects.filter(own_side, project=project)
    people = ("institution", "created_by", "decided_by", "job")
    return rows.select_related("project", "source_version__source__institution", *people)


def is_expired(session: PrivateMatch) -> bool:
    return session.expires_at <= timezone.now()


def shown_state(session: PrivateMatch) -> str:
    """The state as people see it: work that failed shows, and a session whose time is over is closed."""
    if session.state not in ENDED and is_expired(session):
        return PrivateMatch.State.CLOSED
    unfinished = session.state in {PrivateMatch.State.PREPARING, PrivateMatch.State.READY}
    job_failed = session.job is not None and session.job.state in {Job.State.FAILED, Job.State.CANCELLED}
    return PrivateMatch.State.FAILED if unfinished and job_failed else session.state


def shown_label(session: PrivateMatch) -> str:
    state = shown_state(session)
    return _("Answer ready") if state == PrivateMatch.State.ANSWERED else str(PrivateMatch.State(state).label)


@dataclass(frozen=True)
class Standing:
    """What a person may do with a session now."""

    may_decide: bool
    may_ask: bool
    may_close: bool


def standing(session: PrivateMatch, user: User) -> Standing:
    state = shown_state(session)
    asks, keeps = is_asker(session, user), is_keeper(session, user)
    return Standing(
        may_decide=keeps and state == PrivateMatch.State.REQUESTED and session.created_by_id != user.pk,
        may_ask=asks and state in OPEN,
        may_close=(asks or keeps) and state not in ENDED,
    )


def is_asker(session: PrivateMatch, user: User) -> bool:
    """Whether ``user`` works here as an analyst of the institution that asks."""
    mine = {"institution": session.institution_id, "role": Role.ANALYST}
    return ProjectMember.objects.filter(project=session.project_id, user=user, **mine).exists()


def is_keeper(session: PrivateMatch, user: User) -> bool:
    """Whether ``user`` looks after the sources of the institution that is asked, and works in this project for it."""
    owner = session.source_version.source.institution_id
    inside = ProjectMember.objects.filter(project=session.project_id, user=user, institution=owner)
    return inside.exists() and user.memberships.filter(institution=owner, role__in=KEEPERS).exists()


def waiting_for(user: User) -> QuerySet[PrivateMatch]:
    """The sessions that ``user`` may allow or refuse now, oldest first."""
    kept = user.memberships.filter(role__in=KEEPERS).values("institution")
    mine = ProjectMember.objects.filter(user=user).values("project")
    rows = PrivateMatch.objects.filter(
        state=PrivateMatch.State.REQUESTED,
        expires_at__gt=timezone.now(),
        source_version__source__institution__in=kept,
        project__in=mine,
        project__status=Project.Status.OPEN,
    )
    return rows.exclude(created_by=user).select_related("project", "institution", "source_version__source").reverse()


def privately_matchable(project: Project, user: User) -> list[tuple[SourceVersion, list[str]]]:
    """The newest ready version of each source of the project's participants, with the kinds of id that it carries."""
    owners = project.participations.values("institution")
    sources = sources_seen_by(user).filter(institution__in=owners)
    rows = SourceVersion.objects.filter(source__in=sources, state=READY, deleted_at=None)
    newest: dict[int, SourceVersion] = {}
    for version in rows.select_related("source__institution").order_by("-number"):
        newest.setdefault(version.source_id, version)
    return [(version, list(version.ticket.get("id_types", []))) for version in newest.values()]


def largest(project: Project) -> int:
    """The most ids that one session may ask for."""
    return min(settings.PRIVATE_MATCH_MAX_IDS, settings.IDS_PER_SOURCE)
