"""A partner's file, clean or broken, becomes a table of a known shape or one clear error."""

import datetime as dt
import gzip
import zipfile
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datafactory.engine.reading import IdRole, Limits, SamplePlan, SourcePlan, read_sample, read_source, sniff_file
from modeling.artifacts import from_json, to_json
from modeling.errors import DataError
from tests.datafactory.files import (
    COLUMNS,
    PLAN,
    clean_rows,
    csv_bytes,
    hashed,
    with_column,
    with_value,
    write,
)

NOW = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
LIMITS = Limits(max_bytes=20_000_000, max_unpacked_bytes=200_000_000, max_rows=100_000, max_columns=500)


@pytest.fixture
def read(tmp_path):
    """``read(content, **changes of the plan)`` -> ticket, report, table; the folder is new each time."""
    count = iter(range(1000))

    def run(content, limits=LIMITS, **changes):
        plan = replace(from_json(SamplePlan, PLAN), **changes)
        folder = tmp_path / f"out{next(count)}"
        folder.mkdir()
        try:
            ticket, report = read_sample(write(tmp_path, content), plan, folder, limits, NOW)
        except DataError:
            assert list(folder.iterdir()) == [], "a refused file must leave nothing behind"
            raise
        assert [path.name for path in folder.iterdir()] == ["rows.parquet"]
        return ticket, report, pq.read_table(folder / "rows.parquet")

    return run


def codes(report, state="warned"):
    return {line["code"] for line in report["checks"] if line["state"] == state}


def check(report, code):
    line = next(line for line in report["checks"] if line["code"] == code)
    return line["template"] % line["params"], line["params"]


# --- the clean file


def test_a_clean_file_becomes_the_contract_s_columns(read):
    ticket, report, table = read(csv_bytes())
    assert table.schema.names == [
        "row_id", "person", "id__mobile__sha256", "observed_at", "y", "weight", "partner__income", "partner__city",
    ]  # fmt: skip
    assert table.schema.field("observed_at").type == pa.timestamp("us", "UTC")
    assert table.schema.field("y").type == pa.int8()
    assert table.column("row_id").to_pylist() == sorted(row[0] for row in clean_rows())
    assert table.column("person").to_pylist() == [row[1] for row in clean_rows()]
    assert (ticket.n_rows, ticket.n_ids, ticket.n_bad) == (40, 40, 10)
    assert [(column.name, column.kind) for column in ticket.columns] == [
        ("partner__income", "int"),
        ("partner__city", "category"),
    ]
    assert report["label"]["bad_rate"] == 0.25


def test_the_same_file_and_plan_give_the_same_content(read):
    first, second = read(csv_bytes())[0], read(csv_bytes())[0]
    assert first.content_hash == second.content_hash
    assert first.fingerprint == second.fingerprint
    other = read(csv_bytes(), bad_values=("0",), good_values=("1",))[0]
    assert other.fingerprint != first.fingerprint
    assert other.content_hash != first.content_hash


def test_a_plan_survives_json_with_its_fingerprint(tmp_path):
    ids = (IdRole("mobile", "mobile", "sha256"),)
    plan = SamplePlan(row_id="app_id", ids=ids, observed_at="applied_on", label="bad", specials={"income": (-1.0,)})
    given = from_json(SamplePlan, PLAN | {"specials": {"income": [-1]}})
    assert from_json(SamplePlan, to_json(given)) == given == plan
    fingerprints = set()
    for number, one in enumerate((plan, given)):
        (tmp_path / str(number)).mkdir()
        ticket, _ = read_sample(write(tmp_path, csv_bytes()), one, tmp_path / str(number), LIMITS, NOW)
        fingerprints.add(ticket.fingerprint)
    assert len(fingerprints) == 1


@pytest.mark.parametrize(
    ("encoding", "delimiter"),
    [("utf-8", ";"), ("utf-8-sig", ","), ("gb18030", "\t"), ("utf-16", ","), ("utf-16-le", "|"), ("gbk", ",")],
)
def test_other_encodings_and_delimiters_give_the_same_table(read, encoding, delimiter):
    expected = read(csv_bytes())[2]
    assert read(csv_bytes(encoding=encoding, delimiter=delimiter))[2].equals(expected)


def test_gzip_parquet_and_excel_give_the_same_table(read, tmp_path):
    expected = read(csv_bytes())[2]
    assert read(gzip.compress(csv_bytes()))[2].equals(expected)
    columns = list(zip(*clean_rows(), strict=True))
    native = dict(zip(COLUMNS, map(list, columns), strict=True))
    native["income"] = [int(value) for value in native["income"]]
    native["bad"] = [float(value) for value in native["bad"]]
    native["applied_on"] = [dt.date.fromisoformat(value) for value in native["applied_on"]]
    pq.write_table(pa.table(native), tmp_path / "native.parquet")
    assert read((tmp_path / "native.parquet").read_bytes())[2].equals(expected)
    assert read(excel(tmp_path, native))[2].equals(expected)


