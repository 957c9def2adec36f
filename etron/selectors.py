"""What waits for a person, what runs, what can be found: reads that cross the floors."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from datafactory.models import Sample, Source
from datafactory.selectors import private_matches
from etron.addresses import address
from models_registry.models import Model
from models_registry.selectors import waiting_for as versions_waiting
from projects import selectors, sharing
from projects.models import Authorisation, Job, Participation, Project, Role, User, in_force
from projects.templatetags.figures import day, figure
from risk_products.models import Product

SOON = timedelta(days=30)
LATELY = timedelta(days=7)
BUSY = (Job.State.QUEUED, Job.State.RUNNING)
PER_NOUN = 6


@dataclass(frozen=True)
class Entry:
    """One thing that waits for this person."""

    icon: str
    title: str
    text: str
    url: str
    act: str  # what the button says
    where: str
    since: datetime
    urgent: bool = True  # counted on the bell


def waiting_for(user: User) -> list[Entry]:
    """Decisions on projects and sessions, versions to approve or to mend, authorisations that end soon."""
    return [*decisions(user), *sessions(user), *versions(user), *ending(user)]


def count_waiting(user: User) -> int:
    return sum(entry.urgent for entry in waiting_for(user))


def decisions(user: User) -> Iterator[Entry]:
    """Projects that an institution of mine has not decided on, where my role may decide."""
    rows = Participation.objects.filter(
        decision=Participation.Decision.WAITING,
        project__status=Project.Status.REVIEWING,
        project__in=sharing.objects_for(user, Project.objects.all(), "projects.decide_project"),
        institution__memberships__user=user,
    )
    for row in rows.select_related("project__created_by", "institution").order_by("project__created_at").distinct():
        yield Entry(
            "folder",
            _("%(project)s asks for approval by %(institution)s")
            % {"project": row.project, "institution": row.institution},
            _("%(who)s proposes it. Purpose: %(purpose)s.")
            % {"who": row.project.created_by, "purpose": row.project.purpose},
            address("projects:project-settings", row.project.slug) or address("flow", row.project.slug),
            _("Decide"),
            str(row.project),
            row.project.created_at,
        )


def sessions(user: User) -> Iterator[Entry]:
    """Sessions of private matching with a source that I look after."""
    for row in private_matches.waiting_for(user):
        yield Entry(
            "lock",
            _("%(institution)s asks to match privately with %(source)s")
            % {"institution": row.institution, "source": row.source_version},
            _("At most %(n)s ids; %(reveal)s.") % {"n": figure(row.max_ids), "reveal": row.get_reveal_display()},
            address("datafactory:private-match-detail", row.project.slug, row.pk),
            _("Decide"),
            str(row.project),
            row.created_at,
        )


def versions(user: User) -> Iterator[Entry]:
    for found in versions_waiting(user):
        returned = found.kind == "version_returned"
        title = _("%(version)s came back") if returned else _("%(version)s asks to go live")
        act = _("Open it") if returned else _("Review")
        yield Entry(
            "tag", title % {"version": found.title}, found.text, found.url, act, str(found.project), found.since
        )


def ending(user: User) -> Iterator[Entry]:
    """Authorisations of my institutions that end within thirty days."""
    now = timezone.now()
    rows = Authorisation.objects.filter(
        in_force(now),
        expires_at__lte=now + SOON,
        project__in=sharing.objects_for(user, Project.objects.all(), "projects.bring_sample"),
        grantor__memberships__user=user,
    )
    for row in rows.select_related("project", "grantor").distinct():
        yield Entry(
            "shield",
            _("The authorisation of %(institution)s ends on %(day)s")
            % {"institution": row.grantor, "day": day(row.expires_at)},
            _("From then on matching stops and calls are refused."),
            address("projects:authorisation-list", row.project.slug),
            _("Renew"),
            str(row.project),
            row.created_at,
            urgent=False,
        )


def running_jobs(user: User) -> QuerySet[Job]:
    return selectors.jobs_of(user).filter(state__in=BUSY).order_by("-created_at")


def failed_jobs(user: User) -> QuerySet[Job]:
    """Of the last days, newest first."""
    rows = selectors.jobs_of(user).filter(state=Job.State.FAILED, finished_at__gte=timezone.now() - LATELY)
    return rows.order_by("-finished_at")


def navigation_counts(user: User) -> dict[str, int]:
    projects = selectors.projects_of(user).prefetch_related(None)
    return {
        "projects:project-list": projects.count(),
        "risk_products:product-list": Product.objects.filter(project__in=projects.order_by()).count(),
    }


@dataclass(frozen=True)
class Found:
    kind: str
    title: str
    url: str
    where: str = ""


def find(user: User, text: str) -> list[Found]:
    """Projects, samples, models, products and sources by name: of one's own projects, a few of each noun."""
    wanted = text.strip()
    if not wanted:
        return []
    mine = selectors.projects_of(user).prefetch_related(None).order_by()
    found = [
        *found_projects(mine, wanted),
        *found_samples(mine, wanted),
        *found_models(user, mine, wanted),
        *found_products(mine, wanted),
        *found_sources(user, wanted),
    ]
    return [one for one in found if one.url]


def found_projects(mine: QuerySet[Project], wanted: str) -> Iterator[Found]:
    rows = mine.filter(Q(name__icontains=wanted) | Q(slug__icontains=wanted) | Q(description__icontains=wanted))
    for row in rows.order_by("name")[:PER_NOUN]:
        yield Found(_("project"), row.name, address("flow", row.slug))


def found_samples(mine: QuerySet[Project], wanted: str) -> Iterator[Found]:
    rows = Sample.objects.filter(project__in=mine, name__icontains=wanted).select_related("project")
    for row in rows.defer("report", "ticket").order_by("name", "-number")[:PER_NOUN]:
        title = f"{row.name} ({_('sample')} {row.number})"
        yield Found(
            _("sample"), title, address("datafactory:sample-detail", row.project.slug, row.number), row.project.name
        )


def found_models(user: User, mine: QuerySet[Project], wanted: str) -> Iterator[Found]:
    rows = Model.objects.filter(Q(name__icontains=wanted) | Q(slug__icontains=wanted), project__in=mine)
    for row in sharing.objects_for(user, rows, "models_registry.view_model").select_related("project")[:PER_NOUN]:
        url = address("models_registry:version-history", row.project.slug, row.slug)
        yield Found(_("model"), row.name, url, row.project.name)


def found_products(mine: QuerySet[Project], wanted: str) -> Iterator[Found]:
    rows = Product.objects.filter(Q(name__icontains=wanted) | Q(slug__icontains=wanted), project__in=mine)
    for row in rows[:PER_NOUN]:
        yield Found(_("product"), row.name, address("risk_products:product-detail", row.slug))


def found_sources(user: User, wanted: str) -> Iterator[Found]:
    """Sources of the institutions that the user works for as a modeler or administrator."""
    rows = Source.objects.filter(
        Q(name__icontains=wanted) | Q(slug__icontains=wanted),
        institution__memberships__user=user,
        institution__memberships__role__in=[Role.MODELER, Role.ADMINISTRATOR, Role.ANALYST],
    )
    for row in rows.distinct()[:PER_NOUN]:
        yield Found(_("source"), row.name, address("datafactory:source-detail", row.slug))
