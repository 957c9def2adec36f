"""Matching: who is found, what is refused, and what the report may not give away."""

import hmac
from dataclasses import replace
from itertools import combinations

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datafactory.engine.disclosure import coarse, hidden_groups
from datafactory.engine.engines import DuckDBEngine
from datafactory.engine.keying import key_ids, keyer
from datafactory.engine.matching import match_recipe
from datafactory.engine.population import population_psi, rate_difference
from modeling.artifacts import Column
from modeling.errors import DataError
from tests.datafactory.worlds import IDNO, KEY, MOBILE, World, at, hashed

DAYS = Column("days", "int", "platform", "loans", "days")
INCOME = Column("partner__income", "float", "partner", "sample", "income")


def application(number, day=100.0, **fields):
    return {"row_id": f"{number:05d}", MOBILE: hashed(number), "observed_at": at(day)} | fields


def event(number, day, known=None, **fields):
    return {MOBILE: hashed(number), "event_time": at(day), "known_at": at(day if known is None else known)} | fields


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def big_world(world, n=1200, found=0.7, bad=0.2, seed=5):
    """Applications over twelve months with income and outcome; a share of the people is in the source."""
    rng = np.random.default_rng(seed)
    rows = [
        application(
            i, float(rng.uniform(40, 400)), y=int(rng.random() < bad), partner__income=float(rng.normal(50, 10))
        )
        for i in range(n)
    ]
    world.add_sample(rows, columns=(INCOME,))
    hits = [i for i in range(n) if rng.random() < found]
    world.add_source("loans", [event(i, 5, days=1) for i in hits], (DAYS,))
    return len(hits)


def test_report_counts_rows_ids_duplicates_and_rates(world):
    n_found = big_world(world)
    ticket, report = world.match(floor_ids=1000, cell_floor=10)
    assert (ticket.n_rows, ticket.n_matched_rows, ticket.marks) == (1200, n_found, ())
    assert report["n_matched_rows"] == coarse(n_found, 1200, 10)
    assert report["match_rate"] == round(report["n_matched_rows"] / 1200, 4)
    assert report["n_duplicate_rows"] == 0
    assert [row["label"] for row in report["labels"]] == ["good", "bad"]
    assert sum(row["n_rows"] for row in report["months"]) == 1200
    assert report["sources"][0]["freshness_days"]["p50"] == pytest.approx(215, abs=15)
    assert not report["population"]["bad_rate"]["different"]
    assert report["population"]["psi"][0]["psi"] < 0.1


def test_matched_rows_keep_the_order_of_the_sample_and_the_keyed_id(world):
    world.add_sample([application(2), application(1), application(3)])
    world.add_source("loans", [event(1, 5, days=1), event(3, 5, days=1)], (DAYS,))
    world.match()
    rows = world.rows("match", "matched.parquet")
    assert [row["hit__loans"] for row in rows] == [True, False, True]
    expected = hmac.digest(KEY, f"{MOBILE}:{hashed(1)}".encode(), "sha256")
    assert [row["key__loans"] for row in rows][:2] == [expected, None]


def test_the_first_id_type_that_hits_wins(world):
    rows = [
        application(1, **{IDNO: hashed("a")}),
        application(2, **{IDNO: hashed("b")}),
        application(3, **{IDNO: None}),
    ]
    world.add_sample(rows, id_types=(MOBILE, IDNO))
    both = [
        event(1, 5, days=1, **{IDNO: hashed("x")}),
        event(2, 200, days=1, **{IDNO: None}),  # the mobile is there, but only after the application
        event(9, 5, days=1, **{IDNO: hashed("b")}),
    ]
    world.add_source("loans", both, (DAYS,), id_types=(MOBILE, IDNO))
    _, report = world.match()
    assert [row["via__loans"] for row in world.rows("match", "matched.parquet")] == [MOBILE, IDNO, None]
    assert [(row["id_type"], row["n_matched"]) for row in report["by_id_type"]] == [(MOBILE, 1), (IDNO, 1)]


def test_a_source_without_time_is_used_under_a_mark(world):
    world.add_sample([application(1), application(2)])
    world.add_source("people", [{MOBILE: hashed(1), "days": 3}], (DAYS,), kind="snapshot")
    ticket, report = world.match()
    assert ticket.marks == ("leakage_unknown",) == tuple(report["marks"])
    assert ticket.n_matched_rows == 1


def test_applications_from_before_a_source_are_flagged(world):
    world.add_sample([application(1, 10), application(2, 50)])
    source = world.add_source("loans", [event(1, 20, days=1), event(2, 30, days=1)], (DAYS,))
    ticket, _ = world.match(sources=(replace(source, first_event=at(20).isoformat()),))
    assert ticket.marks == ("before_source",)
    ticket, _ = world.match("later", sources=(replace(source, first_event=at(5).isoformat()),))
    assert ticket.marks == ()


def test_a_source_without_delay_marks_what_it_is_matched_with(world):
    world.add_sample([application(1, 40), application(2, 50)])
    source = world.add_source("loans", [event(1, 20, days=1), event(2, 30, days=1)], (DAYS,))
    ticket, report = world.match(sources=(replace(source, marks=("zero_delay",)),))
    assert ticket.marks == ("zero_delay",) == tuple(report["marks"])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"id_types": (IDNO,)}, "sample_lacks_id_type"),
        ({"id_types": ()}, "no_id_types"),
        ({"sources": ()}, "no_sources"),
        ({"floor_ids": 3}, "below_floor"),
    ],
)
def test_what_cannot_be_matched_is_refused_by_name(world, change, code):
    world.add_sample([application(1), application(2)])
    world.add_source("loans", [event(1, 5, days=1)], (DAYS,))
    with pytest.raises(DataError) as error:
        world.match(**change)
    assert error.value.code == code
    assert not list((world.root / "match").iterdir())


