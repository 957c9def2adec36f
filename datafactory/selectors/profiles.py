"""Reads of import profiles."""

from django.db.models import QuerySet

from datafactory.models import ImportProfile
from projects.models import Institution


def profiles_of(institutions: list[Institution]) -> QuerySet[ImportProfile]:
    """Profiles of these institutions, by name."""
    return ImportProfile.objects.filter(institution__in=institutions).select_related("institution", "created_by")