def excel(folder, columns):
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(list(columns))
    for row in zip(*columns.values(), strict=True):
        sheet.append(row)
    book.save(folder / "book.xlsx")
    return (folder / "book.xlsx").read_bytes()


def test_without_a_row_id_rows_are_numbered(read):
    _, _, table = read(csv_bytes(), row_id=None, features=("income",))
    assert set(table.column("row_id").to_pylist()) == {str(n) for n in range(1, 41)}


def test_a_whole_day_begins_at_midnight_in_the_zone_of_the_import(read):
    table = read(csv_bytes())[2]
    assert table.column("observed_at")[0].as_py() == dt.datetime(2024, 1, 14, 16, tzinfo=dt.UTC)
    table = read(csv_bytes(), zone="UTC")[2]
    assert table.column("observed_at")[0].as_py() == dt.datetime(2024, 1, 15, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("value", "time_format", "expected"),
    [
        ("2024-03-05 10:20", None, "2024-03-05T02:20:00+00:00"),
        ("2024-03-05T10:20:30.250Z", None, "2024-03-05T10:20:30.250000+00:00"),
        ("2024-03-05 10:20:30+01:00", None, "2024-03-05T09:20:30+00:00"),
        ("20240305", None, "2024-03-04T16:00:00+00:00"),
        ("2024/3/5", None, "2024-03-04T16:00:00+00:00"),
        ("05.03.2024", "%d.%m.%Y", "2024-03-04T16:00:00+00:00"),
        ("1709605230", "unix", "2024-03-05T02:20:30+00:00"),
        ("1709605230250", "unix_ms", "2024-03-05T02:20:30.250000+00:00"),
    ],
)
def test_times_are_read_in_their_format(read, value, time_format, expected):
    rows = with_column("applied_on", lambda i: value)
    table = read(csv_bytes(rows), time_format=time_format)[2]
    assert {moment.as_py().isoformat() for moment in table.column("observed_at")} == {expected}


def test_upper_case_hashes_are_lowered_and_reported(read):
    rows = with_value(3, "mobile", hashed(2).upper())
    _, report, table = read(csv_bytes(rows))
    assert table.column("person").to_pylist() == [row[1] for row in clean_rows()]
    assert check(report, "id_upper_case")[1]["count"] == 1


def test_labels_in_words_are_mapped(read):
    rows = with_column("bad", lambda i: "bad" if i % 4 == 0 else "good")
    ticket, _, table = read(csv_bytes(rows), bad_values=("bad",), good_values=("good",))
    assert ticket.n_bad == 10
    assert sum(table.column("y").to_pylist()) == 10


def test_a_missing_label_stays_missing(read):
    _, report, table = read(csv_bytes(with_value(2, "bad", "")))
    assert table.column("y").null_count == 1
    assert report["label"]["n_missing"] == 1


def test_kinds_are_found_over_the_whole_file_and_can_be_pinned(read):
    rows = with_value(40, "income", "1273.5")
    assert read(csv_bytes(rows))[0].columns[0].kind == "float"
    ticket, _, table = read(csv_bytes(), kinds={"income": "decimal"})
    assert ticket.columns[0].kind == "decimal"
    assert str(table.column("partner__income")[0].as_py()) == "1000.000000"
    codes_column = read(csv_bytes(with_column("income", lambda i: f"00{i}")))[0].columns[0]
    assert codes_column.kind == "category", "leading zeros are a code, not a number"


def test_nan_and_infinity_become_missing_and_are_reported(read):
    rows = with_value(5, "income", "inf")
    rows[6][COLUMNS.index("income")] = "NaN"
    _, report, table = read(csv_bytes(rows))
    assert table.column("partner__income").null_count == 2
    text, params = check(report, "not_finite")
    assert params["row"] == 5
    assert "income" in text


def test_nan_and_infinity_in_parquet_too(read, tmp_path):
    native = dict(zip(COLUMNS, map(list, zip(*clean_rows(), strict=True)), strict=True))
    native["income"] = [float("nan"), float("-inf"), *map(float, native["income"][2:])]
    pq.write_table(pa.table(native), tmp_path / "native.parquet")
    _, report, table = read((tmp_path / "native.parquet").read_bytes())
    assert table.column("partner__income").null_count == 2
    assert check(report, "not_finite")[1]["count"] == 2


def test_special_codes_are_suspected_unless_declared(read):
    rows = with_value(4, "income", "-999")
    assert "special_codes" in codes(read(csv_bytes(rows))[1])
    ticket, report, _ = read(csv_bytes(rows), specials={"income": (-999.0,)})
    assert "special_codes" not in codes(report)
    assert ticket.columns[0].specials == (-999.0,)


