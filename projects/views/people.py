"""Members of projects, institutions, and invitations into them."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from projects import access, forms, selectors
from projects.models import Institution, Membership, ProjectMember, Role
from projects.services import institutions, members
from projects.views.submitting import status_of, submit


@login_required
def member_list(request: HttpRequest, slug: str) -> HttpResponse:
    user = access.person(request.user)
    project = access.project_for(user, slug)
    managed = members.managed_institutions(user, project) if access.may(user, project, "manage_project") else []
    form = forms.MemberForm(request.POST or None, memberships=selectors.addable_to(project, managed))

    def add(values: dict[str, Any]) -> ProjectMember:
        row: Membership = values["membership"]
        return members.add_member(
            user=user, project=project, member=row.user, institution=row.institution, role=row.role
        )

    if submit(form, add):
        messages.success(request, _("The member was added."))
        return redirect("projects:member-list", slug)
    context = {"project": project, "rows": selectors.members_of(project), "managed": managed, "form": form}
    return render(request, "projects/member_list.html", context, status=status_of(form))


@require_POST
@login_required
def member_remove(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    user = access.person(request.user)
    project = access.project_for(user, slug, "projects.manage_project")
    row = get_object_or_404(ProjectMember, project=project, pk=pk)
    members.remove_member(user=user, project=project, row=row)
    messages.success(request, _("%(person)s no longer sees this project in that role.") % {"person": row.user})
    return redirect("projects:member-list", slug)


@login_required
def institution_list(request: HttpRequest) -> HttpResponse:
    user = access.person(request.user)
    form = forms.InstitutionForm(request.POST or None)
    row = submit(form, lambda values: institutions.create_institution(user=user, **values))
    if row:
        return redirect("projects:institution-detail", row.slug)
    context = {
        "mine": selectors.roles_by_institution(user),
        "others": selectors.institutions_seen_by(user),
        "may_create": institutions.may_create(user),
        "form": form,
    }
    return render(request, "projects/institution_list.html", context, status=status_of(form))


def _institution_for(request: HttpRequest, code: str) -> tuple[Institution, bool]:
    """The institution and whether the person administers it (or may invite a partner's first people)."""
    user = access.person(request.user)
    row = Institution.objects.filter(slug=code).first()
    if row and institutions.may_invite(user, row):
        return row, True
    return access.institution_for(user, code), False


@never_cache
@login_required
def institution_detail(request: HttpRequest, code: str) -> HttpResponse:
    """People of an institution; an invitation's link is shown in the answer to its creation, and never again."""
    institution, may_invite = _institution_for(request, code)
    user = access.person(request.user)
    form = forms.InvitationForm(request.POST or None)
    made = submit(form, lambda values: institutions.invite(user=user, institution=institution, **values))
    context = {
        "institution": institution,
        "rows": selectors.people_of(institution),
        "may_invite": may_invite,
        "invitations": selectors.open_invitations(institution) if may_invite else [],
        "form": forms.InvitationForm() if made else form,
        "invited": made[0] if made else None,
        "link": request.build_absolute_uri(f"/invitations/{made[1]}/") if made else "",
    }
    return render(request, "projects/institution_detail.html", context, status=status_of(form))


@require_POST
@login_required
def invitation_withdraw(request: HttpRequest, code: str, pk: int) -> HttpResponse:
    institution, _may = _institution_for(request, code)
    row = get_object_or_404(selectors.open_invitations(institution), pk=pk)
    institutions.withdraw_invitation(user=access.person(request.user), invitation=row)
    messages.success(request, _("The invitation no longer works."))
    return redirect("projects:institution-detail", code)


@require_POST
@login_required
def membership_remove(request: HttpRequest, code: str, pk: int) -> HttpResponse:
    institution = access.institution_for(request.user, code, [Role.ADMINISTRATOR])
    row = get_object_or_404(selectors.people_of(institution), pk=pk)
    members.forget_institution_member(
        user=access.person(request.user), member=row.user, institution=institution, role=row.role
    )
    messages.success(request, _("%(person)s lost this role here and in every project.") % {"person": row.user})
    return redirect("projects:institution-detail", code)
