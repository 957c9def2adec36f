"""Looking at an upload again while its columns are mapped, and the import profiles that save saying it all again."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from datafactory import access
from datafactory.deletion_forms import KeepForm
from datafactory.forms import NAMESPACES, MappingForm, SourceVersionForm
from datafactory.models import ImportProfile, Upload
from datafactory.sample_forms import ProfileForm, SampleForm
from datafactory.saved_forms import SavedForm
from datafactory.selectors import profiles as selectors
from datafactory.services import profiles, sniffs, uploads
from datafactory.views.uploading import preview
from modeling.errors import DataError
from projects.access import person
from projects.errors import Conflict, sentence


def profiles_for(upload: Upload) -> list[ImportProfile]:
    """Profiles of the upload's institution that were made from a file with these columns."""
    return [profile for profile in selectors.profiles_of([upload.institution]) if profiles.fits(profile, upload)]


@login_required
@require_POST
def sample_sniff(request: HttpRequest, slug: str, pk: UUID) -> HttpResponse:
    """The mapping again, for a file that was saved as the page now says; nothing is uploaded again."""
    project, upload = access.upload_for(request.user, slug, pk)
    uploads.require_file(upload)
    profile = _chosen(upload, request.POST.get("profile", ""))
    names = _names(upload)
    fault = _look(upload, profiles.saved_of(profile) if profile else SavedForm(request.POST).saved())
    form = SampleForm(sniff=upload.sniff, plan=profile.plan if profile else None)
    if profile:
        form.initial["name"] = request.POST.get("name") or upload.filename
    else:
        form.carry_over(request.POST, names)
    kept = {name: request.POST[name] for name in ("level", "retain_until") if name in request.POST}
    keeping = KeepForm(initial=kept or None)
    context = {"project": project, "profiles": profiles_for(upload), "applied": profile, "keeping": keeping}
    return _mapping(request, "sample", form, upload, fault, context)


@login_required
@require_POST
def source_sniff(request: HttpRequest, code: str, pk: UUID) -> HttpResponse:
    """The same for a version of a source."""
    source, upload = access.source_upload_for(request.user, code, pk)
    uploads.require_file(upload)
    names = _names(upload)
    fault = _look(upload, SavedForm(request.POST).saved())
    form = SourceVersionForm(sniff=upload.sniff)
    form.carry_over(request.POST, names)
    return _mapping(request, "source", form, upload, fault, {"source": source})


def _mapping(
    request: HttpRequest, noun: str, form: MappingForm, upload: Upload, fault: str, context: dict[str, Any]
) -> HttpResponse:
    context |= {"form": form, "upload": upload, "preview": preview(upload), "namespaces": NAMESPACES, "fault": fault}
    return render(request, f"datafactory/_{noun}_mapping.html", context, status=422 if fault else 200)


def _names(upload: Upload) -> list[str]:
    return [column["name"] for column in upload.sniff["columns"]]


def _look(upload: Upload, saved: Any) -> str:
    """Look again; a sentence when the file cannot be read that way, and the former look stays."""
    try:
        sniffs.look_again(upload=upload, saved=saved)
    except DataError as error:
        return sentence(error)
    return ""


def _chosen(upload: Upload, pk: str) -> ImportProfile | None:
    rows = selectors.profiles_of([upload.institution])
    return rows.filter(pk=int(pk)).first() if pk.isdigit() else None


@login_required
@require_POST
def profile_save(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Keep how a finished sample was read."""
    sample = access.sample_for(request.user, slug, number, access.BRING)
    form = ProfileForm(request.POST)
    if form.is_valid():
        try:
            profile = profiles.save_profile(user=person(request.user), sample=sample, name=form.cleaned_data["name"])
            messages.success(request, _("Saved as the import profile “%(name)s”.") % {"name": profile.name})
        except Conflict as error:
            messages.error(request, str(error))
    else:
        messages.error(request, _("Give the profile a name."))
    return redirect("datafactory:sample-detail", slug, number)


@login_required
@require_POST
def profile_delete(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    project, profile = access.import_profile_for(request.user, slug, pk)
    profiles.delete_profile(user=person(request.user), profile=profile, project=project)
    messages.success(request, _("The import profile “%(name)s” is deleted.") % {"name": profile.name})
    return redirect("datafactory:sample-create", slug)