def test_a_comma_can_be_the_decimal_mark(read):
    rows = with_column("income", lambda i: f"{1000 + i},5")
    table = read(csv_bytes(rows, delimiter=";"), decimal=",")[2]
    assert table.column("partner__income")[3].as_py() == 1003.5


def test_weight_split_and_decision(read):
    columns = (*COLUMNS, "w", "part", "decision")
    rows = [[*row, "2.5", "OOT" if i > 30 else "train", "approved"] for i, row in enumerate(clean_rows())]
    ticket, _, table = read(csv_bytes(rows, columns), weight="w", split="part", approved="decision")
    assert ticket.has_split
    assert set(table.column("weight").to_pylist()) == {2.5}
    assert set(table.column("split").to_pylist()) == {"train", "oot"}
    assert set(table.column("approved").to_pylist()) == {True}


def test_repeated_people_are_reported_not_refused(read):
    rows = clean_rows()
    rows[1][1], rows[1][2] = rows[0][1], rows[0][2]
    _, report, _ = read(csv_bytes(rows))
    assert check(report, "duplicates")[0].startswith("1 of 40 rows repeat a person")


def test_no_time_means_that_leakage_cannot_be_excluded(read):
    ticket, _, _ = read(csv_bytes(), observed_at=None, features=("income",))
    assert ticket.marks == ("leakage_unknown",)
    assert not ticket.has_time


# --- what is refused, with code, row and column


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


@pytest.mark.parametrize(
    "value",
    [
        "138-1234-5678",
        "+86 13812345678",
        "１３８１２３４５６７８",  # full-width digits
        "13812345678.0",
        "call 13812345678 after six",
    ],
)
def test_mobile_numbers_are_recognised_in_any_dress(read, value):
    with pytest.raises(DataError) as caught:
        read(csv_bytes(with_value(12, "city", value)))
    assert (caught.value.code, caught.value.row, caught.value.column) == ("raw_mobile", 12, "city")
    assert value not in str(caught.value), "the number itself must not travel on in an error"


def test_raw_numbers_in_numeric_parquet_columns_are_recognised(read, tmp_path):
    native = dict(zip(COLUMNS, map(list, zip(*clean_rows(), strict=True)), strict=True))
    for values in ([13800000000 + i for i in range(40)], [13800000000.0 + i for i in range(40)]):
        native["income"] = values
        pq.write_table(pa.table(native), tmp_path / "native.parquet")
        with pytest.raises(DataError) as caught:
            read((tmp_path / "native.parquet").read_bytes())
        assert (caught.value.code, caught.value.column) == ("raw_mobile", "income")


def test_long_codes_and_fractions_are_not_taken_for_personal_numbers(read):
    rows = with_column("city", lambda i: f"2024{i * 7919:012d}")
    for i, row in enumerate(rows):
        row[COLUMNS.index("income")] = f"0.1381234567{i}"
    assert read(csv_bytes(rows))[0].n_rows == 40


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


# --- maturity


def test_lendingclub_months_are_suspected_and_then_marked(shared_data, tmp_path):
    """Bad rate falls from 28 % to 10 % by month of issue in 2018 because late loans had no time to go bad."""
    import pandas as pd

    frame = pd.read_csv(shared_data / "lendingclub_2018.csv.gz", usecols=["id", "issue_d", "loan_status", "annual_inc"])
    frame["mobile"] = [hashed(i) for i in frame["id"]]
    frame.to_csv(tmp_path / "lc.csv.gz", index=False)
    plan = SamplePlan(
        row_id="id", ids=(IdRole("mobile", "mobile", "sha256"),), observed_at="issue_d", label="loan_status"
    )
    (tmp_path / "a").mkdir()
    ticket, report = read_sample(tmp_path / "lc.csv.gz", plan, tmp_path / "a", Limits(), NOW)
    assert ticket.marks == ("maturity_suspected",)
    assert [month["bad_rate"] for month in report["maturity"]["months"]][:2] == [0.2582, 0.2744]
    assert report["maturity"]["suspicion"]["last_rate"] == 0.1024
    assert all(month["mature"] is None for month in report["maturity"]["months"])
    (tmp_path / "b").mkdir()
    told = replace(plan, performance_window_months=12, outcomes_as_of="2019-06-30")
    ticket, report = read_sample(tmp_path / "lc.csv.gz", told, tmp_path / "b", Limits(), NOW)
    assert ticket.marks == ("immature_months",)
    assert report["maturity"]["immature"] == [f"2018-{month:02d}" for month in range(7, 13)]


