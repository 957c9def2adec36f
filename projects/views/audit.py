"""The audit log as far as the person may see it, as a page and as CSV."""

import json
from collections.abc import Iterator
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render

from projects import access, selectors
from projects.csv_export import csv_response
from projects.forms import AuditFilterForm
from projects.models import AuditEvent

HEAD = ["seq", "at", "actor", "roles", "institution", "project", "action", "target", "detail", "hash"]


@login_required
def audit_list(request: HttpRequest) -> HttpResponse:
    user = access.person(request.user)
    form = AuditFilterForm(request.GET)
    rows = selectors.audit_events(user, form.wanted())
    page = Paginator(rows, 50).get_page(request.GET.get("page"))
    context = {"page": page, "form": form, "projects": selectors.projects_of(user), "query": request.GET.urlencode()}
    fragment = request.htmx and not request.htmx.boosted  # type: ignore[attr-defined]
    return render(request, "projects/_audit_table.html" if fragment else "projects/audit_list.html", context)


def _export_rows(rows: QuerySet[AuditEvent]) -> Iterator[list[Any]]:
    for row in rows.iterator(chunk_size=1000):
        place = (row.institution.slug if row.institution else "", row.project.slug if row.project else "")
        detail = json.dumps(row.detail, ensure_ascii=False, sort_keys=True) if row.detail else ""
        yield [
            row.seq,
            row.at.isoformat(timespec="seconds"),
            row.actor,
            row.actor_roles,
            *place,
            row.action,
            row.target,
            detail,
            row.hash,
        ]


@login_required
def audit_export(request: HttpRequest) -> StreamingHttpResponse:
    rows = selectors.audit_events(access.person(request.user), AuditFilterForm(request.GET).wanted())
    return csv_response("audit.csv", HEAD, _export_rows(rows))
