"""Who works in a project. Every change derives all object permissions anew, in the same transaction."""

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from projects import audit, sharing
from projects.errors import Forbidden, Invalid, NotFound
from projects.models import Institution, Membership, Project, ProjectMember, Role, User

ROLE_NOT_HELD = _("This person does not hold this role in the institution.")


def managed_institutions(user: User, project: Project) -> list[Institution]:
    """For whose people ``user`` may speak here: as administrator, or as the project's creator for the own ones."""
    rows = ProjectMember.objects.filter(project=project, user=user).select_related("institution")
    if project.created_by_id == user.pk:
        rows = rows.exclude(institution__kind=Institution.Kind.PARTNER) | rows.filter(role=Role.ADMINISTRATOR)
    else:
        rows = rows.filter(role=Role.ADMINISTRATOR)
    found = {row.institution_id: row.institution for row in rows}
    return sorted(found.values(), key=lambda row: row.slug)


def _require_management(user: User, project: Project, institution: Institution) -> None:
    if institution not in managed_institutions(user, project):
        raise Forbidden("not_your_people", _("You cannot change this institution's people in this project."))


@transaction.atomic
def add_member(*, user: User, project: Project, member: User, institution: Institution, role: str) -> ProjectMember:
    """Let ``member`` work in the project for ``institution`` in a role that they hold there. Twice is safe."""
    _require_management(user, project, institution)
    if not Membership.objects.filter(user=member, institution=institution, role=role).exists():
        raise Invalid("role_not_held", ROLE_NOT_HELD)
    row, is_new = ProjectMember.objects.get_or_create(project=project, user=member, institution=institution, role=role)
    if is_new:
        sharing.resync(project)
        _record("member.added", user, project, row)
    return row


def _record(action: str, user: User, project: Project, row: ProjectMember) -> None:
    target = f"{row.user.email} as {row.role}"
    audit.record(action, actor=user, project=project, institution=row.institution, target=target)


@transaction.atomic
def remove_member(*, user: User, project: Project, row: ProjectMember) -> None:
    """Take one role of one member away, and with it everything in the project that came from it."""
    _require_management(user, project, row.institution)
    if row.project_id != project.pk:
        raise NotFound("member_not_found", _("There is no such member."))
    _record("member.removed", user, project, row)
    row.delete()
    sharing.resync(project)


@transaction.atomic
def forget_institution_member(*, user: User, member: User, institution: Institution, role: str | None = None) -> int:
    """Take ``member``'s roles in ``institution`` away everywhere: membership, projects, permissions.

    Returns the number of projects left. The caller has checked that ``user`` administers the institution.
    """
    gone = Membership.objects.filter(user=member, institution=institution)
    rows = ProjectMember.objects.filter(user=member, institution=institution)
    if role is not None:
        gone, rows = gone.filter(role=role), rows.filter(role=role)
    projects = list(Project.objects.filter(pk__in=rows.values("project")))
    rows.delete()
    gone.delete()
    for project in projects:
        sharing.resync(project)
    audit.record("membership.removed", actor=user, institution=institution, target=member.email, projects=len(projects))
    return len(projects)
