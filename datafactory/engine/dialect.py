"""How a text file was saved: its encoding, its delimiter, its decimal mark."""

from __future__ import annotations

import codecs
import csv
import gzip
import zlib
from pathlib import Path

from datafactory.engine.files import file_format, open_bytes
from datafactory.engine.plans import Dialect, FilePlan, Limits, Saved
from modeling.errors import DataError

DELIMITERS = (",", ";", "\t", "|")
ENCODINGS = ("utf-8", "gb18030", "utf-16", "utf-16-le", "utf-16-be", "latin-1")
HEAD_BYTES = 256 * 1024
PROBE_BYTES = 64 * 1024**2  # an ASCII head may be followed by Chinese names much later
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_CONTROL = set(range(9)) | {11, 12} | set(range(14, 32))


def find_dialect(path: Path, limits: Limits, plan: FilePlan | Saved | None = None) -> Dialect:
    """What a file is and how it was saved; what the plan already knows is taken as it is."""
    plan, header = plan or Saved(), plan is None or plan.header is not False
    format = file_format(path, limits)
    if format == "xlsx":
        return Dialect(format, header=header, sheet=plan.sheet)
    if not format.startswith("csv"):
        return Dialect(format)
    encoding = known_encoding(plan.encoding) if plan.encoding else find_encoding(path, format)
    if encoding == "utf-16" and not _is_marked(path, format):
        encoding = "utf-16-le"
    if plan.delimiter is not None and len(plan.delimiter.encode()) != 1:
        raise DataError("delimiter", "The delimiter must be one character.")
    delimiter = plan.delimiter or find_delimiter(_head_text(path, format, encoding))
    return Dialect(format, encoding, delimiter, header)


def known_encoding(encoding: str) -> str:
    """The name under which text is decoded; DataError for one that is unknown or no encoding of text (``hex``).

    >>> known_encoding("GBK"), known_encoding("UTF8")
    ('gbk', 'utf-8-sig')
    """
    try:
        "".encode(encoding)
        name = codecs.lookup(encoding).name
    except (LookupError, ValueError):
        raise DataError("encoding_unknown", "%(encoding)s is not a known encoding.", encoding=encoding) from None
    return "utf-8-sig" if name == "utf-8" else name


def _is_marked(path: Path, format: str) -> bool:
    """Whether UTF-16 says with its first bytes which of two comes first."""
    with open_bytes(path, format) as stream:
        return stream.read(2) in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}


def find_encoding(path: Path, format: str) -> str:
    """UTF-8 (with or without byte order mark), UTF-16 or GB18030, whichever the bytes are valid in."""
    with open_bytes(path, format) as stream:
        try:
            head = stream.read(HEAD_BYTES)
            for mark, name in _BOMS:
                if head.startswith(mark):
                    return name
            if name := _utf16_without_mark(head):
                return name
            if b"\0" in head:
                raise DataError("binary_file", "The file is not text: it holds NUL bytes. Send CSV, Parquet or Excel.")
            return _utf8_or_gb(head, stream.read)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise DataError("file_broken", "The file ends before it is complete. Send it again.") from None


def _utf16_without_mark(head: bytes) -> str:
    """UTF-16 of mostly Latin text has a zero in every second byte."""
    for name, high, low in (("utf-16-le", head[1::2], head[::2]), ("utf-16-be", head[::2], head[1::2])):
        odd = sum(low.count(code) for code in _CONTROL)
        if len(low) >= 8 and high.count(0) > 0.7 * len(high) and odd < 0.1 * len(low):
            return name
    return ""


def _utf8_or_gb(head: bytes, read: object) -> str:
    """Both decoders walk along until one of them fails."""
    assert callable(read)
    decoders = {name: codecs.getincrementaldecoder(name)(errors="strict") for name in ("utf-8", "gb18030")}
    chunk, seen = head, 0
    while chunk and seen < PROBE_BYTES:
        for name in list(decoders):
            try:
                decoders[name].decode(chunk)
            except UnicodeDecodeError:
                del decoders[name]
        if not decoders:
            break
        if "utf-8" not in decoders:
            return "gb18030"
        seen += len(chunk)
        chunk = read(1024**2)
    if "utf-8" in decoders:
        return "utf-8-sig"
    raise DataError("encoding_unknown", "The text is neither UTF-8, UTF-16 nor GB18030. Say in which encoding it is.")


def _head_text(path: Path, format: str, encoding: str) -> str:
    with open_bytes(path, format) as stream:
        return codecs.getincrementaldecoder(encoding)(errors="replace").decode(stream.read(HEAD_BYTES))


def find_delimiter(text: str) -> str:
    """The character that cuts the first lines into the same number of values, and into the most.

    >>> find_delimiter("a;b;c\\n1,5;2;3\\n")
    ';'
    """
    lines = text.splitlines(keepends=True)[:60]
    lines = lines[:-1] if len(lines) > 2 else lines  # the last may be cut
    return max(DELIMITERS, key=lambda delimiter: (*_consistency(lines, delimiter), -DELIMITERS.index(delimiter)))


def _consistency(lines: list[str], delimiter: str) -> tuple[float, int]:
    try:
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
    except csv.Error:
        return 0.0, 0
    if not widths or widths[0] < 2:
        return 0.0, 0
    return round(widths.count(widths[0]) / len(widths), 1), widths[0]
