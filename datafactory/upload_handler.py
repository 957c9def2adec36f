"""Uploads are written beside the artifacts while they arrive, hashed and counted on the way."""

import hashlib
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import UnreadablePostError

from projects.storage import STAGING


class HashedUpload(TemporaryUploadedFile):
    """A complete upload in a file of its own on the artifacts' file system, with its sha256."""

    def __init__(self, name: str, content_type: str | None, charset: str | None, extra: Any) -> None:
        folder = Path(settings.ARTIFACT_ROOT) / STAGING
        folder.mkdir(parents=True, exist_ok=True)
        # Closed by Django at the end of the request.
        file = tempfile.NamedTemporaryFile(suffix=".upload", dir=folder)  # noqa: SIM115
        UploadedFile.__init__(self, file, name, content_type, 0, charset, extra)
        self.digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        return self.digest.hexdigest()


class HashedUploadHandler(FileUploadHandler):
    """Refuses a file beyond the limit while it arrives; a body that breaks off leaves nothing."""

    file: HashedUpload
    chunk_size = 1024**2

    def handle_raw_input(
        self, input_data: Any, META: dict[str, str], content_length: int, boundary: Any, encoding: Any = None
    ) -> None:
        del input_data, META, boundary, encoding
        self._expected = content_length

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.file = HashedUpload(self.file_name or "", self.content_type, self.charset, self.content_type_extra)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if start + len(raw_data) > settings.UPLOAD_MAX_BYTES:
            self.file.close()
            raise SkipFile
        self.file.digest.update(raw_data)
        self.file.write(raw_data)

    def file_complete(self, file_size: int) -> HashedUpload:
        self.file.seek(0)
        self.file.size = file_size
        return self.file

    def upload_interrupted(self) -> None:
        if hasattr(self, "file"):
            self.file.close()

    def upload_complete(self) -> None:
        """Django takes a body that ends early for a complete one: compare with the length that was announced."""
        stream = getattr(self.request, "_stream", None)
        arrived = getattr(stream, "_pos", self._expected)
        if arrived < self._expected:
            self.upload_interrupted()
            raise UnreadablePostError("The upload stopped before it was complete.")
