"""Sheets of an Excel workbook as batches of text."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any, BinaryIO

import pyarrow as pa

from modeling.errors import DataError

EXCEL_BATCH_ROWS = 5_000


def _workbook(stream: BinaryIO) -> Any:
    import openpyxl

    try:
        return openpyxl.load_workbook(stream, read_only=True, data_only=True)
    except Exception:  # openpyxl raises whatever its parsers raise
        raise DataError("file_broken", "The workbook cannot be opened. Save it again as .xlsx.") from None


def sheet_titles(stream: BinaryIO) -> list[str]:
    """Sheets of a workbook, in order."""
    return [sheet.title for sheet in _workbook(stream).worksheets]


def rows_of_sheet(stream: BinaryIO, sheet: str | None) -> Iterator[list[str]]:
    """Rows of one sheet as text; a date at midnight becomes a date without time. None is the first sheet."""
    for cells in _sheet(_workbook(stream), sheet).iter_rows(values_only=True):
        yield [_cell(value) for value in cells]


def _sheet(book: Any, name: str | None) -> Any:
    sheets = {sheet.title: sheet for sheet in book.worksheets}
    if name is None:
        return book.worksheets[0]
    if name not in sheets:
        raise DataError(
            "sheet_missing",
            "The workbook has no sheet %(sheet)s. It has %(sheets)s.",
            sheet=name,
            sheets=", ".join(list(sheets)[:12]),
        )
    return sheets[name]


def batches_of_rows(rows: Iterator[list[str]], names: list[str]) -> Iterator[pa.RecordBatch]:
    held: list[list[str]] = []
    done = 0
    for values in rows:
        if not any(values):
            continue
        done += 1
        if any(values[len(names) :]):
            raise DataError(
                "ragged_row",
                "Row %(row)s has %(actual)d values; the header has %(expected)d names.",
                row=done,
                actual=len(values),
                expected=len(names),
            )
        held.append((values + [""] * len(names))[: len(names)])
        if len(held) == EXCEL_BATCH_ROWS:
            yield _string_batch(held, names)
            held = []
    if held:
        yield _string_batch(held, names)
    if not done:
        raise DataError("no_rows", "The file has a header but no rows.")


def _string_batch(rows: list[list[str]], names: list[str]) -> pa.RecordBatch:
    columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
    return pa.RecordBatch.from_arrays(columns, names=names)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, dt.datetime):
        return value.isoformat(" ") if value.time() != dt.time(0) else value.date().isoformat()
    return str(value).replace("\0", "")
