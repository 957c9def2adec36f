"""Uploads that come in pieces: begun, continued after whatever broke, in the end a file like any other or nothing."""

import base64
import hashlib
import hmac
import re
import shutil
import uuid
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from datafactory import access
from datafactory.engine.dialect import known_encoding
from datafactory.models import IncomingUpload, Source
from datafactory.services import uploads
from datafactory.services.arriving import Body, Digest, Hold, disk_full, file_of, offset_of, pour
from modeling.artifacts import Progress, no_progress, to_json
from modeling.errors import DataError
from projects import audit, jobs, storage
from projects.access import project_for
from projects.errors import Conflict, DomainError, Invalid
from projects.models import Institution, Job, Project, User

ALGORITHMS = ("sha1", "sha256")
HASHING = gettext_noop("hashing the file")
READ_BYTES = 1024**2
SETTLE_S = 60
UNDECIDED = Q(upload=None, refusal={})


@dataclass(frozen=True)
class Checksum:
    """What the sender says that one piece hashes to."""

    algorithm: str
    digest: bytes

    @classmethod
    def parse(cls, header: str) -> "Checksum | None":
        """``sha256 <base64>``; None when nothing was announced.

        >>> Checksum.parse("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=").algorithm
        'sha1'
        """
        if not header:
            return None
        algorithm, _space, value = header.partition(" ")
        try:
            digest = base64.b64decode(value, validate=True)
        except ValueError:
            digest = b""
        if algorithm not in ALGORITHMS or not digest:
            raise DomainError("checksum_unknown", _("A checksum is sha1 or sha256, a blank and its base64."), 400)
        return cls(algorithm, digest)

    def begin(self) -> Digest:
        return hashlib.new(self.algorithm)  # sha1 is what every client of the protocol can do; it finds faults of lines


def begin(
    *,
    user: User,
    filename: str,
    size_bytes: int,
    project: Project | None = None,
    source: Source | None = None,
    sha256: str = "",
    encoding: str = "",
    delimiter: str = "",
) -> IncomingUpload:
    """A place for a file; no right or ground, too large, too many open: refused before a byte is kept."""
    institution = uploads.bringing_institution(user=user, project=project, source=source)
    _require_room(institution, size_bytes)
    if sha256 and not re.fullmatch(r"[0-9a-f]{64}", sha256.lower()):
        raise Invalid("sha256_format", _("The sha256 of the file is 64 hexadecimal digits."))
    if encoding:
        known_encoding(encoding)
    key = uuid.uuid4()
    path = f"uploads/{institution.slug}/{key}"
    storage.reserve(path)
    with transaction.atomic():
        row = IncomingUpload.objects.create(
            id=key,
            project=project,
            source=source,
            institution=institution,
            filename=uploads.tidy_name(filename),
            path=path,
            size_bytes=size_bytes,
            sha256=sha256.lower(),
            options={"encoding": encoding, "delimiter": delimiter},
            created_by=user,
        )
        record("upload.begun", row, size_bytes=size_bytes)
    return row


def _require_room(institution: Institution, size_bytes: int) -> None:
    if size_bytes > settings.UPLOAD_MAX_BYTES:
        raise DomainError("file_too_large", uploads.too_large().message, 413)
    if size_bytes < 1:
        raise Invalid("empty_file", _("The file is empty."))
    if IncomingUpload.objects.filter(UNDECIDED, institution=institution).count() >= settings.INCOMING_OPEN:
        raise DomainError(
            "too_many_uploads", _("Too many uploads are open. Finish or cancel one, or wait until they expire."), 429
        )
    if shutil.disk_usage(_existing(Path(settings.ARTIFACT_ROOT))).free < size_bytes:
        raise disk_full()


def _existing(path: Path) -> Path:
    return path if path.exists() else _existing(path.parent)


def received_of(row: IncomingUpload) -> int:
    """The offset to go on from; the whole size once the file was accepted or refused."""
    return row.size_bytes if row.upload_id or row.refusal else offset_of(row)


def receive(
    *, row: IncomingUpload, offset: int, length: int, body: Body, checksum: Checksum | None = None
) -> IncomingUpload:
    """Append the next piece. What is acknowledged is on disk; a piece with a wrong checksum (460) leaves nothing.

    A body that breaks off keeps what came, except under a checksum. The last byte leads to :func:`conclude`. Twice is
    safe: an empty piece at the end of a whole file only looks at how it ended.
    """
    if offset + length > row.size_bytes:
        raise DomainError("upload_too_long", _("The piece goes beyond the length that was announced."), 413)
    if row.upload_id or row.refusal:
        if offset != row.size_bytes:
            raise Conflict("upload_complete", _("This upload is complete."), detail={"offset": row.size_bytes})
        return row
    with Hold(row, offset) as hold:
        _append(hold, body, length, checksum)
        row.refresh_from_db()
        if row.received_bytes == row.size_bytes:
            conclude(row)
    row.refresh_from_db()
    return row


def _append(hold: Hold, body: Body, length: int, checksum: Checksum | None) -> None:
    digest = checksum.begin() if checksum else None
    came = pour(hold, body, length, digest)
    if checksum is not None and digest is not None and not _fits(checksum, digest, came == length):
        hold.drop()
        raise DomainError("checksum_mismatch", _("The piece is not what its checksum says. Send it again."), 460)
    hold.keep()


def _fits(checksum: Checksum, digest: Any, whole: bool) -> bool:
    return whole and hmac.compare_digest(digest.digest(), checksum.digest)


def conclude(row: IncomingUpload) -> None:
    """Look at a whole file, at once if it is small, else by a job; one that is already looked at is left alone."""
    if row.size_bytes <= settings.INCOMING_INLINE_BYTES:
        check(row)
    else:
        order_check(row)


