"""A platform-side file becomes a source table."""

import datetime as dt
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from datafactory.engine.reading import IdRole, SourcePlan, read_source
from modeling.errors import DataError
from tests.datafactory.files import (
    LIMITS,
    NOW,
    check,
    codes,
    csv_bytes,
    hashed,
    write,
)


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
