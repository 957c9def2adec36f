"""As-of values and windows against a reader that goes row by row."""

from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from datafactory.engine.features import FeaturePlan
from datafactory.engine.windows import exponent, grid, round_significant
from modeling.artifacts import Column
from modeling.errors import DataError
from tests.datafactory.worlds import IDNO, MOBILE, World, aggregated, at, exact, hashed, known_rows, latest

AMOUNT = Column("amount", "float", "platform", "loans", "amount", specials=(-999.0,))
FEE = Column("fee", "decimal", "platform", "loans", "fee")
DAYS = Column("days", "int", "platform", "loans", "days")
LENDER = Column("lender", "category", "platform", "loans", "lender")
FIELDS = (AMOUNT, FEE, DAYS, LENDER)
WINDOWS = (7, 30)

# Few people and few moments, so that ties, equal times and corrections are the rule.
moments = st.sampled_from([0, 1, 3, 23, 23.5, 24, 30, 30.5, 31])
people = st.integers(0, 4).map(hashed)
events = st.fixed_dictionaries(
    {
        MOBILE: people,
        IDNO: st.one_of(st.none(), people),
        "event_time": moments.map(at),
        "delay": st.sampled_from([0, 0, 1, 7]),
        "amount": st.one_of(st.none(), st.just(-999.0), st.just(float("nan")), st.floats(-1e6, 1e9)),
        "fee": st.one_of(st.none(), st.decimals(-1000, 1000, places=2)),
        "days": st.one_of(st.none(), st.integers(0, 3)),
        "lender": st.one_of(st.none(), st.sampled_from("abc")),
    }
)
applications = st.fixed_dictionaries(
    {MOBILE: st.one_of(st.none(), people), IDNO: people, "observed_at": moments.map(at)}
)


def with_known_at(rows):
    return [row | {"known_at": row["event_time"] + timedelta(days=row["delay"])} for row in rows]


def usable(value):
    return value is not None and value == value and value != -999.0


def same(value, expected):
    if expected is None or value is None or isinstance(value, str):
        return value == expected
    if value != value:
        return expected != expected
    if isinstance(value, float):
        return abs(value - float(expected)) <= 1.1e-11 * abs(float(expected)) + 1e-9
    return exact(value) == exact(expected)


def expected_row(row, source):
    known = known_rows(row, source, (MOBILE, IDNO))
    last = latest(known, FIELDS)
    result = {f"loans__{c.name}": last and last[c.name] for c in FIELDS}
    for days in WINDOWS:
        inside = [r for r in known if r["event_time"] >= row["observed_at"] - timedelta(days=days)]
        result[f"loans__count_d{days}"] = len(inside)
        for column in FIELDS:
            values = [r[column.name] for r in inside if usable(r[column.name])]
            for agg in ["distinct"] if column.kind == "category" else ["sum", "mean", "max"]:
                result[f"loans__{agg}_{column.name}_d{days}"] = aggregated(agg, values)
    return result


# Half a second an example is the engine's compiling, so an example is a world of many applications.
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), phases=set(Phase) - {Phase.shrink})
@given(st.lists(applications, min_size=1, max_size=40), st.lists(events, min_size=1, max_size=60))
def test_features_equal_a_row_by_row_reading(tmp_path_factory, sample, source):
    world = World(tmp_path_factory.mktemp("world"))
    sample = [row | {"row_id": f"{i:03d}"} for i, row in enumerate(sample)]
    source = with_known_at(source)
    world.add_sample(sample, id_types=(MOBILE, IDNO))
    world.add_source("loans", source, FIELDS, id_types=(MOBILE, IDNO))
    names = tuple(c.name for c in FIELDS)
    plan = FeaturePlan({"loans": names}, WINDOWS, grids={"loans": names})
    hits = [bool(known_rows(row, source, (MOBILE, IDNO))) for row in sample]
    if not any(hits):
        with pytest.raises(DataError, match="None of the"):
            world.build(plan)
        return
    ticket, _ = world.build(plan)
    assert ticket.n_matched_rows == sum(hits)
    for row, built, hit in zip(sample, world.rows(), hits, strict=True):
        assert built["row_id"] == row["row_id"]
        assert built["matched"] == hit
        expected = expected_row(row, source)
        wrong = {name: (built[name], value) for name, value in expected.items() if not same(built[name], value)}
        assert not wrong


def test_only_rows_before_and_known_by_the_application_count(tmp_path):
    world = World(tmp_path)
    moment = at(100)
    microsecond = timedelta(microseconds=1)
    world.add_sample([{"row_id": "1", MOBILE: hashed(1), "observed_at": moment}])
    times = [
        (moment - timedelta(days=7), moment, 1),  # the first moment of the window, known at the last
        (moment - timedelta(days=7) - microsecond, moment, 10),  # a moment too early for the window
        (moment - microsecond, moment + microsecond, 100),  # known too late
        (moment, moment, 1000),  # not before the application
    ]
    rows = [{MOBILE: hashed(1), "event_time": e, "known_at": k, "days": v} for e, k, v in times]
    world.add_source("loans", rows, (DAYS,))
    world.build(FeaturePlan(windows_days=(7, 30)))
    row = world.rows()[0]
    assert (row["loans__sum_days_d7"], row["loans__sum_days_d30"], row["loans__count_d30"]) == (1, 11, 2)


def test_sums_of_doubles_do_not_depend_on_order_or_size():
    values = [1e9, 0.1, -1e9, 3.3333333333333335e-7] * 25
    total = sum(round(v * 2.0 ** exponent(1e9)) for v in values) / 2.0 ** exponent(1e9)
    assert total == pytest.approx(25 * (0.1 + 3.3333333333333335e-7), rel=1e-12)


@pytest.mark.parametrize("value", [1 / 3, 2 / 3 * 1e25, -1e-25 / 3, 999999999999.5, 0.1 + 0.2])
def test_rounding_keeps_twelve_digits(value):
    assert round_significant(np.array([value]))[0] == pytest.approx(float(f"{value:.11e}"), rel=1e-15)


def test_windows_must_be_positive_and_different():
    for days in [(0, 7), (7, 7), (-1,)]:
        with pytest.raises(DataError) as error:
            grid("loans", (DAYS,), ("count",), days)
        assert error.value.code == "bad_windows"


def test_decimals_are_added_as_decimals(tmp_path):
    world = World(tmp_path)
    world.add_sample([{"row_id": "1", MOBILE: hashed(1), "observed_at": at(50)}])
    row = {MOBILE: hashed(1), "event_time": at(49), "known_at": at(49)}
    world.add_source("loans", [row | {"fee": Decimal("0.10")} for _ in range(1000)], (FEE,))
    world.build(FeaturePlan(windows_days=(7,)))
    assert world.rows()[0]["loans__sum_fee_d7"] == Decimal("100.00")