def test_small_months_are_hidden_and_cannot_be_rebuilt(read):
    rows = clean_rows(400)
    for i, row in enumerate(rows):
        row[2] = f"2024-{1 + (i >= 5) + (i >= 100) + (i >= 250):02d}-03"
    months = read(csv_bytes(rows))[1]["maturity"]["months"]
    assert [month["n"] for month in months] == [None, None, 150, 150]
    hidden_bads = [month["n_bad"] is None for month in months]
    assert hidden_bads[0]
    assert sum(hidden_bads) >= 2


# --- sources


@pytest.fixture
def read_events(tmp_path):
    count = iter(range(100))

    def run(content, **changes):
        plan = replace(
            SourcePlan(
                slug="lending",
                kind="events",
                ids=(IdRole("mobile", "mobile", "sha256"),),
                event_time="day",
                known_at="seen",
            ),
            **changes,
        )
        folder = tmp_path / f"source{next(count)}"
        folder.mkdir()
        ticket, report = read_source(write(tmp_path, content, "source.csv"), plan, folder, LIMITS, NOW)
        return ticket, report, pq.read_table(folder / "rows.parquet")

    return run


EVENT_COLUMNS = ("mobile", "day", "seen", "amount")


def events():
    return [
        [hashed(1), "2024-05-02", "", "10"],
        [hashed(2), "2024-05-01", "2024-05-03", "20"],
        [hashed(1), "2024-05-01", "2024-05-01", "30"],
    ]


def test_a_dated_event_is_the_end_of_its_day_and_a_missing_known_at_is_filled(read_events):
    ticket, report, table = read_events(csv_bytes(events(), EVENT_COLUMNS), delay_days=2)
    rows = {row["amount"]: row for row in table.to_pylist()}
    end_of_may_2 = dt.datetime(2024, 5, 2, 15, 59, 59, 999999, tzinfo=dt.UTC)
    assert rows[10]["event_time"] == end_of_may_2
    assert rows[10]["known_at"] == end_of_may_2 + dt.timedelta(days=2)
    assert rows[20]["known_at"] == end_of_may_2 + dt.timedelta(days=1)
    assert check(report, "known_at_filled")[1]["count"] == 1
    assert (ticket.n_rows, ticket.n_ids, ticket.has_event_time, ticket.has_known_at) == (3, 2, True, True)
    assert ticket.first_event == "2024-05-01T15:59:59.999999+00:00"


def test_source_rows_have_a_total_order_whatever_the_order_of_the_file(read_events):
    first = read_events(csv_bytes(events(), EVENT_COLUMNS))[0]
    second = read_events(csv_bytes(events()[::-1], EVENT_COLUMNS))[0]
    assert first.content_hash == second.content_hash
    assert first.fingerprint != second.fingerprint


def test_a_source_without_delay_or_time_says_so(read_events):
    ticket, report, _ = read_events(csv_bytes(events(), EVENT_COLUMNS), known_at=None, fields=("amount",))
    assert "no_delay" in codes(report)
    assert ticket.marks == ("zero_delay",)
    assert read_events(csv_bytes(events(), EVENT_COLUMNS), delay_days=0)[0].marks == ("zero_delay",), "one is filled"
    assert read_events(csv_bytes(events(), EVENT_COLUMNS), delay_days=1)[0].marks == ()
    _, report, table = read_events(
        csv_bytes(events(), EVENT_COLUMNS), event_time=None, known_at=None, fields=("amount",)
    )
    assert "leakage_unknown" in codes(report)
    assert table.schema.names == ["id__mobile__sha256", "amount", "row_hash"]


def test_future_events_are_refused(read_events):
    rows = [*events(), [hashed(3), "2026-05-01", "", "1"]]
    with pytest.raises(DataError) as caught:
        read_events(csv_bytes(rows, EVENT_COLUMNS))
    assert (caught.value.code, caught.value.row, caught.value.column) == ("time_in_future", 4, "day")


# --- sniffing


def test_a_sniff_guesses_roles_and_masks_ids(tmp_path):
    sniff = sniff_file(write(tmp_path, csv_bytes(encoding="gb18030", delimiter=";")), LIMITS)
    assert (sniff.format, sniff.encoding, sniff.delimiter) == ("csv", "gb18030", ";")
    assert [column.role for column in sniff.columns] == ["row_id", "id", "observed_at", "label", "feature", "feature"]
    mobile = sniff.columns[1]
    assert (mobile.namespace, mobile.algorithm) == ("mobile", "sha256")
    assert sniff.preview[0][1] == f"{hashed(0)[:4]}…"
    assert sniff.preview[0][5] == "上海"
    assert len(sniff_file(write(tmp_path, csv_bytes(clean_rows(500))), LIMITS).preview) == 100


def test_a_sniff_refuses_raw_numbers_at_once(tmp_path):
    with pytest.raises(DataError) as caught:
        sniff_file(write(tmp_path, csv_bytes(with_column("mobile", digits))), LIMITS)
    assert caught.value.code == "raw_mobile"
