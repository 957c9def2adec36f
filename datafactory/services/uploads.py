"""Files as they come: complete and hashed when their row exists, gone when they are not."""

import hashlib
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.core.files.base import File
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from datafactory import access
from datafactory.engine.plans import Sniff
from datafactory.engine.reading import sniff_file
from datafactory.models import Source, Upload
from datafactory.services import plans
from datafactory.upload_handler import HashedUpload
from modeling.artifacts import to_json
from projects import audit, storage
from projects.errors import Conflict, Invalid
from projects.models import Authorisation, Institution, Project, User, in_force

CHUNK_BYTES = 1024**2


def authorisation_in_force(project: Project, institution: Institution) -> Authorisation:
    """The newest authorisation under which data of ``institution`` may be used now, else ``no_authorisation``."""
    rows = Authorisation.objects.filter(in_force(timezone.now()), project=project, grantor=institution)
    found = rows.order_by("-created_at").first()
    if found is None:
        raise Conflict(
            "no_authorisation",
            _("%(institution)s has no authorisation in force in this project. Grant one first.")
            % {"institution": institution.name},
        )
    return found


def bringing_institution(*, user: User, project: Project | None, source: Source | None) -> Institution:
    """For whom ``user`` may bring a file now: 403 without the right, ``no_authorisation`` without a ground."""
    if project is not None:
        institution = access.bringing_institutions(user, project)[0]
        authorisation_in_force(project, institution)
        return institution
    assert source is not None
    access.require_keeper(user, source)
    return source.institution


def receive_upload(
    *,
    user: User,
    filename: str,
    file: File | None = None,  # type: ignore[type-arg]
    stream: BinaryIO | None = None,
    project: Project | None = None,
    source: Source | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
) -> Upload:
    """Keep a partner's file for a project, or the platform's for a source, and look at its first rows.

    Raises ``no_authorisation`` before a byte is kept, and DataError when the file cannot be read or holds raw personal
    numbers; then nothing of it is kept.
    """
    institution = bringing_institution(user=user, project=project, source=source)
    with _on_disk(file, stream) as (path, sha256):
        sniff = look(path, encoding, delimiter)
        size = path.stat().st_size
        key = uuid.uuid4()
        relative = storage.publish(path, f"uploads/{institution.slug}/{key}")
    try:
        with transaction.atomic():
            return add_row(
                user=user,
                project=project,
                source=source,
                id=key,
                institution=institution,
                filename=filename,
                path=relative,
                size_bytes=size,
                sha256=sha256,
                sniff=to_json(sniff),
            )
    except BaseException:
        storage.remove(relative)
        raise


def look(path: Path, encoding: str | None, delimiter: str | None) -> Sniff:
    """What the file seems to be; DataError when it cannot be read or holds raw personal numbers."""
    return sniff_file(path, plans.limits(), encoding or None, delimiter or None)


def add_row(*, user: User, project: Project | None, source: Source | None, filename: str, **fields: Any) -> Upload:
    """The row of a complete file on disk, with its audit line, in the caller's transaction."""
    row = Upload.objects.create(project=project, created_by=user, filename=tidy_name(filename), **fields)
    target = project.slug if project else source.slug if source else ""
    audit.record(
        "upload.received",
        actor=user,
        project=project,
        institution=row.institution,
        target=target,
        size_bytes=row.size_bytes,
    )
    return row


def tidy_name(filename: str) -> str:
    """The last part of a path, short enough for a row.

    >>> tidy_name("../../etc/passwd.csv"), tidy_name("")
    ('passwd.csv', 'file')
    """
    return Path(filename.replace("\0", "")).name[:255] or "file"


@contextmanager
def _on_disk(file: File | None, stream: BinaryIO | None) -> Iterator[tuple[Path, str]]:  # type: ignore[type-arg]
    """The upload as a complete file beside the artifacts, with its sha256."""
    if isinstance(file, HashedUpload):
        file.flush()
        yield Path(file.temporary_file_path()), file.sha256
        return
    with storage.staging() as folder:
        path, digest, size = folder / "upload", hashlib.sha256(), 0
        source = stream or file
        assert source is not None
        with path.open("wb") as out:
            while chunk := source.read(CHUNK_BYTES):
                size += len(chunk)
                if size > settings.UPLOAD_MAX_BYTES:
                    raise too_large()
                digest.update(chunk)
                out.write(chunk)
        yield path, digest.hexdigest()


def too_large() -> Invalid:
    return Invalid(
        "file_too_large",
        _("The file is larger than %(limit)s MB. Nothing of it was kept.")
        % {"limit": settings.UPLOAD_MAX_BYTES // 1000**2},
    )


def require_file(upload: Upload) -> Path:
    """The path of the bytes, or ``upload_used`` when they were imported and removed."""
    path = storage.folder(upload.path)
    if not path.is_file():
        raise Conflict("upload_used", _("This file was imported or refused and is no longer kept. Upload it again."))
    return path


def forget(upload: Upload) -> None:
    """Remove the bytes; the row stays and says what came. Twice is safe."""
    storage.remove(upload.path)
