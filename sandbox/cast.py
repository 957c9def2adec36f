"""The people of the demo and the institutions that they work for."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.core.management.base import CommandError

from projects.models import Institution, Membership, Role, User

PASSWORD = "panshi-demo-2026"  # noqa: S105 - printed at every start, refused in production


@dataclass(frozen=True)
class Person:
    email: str
    first_name: str
    last_name: str
    institution: str
    role: str


INSTITUTIONS = {
    "panshi": ("Panshi", Institution.Kind.PLATFORM),
    "huaxin": ("Huaxin Bank", Institution.Kind.PARTNER),
    "dongling": ("Dongling Bank", Institution.Kind.PARTNER),
}
PEOPLE = {
    "modeler": Person("lin.chen@panshi.example", "Lin", "Chen", "panshi", Role.MODELER),
    "colleague": Person("yu.wang@panshi.example", "Yu", "Wang", "panshi", Role.MODELER),
    "approver": Person("wei.zhao@panshi.example", "Wei", "Zhao", "panshi", Role.APPROVER),
    "partner": Person("mei.huang@huaxin.example", "Mei", "Huang", "huaxin", Role.ANALYST),
    "integrator": Person("jun.li@huaxin.example", "Jun", "Li", "huaxin", Role.INTEGRATOR),
    "stranger": Person("an.other@dongling.example", "An", "Other", "dongling", Role.ANALYST),
}


def require_demo() -> None:
    if not settings.DEMO:
        raise CommandError("The demo is switched off here (ETRON_DEMO, ETRON_PRODUCTION).")


def make_cast() -> dict[str, User]:
    """Institutions and users, made once; later calls find them."""
    require_demo()
    for slug, (name, kind) in INSTITUTIONS.items():
        Institution.objects.get_or_create(slug=slug, defaults={"name": name, "kind": kind})
    return {role: _user(person) for role, person in PEOPLE.items()}


def _user(person: Person) -> User:
    names = {"first_name": person.first_name, "last_name": person.last_name, "username": person.email}
    user, made = User.objects.get_or_create(email=person.email, defaults={**names, "is_demo": True})
    if made:
        user.set_password(PASSWORD)
        user.save()
    institution = Institution.objects.get(slug=person.institution)
    Membership.objects.get_or_create(user=user, institution=institution, role=person.role)
    return user


def demo_user(role: str) -> User:
    require_demo()
    user = User.objects.filter(email=PEOPLE[role].email, is_demo=True).first()
    if user is None:
        raise CommandError("The demo users are not there yet: run manage.py demo first.")
    return user
