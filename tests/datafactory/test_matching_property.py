"""Matches and features against a reader that goes row by row: no row from the future, none missed.

A world holds many small cases side by side, each with people of its own, because starting a query costs more than a
thousand cases. Moments are few and close together, so that ties, corrections and edges to the microsecond are the rule.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from datafactory.engine.features import FeaturePlan
from modeling.artifacts import Column
from modeling.errors import DataError
from tests.datafactory.test_windows import same, usable
from tests.datafactory.worlds import IDNO, KEY, MOBILE, World, aggregated, at, hashed, known_rows, latest

MARK = Column("mark", "int", "platform", "loans", "mark")
AMOUNT = Column("amount", "float", "platform", "loans", "amount", specials=(-999.0,))
FEE = Column("fee", "decimal", "platform", "loans", "fee")
LENDER = Column("lender", "category", "platform", "loans", "lender")
FIELDS = (MARK, AMOUNT, FEE, LENDER)
NAMES = tuple(column.name for column in FIELDS)
WINDOWS = (7, 30, 4000)  # the last one holds everything
TYPES = (MOBILE, IDNO)
MICROSECOND = timedelta(microseconds=1)
ZONES = [UTC, ZoneInfo("Asia/Shanghai"), ZoneInfo("America/New_York"), timezone(timedelta(hours=-11))]

moments = st.tuples(
    st.sampled_from([0, 1, 22.5, 23, 23.5, 30, 30.5, 53]), st.integers(-1, 1), st.sampled_from(ZONES)
).map(lambda given: (at(given[0]) + given[1] * MICROSECOND).astimezone(given[2]))
delays = st.sampled_from([0, 0, 0, 1, 7, 7.5])
own_ids = st.one_of(st.none(), st.integers(0, 1))  # of the case, so that cases never meet
events = st.fixed_dictionaries(
    {
        MOBILE: own_ids,
        IDNO: own_ids,
        "event_time": moments,
        "delay": delays,
        "amount": st.one_of(st.none(), st.just(-999.0), st.just(float("nan")), st.floats(-1e6, 1e9)),
        "fee": st.one_of(st.none(), st.decimals(-1000, 1000, places=2)),
        "lender": st.one_of(st.none(), st.sampled_from("abc")),
    }
)
applications = st.fixed_dictionaries({MOBILE: own_ids, IDNO: own_ids, "observed_at": moments})
cases = st.tuples(st.lists(applications, min_size=1, max_size=3), st.lists(events, max_size=8))


def spread(found):
    """All cases as one sample and one source. A row that stands twice in a case is there twice, the same in all parts;
    of any other, ``mark`` tells by a sum which rows were used."""
    sample: list[dict[str, Any]] = []
    source: list[dict[str, Any]] = []
    for number, (mine, rows) in enumerate(found):
        own = {None: None} | {n: hashed(f"{number}-{n}") for n in (0, 1)}
        for row in mine:
            ids = {id_type: own[row[id_type]] for id_type in TYPES}
            sample.append(row | ids | {"row_id": f"{len(sample):06d}"})
        before = None
        for row in rows:
            ids = {id_type: own[row[id_type]] for id_type in TYPES}
            known = row["event_time"] + timedelta(days=row["delay"])
            mark = source[-1]["mark"] if row is before else (7919 * len(source) + 1) % 2**31
            source.append(row | ids | {"known_at": known, "mark": mark})
            before = row
    return sample, source


def expected_match(row, source, valid_days):
    """Which id type hits, and the rows that count."""
    for id_type in TYPES:
        mine = known_rows(row, source[id_type].get(row[id_type], ()), (id_type,), valid_days)
        if mine:
            return id_type, mine
    return None, []


def expected_features(row, known):
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


def compare(world, sample, source, valid_days, kind):
    """Match and features of one world with the row-by-row reading; returns how many applications were found."""
    world.add_sample(sample, id_types=TYPES)
    world.add_source("loans", source, FIELDS, id_types=TYPES, kind=kind, valid_days=valid_days)
    by_id: dict[str, dict[Any, list[Any]]] = {id_type: defaultdict(list) for id_type in TYPES}
    for row in source:
        for id_type in TYPES:
            by_id[id_type][row[id_type]].append(row)
    expected = [expected_match(row, by_id, valid_days) for row in sample]
    plan = FeaturePlan({"loans": NAMES}, WINDOWS, grids={"loans": NAMES})
    if not any(known for _, known in expected):
        with pytest.raises(DataError, match="None of the"):
            world.build(plan)
        return 0
    ticket, _ = world.build(plan)
    matched = world.rows("features-match", "matched.parquet")
    for row, hit, built, (via, known) in zip(sample, matched, world.rows(), expected, strict=True):
        assert (hit["row_id"], hit["hit__loans"], hit["via__loans"]) == (row["row_id"], via is not None, via)
        assert (hit["key__loans"] is None) == (via is None)
        assert built["matched"] == bool(known)
        wanted = expected_features(row, known)
        wrong = {name: (built[name], value) for name, value in wanted.items() if not same(built[name], value)}
        assert not wrong, (row, known)
    assert ticket.n_matched_rows == sum(bool(known) for _, known in expected)
    return ticket.n_matched_rows


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), phases=set(Phase) - {Phase.shrink})
@given(
    st.lists(cases, min_size=20, max_size=60),
    st.sampled_from([None, None, 7, 30]),
    st.sampled_from(["events", "snapshot"]),
)
def test_a_world_of_cases_equals_a_row_by_row_reading(tmp_path_factory, found, valid_days, kind):
    sample, source = spread(found)
    if source:
        compare(World(tmp_path_factory.mktemp("world")), sample, source, valid_days, kind)


def random_case(rng):
    """What the strategy above draws, drawn fast."""

    def moment():
        days = rng.choice([0, 1, 22.5, 23, 23.5, 30, 30.5, 53])
        return (at(float(days)) + int(rng.integers(-1, 2)) * MICROSECOND).astimezone(ZONES[rng.integers(4)])

    def ids():
        return {id_type: [None, 0, 0, 1][rng.integers(4)] for id_type in TYPES}

    rows = []
    for _ in range(rng.integers(0, 9)):
        row = ids() | {
            "event_time": moment(),
            "delay": float(rng.choice([0, 0, 0, 1, 7, 7.5])),
            "amount": [None, -999.0, float("nan"), rng.normal(0, 1e6), rng.lognormal(0, 8)][rng.integers(5)],
            "fee": None if rng.random() < 0.2 else Decimal(int(rng.integers(-99_999, 99_999))) / 100,
            "lender": [None, "a", "b", "c"][rng.integers(4)],
        }
        rows += [row] * (1 + (rng.random() < 0.1))
        if rng.random() < 0.3:
            rows.append(row | {"delay": row["delay"] + 7, "lender": "c", "fee": Decimal("1.00")})
    return [ids() | {"observed_at": moment()} for _ in range(rng.integers(1, 4))], rows


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "valid_days"), [("events", None), ("snapshot", None), ("events", 23)])
def test_five_thousand_random_cases(tmp_path, kind, valid_days):
    rng = np.random.default_rng(2024)
    sample, source = spread([random_case(rng) for _ in range(2_500)])
    assert len(sample) >= 4_500
    assert compare(World(tmp_path), sample, source, valid_days, kind) > 1_000


def test_a_row_counts_as_long_as_it_is_valid(tmp_path):
    world = World(tmp_path)
    moment = at(100)
    days = timedelta(days=30)
    edges = [moment - days - MICROSECOND, moment - days, moment - MICROSECOND, moment]
    world.add_sample([{"row_id": str(n), MOBILE: hashed(n), "observed_at": moment} for n in range(4)])
    rows = [{MOBILE: hashed(n), "event_time": edge, "known_at": edge, "mark": n} for n, edge in enumerate(edges)]
    source = world.add_source("loans", rows, (MARK,), kind="snapshot", valid_days=30)
    world.match()
    assert [row["hit__loans"] for row in world.rows("match", "matched.parquet")] == [False, True, True, False]
    world.build(FeaturePlan())
    assert [row["loans__mark"] for row in world.rows()] == [None, 1, 2, None]
    assert source.valid_days == 30
    assert KEY not in (world.root / "match" / "matched.parquet").read_bytes()


def test_a_recipe_without_validity_keeps_its_fingerprint(tmp_path):
    from dataclasses import replace

    from datafactory.engine.matching import match_recipe

    world = World(tmp_path)
    world.add_sample([{"row_id": "1", MOBILE: hashed(1), "observed_at": at(9)}])
    row = {MOBILE: hashed(1), "event_time": at(1), "known_at": at(1), "mark": 1}
    source = world.add_source("loans", [row], (MARK,))
    assert world.sample is not None
    plain = match_recipe(world.sample, world.plan())
    assert plain["sources"] == [("loans", "events", source.content_hash, True)]
    assert match_recipe(world.sample, world.plan(engine="polars")) == plain
    assert match_recipe(world.sample, world.plan(sources=(replace(source, valid_days=9),))) != plain
