"""CSV files as partners have them: any common encoding and delimiter, plain or gzipped, row by row."""

from __future__ import annotations

import csv
import gzip
import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from etron_partner.failures import SAYS_NO, Failure

_LOOK_BYTES = 1024**2
_DELIMITERS = ",;\t|"
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
csv.field_size_limit(2**24)


@dataclass(frozen=True)
class Layout:
    """How a file was saved, and the names in its first row."""

    path: Path
    encoding: str
    delimiter: str
    names: tuple[str, ...]

    def position(self, column: str) -> int:
        """Where a column stands; refused when it is missing or there twice."""
        if self.names.count(column) != 1:
            known = ", ".join(self.names)
            word = "twice" if column in self.names else "no"
            raise Failure("no_column", f"{self.path.name} has {word} column {column!r}. It has: {known}")
        return self.names.index(column)


class Ragged(Exception):
    """A row with more or fewer values than the first."""

    def __init__(self, row: int, found: int) -> None:
        super().__init__(row)
        self.row = row
        self.found = found


def layout(path: Path, encoding: str | None = None, delimiter: str | None = None) -> Layout:
    """Look at the first megabyte; what is given is believed."""
    if not path.is_file():
        raise Failure("no_file", f"There is no file {path}.")
    if path.name.lower().endswith((".xlsx", ".xls", ".parquet")):
        raise Failure("not_csv", f"{path.name} is not CSV. Save it as CSV for this command.")
    try:
        with path.open("rb") as raw:
            stream: Any = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
            start = stream.read(_LOOK_BYTES)
    except (OSError, EOFError) as error:
        raise Failure("unreadable", f"{path.name} cannot be read: {error}") from None
    encoding = encoding or _encoding(start)
    first = _first_line(start, encoding, path)
    delimiter = delimiter or max(_DELIMITERS, key=first.count)
    names = next(csv.reader([first], delimiter=delimiter), [])
    if not any(name.strip() for name in names):
        raise Failure("no_header", f"{path.name} has no first row with names.", SAYS_NO)
    return Layout(path, encoding, delimiter, tuple(name.strip() for name in names))


def _encoding(start: bytes) -> str:
    for mark, name in _MARKS:
        if start.startswith(mark):
            return name
    try:
        start[: len(start) - 4 if len(start) > 4 else None].decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(start) - 8:
            return "gb18030"
    return "utf-8"


def _first_line(start: bytes, encoding: str, path: Path) -> str:
    try:
        text = start.decode(encoding, errors="replace")
    except LookupError:
        raise Failure("encoding", f"{encoding!r} is not an encoding that Python knows.") from None
    if "\0" in text:
        raise Failure("not_text", f"{path.name} is not a text file.", SAYS_NO)
    return next(iter(io.StringIO(text, newline="")), "")


@contextmanager
def opened(one: Layout) -> Iterator[tuple[IO[bytes], Iterator[tuple[int, list[str]]]]]:
    """The file's bytes, to see how far one is, and ``(row, values)`` from row 1 below the names.

    Raises
    ------
    Ragged
        At a row with another number of values. Empty lines are passed over.
    Failure
        At bytes that are not text in the encoding.
    """
    with one.path.open("rb") as raw:
        stream: Any = gzip.GzipFile(fileobj=raw) if one.path.suffix == ".gz" else raw
        text = io.TextIOWrapper(stream, encoding=one.encoding, newline="")
        yield raw, _rows(text, one)


def _rows(text: IO[str], one: Layout) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(text, delimiter=one.delimiter)
    row = 0
    try:
        next(reader, None)
        for values in reader:
            if not values:
                continue
            row += 1
            if len(values) != len(one.names):
                raise Ragged(row, len(values))
            yield row, values
    except UnicodeDecodeError as error:
        place = f"after row {row}" if row else "in the first rows"
        text_of = f"{one.path.name}: {place} there are bytes that are not {one.encoding} ({error.reason})."
        raise Failure("encoding", text_of + " Name the encoding with --encoding.", SAYS_NO) from None
    except (csv.Error, EOFError, OSError) as error:
        raise Failure("unreadable", f"{one.path.name}, after row {row}: {error}", SAYS_NO) from None


@contextmanager
def written(path: Path, names: list[str]) -> Iterator[Any]:
    """A CSV writer into a file that appears when the block ends well, readable by its owner alone."""
    handle, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(names)
            yield writer
        Path(aside).replace(path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise
