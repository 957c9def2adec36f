"""The bytes of an upload that comes in pieces: written by one request at a time, on disk before they are acknowledged.

The truth about the offset is the smaller of what the row says and what the file holds. Whatever lies behind it was
never acknowledged and is cut off before the next piece is written.
"""

import errno
import fcntl
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from datafactory.models import IncomingUpload
from projects import storage
from projects.errors import Conflict, DomainError, NotFound

BLOCK_BYTES = 512 * 1024
SYNC_BYTES = 16 * 1024**2
QUIET_S = 5.0  # a request that has written nothing for so long may be gone with its connection: the next one takes over


class Body(Protocol):
    def read(self, size: int, /) -> bytes: ...


class Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...


def file_of(row: IncomingUpload) -> Path:
    """Where the bytes are, or 404: an upload whose file is gone has to begin again."""
    path = storage.folder(row.path)
    if not path.is_file():
        raise NotFound("upload_not_found", _("There is no such upload."))
    return path


def offset_of(row: IncomingUpload) -> int:
    """How many bytes are kept for certain."""
    return min(row.received_bytes, file_of(row).stat().st_size)


class Hold:
    """One request's hold on the file. It writes only while the row names it, under the file's lock.

    A second request is sent away with 423 while the first one is alive, and takes the file over when that one has been
    silent: its late bytes are refused from then on, so the pieces of two senders never mix.
    """

    def __init__(self, row: IncomingUpload, offset: int) -> None:
        self.row = row
        self.token = uuid.uuid4().hex
        self.start = self.position = self.kept = offset
        self._path = file_of(row)

    def __enter__(self) -> Self:
        self._handle = os.open(self._path, os.O_RDWR)
        try:
            self._take()
        except BaseException:
            os.close(self._handle)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self._mine.update(holder="")
        finally:
            os.close(self._handle)

    @property
    def _mine(self) -> QuerySet[IncomingUpload]:
        return IncomingUpload.objects.filter(pk=self.row.pk, holder=self.token)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._handle, fcntl.LOCK_UN)

    def _take(self) -> None:
        with self._locked():
            row = IncomingUpload.objects.get(pk=self.row.pk)
            state = os.fstat(self._handle)
            if row.holder and abs(time.time() - state.st_mtime) < QUIET_S:
                raise DomainError("upload_busy", _("Another request is writing to this upload."), 423)
            kept = min(row.received_bytes, state.st_size)
            if self.start != kept:
                raise wrong_offset(kept)
            os.ftruncate(self._handle, kept)
            os.utime(self._handle)
            IncomingUpload.objects.filter(pk=row.pk).update(
                holder=self.token, received_bytes=kept, touched_at=timezone.now()
            )

    def write(self, block: bytes) -> None:
        with self._locked():
            if not self._mine.exists():
                raise taken_over()
            self._put(memoryview(block))

    def _put(self, view: memoryview) -> None:
        try:
            while view:
                done = os.pwrite(self._handle, view, self.position)
                self.position += done
                view = view[done:]
        except OSError as error:
            raise (disk_full() if error.errno == errno.ENOSPC else error) from error

    def keep(self) -> None:
        """Acknowledge what was written: first the bytes on disk, then the row."""
        os.fsync(self._handle)
        with self._locked():
            if not self._mine.update(received_bytes=self.position, touched_at=timezone.now()):
                raise taken_over()
        self.kept = self.position

    def drop(self) -> None:
        """Cut off what was written and not kept."""
        with self._locked():
            if self._mine.exists():
                os.ftruncate(self._handle, self.kept)
        self.position = self.kept


def disk_full() -> DomainError:
    return DomainError("disk_full", _("The server has no room for a file of this size."), 507)


def taken_over() -> Conflict:
    return Conflict("upload_taken", _("Another request took this upload over. Ask for its offset and go on."))


def wrong_offset(kept: int) -> Conflict:
    told = _("The upload goes on at byte %(offset)d.") % {"offset": kept}
    return Conflict("wrong_offset", told, detail={"offset": kept})


def pour(hold: Hold, body: Body, length: int, digest: Digest | None) -> int:
    """Write ``length`` bytes of ``body`` or as many as come, half a megabyte in memory; returns how many came.

    Without a ``digest`` every sixteen megabytes are kept on the way, with one nothing is: the caller compares first.
    """
    left = length
    while left and (block := _next(body, min(BLOCK_BYTES, left))):
        hold.write(block)
        left -= len(block)
        if digest is not None:
            digest.update(block)
        elif hold.position - hold.kept >= SYNC_BYTES:
            hold.keep()
    return length - left


def _next(body: Body, size: int) -> bytes:
    """Nothing when the connection broke: some servers say so by an empty block, others by an error."""
    try:
        return body.read(size)
    except OSError:
        return b""