def test_an_algorithm_that_the_source_lacks_is_named(world):
    world.add_sample([application(1)])
    world.add_source("loans", [event(1, 5, days=1, mobile__md5="ab")], (DAYS,), id_types=("mobile__md5",))
    with pytest.raises(DataError, match="loans has no ids of type mobile__sha256; it carries mobile__md5"):
        world.match()


def test_a_sample_without_time_cannot_use_a_source_with_time(world):
    world.add_sample([{"row_id": "1", MOBILE: hashed(1)}])
    world.add_source("loans", [event(1, 5, days=1)], (DAYS,))
    with pytest.raises(DataError) as error:
        world.match()
    assert error.value.code == "sample_without_time"


def test_no_match_at_all_is_an_error_in_plain_words(world):
    world.add_sample([application(1)])
    world.add_source("loans", [event(1, 100, days=1), event(2, 5, days=1)], (DAYS,))
    with pytest.raises(DataError, match="None of the 1 applications was found in loans"):
        world.match()


def test_threads_do_not_change_the_result_and_paths_are_not_in_the_recipe(world):
    big_world(world)
    one, _ = world.match("one", threads=1)
    two, _ = world.match("two", threads=2)
    assert one == two
    assert str(world.root) not in str(match_recipe(world.sample, world.plan()))


def test_the_key_is_in_no_file(world):
    big_world(world, n=50)
    world.match()
    files = [path for path in world.root.rglob("*") if path.is_file()]
    assert len(files) >= 4
    assert all(KEY not in path.read_bytes() and KEY.hex().encode() not in path.read_bytes() for path in files)


def test_keys_are_made_once_for_each_distinct_id(world):
    world.add_sample([application(1)])
    world.add_source("loans", [event(1, 5, days=1), event(1, 6, days=1), event(2, 6, days=1)], (DAYS,))
    counts = key_ids(world.root / "loans" / "rows.parquet", (MOBILE,), KEY, world.folder("again"))
    table = pq.read_table(world.root / "again" / f"keys__{MOBILE}.parquet").to_pylist()
    assert counts == {MOBILE: 2}
    assert {row["id"]: row["key"] for row in table} == {hashed(i): keyer(MOBILE, KEY)(hashed(i)) for i in (1, 2)}


def test_keys_differ_between_projects_and_id_types():
    one = keyer(MOBILE, KEY)(hashed(1))
    assert one != keyer(IDNO, KEY)(hashed(1))
    assert one != keyer(MOBILE, b"other" * 8)(hashed(1))


def test_a_key_longer_than_a_block_is_hashed_first():
    key = bytes(100)
    assert keyer(MOBILE, key)("ab") == hmac.digest(key, f"{MOBILE}:ab".encode(), "sha256")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "COPY (SELECT 1) TO '/tmp/x.csv'",
    ],
)
def test_the_engine_touches_nothing_outside_the_root(tmp_path, statement):
    import duckdb

    with DuckDBEngine(tmp_path) as engine, pytest.raises(duckdb.Error):
        engine._connection.raw_sql(statement).fetchall()


def test_the_engine_leaves_no_temporary_files(tmp_path):
    with DuckDBEngine(tmp_path) as engine:
        engine.scratch("spine.parquet").write_bytes(b"x")
    assert not list((tmp_path / ".engine").iterdir())


def test_difference_of_rates_against_the_published_example():
    low, high = rate_difference(56 / 70, 70, 48 / 80, 80)
    assert (round(low, 4), round(high, 4)) == (0.0524, 0.3339)


def test_population_psi_is_zero_for_equals_and_grows_with_a_shift():
    x = np.random.default_rng(3).normal(size=5000)
    assert population_psi(x, x) == 0
    assert 0 < population_psi(x, x + 0.2) < population_psi(x, x + 1)
    assert population_psi(x, np.where(x > 1, np.nan, x)) > 0.1


counts = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=6)


@given(counts)
def test_a_hidden_cell_cannot_be_rebuilt_from_the_rest(cells):
    """Whoever knows the totals, the sizes and every shown cell learns only sums of at least ten people of each sort."""
    hits, missed = np.array([c[0] for c in cells]), np.array([c[1] for c in cells])
    hidden = hidden_groups(hits, hits + missed, 10)
    if hits.sum() == 0 or missed.sum() == 0:
        return
    for kind in (hits, missed):
        assert all(kind[group] >= 10 for group in np.flatnonzero(~hidden))
        if hidden.any() and not hidden.all():
            assert kind[hidden].sum() >= 10
    assert hidden.sum() != 1 or len(cells) == 1


def test_the_report_of_a_thin_month_hides_it_and_another(world):
    rows = [application(i, 40 + (i % 2) * 31, y=0) for i in range(1200)] + [
        application(5000 + i, 5, y=1) for i in range(12)
    ]
    world.add_sample(rows)
    found = [i for i in range(1200) if i % 3] + [5000, 5001, 5002]
    world.add_source("loans", [event(i, 1, days=1) for i in found], (DAYS,))
    _, report = world.match(floor_ids=1000, cell_floor=10)
    for table in (report["months"], report["labels"]):
        hidden = [row for row in table if row["hidden"]]
        assert len(hidden) >= 2
        assert all(row["n_matched"] is None and row["match_rate"] is None for row in hidden)
    total = report["n_matched_rows"]
    shown = [row["n_matched"] for row in report["months"] if row["n_matched"] is not None]
    for size in range(len(shown) + 1):
        for some in combinations(shown, size):
            assert total - sum(some) not in range(1, 10)
    assert report["population"]["bad_rate"] is None
