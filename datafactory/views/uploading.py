"""Pages that receive a file and pages that map its columns: the same steps for samples and for sources."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from datafactory.forms import MappingForm, UploadForm
from datafactory.models import IncomingUpload, Source, Upload
from datafactory.selectors import incoming as selectors
from datafactory.services import uploads
from modeling.errors import DataError
from projects import storage
from projects.access import person
from projects.errors import DomainError, NotFound, sentence
from projects.models import Project
from projects.templatetags.figures import percent

PREVIEW_COLUMNS = 60
NEXT_FOR = UUID(int=0)  # stands in an address for the id of the upload that is not there yet


def sending(request: HttpRequest, *, project: Project | None = None, source: Source | None = None) -> dict[str, Any]:
    """Where a page's script sends a file in pieces, where it goes then, and what was left unfinished."""
    slug = project.slug if project else source.slug if source else ""
    door, page = ("api-incoming", "sample-map") if project else ("api-source-incoming", "source-map")
    rows = selectors.unfinished_by(person(request.user)).filter(project=project, source=source)

    def line(row: IncomingUpload) -> dict[str, str]:
        return {
            "filename": row.filename,
            "share": percent(row.received_bytes / row.size_bytes, 0),
            "state": selectors.state_of(row),
            "url": reverse(f"{door}-detail", args=[slug, row.pk]),
            "next": reverse(f"datafactory:{page}", args=[slug, row.pk]),
        }

    return {
        "url": reverse(f"{door}-create", args=[slug]),
        "next": reverse(f"datafactory:{page}", args=[slug, NEXT_FOR]),
        "next_for": str(NEXT_FOR),
        "unfinished": [line(row) for row in rows if storage.folder(row.path).is_file()],
    }


def received(request: HttpRequest, form: UploadForm, **where: Any) -> Upload | None:
    """The upload of a posted form; None with the reason at its field when it cannot be kept."""
    if not form.is_valid():
        length = int(request.META.get("CONTENT_LENGTH") or 0)
        if length > settings.UPLOAD_MAX_BYTES and form.has_error("file", "required"):
            form.errors["file"] = form.error_class([str(uploads.too_large())])
        return None
    file = form.cleaned_data["file"]
    options = {name: form.cleaned_data[name] for name in ("encoding", "delimiter")}
    try:
        return uploads.receive_upload(user=person(request.user), file=file, filename=file.name, **options, **where)
    except DataError as error:
        form.add_error("file", sentence(error))
    except NotFound:
        raise
    except DomainError as error:
        form.add_error(None, str(error))
    return None


def mapped(form: MappingForm, order: Callable[[], Any]) -> Any | None:
    """What ``order`` makes of a valid form; None with the reason beside its control."""
    if not form.is_valid():
        return None
    try:
        return order()
    except DataError as error:
        form.refuse(error)
    except NotFound:
        raise
    except DomainError as error:
        form.add_error(None, str(error))
    return None


def preview(upload: Upload) -> dict[str, Any]:
    """The first rows, at most sixty columns wide."""
    names = [column["name"] for column in upload.sniff["columns"]]
    rows = [row[:PREVIEW_COLUMNS] for row in upload.sniff["preview"]]
    return {"head": names[:PREVIEW_COLUMNS], "rows": rows, "n_columns": len(names), "cut": len(names) > PREVIEW_COLUMNS}
