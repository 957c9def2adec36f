"""Pages of the platform's catalogue: sources, a new version, and what was read."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from datafactory import access, pages
from datafactory.forms import NAMESPACES, SourceForm, SourceVersionForm, UploadForm
from datafactory.models import SourceVersion
from datafactory.selectors import sources as selectors
from datafactory.services import connections, sources, uploads
from datafactory.views.uploading import mapped, preview, received, sending
from projects.access import person
from projects.views.submitting import status_of, submit


@login_required
def source_list(request: HttpRequest) -> HttpResponse:
    user = person(request.user)
    lines = selectors.source_lines(user, selectors.sources_seen_by(user))
    context = {"lines": lines, "may_keep": selectors.may_keep(user)}
    return render(request, "datafactory/source_list.html", context)


@login_required
def source_create(request: HttpRequest) -> HttpResponse:
    user = person(request.user)
    sources.keeping_institution(user)
    form = SourceForm(request.POST or None, initial={"kind": "snapshot"})
    source = submit(form, lambda values: sources.create_source(user=user, **values))
    if source:
        return redirect("datafactory:source-upload", source.slug)
    return render(request, "datafactory/source_form.html", {"form": form}, status=status_of(form))


@login_required
def source_detail(request: HttpRequest, code: str) -> HttpResponse:
    user = person(request.user)
    source = access.source_for(user, code)
    line = selectors.source_line(user, source)
    versions = source.versions.select_related("created_by", "job") if line.is_own else []
    context = {"source": source, "line": line, "versions": versions, "may_keep": selectors.may_keep(user)}
    return render(request, "datafactory/source_detail.html", context)


@login_required
def source_upload(request: HttpRequest, code: str) -> HttpResponse:
    source = access.source_for(request.user, code, keep=True)
    form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
    if form.is_bound:
        upload = received(request, form, source=source)
        if upload:
            return redirect("datafactory:source-map", code, upload.pk)
    context = {"source": source, "form": form, "sending": sending(request, source=source)}
    context["offers"] = connections.offered()
    return render(request, "datafactory/source_upload.html", context, status=status_of(form))


@login_required
def source_map(request: HttpRequest, code: str, pk: UUID) -> HttpResponse:
    source, upload = access.source_upload_for(request.user, code, pk)
    uploads.require_file(upload)
    latest = source.versions.first()
    form = SourceVersionForm(request.POST or None, sniff=upload.sniff, plan=latest.plan if latest else None)

    def order() -> SourceVersion:
        return sources.import_source_version(user=person(request.user), source=source, upload=upload, plan=form.plan())

    version = mapped(form, order)
    if version:
        return redirect("datafactory:source-version-detail", code, version.number)
    context = {"source": source, "upload": upload, "form": form, "preview": preview(upload), "namespaces": NAMESPACES}
    return render(request, "datafactory/source_version_form.html", context, status=status_of(form))


@login_required
def source_version_detail(request: HttpRequest, code: str, number: int) -> HttpResponse:
    version = access.source_version_for(request.user, code, number)
    report = version.summary.get("report", {})
    context = {"source": version.source, "version": version, "report": report, "checks": pages.checks(report)}
    return render(request, "datafactory/source_version_detail.html", context)
