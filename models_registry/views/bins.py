"""Pages of bin sets: list, order, overview with revisions, and the editor of one variable."""

import json
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from rest_framework.utils.encoders import JSONEncoder

from models_registry import access, bin_pages, bin_selectors
from models_registry.forms import TRENDS, BinSetForm
from models_registry.models import BinSet
from models_registry.services import bin_files, bin_sets
from models_registry.views.runs import PER_PAGE, recipe_form
from projects.access import may, person, project_for
from projects.errors import DomainError


@login_required
def bin_set_list(request: HttpRequest, slug: str) -> HttpResponse:
    project = project_for(request.user, slug)
    page = Paginator(bin_selectors.bin_sets_of(project), PER_PAGE).get_page(request.GET.get("page"))
    context = {"project": project, "page": page, "may_build": may(request.user, project, access.BUILD)}
    return render(request, "models_registry/bin_set_list.html", context)


@login_required
def bin_set_create(request: HttpRequest, slug: str) -> HttpResponse:
    project = project_for(request.user, slug, access.BUILD)
    form = recipe_form(request, project, BinSetForm)
    assert isinstance(form, BinSetForm)
    if request.method == "POST" and form.is_valid():
        try:
            table, name = form.cleaned_data["feature_table"], form.cleaned_data["name"]
            row = bin_sets.create_bin_set(
                user=person(request.user), feature_table=table, plan=form.bin_plan(), name=name
            )
            return redirect("models_registry:bin-set-detail", slug, row.number)
        except DomainError as error:
            form.add_error(None, str(error))
    context = {"project": project, "form": form}
    return render(request, "models_registry/bin_set_form.html", context, status=422 if form.errors else 200)


@login_required
def bin_set_detail(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """The overview: all variables with state and figures, revisions, files."""
    bin_set = access.bin_set_for(request.user, slug, number)
    drafts = list(bin_set.drafts.defer("history"))
    context = {
        "project": bin_set.project,
        "bin_set": bin_set,
        "drafts": drafts,
        "states": bin_selectors.states_of(bin_set),
        "first": next((row for row in drafts if row.state in {"proposed", "edited"}), drafts[0] if drafts else None),
        "revisions": bin_set.revisions.select_related("author", "reviewer"),
        "may_build": may(request.user, bin_set.project, access.BUILD),
    }
    return render(request, "models_registry/bin_set_detail.html", context)


@login_required
def bin_editor(request: HttpRequest, slug: str, number: int, name: str) -> HttpResponse:
    """One variable; the script beside it fetches the others."""
    draft = access.draft_for(request.user, slug, number, name)
    bin_set = draft.bin_set
    if bin_set.state != BinSet.State.READY:
        return redirect("models_registry:bin-set-detail", slug, number)
    plan = bin_selectors.plan_of(bin_set)
    view = json.loads(json.dumps(bin_pages.variable(draft), cls=JSONEncoder))
    context = {
        "project": bin_set.project,
        "bin_set": bin_set,
        "draft": draft,
        "view": view,
        "drafts": bin_set.drafts.defer("history"),
        "trends": TRENDS,
        "limits": {"max_bins": plan.bins.max_bins, "share": 100 * plan.bins.min_bin_share},
        "may_build": may(request.user, bin_set.project, access.BUILD) and not bin_set.deleted_at,
        "api": reverse("api-bin-set-detail", args=[slug, number]),
        "page_url": reverse("models_registry:bin-set-detail", args=[slug, number]),
    }
    return render(request, "models_registry/bin_editor.html", context)


@login_required
@require_POST
def bin_revision_propose(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    bin_set = access.bin_set_for(request.user, slug, number, access.BUILD)
    try:
        bin_sets.propose_revision(user=person(request.user), bin_set=bin_set, reason=request.POST.get("reason", ""))
        messages.success(request, _("Proposed for review."))
    except DomainError as error:
        messages.error(request, str(error))
    return redirect("models_registry:bin-set-detail", slug, number)


@login_required
@require_POST
def bin_revision_decide(request: HttpRequest, slug: str, number: int, revision: int) -> HttpResponse:
    found = access.bin_revision_for(request.user, slug, number, revision, access.BUILD)
    accept, review = request.POST.get("accept") == "1", request.POST.get("review", "")
    try:
        bin_sets.decide_revision(user=person(request.user), revision=found, accept=accept, review=review)
        messages.success(request, _("Accepted: a scorecard can be trained with it.") if accept else _("Returned."))
    except DomainError as error:
        messages.error(request, str(error))
    return redirect("models_registry:bin-set-detail", slug, number)


@login_required
@require_POST
def bin_import(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """A file of bins becomes drafts; what could not be set is named."""
    bin_set = access.bin_set_for(request.user, slug, number, access.BUILD)
    file: Any = request.FILES.get("file")
    try:
        bins = bin_files.read_file(file) if file else {}
        told = bin_files.import_bins(user=person(request.user), bin_set=bin_set, bins=bins)
        messages.success(request, _("%(n)d variables were set.") % {"n": len(told["set"])})
        for name, why in list(told["refused"].items())[:10]:
            messages.warning(request, f"{name}: {why}")
    except DomainError as error:
        messages.error(request, str(error))
    return redirect("models_registry:bin-set-detail", slug, number)