@transaction.atomic
def order_check(row: IncomingUpload) -> None:
    current = IncomingUpload.objects.select_for_update().get(pk=row.pk)
    if current.upload_id or current.refusal or is_alive(current.job):
        return
    current.job = jobs.start(
        "datafactory.check_upload",
        title=_("Check %(name)s") % {"name": row.filename},
        project=row.project,
        institution=row.institution,
        user=row.created_by,
        result_url=_mapping_page(row),
        incoming_id=str(row.pk),
    )
    current.save(update_fields=["job"])


def _mapping_page(row: IncomingUpload) -> str:
    """Where the columns of the file are named once it was accepted: its Upload will have the same id."""
    if row.project is not None:
        return reverse("datafactory:sample-map", args=[row.project.slug, row.pk])
    return reverse("datafactory:source-map", args=[row.source.slug, row.pk]) if row.source else ""


def is_alive(job: Job | None) -> bool:
    return job is not None and job.state in {Job.State.QUEUED, Job.State.RUNNING}


def run_check(*, row: IncomingUpload, progress: Progress = no_progress) -> None:
    """Do the work of :func:`conclude` in a job, which fails with the reason of a refusal. Twice is safe."""
    error = check(row, progress)
    if error is not None:
        raise error


def check(row: IncomingUpload, progress: Progress = no_progress) -> DataError | DomainError | None:
    """Hash and look at a whole file: its Upload appears, or the bytes go and the reason stays. Twice is safe."""
    if row.upload_id or row.refusal:
        return None
    try:
        _require_ground(row)
        path = file_of(row)
        sha256 = sha256_of(path, progress)
        if row.sha256 and row.sha256 != sha256:
            raise Invalid("checksum_mismatch", _("The file is not the one whose sha256 was announced. Send it again."))
        sniff = uploads.look(path, row.options.get("encoding"), row.options.get("delimiter"))
    except (DataError, DomainError) as error:
        _refuse(row, error)
        return error
    _accept(row, sha256=sha256, sniff=to_json(sniff))
    return None


def _require_ground(row: IncomingUpload) -> None:
    """The right and the authorisation may have ended while the file was on its way."""
    if row.project is not None:
        project_for(row.created_by, row.project.slug, access.BRING)
        if row.institution not in access.bringing_institutions(row.created_by, row.project):
            raise Conflict("no_authorisation", _("You do not bring files for this institution any more."))
        uploads.authorisation_in_force(row.project, row.institution)
    elif row.source is not None:
        access.require_keeper(row.created_by, row.source)


def sha256_of(path: Path, progress: Progress = no_progress) -> str:
    """Read the file once more: a hash cannot be handed from one process to the next (a second or two a gigabyte)."""
    digest, done, size = hashlib.sha256(), 0, path.stat().st_size
    with path.open("rb") as stream:
        while block := stream.read(READ_BYTES):
            digest.update(block)
            done += len(block)
            progress(done, size, HASHING)
    return digest.hexdigest()


@transaction.atomic
def _accept(row: IncomingUpload, **found: Any) -> None:
    current = IncomingUpload.objects.select_for_update().get(pk=row.pk)
    if current.upload_id or current.refusal:
        return
    current.upload = uploads.add_row(
        user=row.created_by,
        project=row.project,
        source=row.source,
        id=row.pk,
        institution=row.institution,
        filename=row.filename,
        path=row.path,
        size_bytes=row.size_bytes,
        **found,
    )
    current.holder = ""
    current.save(update_fields=["upload", "holder"])


@transaction.atomic
def _refuse(row: IncomingUpload, error: DataError | DomainError) -> None:
    """The bytes go before the reason is written: they may be what must not be kept."""
    current = IncomingUpload.objects.select_for_update().get(pk=row.pk)
    if current.upload_id or current.refusal:
        return
    storage.remove(row.path)
    current.refusal = refusal_of(error)
    current.holder = ""
    current.save(update_fields=["refusal", "holder"])
    record("upload.refused", row, code=error.code)


def refusal_of(error: DataError | DomainError) -> dict[str, Any]:
    """The error in JSON, to be told later in the reader's language."""
    if isinstance(error, DomainError):
        return {"code": error.code, "template": str(error.message).replace("%", "%%"), "params": {}}
    params = {key: value for key, value in error.params.items() if isinstance(value, str | int | float)}
    return {"code": error.code, "template": error.template, "params": params}


def settle(row: IncomingUpload) -> None:
    """A whole file at which nobody looks, because the process that did was killed, is looked at by a job."""
    quiet = timezone.now() - row.touched_at > timedelta(seconds=SETTLE_S)
    if quiet and not row.upload_id and not row.refusal and row.job is None and offset_of(row) == row.size_bytes:
        order_check(row)


def abandon(*, row: IncomingUpload) -> None:
    """Throw away what came. A file that was accepted stays."""
    with transaction.atomic():
        current = IncomingUpload.objects.select_for_update().get(pk=row.pk)
        if current.upload_id:
            raise Conflict("upload_complete", _("This upload is complete."))
        if is_alive(current.job):
            raise Conflict("upload_checking", _("This file is being checked. Wait for the end, or cancel the job."))
        record("upload.abandoned", current, received_bytes=current.received_bytes)
        current.delete()
    storage.remove(row.path)


def record(action: str, row: IncomingUpload, **detail: Any) -> None:
    """One line of the audit log about an upload, in the name of its sender."""
    target = row.project.slug if row.project else row.source.slug if row.source else ""
    audit.record(
        action, actor=row.created_by, project=row.project, institution=row.institution, target=target, **detail
    )
