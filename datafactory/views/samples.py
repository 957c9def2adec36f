"""Pages of samples: the list, an upload, the roles of its columns, and what was read."""

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from datafactory import access, design_pages, pages
from datafactory.deletion_forms import KeepForm
from datafactory.forms import NAMESPACES, UploadForm
from datafactory.models import Sample
from datafactory.sample_forms import ProfileForm, SampleForm
from datafactory.selectors import profiles as profile_selectors
from datafactory.selectors import samples as selectors
from datafactory.services import samples, uploads
from datafactory.views.deletions import keeping_context
from datafactory.views.mapping import profiles_for
from datafactory.views.uploading import mapped, preview, received, sending
from projects import storage
from projects.access import institutions_of, may, may_read_log, person, project_for
from projects.errors import Conflict
from projects.models import Project
from projects.views.submitting import status_of

PER_PAGE = 50


@login_required
def sample_list(request: HttpRequest, slug: str) -> HttpResponse:
    project = project_for(request.user, slug)
    page = Paginator(selectors.samples_of(project, person(request.user)), PER_PAGE).get_page(request.GET.get("page"))
    context = {"project": project, "page": page, "may_bring": may(request.user, project, access.BRING)}
    fragment = request.htmx and not request.htmx.boosted  # type: ignore[attr-defined]
    template = "_sample_table" if fragment else "sample_list"
    return render(request, f"datafactory/{template}.html", context)


@login_required
def sample_create(request: HttpRequest, slug: str) -> HttpResponse:
    project = project_for(request.user, slug, access.BRING)
    form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
    if form.is_bound:
        upload = received(request, form, project=project)
        if upload:
            return redirect("datafactory:sample-map", slug, upload.pk)
    context = {"project": project, "form": form, "authorisation": _authorisation(request, project)}
    context["sending"] = sending(request, project=project)
    context["profiles"] = profile_selectors.profiles_of(access.bringing_institutions(request.user, project))
    return render(request, "datafactory/sample_upload.html", context, status=status_of(form))


def _authorisation(request: HttpRequest, project: Project) -> Any:
    """The authorisation under which an upload would come in, or None."""
    try:
        return uploads.authorisation_in_force(project, access.bringing_institutions(request.user, project)[0])
    except Conflict:
        return None


@login_required
def sample_map(request: HttpRequest, slug: str, pk: UUID) -> HttpResponse:
    project, upload = access.upload_for(request.user, slug, pk)
    uploads.require_file(upload)
    former = request.GET.get("again", "")
    again = access.sample_for(request.user, slug, int(former)) if former.isdigit() else None
    initial = again.plan if again and again.upload_id == upload.pk else None
    form = SampleForm(request.POST or None, sniff=upload.sniff, plan=initial)
    if not form.is_bound:
        form.initial["name"] = again.name if again else upload.filename
    keeping = KeepForm(request.POST or None)

    def order() -> Sample:
        return samples.import_sample(
            user=person(request.user),
            project=project,
            upload=upload,
            plan=form.plan(),
            name=form.cleaned_data["name"],
            **keeping.cleaned_data,
        )

    sample = mapped(form, order) if not keeping.is_bound or keeping.is_valid() else None
    if sample:
        return redirect("datafactory:sample-detail", slug, sample.number)
    context = {
        "project": project,
        "upload": upload,
        "form": form,
        "keeping": keeping,
        "preview": preview(upload),
        "namespaces": NAMESPACES,
        "profiles": profiles_for(upload),
    }
    return render(request, "datafactory/sample_form.html", context, status=status_of(form))


@login_required
def sample_detail(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    sample = access.sample_for(request.user, slug, number)
    return render(request, "datafactory/sample_detail.html", _detail(request, sample))


def _detail(request: HttpRequest, sample: Sample) -> dict[str, Any]:
    user = person(request.user)
    is_own = selectors.has_own_rows(sample, institutions_of(user, sample.project))
    kept = sample.upload is not None and storage.folder(sample.upload.path).is_file()
    return {
        "project": sample.project,
        "sample": sample,
        "report": sample.report,
        "is_own": is_own,
        "quiet": sample.job is not None and not may_read_log(user, sample.job),
        "figure": pages.months_figure(sample.report),
        "months": pages.months_table(sample.report),
        "checks": pages.checks(sample.report),
        "waterfall": design_pages.waterfall_table(sample.report),
        "waterfall_figure": design_pages.waterfall_figure(sample.report),
        "definition": design_pages.definition(sample.report),
        "profile_form": ProfileForm(initial={"name": sample.name}) if is_own and sample.upload else None,
        "may_again": is_own and kept and may(user, sample.project, access.BRING),
        "may_bring": may(user, sample.project, access.BRING),
        "may_build": may(user, sample.project, access.BUILD) and sample.deleted_at is None,
        **keeping_context(user, sample),
    }
