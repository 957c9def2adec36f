"""Who reaches what. Every door fetches through here: strangers get 404, members without the right 403."""

from collections.abc import Iterable
from typing import Literal, cast
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.utils.translation import gettext_lazy as _

from projects import sharing
from projects.errors import Conflict, DomainError, Forbidden, NotFound
from projects.models import Authorisation, Institution, Job, Membership, Project, ProjectMember, Role, User

Side = Literal["partner", "platform"]
NEEDS_OPEN = {"build_project", "bring_sample", "release_project", "integrate_project"}
NEEDS_LIVING = {"decide_project", "manage_project"}

AnyUser = User | AnonymousUser | AbstractBaseUser


def person(user: AnyUser) -> User:
    """The signed-in person behind a request; doors are closed to others before this is called."""
    if not isinstance(user, User) or not user.is_active or (user.is_demo and not settings.DEMO):
        raise DomainError("not_authenticated", _("Please sign in."), status=401)
    return user


def _check_status(project: Project, codename: str) -> None:
    if codename in NEEDS_OPEN and project.status != Project.Status.OPEN:
        raise Conflict(
            "project_not_open",
            _("The project is not open: every participating institution has to approve it first.")
            if project.status == Project.Status.REVIEWING
            else _("The project is archived."),
        )
    if codename in NEEDS_LIVING and project.status == Project.Status.ARCHIVED:
        raise Conflict("project_not_open", _("The project is archived."))


def project_for(user: AnyUser, slug: str, perm: str = "projects.view_project") -> Project:
    """The project if ``user`` belongs to it and holds ``perm``, else 404 or 403; superusers are nobody special."""
    project = Project.objects.filter(slug=slug).first()
    held = sharing.held(person(user), project) if project else frozenset()
    if project is None or "view_project" not in held:
        raise NotFound("project_not_found", _("There is no such project."))
    codename = perm.removeprefix("projects.")
    if codename not in held:
        raise Forbidden()
    _check_status(project, codename)
    return project


def may(user: AnyUser, project: Project, perm: str) -> bool:
    """Whether to offer an act on a page: right held and the project in a state for it."""
    codename = perm.removeprefix("projects.")
    if codename not in sharing.held(person(user), project):
        return False
    try:
        _check_status(project, codename)
    except Conflict:
        return False
    return True


def institutions_of(user: AnyUser, project: Project, roles: Iterable[str] | None = None) -> list[Institution]:
    """The institutions for which ``user`` works in ``project``, partners first."""
    rows = ProjectMember.objects.filter(project=project, user=person(user))
    if roles is not None:
        rows = rows.filter(role__in=list(roles))
    found = {row.institution_id: row.institution for row in rows.select_related("institution")}
    return sorted(found.values(), key=lambda row: (row.kind != Institution.Kind.PARTNER, row.slug))


def institution_of(user: AnyUser, project: Project, perm: str | None = None) -> Institution:
    """For whom ``user`` acts here: of those whose role gives ``perm``, the partner before the platform."""
    roles = None if perm is None else sharing.PROJECT_RULES[perm.removeprefix("projects.")]
    found = institutions_of(user, project, roles)
    if not found:
        raise NotFound() if perm is None else Forbidden()
    return found[0]


def sides(user: AnyUser, project: Project) -> frozenset[Side]:
    """Whose columns and rows ``user`` may see here; both for an express member of both institutions."""
    return frozenset(cast(Side, row.kind) for row in institutions_of(user, project))


def side(user: AnyUser, project: Project) -> Side:
    """The one side of most people; the partner's for a member of both."""
    return cast(Side, institution_of(user, project).kind)


def roles_in(user: AnyUser, institution: Institution) -> set[str]:
    rows = Membership.objects.filter(user=person(user), institution=institution)
    return set(rows.values_list("role", flat=True))


def institution_for(user: AnyUser, slug: str, roles: Iterable[str] | None = None) -> Institution:
    """The institution if ``user`` is a member of it, with one of ``roles`` if given."""
    institution = Institution.objects.filter(slug=slug).first()
    mine = roles_in(user, institution) if institution else set()
    if institution is None or not mine:
        raise NotFound("institution_not_found", _("There is no such institution."))
    if roles is not None and not mine & set(roles):
        raise Forbidden()
    return institution


def authorisation_for(user: AnyUser, project: Project, pk: int) -> Authorisation:
    """One authorisation of a project that the caller has already fetched for ``user``."""
    found = Authorisation.objects.filter(project=project, pk=pk).select_related("grantor", "recipient").first()
    if found is None:
        raise NotFound("authorisation_not_found", _("There is no such authorisation."))
    return found


def may_see_job(user: User, job: Job) -> bool:
    if job.project is not None:
        return "view_project" in sharing.held(user, job.project)
    if job.institution is not None:
        return bool(roles_in(user, job.institution))
    return job.created_by_id == user.pk


def may_steer_job(user: User, job: Job) -> bool:
    """Cancel or retry: the starter, who builds in the project, or who works for the job's institution."""
    if not may_see_job(user, job):
        return False
    if job.created_by_id == user.pk:
        return True
    if job.institution is not None:
        return bool(roles_in(user, job.institution) - {Role.INTEGRATOR})
    return job.project is not None and "build_project" in sharing.held(user, job.project)


def may_read_log(user: User, job: Job) -> bool:
    """Log and error of a job on one institution's file can quote its rows: only its own people read them."""
    if job.institution is None:
        return may_see_job(user, job)
    if job.project is None:
        return bool(roles_in(user, job.institution))
    return job.institution in institutions_of(user, job.project)


def readable_logs(user: User, jobs: Iterable[Job]) -> set[UUID]:
    """Of jobs that ``user`` may see, those whose log and error they may read: :func:`may_read_log` for a list."""
    mine = set(ProjectMember.objects.filter(user=user).values_list("project_id", "institution_id"))
    at = set(Membership.objects.filter(user=user).values_list("institution_id", flat=True))

    def readable(job: Job) -> bool:
        if job.institution_id is None:
            return True
        return job.institution_id in at if job.project_id is None else (job.project_id, job.institution_id) in mine

    return {job.pk for job in jobs if readable(job)}


def job_for(user: AnyUser, pk: UUID | str, *, steer: bool = False) -> Job:
    """The job if ``user`` may see it (404 else), and may cancel or retry it if ``steer`` (403 else)."""
    job = Job.objects.select_related("project", "institution", "created_by").filter(pk=pk).first()
    if job is None or not may_see_job(person(user), job):
        raise NotFound("job_not_found", _("There is no such job."))
    if steer and not may_steer_job(person(user), job):
        raise Forbidden()
    return job
