"""Who is in a sample: exclusions in order, rejected applicants, outcomes between good and bad, young months."""

import datetime as dt
from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datafactory.engine import files
from datafactory.engine.design import matches
from datafactory.engine.looking import Look, Reading
from datafactory.engine.plans import DEFAULT_NULLS, Exclusion
from modeling.errors import DataError
from modeling.marks import IMMATURE_MONTHS
from tests.datafactory.files import COLUMNS, check, clean_rows, csv_bytes, with_value

DECIDED = (*COLUMNS, "decision", "dpd")


def decided(n=400):
    """Every fifth is rejected and has no outcome; worst days past due from 0 to 90."""
    return [
        [*row[:3], "" if i % 5 == 0 else row[3], *row[4:], "rejected" if i % 5 == 0 else "approved", str(i * 7 % 91)]
        for i, row in enumerate(clean_rows(n))
    ]


def steps(report):
    return [(row["step"], row["n"], row["n_bad"]) for row in report["design"]["waterfall"]]


def test_a_plain_sample_keeps_every_row(read):
    _, report, _ = read(csv_bytes())
    assert report["design"]["n_file"] == 40
    assert steps(report) == [
        ("rejected", 0, None),
        ("indeterminate", 0, None),
        ("no_outcome", 0, None),
        ("kept", 40, 10),
    ]


def test_exclusions_take_rows_in_their_order(read):
    rules = (
        Exclusion("city", "in", ("北京",), "branch closed"),
        Exclusion("income", "lt", ("2000",)),
        Exclusion("city", "in", ("北京", "上海")),
    )
    ticket, report, table = read(csv_bytes(clean_rows(400)), exclusions=rules)
    cities, incomes = [row[5] for row in clean_rows(400)], [int(row[4]) for row in clean_rows(400)]
    taken = [
        0 if city == "北京" else 1 if income < 2000 else 2 if city == "上海" else 3
        for city, income in zip(cities, incomes, strict=True)
    ]
    counts = Counter(taken)
    assert [row["n"] for row in report["design"]["waterfall"]] == [counts[0], counts[1], counts[2], 0, 0, 0, counts[3]]
    assert report["design"]["waterfall"][0]["reason"] == "branch closed"
    assert ticket.n_rows == report["n_rows"] == table.num_rows == counts[3]
    assert set(table.column("partner__city").to_pylist()) == {"广州"}
    assert report["design"]["n_file"] == 400


def test_rejected_applicants_stay_without_an_outcome(read):
    rows = decided()
    rows[5][3] = "1"  # an outcome of a rejected applicant is not believed
    rows[10][3] = "whatever"
    ticket, report, table = read(csv_bytes(rows, DECIDED), approved="decision", features=("income",))
    assert {step: n for step, n, _ in steps(report)} == {
        "rejected": 80, "indeterminate": 0, "no_outcome": 0, "kept": 320,
    }  # fmt: skip
    rejected = table.filter(pa.compute.equal(table["approved"], False))
    assert (rejected.num_rows, rejected["y"].null_count) == (80, 80)
    assert ticket.n_rows == 400
    assert report["label"]["n_missing"] == 0
    assert ticket.n_bad == sum(row[3] == "1" for i, row in enumerate(rows) if i % 5)


def test_values_between_good_and_bad_are_indeterminate(read):
    rows = clean_rows(400)
    for i, row in enumerate(rows):
        row[3] = ("0", "1", "2", "3")[i % 4]
    _, report, table = read(csv_bytes(rows), indeterminate_values=("2", "3"))
    assert report["label"] | {"bad_rate": 0.5} == report["label"]
    assert report["label"]["n_indeterminate"] == 200
    assert table.column("y").null_count == 200


def test_limits_of_days_past_due_tell_good_from_bad(read):
    _, report, table = read(
        csv_bytes(decided(), DECIDED), label="dpd", bad_from=60.0, good_to=29.0, features=("income",), exclusions=()
    )
    days = [i * 7 % 91 for i in range(400)]
    assert report["label"]["n_bad"] == sum(day >= 60 for day in days)
    assert report["label"]["n_good"] == sum(day <= 29 for day in days)
    assert report["label"]["n_indeterminate"] == table.column("y").null_count == sum(29 < day < 60 for day in days)
    assert report["design"]["bad_from"] == 60


