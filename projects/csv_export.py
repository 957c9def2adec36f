"""CSV for spreadsheets: UTF-8 with a mark, streamed, and no cell that a spreadsheet would run as a formula."""

import csv
from collections.abc import Iterable, Iterator
from typing import Any

from django.http import StreamingHttpResponse

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def neutral(value: Any) -> Any:
    """Text that a spreadsheet would take for a formula gets an apostrophe in front; numbers stay numbers.

    >>> neutral("=1+1"), neutral(" @SUM(A1)"), neutral(-1.5), neutral("plain"), neutral("-3")
    ("'=1+1", "' @SUM(A1)", -1.5, 'plain', "'-3")
    """
    if isinstance(value, int | float):
        return value
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) or text.lstrip().startswith(FORMULA_STARTS) else text


class _Line:
    def write(self, text: str) -> str:
        return text


def _lines(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    writer = csv.writer(_Line())
    yield "\ufeff" + str(writer.writerow([neutral(name) for name in head]))
    for row in rows:
        yield str(writer.writerow([neutral(value) for value in row]))


def csv_response(filename: str, head: Iterable[str], rows: Iterable[Iterable[Any]]) -> StreamingHttpResponse:
    response = StreamingHttpResponse(_lines(head, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response
