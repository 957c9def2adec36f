"""Level and retention of a sample, its deletion, and the certificate."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from datafactory import access
from datafactory.deletion_forms import DeleteForm, KeepForm
from datafactory.models import Sample
from datafactory.selectors import deletions as selectors
from datafactory.services import deletions
from projects.access import person
from projects.errors import DomainError, Forbidden
from projects.models import User
from projects.views.submitting import status_of


def keeping_context(user: User, sample: Sample) -> dict[str, Any]:
    """What ``_sample_keep.html`` shows on the page of a sample."""
    initial = {"level": sample.level, "retain_until": sample.retain_until}
    may_delete = deletions.may_delete(user, sample)
    return {
        "may_delete": may_delete,
        "keep_form": KeepForm(initial=initial) if may_delete and sample.deleted_at is None else None,
        "deletion": selectors.deletion_of(sample),
    }


@require_POST
@login_required
def sample_keep(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    sample = access.sample_for(request.user, slug, number)
    form = KeepForm(request.POST)
    try:
        if form.is_valid():
            deletions.keep_until(user=person(request.user), sample=sample, **form.cleaned_data)
            messages.success(request, _("Level and retention are recorded."))
        else:
            messages.error(request, " ".join(str(error) for found in form.errors.values() for error in found))
    except DomainError as error:
        messages.error(request, str(error))
    return redirect("datafactory:sample-detail", slug, number)


@login_required
def sample_delete(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Says what will be lost, asks once for a reason, and leads to the certificate."""
    user, sample = person(request.user), access.sample_for(request.user, slug, number)
    if not deletions.may_delete(user, sample):
        raise Forbidden()
    form = DeleteForm(request.POST or None)
    if form.is_bound and form.is_valid():
        deletion = deletions.delete_sample(sample=sample, user=user, reason=form.cleaned_data["reason"])
        return redirect("datafactory:deletion-detail", deletion.number)
    scope = deletions.scope_of(sample=sample)
    context = {
        "project": sample.project,
        "sample": sample,
        "form": form,
        "holdings": scope.holdings(),
        "live": deletions.live_models(scope.tables),
    }
    return render(request, "datafactory/sample_confirm_delete.html", context, status=status_of(form))


@login_required
def deletion_detail(request: HttpRequest, number: int) -> HttpResponse:
    """The certificate, fit for printing."""
    deletion = access.deletion_for(request.user, number)
    context = {"deletion": deletion, "project": deletion.project, "told": selectors.certificate(deletion)}
    return render(request, "datafactory/deletion_detail.html", context)
