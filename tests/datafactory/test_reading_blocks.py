"""The compiled reader finds the rows and values that Python's csv module finds, and reads numbers as Python does."""

import csv
import io
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datafactory.engine import files
from datafactory.engine.blocks import open_blocks
from datafactory.engine.looking import Reading
from datafactory.engine.plans import DEFAULT_NULLS, Dialect, IdRole
from modeling.errors import DataError
from tests.datafactory.files import COLUMNS, LIMITS, clean_rows, csv_bytes, hashed, with_column, with_value, write

READING = Reading(DEFAULT_NULLS, ".")
VALUES = st.text(st.sampled_from('ab1,;"\n 张\t.-0'), max_size=8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("blocks")


def parsed(folder, content, hint="category", **dialect):
    """All columns of a file as lists of raw texts."""
    with open_blocks(write(folder, content), Dialect("csv", **dialect), LIMITS) as table:
        columns: list[list[Any]] = [[] for _ in table.names]
        for block in table.blocks:
            looks = block.looks(READING, [hint] * len(table.names))
            for held, look in zip(columns, looks, strict=True):
                held += look.text.to_pylist()
        return table.names, columns


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(VALUES, min_size=3, max_size=3), min_size=1, max_size=12), st.sampled_from(["\n", "\r\n"]))
def test_what_csv_writes_is_read_back(folder, rows, end):
    text = io.StringIO()
    csv.writer(text, lineterminator=end).writerows([["x", "y", "z"], *rows])
    names, columns = parsed(folder, text.getvalue().encode())
    assert names == ["x", "y", "z"]
    assert [list(row) for row in zip(*columns, strict=True)] == rows


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(VALUES, min_size=2, max_size=2), min_size=1, max_size=30), st.integers(30, 200))
def test_blocks_may_be_cut_anywhere(folder, rows, size):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([["x", "y"], *rows])
    kept = files.BLOCK_BYTES
    files.BLOCK_BYTES = size
    try:
        columns = parsed(folder, text.getvalue().encode())[1]
    finally:
        files.BLOCK_BYTES = kept
    assert [list(row) for row in zip(*columns, strict=True)] == rows


@pytest.mark.parametrize("value", ['a"b', '"a"b', '5" pipe', '"a""b"', '""', '"a,b"'])
def test_stray_quotation_marks_are_read_as_python_reads_them(folder, value):
    content = f"x,y\n{value},1\n".encode()
    expected = next(csv.reader(io.StringIO(f"{value},1\n")))
    assert [column[0] for column in parsed(folder, content)[1]] == expected


def test_empty_lines_and_a_missing_last_end_do_not_matter(folder):
    assert parsed(folder, b"x,y\n\n1,2\n\r\n3,4")[1] == [["1", "3"], ["2", "4"]]
    assert parsed(folder, b"x,y\n1,")[1] == [["1"], [""]]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(10**14), 10**14)), min_size=1)
)
def test_numbers_are_rounded_as_python_rounds_them(folder, numbers):
    content = ("x,y\n" + "".join(f"{number!r},\n" for number in numbers)).encode()
    with open_blocks(write(folder, content), Dialect("csv"), LIMITS) as table:
        (block,) = table.blocks
        look = block.looks(READING, ["float", "category"])[0]
    assert look.numbers is not None
    assert look.numbers.to_pylist() == [float(repr(number)) for number in numbers]


@pytest.mark.parametrize(
    "texts", [["007", "12"], ["1234567890123456"], ["1e999"], ["1.2.3"], ["0x1F"], ["--1"], ["1-2"]]
)
def test_codes_and_odd_texts_are_not_plain_numbers(folder, texts):
    content = ("x,y\n" + "".join(f"{text},\n" for text in texts)).encode()
    with open_blocks(write(folder, content), Dialect("csv"), LIMITS) as table:
        (block,) = table.blocks
        assert not block.looks(READING, [None, None])[0].is_plain


def test_a_late_value_that_widens_the_kind_is_found_and_the_table_is_the_same(read, monkeypatch):
    rows = clean_rows(3000)
    rows[-1][COLUMNS.index("income")] = "12.5"
    rows[-2][COLUMNS.index("city")] = "long " * 40
    whole = read(csv_bytes(rows))
    monkeypatch.setattr(files, "BLOCK_BYTES", 4_096)
    cut = read(csv_bytes(rows))
    assert whole[0].columns[0].kind == cut[0].columns[0].kind == "float"
    assert cut[2].equals(whole[2])
    assert cut[0].content_hash == whole[0].content_hash
    text = with_value(2990, "income", "many", n=3000)
    assert read(csv_bytes(text))[0].columns[0].kind == "category"


def test_the_content_does_not_depend_on_threads_or_order(read):
    rows = clean_rows(500)
    shuffled = random.Random(1).sample(rows, len(rows))
    one, four = (read(csv_bytes(rows), limits=replace(LIMITS, threads=n))[0].content_hash for n in (1, 4))
    assert one == four == read(csv_bytes(shuffled))[0].content_hash


def test_wide_rows_out_of_order_are_put_in_order_by_ranges(read, monkeypatch):
    rows = clean_rows(1500)
    for row in rows[::7]:
        row[COLUMNS.index("city")] = ""
    expected = read(csv_bytes(rows))
    shuffled = random.Random(2).sample(rows, len(rows))
    for name, value in (("reading.WIDE", 1), ("sorting.RANGE_BYTES", 40_000), ("files.BLOCK_BYTES", 8_192)):
        monkeypatch.setattr(f"datafactory.engine.{name}", value)
    ticket, _, table = read(csv_bytes(shuffled))
    assert table.equals(expected[2])
    assert ticket.content_hash == expected[0].content_hash
    assert read(csv_bytes(shuffled), row_id=None, features=("city",))[0].n_rows == 1500
    shuffled[900][0] = shuffled[30][0]
    with pytest.raises(DataError) as caught:
        read(csv_bytes(shuffled))
    assert (caught.value.code, caught.value.params["first"], caught.value.row) == ("row_id_twice", 31, 901)


def test_a_file_without_a_header_has_numbered_names(read):
    content = csv_bytes().split(b"\n", 1)[1]
    plan = {"header": False, "row_id": "c1", "observed_at": "c3", "label": "c4"}
    ids = IdRole("c2", "mobile", "sha256")
    ticket, _, table = read(content, ids=(ids,), **plan)
    assert ticket.n_rows == 40
    assert table.column("partner__c5").to_pylist() == [int(row[4]) for row in clean_rows()]


def test_a_ragged_row_far_down_is_told_by_its_number(read):
    rows = [*clean_rows(4000), ["A", hashed(1)]]
    with pytest.raises(DataError) as caught:
        read(csv_bytes(rows))
    assert (caught.value.code, caught.value.row, caught.value.params["actual"]) == ("ragged_row", 4001, 2)


def test_blanks_signs_and_markers_are_read_the_careful_way(read):
    texts = [" 12 ", "+5", "NA", "", "-3", "1.0", "1e3", ".5"]
    table = read(csv_bytes(with_column("income", lambda i: texts[i % 8])))[2]
    assert table.column("partner__income").to_pylist()[:8] == [12.0, 5.0, None, None, -3.0, 1.0, 1000.0, 0.5]
