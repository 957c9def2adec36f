"""Pages of models, versions, approvals and what was live when."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from models_registry import access, selectors, words
from models_registry.forms import BandsForm, MomentForm, OfferForm
from models_registry.models import Version
from models_registry.services import lookups, releases, versions
from projects.access import may, person, project_for
from projects.errors import DomainError, NotFound

ACTS: dict[str, tuple[str, Callable[..., Any], Any]] = {
    "submit": (access.BUILD, versions.submit, gettext_lazy("Sent for approval.")),
    "approve": (access.RELEASE, versions.approve, gettext_lazy("Approved.")),
    "return": (access.RELEASE, versions.send_back, gettext_lazy("Sent back to the author.")),
    "publish": (access.RELEASE, releases.publish, gettext_lazy("Live from now on.")),
    "retire": (access.RELEASE, releases.retire, gettext_lazy("Retired.")),
}


@login_required
def version_list(request: HttpRequest, slug: str) -> HttpResponse:
    project = project_for(request.user, slug)
    models = selectors.models_of(project, person(request.user))
    return render(request, "models_registry/version_list.html", {"project": project, "models": models})


@login_required
def version_history(request: HttpRequest, slug: str, model: str) -> HttpResponse:
    """A model's intervals, and the look-up "what was live at"."""
    found = access.model_for(request.user, slug, model)
    form = MomentForm(request.GET if "at" in request.GET else None)
    at = form.cleaned_data["at"] if form.is_bound and form.is_valid() else None
    context = {
        "project": found.project,
        "model": found,
        "releases": selectors.releases_of(found),
        "form": form,
        "at": at,
        "at_release": selectors.live_release(found, at) if at else None,
    }
    return render(request, "models_registry/version_history.html", context, status=422 if form.errors else 200)


@login_required
def version_create(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """A link from elsewhere leads to the run's page, whose form does it."""
    if request.method != "POST":
        access.run_for(request.user, slug, number)
        return redirect(f"{reverse('models_registry:run-detail', args=[slug, number])}#run-offer")
    run = access.run_for(request.user, slug, number, access.BUILD)
    form = OfferForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Give the model a name."))
        return redirect("models_registry:run-detail", slug, number)
    user = person(request.user)
    version = versions.create_version(
        user=user, run=run, model=form.cleaned_data["model"], note=form.cleaned_data["note"]
    )
    return redirect("models_registry:version-detail", slug, version.model.slug, version.number)


@login_required
def version_detail(request: HttpRequest, slug: str, model: str, number: int) -> HttpResponse:
    version = access.version_for(request.user, slug, model, number)
    context = {
        "project": version.project,
        "version": version,
        "releases": selectors.releases_of(version.model),
        "gate": words.gate_lines(version.gate),
        "marks": words.marks(selectors.marks_of(version)),
        "may": _offers(request, version),
        "job": lookups.last_job(version) if version.status == Version.Status.APPROVED else None,
    }
    return render(request, "models_registry/version_detail.html", context)


def _offers(request: HttpRequest, version: Version) -> dict[str, bool]:
    """Which acts this person can do on this version now; the services check again."""
    releaser = may(request.user, version.project, access.RELEASE)
    own, status = version.author_id == request.user.pk, version.status
    return {
        "submit": own and status in {Version.Status.DRAFT, Version.Status.RETURNED},
        "decide": releaser and not own and status == Version.Status.SUBMITTED,
        "publish": releaser and not own and status == Version.Status.APPROVED,
        "retire": releaser and status in {Version.Status.LIVE, Version.Status.APPROVED},
        "own": own,
    }


@login_required
@require_POST
def version_act(request: HttpRequest, slug: str, model: str, number: int, act: str) -> HttpResponse:
    if act not in ACTS:
        raise NotFound("act_not_found")
    perm, service, done = ACTS[act]
    version = access.version_for(request.user, slug, model, number, perm)
    extra = {"acknowledge": tuple(request.POST.getlist("acknowledge"))} if act == "publish" else {}
    try:
        service(user=person(request.user), version=version, note=request.POST.get("note", ""), **extra)
        messages.success(request, done)
    except DomainError as error:
        messages.error(request, str(error))
    return redirect("models_registry:version-detail", slug, model, number)


@login_required
@require_POST
def version_bands(request: HttpRequest, slug: str, model: str, number: int) -> HttpResponse:
    version = access.version_for(request.user, slug, model, number, access.BUILD)
    form = BandsForm(request.POST)
    try:
        versions.change_bands(user=person(request.user), version=version, bands=form.bands())
        messages.success(request, _("Bands changed."))
    except DomainError as error:
        messages.error(request, str(error))
    return redirect("models_registry:version-detail", slug, model, number)
