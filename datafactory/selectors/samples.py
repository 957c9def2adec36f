"""Reads of samples and of uploads that wait to be mapped."""

from typing import Any

from django.db.models import QuerySet

from datafactory.models import Sample, Upload
from projects import sharing
from projects.models import Project, User


def samples_of(project: Project, user: User) -> QuerySet[Sample]:
    """The project's samples that ``user`` may see, newest first, without their long reports."""
    rows = Sample.objects.filter(project=project).select_related("project", "institution", "created_by", "job")
    return sharing.objects_for(user, rows, "datafactory.view_sample").defer("report")


def uploads_of(project: Project) -> QuerySet[Upload]:
    return Upload.objects.filter(project=project).select_related("institution", "created_by")


def has_own_rows(sample: Sample, institutions: list[Any]) -> bool:
    """Whether one of these institutions brought the sample: only its people read row numbers and values of errors."""
    return sample.institution_id in {row.pk for row in institutions}