def test_a_file_that_is_read_again_is_counted_once(read, monkeypatch):
    rows = clean_rows(3000)
    rows[-1][COLUMNS.index("income")] = "12.5"  # a wider kind than the first block's
    rule = (Exclusion("city", "in", ("北京",)),)
    whole = read(csv_bytes(rows), exclusions=rule)
    monkeypatch.setattr(files, "BLOCK_BYTES", 8_192)
    cut = read(csv_bytes(rows), exclusions=rule)
    assert cut[1]["design"] == whole[1]["design"]
    assert cut[0].content_hash == whole[0].content_hash


def test_small_steps_are_hidden_and_cannot_be_rebuilt(read):
    rules = (Exclusion("income", "lt", ("1030",)), Exclusion("income", "ge", ("3700",)))
    waterfall = read(csv_bytes(clean_rows(400)), exclusions=rules)[1]["design"]["waterfall"]
    assert waterfall[0]["n"] is None, "five people"
    assert sum(row["n"] is None for row in waterfall) >= 2, "the total of the file is shown"
    assert all(row["bad_rate"] is None for row in waterfall if row["n"] is None)


def test_a_row_id_given_twice_is_told_by_its_row_in_the_file(read):
    rows = with_value(30, "app_id", "A00012", n=400)
    with pytest.raises(DataError) as caught:
        read(csv_bytes(rows), exclusions=(Exclusion("income", "lt", ("1030",)),))
    assert (caught.value.code, caught.value.params["first"], caught.value.row) == ("row_id_twice", 13, 30)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"exclusions": (Exclusion("income", "like", ("1",)),)}, "exclusion_operator"),
        ({"exclusions": (Exclusion("income", "lt", ()),)}, "exclusion_values"),
        ({"exclusions": (Exclusion("income", "lt", ("many",)),)}, "exclusion_values"),
        ({"exclusions": (Exclusion("city", "lt", ("5",)),)}, "exclusion_not_number"),
        ({"exclusions": (Exclusion("town", "missing", ()),)}, "column_missing"),
        ({"exclusions": (Exclusion("income", "present", ()),)}, "all_excluded"),
        ({"bad_from": 60.0}, "label_rule"),
        ({"bad_from": 30.0, "good_to": 60.0}, "label_rule"),
        ({"bad_from": 60.0, "good_to": 30.0, "label": "city"}, "label_not_number"),
    ],
)
def test_a_design_that_cannot_be_is_refused(read, changes, code):
    with pytest.raises(DataError) as caught:
        read(csv_bytes(), **changes)
    assert caught.value.code == code
    assert "%(" not in str(caught.value)


def test_months_that_cannot_be_mature_today_are_told_without_a_date_of_outcomes(read):
    rows = clean_rows(600)
    ticket, report, _ = read(csv_bytes(rows), performance_window_months=9)
    assert ticket.marks == (IMMATURE_MONTHS,)
    mature = {month["month"]: month["mature"] for month in report["maturity"]["months"]}
    assert mature == {"2024-01": None, "2024-02": None, "2024-03": None} | {f"2024-{m:02d}": False for m in (4, 5, 6)}
    assert "3 of 6 months are not mature" in check(report, "immature_months")[0]


def test_days_are_compared_by_their_text(read):
    rule = Exclusion("applied_on", "lt", ("2024-03-01",))
    table = read(csv_bytes(clean_rows(400)), exclusions=(rule,))[2]
    assert min(table["observed_at"].to_pylist()) >= dt.datetime(2024, 3, 14, tzinfo=dt.UTC)


OPPOSITE = {"in": "not_in", "lt": "ge", "gt": "le"}


@settings(max_examples=200)
@given(
    st.lists(st.one_of(st.none(), st.integers(-50, 50).map(str)), min_size=1, max_size=30),
    st.sampled_from(list(OPPOSITE)),
    st.integers(-50, 50).map(str),
)
def test_a_rule_and_its_opposite_take_every_value_that_is_there_once(values, operator, limit):
    look = Look(pa.array(values, pa.string()), Reading(DEFAULT_NULLS, ".")).prepare("category")
    one, other = (
        matches(Exclusion("x", name, (limit,)), look, 1).to_pylist() for name in (operator, OPPOSITE[operator])
    )
    assert [bool(a) + bool(b) for a, b in zip(one, other, strict=True)] == [int(value is not None) for value in values]
    missing = matches(Exclusion("x", "missing"), look, 1).to_pylist()
    assert missing == [value is None for value in values]
