"""A file of any accepted format as named Arrow batches: unpacked, decoded and bounded while it streams."""

from __future__ import annotations

import csv
import gzip
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from datafactory.engine.plans import Dialect, Limits
from datafactory.engine.text_stream import MAX_RATIO, RATIO_FROM_BYTES, TextStream, too_large
from datafactory.engine.workbooks import batches_of_rows, rows_of_sheet, sheet_titles
from modeling.errors import DataError

BLOCK_BYTES = 16 * 1024**2  # one row must fit
MAX_LINES_IN_VALUE = 100


@dataclass
class RawTable:
    """Column names and a stream of batches: strings from text formats, native types from Parquet."""

    names: list[str]
    batches: Iterator[pa.RecordBatch]
    n_rows: int | None = None  # where the format says it beforehand


def file_format(path: Path, limits: Limits) -> str:
    """``csv``, ``csv.gz``, ``parquet`` or ``xlsx``, from the first bytes and never from the name."""
    size = path.stat().st_size
    if size == 0:
        raise DataError("empty_file", "The file is empty.")
    if size > limits.max_bytes:
        raise DataError(
            "file_too_large", "The file has %(size)d bytes, more than %(limit)d.", size=size, limit=limits.max_bytes
        )
    with path.open("rb") as stream:
        head = stream.read(8)
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"PK\x03\x04"):
        return _zip_format(path, limits)
    if head.startswith(b"\x1f\x8b"):
        return "csv.gz"
    if head.startswith((b"\xd0\xcf\x11\xe0", b"7z\xbc\xaf", b"Rar!", b"%PDF")):
        raise DataError(
            "format_unknown", "This is not CSV, CSV in gzip, Parquet or Excel (.xlsx). Save it as one of these."
        )
    return "csv"


def _zip_format(path: Path, limits: Limits) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except zipfile.BadZipFile:
        raise DataError("file_broken", "The file ends before it is complete. Send it again.") from None
    if not any(info.filename.startswith("xl/") for info in infos):
        raise DataError("format_zip", "Zip archives are not read. Unpack it, or use gzip on the one CSV file.")
    unpacked = sum(info.file_size for info in infos)
    packed = sum(info.compress_size for info in infos)
    if unpacked > limits.max_unpacked_bytes or (unpacked > RATIO_FROM_BYTES and unpacked > MAX_RATIO * packed):
        raise too_large(limits)
    return "xlsx"


@contextmanager
def open_bytes(path: Path, format: str) -> Iterator[BinaryIO]:
    """The file's bytes, unpacked if it is gzip."""
    if format == "csv.gz":
        with gzip.open(path, "rb") as stream:
            yield cast(BinaryIO, stream)
    else:
        with path.open("rb") as plain:
            yield plain


def clean_names(cells: list[str], limits: Limits) -> list[str]:
    """Header cells as column names: trimmed, present, distinct without regard to case."""
    if len(cells) > limits.max_columns:
        raise DataError(
            "too_many_columns",
            "The file has %(count)d columns; at most %(limit)d are read.",
            count=len(cells),
            limit=limits.max_columns,
        )
    names = [cell.strip() or f"column_{position}" for position, cell in enumerate(cells, 1)]
    seen: dict[str, int] = {}
    for position, name in enumerate(names, 1):
        first = seen.setdefault(name.casefold(), position)
        if first != position:
            raise DataError(
                "duplicate_columns",
                "Two columns are called %(column)s (columns %(first)d and %(second)d). Rename one.",
                column=name,
                first=first,
                second=position,
            )
    return names


def read_header(stream: TextStream, delimiter: str) -> list[str]:
    """Consume the header from the stream; a quoted name may span lines."""

    def lines() -> Iterable[str]:
        while line := stream.first_line():
            yield line.decode()

    try:
        for cells in csv.reader(lines(), delimiter=delimiter):
            if any(cell.strip() for cell in cells):
                return cells
    except csv.Error:
        raise DataError(
            "line_too_long", "The first line cannot be read as names of columns: is it a table in text?"
        ) from None
    raise DataError("empty_file", "The file is empty.")


