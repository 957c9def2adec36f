"""The legal basis of a project: authorisations granted, withdrawn, erased."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from projects import access, forms, selectors
from projects.services import authorisations
from projects.views.submitting import status_of, submit


@login_required
def authorisation_list(request: HttpRequest, slug: str) -> HttpResponse:
    """What is used for what and until when; the owner of the data grants here."""
    user = access.person(request.user)
    project = access.project_for(user, slug)
    granting = authorisations.granting_institutions(user, project)
    form = forms.AuthorisationForm(request.POST or None, project=project)

    def grant(values: dict[str, Any]) -> Any:
        del values["expires_on"]
        return authorisations.grant(user=user, project=project, expires_at=expires_at, **values)

    expires_at: Any = form.expires_at if form.is_bound and form.is_valid() else None
    if submit(form, grant):
        messages.success(request, _("The authorisation is recorded."))
        return redirect("projects:authorisation-list", slug)
    context = {
        "project": project,
        "granting": granting,
        "lines": selectors.authorisation_lines(project, granting),
        "form": form,
    }
    return render(request, "projects/authorisation_list.html", context, status=status_of(form))


@require_POST
@login_required
def authorisation_withdraw(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    user = access.person(request.user)
    row = access.authorisation_for(user, access.project_for(user, slug), pk)
    authorisations.withdraw(user=user, authorisation=row)
    messages.success(request, _("The authorisation is withdrawn: nothing new is accepted under it."))
    return redirect("projects:authorisation-list", slug)


@require_POST
@login_required
def authorisation_erase(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    user = access.person(request.user)
    row = access.authorisation_for(user, access.project_for(user, slug), pk)
    authorisations.erase_values(user=user, authorisation=row)
    messages.success(request, _("The key was destroyed; the values stored under it cannot be read any more."))
    return redirect("projects:authorisation-list", slug)
