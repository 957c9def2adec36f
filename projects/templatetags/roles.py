"""Words of this floor that are stored as codes: roles, data categories, details of audit lines."""

from typing import Any

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


@register.filter
def detail_text(value: Any) -> str:
    """A value of an audit line's detail: lists with commas, no quotes, a dash for none."""
    if value is None:
        return "–"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