def names_of(stream: TextStream, dialect: Dialect, limits: Limits) -> list[str]:
    """Names of the columns; a file without a header has ``c1``, ``c2`` … and keeps its first row."""
    if dialect.header:
        return clean_names(read_header(stream, dialect.delimiter), limits)
    stream.mark()
    cells = read_header(stream, dialect.delimiter)
    stream.back()
    return clean_names(numbered(len(cells)), limits)


def numbered(n: int) -> list[str]:
    """Names for the columns of a file without a header.

    >>> numbered(3)
    ['c1', 'c2', 'c3']
    """
    return [f"c{position}" for position in range(1, n + 1)]


def csv_table(stream: TextStream, dialect: Dialect, limits: Limits) -> RawTable:
    """The table in a text stream, every value a string; for a look at the first rows."""
    names = names_of(stream, dialect, limits)
    return RawTable(names, _csv_batches(stream, names, dialect.delimiter))


def _csv_batches(stream: TextStream, names: list[str], delimiter: str) -> Iterator[pa.RecordBatch]:
    ragged: list[pa_csv.InvalidRow] = []

    def refuse(row: pa_csv.InvalidRow) -> str:
        ragged.append(row)
        return "error"

    rows = 0
    try:
        for batch in _open_csv(stream, names, delimiter, refuse):
            _check_quotes(batch, rows)
            rows += batch.num_rows
            yield batch
    except pa.ArrowInvalid as error:
        raise _csv_fault(error, ragged, rows) from None
    if rows == 0:
        raise DataError("no_rows", "The file has a header but no rows.")


def _open_csv(stream: TextStream, names: list[str], delimiter: str, refuse: object) -> Iterator[pa.RecordBatch]:
    head = stream.read(1)
    if not head:
        return
    stream._buffer = head + stream._buffer
    yield from pa_csv.open_csv(
        pa.PythonFile(stream, mode="r"),
        read_options=pa_csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES, column_names=names),
        parse_options=pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=refuse),
        convert_options=pa_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False, check_utf8=False
        ),
    )


def _csv_fault(error: pa.ArrowInvalid, ragged: list[pa_csv.InvalidRow], rows: int) -> DataError:
    if ragged:
        row = ragged[0]
        return DataError(
            "ragged_row",
            "Row %(row)s has %(actual)d values; the header has %(expected)d names.",
            row=row.number,
            actual=row.actual_columns,
            expected=row.expected_columns,
        )
    if "Empty CSV" in str(error):
        return DataError("no_rows", "The file has a header but no rows.")
    return DataError(
        "row_too_long",
        "A row after row %(row)s does not end within 16 MiB: a quotation mark may be missing.",
        row=rows,
    )


def _check_quotes(batch: pa.RecordBatch, rows_before: int) -> None:
    """A quotation mark that is never closed swallows lines up to the end: refuse a value of very many lines."""
    import pyarrow.compute as pc

    last = batch.slice(batch.num_rows - 1)
    for name, column in zip(last.schema.names, last.columns, strict=True):
        if (pc.count_substring(column, "\n")[0].as_py() or 0) > MAX_LINES_IN_VALUE:
            raise DataError(
                "unclosed_quote",
                "Row %(row)s, column %(column)s: a quotation mark opens a value and is never closed.",
                row=rows_before + batch.num_rows,
                column=name,
            )


def first_cells(path: Path, dialect: Dialect, limits: Limits) -> list[str]:
    """The first row of a file, names or not; a Parquet file has names elsewhere and gives none."""
    if dialect.format == "parquet":
        return []
    if dialect.format == "xlsx":
        with path.open("rb") as raw:
            return next(rows_of_sheet(raw, dialect.sheet), [])
    with open_bytes(path, dialect.format) as raw:
        return read_header(TextStream(raw, dialect.encoding, path.stat().st_size, limits), dialect.delimiter)


