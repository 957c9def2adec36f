"""One person at one moment: the same values as in the feature table, fast."""

import time
from decimal import Decimal

import numpy as np
import pytest

from datafactory.engine.features import FeaturePlan, choose_features
from datafactory.engine.online import FeatureLookup, OnlineStore, build_online_store, features_at
from modeling.artifacts import Column
from tests.datafactory.worlds import IDNO, KEY, MOBILE, World, at, hashed

AMOUNT = Column("amount", "float", "platform", "loans", "amount", specials=(-1.0,))
FEE = Column("fee", "decimal", "platform", "loans", "fee")
DAYS = Column("days", "int", "platform", "loans", "days", specials=(-999.0,))
LENDER = Column("lender", "category", "platform", "loans", "lender")
FIELDS = (AMOUNT, FEE, DAYS, LENDER)
NAMES = tuple(column.name for column in FIELDS)
PLAN = FeaturePlan({"loans": NAMES, "people": NAMES}, grids={"loans": NAMES})


def random_row(rng, person, day):
    odd = [None, -1.0, float("nan"), float(rng.lognormal(0, 8)), float(rng.normal(0, 1e6))]
    return {
        MOBILE: hashed(person),
        IDNO: hashed(f"id{person + int(rng.integers(0, 2))}"),
        "event_time": at(day),
        "known_at": at(day + int(rng.integers(0, 3))),
        "amount": odd[rng.integers(0, 5)],
        "fee": None if rng.random() < 0.1 else Decimal(int(rng.integers(-99_999, 99_999))) / 100,
        "days": None if rng.random() < 0.1 else int(rng.choice([-999, 0, 5, 90])),
        "lender": None if rng.random() < 0.1 else f"L{rng.integers(0, 6)}",
    }


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    rng = np.random.default_rng(17)
    world = World(tmp_path_factory.mktemp("online"))
    rows = [
        {
            "row_id": f"{i:04d}",
            MOBILE: hashed(int(rng.integers(0, 90))) if i % 5 else None,
            IDNO: hashed(f"id{rng.integers(0, 90)}"),
            "observed_at": at(float(rng.choice([20, 100, 365, 365.25, 400]))),
        }
        for i in range(300)
    ]
    world.add_sample(rows, id_types=(MOBILE, IDNO))
    for slug, n in (("loans", 4000), ("people", 300)):
        events = [random_row(rng, int(rng.integers(0, 80)), int(rng.integers(0, 400))) for _ in range(n)]
        source = world.add_source(
            slug, events, FIELDS, id_types=(MOBILE, IDNO), kind="events" if n > 999 else "snapshot"
        )
        build_online_store(source, world.root / slug, world.keyed[slug], world.folder(f"online-{slug}"))
    world.build(PLAN)
    return world


@pytest.fixture
def lookup(world):
    sources = [
        (choose_features(source, PLAN), OnlineStore(world.root / f"online-{source.slug}")) for source in world.sources
    ]
    return FeatureLookup((MOBILE, IDNO), KEY, sources)


def plain(value):
    return float(value) if isinstance(value, Decimal) else value


def test_every_row_of_the_table_comes_out_the_same_online(world, lookup):
    people = {row["row_id"]: row for row in _sample(world)}
    for row in world.rows():
        person = people[row["row_id"]]
        ids = {id_type: person[f"id__{id_type}"] for id_type in (MOBILE, IDNO) if person[f"id__{id_type}"]}
        values, matched = lookup(ids, person["observed_at"])
        assert matched == row["matched"]
        batch = {name: plain(row[name]) for name in values}
        wrong = {n: (batch[n], values[n]) for n in values if batch[n] != values[n] and batch[n] == batch[n]}
        assert not wrong
        assert len(values) == len(row) - 5


def _sample(world):
    import pyarrow.parquet as pq

    return pq.read_table(world.sample_dir / "rows.parquet").to_pylist()


def test_a_person_whom_nobody_knows_has_counts_of_zero(lookup):
    values, matched = lookup({MOBILE: hashed("nobody")}, at(100))
    assert not matched
    assert values["loans__count_d360"] == 0
    assert set(values.values()) == {0, None}


def test_one_look_up_takes_far_less_than_five_milliseconds(world, lookup):
    people = [row for row in _sample(world) if row[f"id__{MOBILE}"]][:100]
    times = []
    for person in people:
        start = time.perf_counter()
        lookup({MOBILE: person[f"id__{MOBILE}"]}, person["observed_at"])
        times.append(time.perf_counter() - start)
    assert np.median(times) < 0.005


def test_only_wanted_columns_are_computed(world):
    source = world.sources[0]
    store = OnlineStore(world.root / "online-loans")
    lookup = FeatureLookup((MOBILE,), KEY, [(choose_features(source, PLAN), store)], ["loans__count_d30", "loans__fee"])
    values, _ = lookup({MOBILE: hashed(1)}, at(100))
    assert set(values) == {"loans__count_d30", "loans__fee"}


def test_an_empty_list_of_rows_has_features(world):
    features = choose_features(world.sources[1], PLAN)
    assert set(features_at([], at(5), features, {}).values()) == {None}


def test_the_store_holds_no_hashed_id(world):
    content = (world.root / "online-loans" / "store.sqlite").read_bytes()
    assert hashed(1).encode() not in content
    assert bytes.fromhex(hashed(1)) not in content
