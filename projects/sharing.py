"""Object permissions follow from project membership; this is the only writer of guardian's rows.

An app registers its noun once (``register(Sample, {"view_sample": EVERYONE}))`` and calls :func:`share` when an object
is created. Whoever joins or leaves a project gains or loses everything in it through :func:`resync`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Model, QuerySet
from guardian.models import UserObjectPermission
from guardian.shortcuts import get_objects_for_user

from projects.models import Project, ProjectMember, Role, User

EVERYONE = frozenset(Role.values)
BUILDERS = frozenset({Role.MODELER})
DECIDERS = frozenset({Role.ANALYST, Role.APPROVER, Role.ADMINISTRATOR})

PROJECT_RULES: dict[str, frozenset[str]] = {
    "view_project": EVERYONE,
    "build_project": BUILDERS,
    "bring_sample": frozenset({Role.ANALYST}),
    "decide_project": DECIDERS,
    "release_project": frozenset({Role.APPROVER}),
    "integrate_project": frozenset({Role.ANALYST, Role.INTEGRATOR}),
    "manage_project": frozenset({Role.ADMINISTRATOR}),
}

M = TypeVar("M", bound=Model)
Wanted = set[tuple[int, str]]  # (user, permission's codename)


@dataclass(frozen=True)
class Rule:
    model: type[Model]
    roles: Mapping[str, frozenset[str]]
    through: str  # ORM path from the model to its project


_rules: dict[type[Model], Rule] = {}


def register(model: type[Model], rules: Mapping[str, Iterable[str]], *, through: str = "project") -> None:
    """Say which roles hold which of ``model``'s permissions. Twice is safe: the last call counts."""
    _rules[model] = Rule(model, {codename: frozenset(roles) for codename, roles in rules.items()}, through)


def is_registered(model: type[Model]) -> bool:
    return model in _rules


def _project_of(obj: Model, through: str) -> Project:
    value: Any = obj
    for step in through.split("__"):
        value = getattr(value, step)
    assert isinstance(value, Project)
    return value


def _holders(project: Project, roles: Mapping[str, frozenset[str]]) -> Wanted:
    members = list(ProjectMember.objects.filter(project=project, user__is_active=True).values_list("user_id", "role"))
    return {(user, codename) for codename, allowed in roles.items() for user, role in members if role in allowed}


def _project_holders(project: Project) -> Wanted:
    """Whoever made a project looks after its members, as long as they belong to it."""
    wanted = _holders(project, PROJECT_RULES)
    if (project.created_by_id, "view_project") in wanted:
        wanted.add((project.created_by_id, "manage_project"))
    return wanted


def _write(model: type[Model], pks: Iterable[Any], wanted: Wanted) -> None:
    """Make the guardian rows of these objects exactly ``wanted``."""
    content_type = ContentType.objects.get_for_model(model)
    permissions = dict(Permission.objects.filter(content_type=content_type).values_list("codename", "id"))
    target = {(str(pk), user, permissions[codename]) for pk in pks for user, codename in wanted}
    rows = UserObjectPermission.objects.filter(content_type=content_type, object_pk__in=[str(pk) for pk in pks])
    present = {(row.object_pk, row.user_id, row.permission_id): row.pk for row in rows}
    surplus = [pk for key, pk in present.items() if key not in target]
    UserObjectPermission.objects.filter(pk__in=surplus).delete()
    UserObjectPermission.objects.bulk_create(
        UserObjectPermission(content_type=content_type, object_pk=pk, user_id=user, permission_id=permission)
        for pk, user, permission in sorted(target - present.keys())
    )


@transaction.atomic
def share(obj: Model) -> None:
    """Give a new object's permissions to the members of its project. Twice is safe."""
    if isinstance(obj, Project):
        _write(Project, [obj.pk], _project_holders(obj))
        return
    rule = _rules[type(obj)]
    _write(rule.model, [obj.pk], _holders(_project_of(obj, rule.through), rule.roles))


@transaction.atomic
def resync(project: Project) -> None:
    """Derive every permission in ``project`` anew from its members, in one transaction."""
    _write(Project, [project.pk], _project_holders(project))
    for rule in _rules.values():
        pks = list(rule.model._default_manager.filter(**{rule.through: project}).values_list("pk", flat=True))
        if pks:
            _write(rule.model, pks, _holders(project, rule.roles))


def objects_for(user: User, queryset: QuerySet[M], perm: str) -> QuerySet[M]:
    """The objects on which ``user`` holds ``perm`` ("app.codename") by membership; being superuser does not help."""
    if not user.is_active:
        return queryset.none()
    mine: QuerySet[M] = get_objects_for_user(
        user, perm, klass=queryset, use_groups=False, with_superuser=False, accept_global_perms=False
    )
    return mine


def held(user: User, obj: Model) -> frozenset[str]:
    """Codenames of the permissions that membership gives ``user`` on ``obj``."""
    return held_on(user, type(obj), [obj.pk])[obj.pk]


def held_on(user: User, model: type[Model], pks: Iterable[Any]) -> dict[Any, frozenset[str]]:
    """The same for many objects of one kind, in one query."""
    found: dict[str, set[str]] = {str(pk): set() for pk in pks}
    rows = UserObjectPermission.objects.filter(
        user=user, content_type=ContentType.objects.get_for_model(model), object_pk__in=list(found)
    )
    for pk, codename in rows.values_list("object_pk", "permission__codename") if user.is_active else ():
        found[pk].add(codename)
    return {pk: frozenset(found[str(pk)]) for pk in pks}
