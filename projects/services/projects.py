"""A project's life: proposed by the platform, opened when every participating institution has approved it."""

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from projects import audit, keys, sharing
from projects.errors import Conflict, Forbidden, Invalid
from projects.models import Institution, Membership, Participation, Project, ProjectMember, Role, User

CREATORS = (Role.MODELER, Role.ADMINISTRATOR)
# Whoever decides, or connects systems, for an institution belongs to its projects from the start; modelers are added.
FROM_THE_START = (Role.ANALYST, Role.APPROVER, Role.ADMINISTRATOR, Role.INTEGRATOR)


def home_of(user: User) -> Institution:
    """The platform institution in whose name ``user`` may propose projects."""
    rows = Membership.objects.filter(user=user, role__in=CREATORS, institution__kind=Institution.Kind.PLATFORM)
    row = rows.select_related("institution").order_by("institution__slug").first()
    if row is None:
        raise Forbidden("not_a_platform_modeler", _("Only the platform's modelers and administrators start projects."))
    return row.institution


def _free_slug(name: str) -> str:
    base = slugify(name)[:60] or "project"
    taken = {*Project.objects.filter(slug__startswith=base).values_list("slug", flat=True), "new"}
    return next(slug for n in range(1, len(taken) + 2) if (slug := base if n == 1 else f"{base}-{n}") not in taken)


def _add_first_members(project: Project, creator: User, institutions: Iterable[Institution]) -> None:
    rows = Membership.objects.filter(institution__in=list(institutions))
    first = rows.filter(user=creator) | rows.filter(role__in=FROM_THE_START)
    ProjectMember.objects.bulk_create(
        ProjectMember(project=project, user_id=row.user_id, institution_id=row.institution_id, role=row.role)
        for row in first.distinct()
    )


@transaction.atomic
def create_project(
    *,
    user: User,
    name: str,
    purpose: str,
    institutions: Iterable[Institution],
    description: str = "",
    approve_own: bool = True,
    is_sandbox: bool = False,
) -> Project:
    """Propose a project of the creator's platform institution with partners; it is under review until all approved.

    Proposing is the own institution's approval (unless ``approve_own`` is False); partners decide for themselves.
    """
    home = home_of(user)
    partners = list(institutions)
    if not partners or any(partner.kind != Institution.Kind.PARTNER for partner in partners):
        raise Invalid("no_partner", _("Name at least one partner institution."))
    project = Project.objects.create(
        slug=_free_slug(name),
        name=name,
        purpose=purpose,
        description=description,
        created_by=user,
        hash_key=keys.new_wrapped_key(),
        is_sandbox=is_sandbox,
    )
    Participation.objects.bulk_create(Participation(project=project, institution=row) for row in [home, *partners])
    _add_first_members(project, user, [home, *partners])
    sharing.resync(project)
    names = [row.slug for row in partners]
    audit.record("project.created", actor=user, project=project, institution=home, target=project.slug, partners=names)
    if approve_own:
        _decide(project, home, user, Participation.Decision.APPROVED, "")
    return project


def deciding_for(user: User, project: Project) -> list[Participation]:
    """The participations that ``user`` may still decide."""
    members = ProjectMember.objects.filter(project=project, user=user, role__in=sharing.DECIDERS)
    rows = project.participations.filter(institution__in=members.values("institution"))
    return list(rows.exclude(decision=Participation.Decision.APPROVED).select_related("institution"))


@transaction.atomic
def decide_participation(
    *, user: User, project: Project, approve: bool, note: str = "", institution: Institution | None = None
) -> Participation:
    """Approve or refuse in the name of one's institution. The last approval opens the project.

    A refusal can be taken back while the project is under review; an approval cannot.
    """
    project = Project.objects.select_for_update().get(pk=project.pk)
    mine = deciding_for(user, project)
    if institution is not None:
        mine = [row for row in mine if row.institution == institution]
    if not mine:
        raise _nothing_to_decide(user, project)
    if len(mine) > 1:
        slugs = [row.institution.slug for row in mine]
        raise Invalid("institution_ambiguous", _("Say for which institution you decide."), detail={"one_of": slugs})
    decision = Participation.Decision.APPROVED if approve else Participation.Decision.REFUSED
    return _decide(project, mine[0].institution, user, decision, note)


def _nothing_to_decide(user: User, project: Project) -> Forbidden | Conflict:
    decides = ProjectMember.objects.filter(project=project, user=user, role__in=sharing.DECIDERS)
    if not decides.exists():
        return Forbidden("not_a_decider", _("Only an analyst, approver or administrator decides for an institution."))
    return Conflict("already_decided", _("Your institution has already approved this project."))


def _decide(project: Project, institution: Institution, user: User, decision: str, note: str) -> Participation:
    row = Participation.objects.select_for_update().get(project=project, institution=institution)
    row.decision, row.decided_by, row.decided_at, row.note = decision, user, timezone.now(), note
    row.save()
    waiting = project.participations.exclude(decision=Participation.Decision.APPROVED)
    if project.status == Project.Status.REVIEWING and not waiting.exists():
        project.status = Project.Status.OPEN
        project.save(update_fields=["status", "changed_at"])
    audit.record(
        f"project.{decision}",
        actor=user,
        project=project,
        institution=institution,
        target=project.slug,
        status=project.status,
    )
    return row


@transaction.atomic
def archive_project(*, user: User, project: Project) -> Project:
    """Close a project for all further work; everything in it stays readable for its members."""
    project.status = Project.Status.ARCHIVED
    project.save(update_fields=["status", "changed_at"])
    audit.record("project.archived", actor=user, project=project, target=project.slug)
    return project
