"""A partner's clean file becomes a table of a known shape."""

import datetime as dt
import gzip
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datafactory.engine.reading import IdRole, Limits, SamplePlan, read_sample
from modeling.artifacts import from_json, to_json
from tests.datafactory.files import (
    COLUMNS,
    LIMITS,
    NOW,
    PLAN,
    check,
    clean_rows,
    codes,
    csv_bytes,
    hashed,
    with_column,
    with_value,
    write,
)


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
