"""Text of any encoding as a stream of UTF-8 bytes, bounded while it is unpacked."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from typing import BinaryIO

from datafactory.engine.plans import Limits
from modeling.errors import DataError

CHUNK_BYTES = 4 * 1024**2
MAX_HEADER_BYTES = 4 * 1024**2
MAX_RATIO = 400  # unpacked to packed; past RATIO_FROM_BYTES more than this is a bomb, not a table
RATIO_FROM_BYTES = 64 * 1024**2


def too_large(limits: Limits) -> DataError:
    return DataError(
        "unpacked_too_large",
        "Unpacked, the file is larger than %(limit)d bytes or than is plausible for a table. It was not read further.",
        limit=limits.max_unpacked_bytes,
    )


class TextStream(io.RawIOBase):
    """UTF-8 bytes of a text file in another encoding, counted, and refused at the first byte that is wrong."""

    def __init__(self, raw: BinaryIO, encoding: str, packed_bytes: int, limits: Limits) -> None:
        super().__init__()
        self._raw = raw
        self._is_utf8 = encoding in {"utf-8", "utf-8-sig"}
        self._decoder = codecs.getincrementaldecoder("utf-8" if self._is_utf8 else encoding)(errors="strict")
        self._encoding = encoding
        self._packed = packed_bytes
        self._limits = limits
        self._buffer = b""
        self._total = 0
        self._ended = False
        self._lines = 0
        self._kept: bytes | None = None

    def readable(self) -> bool:
        return True

    @property
    def at_end(self) -> bool:
        return self._ended and not self._buffer

    def read(self, size: int = -1) -> bytes:
        parts, held = [self._buffer], len(self._buffer)
        while not self._ended and (size < 0 or held < size):
            parts.append(self._next_chunk())
            held += len(parts[-1])
        whole = b"".join(parts)
        out, self._buffer = (whole, b"") if size < 0 else (whole[:size], whole[size:])
        return out

    def mark(self) -> None:
        """From here on what is read by lines is kept, for :meth:`back`."""
        self._kept = b""

    def back(self) -> None:
        """Return to the mark."""
        self._buffer, self._kept = (self._kept or b"") + self._buffer, None

    def first_line(self) -> bytes:
        """The next physical line with its end."""
        while b"\n" not in self._buffer and not self._ended:
            if len(self._buffer) > MAX_HEADER_BYTES:
                raise DataError("line_too_long", "The first line is longer than 4 MiB: this is not a table in text.")
            self._buffer += self._next_chunk()
        end = self._buffer.find(b"\n") + 1 or len(self._buffer)
        line, self._buffer = self._buffer[:end], self._buffer[end:]
        if self._kept is not None:
            self._kept += line
        return line

    def _next_chunk(self) -> bytes:
        chunk = self._unpack()
        self._ended = not chunk
        self._total += len(chunk)
        if self._total > self._limits.max_unpacked_bytes:
            raise too_large(self._limits)
        if self._total > RATIO_FROM_BYTES and self._total > MAX_RATIO * self._packed:
            raise too_large(self._limits)
        data = self._as_utf8(chunk)
        if b"\0" in data:
            raise DataError(
                "nul_byte",
                "Row %(row)s holds a NUL byte: this is a binary file or text in another encoding than %(encoding)s.",
                row=self._lines + data.split(b"\0", 1)[0].count(b"\n"),
                encoding=self._encoding,
            )
        self._lines += data.count(b"\n")
        return data

    def _as_utf8(self, chunk: bytes) -> bytes:
        """The chunk decoded and encoded again, or as it is when it was UTF-8 and cut between two signs."""
        if not self._is_utf8:
            return self._decode(chunk).encode()
        if self._total == len(chunk):
            chunk = chunk.removeprefix(codecs.BOM_UTF8)
        whole = not self._decoder.getstate()[0]
        if whole and chunk.isascii():
            return chunk
        text = self._decode(chunk)
        return chunk if whole and not self._decoder.getstate()[0] else text.encode()

    def _unpack(self) -> bytes:
        try:
            return self._raw.read(CHUNK_BYTES)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise DataError("file_broken", "The file ends before it is complete. Send it again.") from None

    def _decode(self, chunk: bytes) -> str:
        try:
            return self._decoder.decode(chunk, final=self._ended)
        except UnicodeDecodeError as error:
            before = error.object[: error.start].decode(self._encoding, errors="ignore")
            raise DataError(
                "encoding_wrong",
                "Row %(row)s is not valid %(encoding)s text. Choose the encoding in which the file was saved.",
                row=self._row(before),
                encoding=self._encoding,
            ) from None

    def _row(self, before: str) -> int:
        return self._lines + before.count("\n")
