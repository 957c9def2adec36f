"""A broken file is refused with one clear error: its code, row and column."""

import gzip
import zipfile
from dataclasses import replace
from typing import Any

import pytest

from datafactory.engine.reading import IdRole
from modeling.errors import DataError
from tests.datafactory.files import (
    COLUMNS,
    LIMITS,
    bank_card,
    clean_rows,
    csv_bytes,
    digits,
    hashed,
    id_card,
    with_column,
    with_value,
)

UNCLOSED = csv_bytes(with_value(2, "city", "x")).replace(b",x\n", b',"x\n', 1) + b"1,2,3,4,5,6\n" * 200
REFUSED: dict[str, Any] = {
    "empty_file": (b"", {}, None, None),
    "no_rows": (csv_bytes([]), {}, None, None),
    "ragged_row": (csv_bytes().replace(b",1028,", b",1028,extra,"), {}, 5, None),
    "duplicate_columns": (csv_bytes(columns=(*COLUMNS[:5], "Income")), {}, None, "Income"),
    "too_many_columns": (",".join(f"c{i}" for i in range(100_000)).encode() + b"\n", {}, None, None),
    "wrong_delimiter": (csv_bytes(delimiter=";"), {"delimiter": ","}, None, None),
    "encoding_wrong": (csv_bytes(encoding="gbk"), {"encoding": "utf-8"}, 1, None),
    "binary_file": (b"\x00\x01" * 5000, {}, None, None),
    "nul_byte": (csv_bytes() + b"A99999,\0,2024-01-01,1,1,x\n", {"encoding": "utf-8"}, 41, None),
    "file_broken": (gzip.compress(csv_bytes(clean_rows(5000)))[:-2000], {}, None, None),
    "format_unknown": (b"\xd0\xcf\x11\xe0" + b"x" * 100, {}, None, None),
    "no_header": (b"1,2\n" * 50, {}, None, None),
    "unclosed_quote": (UNCLOSED, {}, 2, "city"),
    "column_missing": (csv_bytes(), {"label": "target"}, None, "target"),
    "role_twice": (csv_bytes(), {"weight": "bad"}, None, "bad"),
    "no_id_column": (csv_bytes(), {"ids": ()}, None, None),
    "id_algorithm": (csv_bytes(), {"ids": (IdRole("mobile", "mobile", "crc"),)}, None, "mobile"),
    "id_namespace": (csv_bytes(), {"ids": (IdRole("mobile", "No; DROP", "sha256"),)}, None, "mobile"),
    "id_other_algorithm": (csv_bytes(with_column("mobile", lambda i: hashed(i, "md5"))), {}, 1, "mobile"),
    "id_mixed_formats": (csv_bytes(with_value(7, "mobile", hashed(6, "md5"))), {}, 7, "mobile"),
    "id_format": (csv_bytes(with_value(7, "mobile", "not a hash")), {}, 7, "mobile"),
    "id_empty": (csv_bytes(with_column("mobile", lambda i: "")), {}, None, "mobile"),
    "ids_all_same": (csv_bytes(with_column("mobile", lambda i: hashed(1))), {}, None, "mobile"),
    "ids_all_duplicate": (csv_bytes(clean_rows() + clean_rows()), {"row_id": None}, None, "mobile"),
    "row_id_twice": (csv_bytes(with_value(9, "app_id", "A00003")), {}, 9, "app_id"),
    "row_id_missing": (csv_bytes(with_value(9, "app_id", "")), {}, 9, "app_id"),
    "label_value": (csv_bytes(with_value(9, "bad", "7")), {}, 9, "bad"),
    "label_one_class": (csv_bytes(with_column("bad", lambda i: "1")), {}, None, "bad"),
    "time_in_future": (csv_bytes(with_value(9, "applied_on", "2027-01-05")), {}, 9, "applied_on"),
    "time_missing": (csv_bytes(with_value(9, "applied_on", "")), {}, 9, "applied_on"),
    "time_value": (csv_bytes(with_value(9, "applied_on", "2024-02-30")), {"time_format": "%Y-%m-%d"}, 9, "applied_on"),
    "time_format": (csv_bytes(), {"time_format": "%Q"}, None, None),
    "zone_unknown": (csv_bytes(), {"zone": "Mars/Base"}, None, None),
    "outcome_date": (csv_bytes(), {"performance_window_months": 6, "outcomes_as_of": "soon"}, None, None),
    "value_not_of_kind": (csv_bytes(with_value(9, "income", "many")), {"kinds": {"income": "float"}}, 9, "income"),
    "weight_value": (csv_bytes(with_value(9, "income", "0")), {"weight": "income"}, 9, "income"),
    "split_value": (csv_bytes(), {"split": "city"}, 1, "city"),
    "raw_mobile": (csv_bytes(with_column("mobile", digits)), {}, 1, "mobile"),
    "raw_id_card": (csv_bytes(with_column("city", id_card)), {}, 1, "city"),
    "raw_bank_card": (csv_bytes(with_column("city", bank_card)), {}, 1, "city"),
}


@pytest.mark.parametrize("code", REFUSED)
def test_bad_input_is_refused_with_its_place(read, code):
    content, changes, row, column = REFUSED[code]
    with pytest.raises(DataError) as caught:
        read(content, **changes)
    assert caught.value.code == code, str(caught.value)
    assert (caught.value.row, caught.value.column) == (row, column)
    assert "%(" not in str(caught.value)


def test_a_bomb_is_not_unpacked(read):
    bomb = gzip.compress(csv_bytes() + b"0,0,0,0,0,0\n" * 8_000_000, compresslevel=9)
    with pytest.raises(DataError) as caught:
        read(bomb, limits=replace(LIMITS, max_rows=10**9))
    assert caught.value.code == "unpacked_too_large"


def test_a_zip_bomb_dressed_as_a_workbook_is_not_unpacked(read, tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 150_000_000)
    with pytest.raises(DataError) as caught:
        read((tmp_path / "bomb.xlsx").read_bytes())
    assert caught.value.code == "unpacked_too_large"


def test_limits_of_bytes_and_rows(read):
    small, few = replace(LIMITS, max_bytes=100), replace(LIMITS, max_rows=39)
    for limits, code in ((small, "file_too_large"), (few, "too_many_rows")):
        with pytest.raises(DataError) as caught:
            read(csv_bytes(), limits=limits)
        assert caught.value.code == code
