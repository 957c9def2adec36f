"""Words of this floor that are stored as codes: roles and data categories."""

from django import template

from projects.forms import CATEGORIES
from projects.models import Role

register = template.Library()


@register.filter
def role_label(code: str) -> str:
    return str(Role(code).label) if code in Role.values else code


@register.filter
def category_label(code: str) -> str:
    return str(dict(CATEGORIES).get(code, code))
