"""Small files for the tests of reading: a clean sample, and the same with one thing wrong."""

import csv
import datetime as dt
import hashlib
import io
from pathlib import Path

from datafactory.engine.plans import Limits

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

NOW = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
LIMITS = Limits(max_bytes=20_000_000, max_unpacked_bytes=200_000_000, max_rows=100_000, max_columns=500)


def codes(report, state="warned"):
    return {line["code"] for line in report["checks"] if line["state"] == state}


def check(report, code):
    line = next(line for line in report["checks"] if line["code"] == code)
    return line["template"] % line["params"], line["params"]


def digits(i):
    return f"138{i:08d}"


def id_card(i):
    stem = f"110105198001{i % 28 + 1:02d}{i:03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return stem + "10X98765432"[sum(int(a) * b for a, b in zip(stem, weights, strict=True)) % 11]


def bank_card(i):
    stem = f"62220202000{i:07d}"
    total = sum(sum(divmod(2 * int(d), 10)) if p % 2 == 0 else int(d) for p, d in enumerate(reversed(stem)))
    return stem + str(-total % 10)
