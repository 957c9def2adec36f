"""Reads of deletions and their certificates."""

from typing import Any

from django.db.models import Q, QuerySet

from datafactory.models import Deletion, Sample
from projects import sharing
from projects.models import Institution, Project, User


def deletions_seen_by(user: User) -> QuerySet[Deletion]:
    """Certificates of one's projects and of one's institutions, newest first."""
    projects = sharing.objects_for(user, Project.objects.all(), "projects.view_project")
    mine = Institution.objects.filter(memberships__user=user)
    rows = Deletion.objects.filter(Q(project__in=projects) | Q(institution__in=mine)).distinct()
    return rows.select_related("project", "institution", "requested_by", "sample", "source_version")


def deletion_of(sample: Sample) -> Deletion | None:
    return Deletion.objects.filter(sample=sample).first()


def certificate(deletion: Deletion) -> dict[str, Any]:
    """The certificate as JSON: what was removed, when, on whose word and why."""
    lines = deletion.body.get("artifacts", [])
    return {
        "number": deletion.number,
        "target": deletion.target,
        "project": deletion.project.slug if deletion.project else None,
        "institution": deletion.institution.slug,
        "reason": deletion.reason,
        "requested_by": deletion.requested_by.email if deletion.requested_by else None,
        "requested_at": deletion.at,
        "state": "done" if deletion.finished_at else "removing",
        "finished_at": deletion.finished_at,
        "artifacts": lines,
        "files": sum(line["files"] for line in lines),
        "bytes": sum(line["bytes"] for line in lines),
        "keys_destroyed": deletion.body.get("keys", []),
        "kept": deletion.body.get("kept", []),
    }
