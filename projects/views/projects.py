"""Projects: the list, a new one, its participants and their approval."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from projects import access, forms, selectors
from projects.models import Membership, Project
from projects.services import projects as services
from projects.views.submitting import status_of, submit


def may_create(request: HttpRequest) -> bool:
    rows = Membership.objects.filter(user=access.person(request.user), role__in=services.CREATORS)
    return rows.filter(institution__kind="platform").exists()


@login_required
def project_list(request: HttpRequest) -> HttpResponse:
    rows = selectors.projects_of(access.person(request.user))
    text = request.GET.get("q", "").strip()
    if text:
        rows = rows.filter(name__icontains=text) | rows.filter(participations__institution__name__icontains=text)
    page = Paginator(rows.distinct(), 50).get_page(request.GET.get("page"))
    lines = selectors.project_lines(page.object_list)
    context = {"page": page, "lines": lines, "q": text, "may_create": may_create(request)}
    fragment = request.htmx and not request.htmx.boosted  # type: ignore[attr-defined]
    return render(request, "projects/_project_table.html" if fragment else "projects/project_list.html", context)


@login_required
def project_create(request: HttpRequest) -> HttpResponse:
    user = access.person(request.user)
    services.home_of(user)
    form = forms.ProjectForm(request.POST or None)
    project = submit(form, lambda values: services.create_project(user=user, **values))
    if project:
        messages.success(request, _("The project is under review until every partner has approved it."))
        return redirect("projects:project-settings", project.slug)
    return render(request, "projects/project_form.html", {"form": form}, status=status_of(form))


def _settings_context(request: HttpRequest, project: Project, form: forms.DecisionForm) -> dict[str, Any]:
    user = access.person(request.user)
    return {
        "project": project,
        "participations": project.participations.select_related("institution", "decided_by").order_by(
            "institution__kind"
        ),
        "to_decide": services.deciding_for(user, project) if access.may(user, project, "decide_project") else [],
        "may_archive": access.may(user, project, "manage_project"),
        "form": form,
    }


@login_required
def project_settings(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for(request.user, slug)
    return render(request, "projects/project_settings.html", _settings_context(request, project, forms.DecisionForm()))


@require_POST
@login_required
def participation_decide(request: HttpRequest, slug: str) -> HttpResponse:
    user = access.person(request.user)
    project = access.project_for(user, slug, "projects.decide_project")
    form = forms.DecisionForm(request.POST)

    def decide(values: dict[str, Any]) -> Any:
        chosen = access.institution_for(user, values["institution"]) if values["institution"] else None
        return services.decide_participation(
            user=user,
            project=project,
            approve=values["decision"] == "approve",
            note=values["note"],
            institution=chosen,
        )

    if submit(form, decide):
        messages.success(request, _("Your decision was recorded."))
        return redirect("projects:project-settings", slug)
    return render(request, "projects/project_settings.html", _settings_context(request, project, form), status=422)


@require_POST
@login_required
def project_archive(request: HttpRequest, slug: str) -> HttpResponse:
    project = access.project_for(request.user, slug, "projects.manage_project")
    services.archive_project(user=access.person(request.user), project=project)
    messages.success(request, _("The project is archived: it can be read, and nothing can be added."))
    return redirect("projects:project-settings", slug)
