"""Small files for the tests of reading: a clean sample, and the same with one thing wrong."""

import csv
import hashlib
import io
from pathlib import Path

COLUMNS = ("app_id", "mobile", "applied_on", "bad", "income", "city")
CITIES = ("上海", "北京", "广州")


def hashed(value, algorithm="sha256"):
    return hashlib.new(algorithm, str(value).encode()).hexdigest()


def clean_rows(n=40):
    """Values as text, one list a row: a person each, months of 2024, every fourth bad."""
    return [
        [f"A{i:05d}", hashed(i), f"2024-{i % 6 + 1:02d}-15", str(int(i % 4 == 0)), str(1000 + 7 * i), CITIES[i % 3]]
        for i in range(n)
    ]


def csv_bytes(rows=None, columns=COLUMNS, delimiter=",", encoding="utf-8"):
    text = io.StringIO()
    out = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    out.writerow(columns)
    out.writerows(clean_rows() if rows is None else rows)
    return text.getvalue().encode(encoding)


def with_value(row, column, value, n=40):
    """The clean rows with one value replaced; ``row`` is 1-based."""
    rows = clean_rows(n)
    rows[row - 1][COLUMNS.index(column)] = value
    return rows


def with_column(column, value, n=40):
    """The clean rows with ``value(i)`` in a column."""
    rows = clean_rows(n)
    for i, row in enumerate(rows):
        row[COLUMNS.index(column)] = value(i)
    return rows


def write(folder: Path, content: bytes, name: str = "sample.csv") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


PLAN = {
    "row_id": "app_id",
    "ids": [{"column": "mobile", "namespace": "mobile", "algorithm": "sha256"}],
    "observed_at": "applied_on",
    "label": "bad",
}