def sheets_of(path: Path, format: str) -> list[str]:
    """Sheets of a workbook, in order; none of any other file."""
    if format != "xlsx":
        return []
    with path.open("rb") as raw:
        return sheet_titles(raw)


def parquet_table(path: Path, limits: Limits) -> RawTable:
    """The table in a Parquet file; dictionaries are unpacked, nested columns refused."""
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError):
        raise DataError("file_broken", "The file is not a complete Parquet file. Send it again.") from None
    unpacked = sum(file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups))
    if unpacked > limits.max_unpacked_bytes:
        raise too_large(limits)
    names = clean_names(file.schema_arrow.names, limits)
    for name, type_ in zip(names, file.schema_arrow.types, strict=True):
        if pa.types.is_nested(type_):
            raise DataError("nested_column", "Column %(column)s holds lists or structures, not values.", column=name)
    if file.metadata.num_rows == 0:
        raise DataError("no_rows", "The file has a header but no rows.")
    return RawTable(names, _parquet_batches(file, names), file.metadata.num_rows)


def _parquet_batches(file: pq.ParquetFile, names: list[str]) -> Iterator[pa.RecordBatch]:
    rows = max(1_000, min(100_000, 20_000_000 // max(1, len(names))))
    try:
        for batch in file.iter_batches(batch_size=rows):
            columns = [_plain(name, column) for name, column in zip(names, batch.columns, strict=True)]
            yield pa.RecordBatch.from_arrays(columns, names=names)
    except (pa.ArrowInvalid, OSError):
        raise DataError("file_broken", "The file is not a complete Parquet file. Send it again.") from None


def _plain(name: str, column: pa.Array) -> pa.Array:
    """One of string, int64, float64, bool, decimal128, timestamp or date32."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    type_ = column.type
    if pa.types.is_integer(type_):
        return column.cast(pa.int64())
    if pa.types.is_floating(type_):
        return column.cast(pa.float64())
    if pa.types.is_boolean(type_) or pa.types.is_decimal128(type_) or pa.types.is_date32(type_):
        return column
    if pa.types.is_timestamp(type_):
        return column.cast(pa.timestamp("us", type_.tz), safe=False)
    if pa.types.is_date(type_):
        return column.cast(pa.date32())
    try:
        return column.cast(pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise DataError(
            "column_type", "Column %(column)s is of type %(type)s, which is not read.", column=name, type=str(type_)
        ) from None


def excel_table(stream: BinaryIO, dialect: Dialect, limits: Limits) -> RawTable:
    """One sheet of a workbook, every value as text."""
    rows = rows_of_sheet(stream, dialect.sheet)
    first = next(rows, [])
    while first and not first[-1]:
        first.pop()
    if not first:
        raise DataError("empty_file", "The file is empty.")
    if not dialect.header:
        rows = chain([list(first)], rows)
        first = numbered(len(first))
    names = clean_names(first, limits)
    return RawTable(names, batches_of_rows(rows, names))


@contextmanager
def open_table(path: Path, dialect: Dialect, limits: Limits) -> Iterator[RawTable]:
    """A file of any accepted format as a stream of batches, its rows counted against the limit."""
    if dialect.format == "parquet":
        yield _bounded(parquet_table(path, limits), limits)
    elif dialect.format == "xlsx":
        with path.open("rb") as raw:
            yield _bounded(excel_table(raw, dialect, limits), limits)
    else:
        with open_bytes(path, dialect.format) as raw:
            stream = TextStream(raw, dialect.encoding, path.stat().st_size, limits)
            yield _bounded(csv_table(stream, dialect, limits), limits)


def _bounded(table: RawTable, limits: Limits) -> RawTable:
    return RawTable(table.names, _bounded_batches(table.batches, limits), table.n_rows)


def _bounded_batches(batches: Iterator[pa.RecordBatch], limits: Limits) -> Iterator[pa.RecordBatch]:
    rows = 0
    for batch in batches:
        rows += batch.num_rows
        if rows > limits.max_rows:
            raise DataError("too_many_rows", "The file has more than %(limit)d rows.", limit=limits.max_rows)
        yield batch
