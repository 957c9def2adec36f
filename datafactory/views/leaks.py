"""The leak scan of a feature table: ordered again, and findings decided."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from datafactory import access, leak_pages
from datafactory.models import FeatureTable
from datafactory.selectors import leaks as selectors
from datafactory.services import leaks
from projects.access import person
from projects.errors import DomainError


def leak_context(table: FeatureTable) -> dict[str, Any]:
    """What ``_leak_scan.html`` shows of a ready table."""
    scan = selectors.scan_of(table)
    strengths = scan.result.get("strongest", []) if scan else []
    return {
        "scan": scan,
        "leaks": leak_pages.rows_of(scan),
        "strengths_figure": leak_pages.strengths_chart(strengths) if strengths else None,
        "strengths_table": leak_pages.strengths_table(strengths),
    }


@require_POST
@login_required
def leak_scan(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    table = access.feature_table_for(request.user, slug, number, access.BUILD)
    try:
        leaks.scan_leaks(user=person(request.user), table=table)
    except DomainError as error:
        messages.error(request, str(error))
    return redirect("datafactory:feature-detail", slug, number)


@require_POST
@login_required
def leak_decide(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    table = access.feature_table_for(request.user, slug, number, access.BUILD)
    given = {name: request.POST.get(name, "") for name in ("column", "act", "reason")}
    try:
        leaks.decide(user=person(request.user), table=table, **given)
        messages.success(request, _("The decision is recorded."))
    except DomainError as error:
        messages.error(request, str(error))
    return redirect("datafactory:feature-detail", slug, number)
