"""Feature tables: what is built, in which form, and that it comes out the same every time."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from datafactory.engine.features import FeaturePlan
from modeling.artifacts import Column, from_json, hash_folder, to_json
from modeling.errors import DataError
from tests.datafactory.worlds import MOBILE, World, at, hashed

AMOUNT = Column("amount", "float", "platform", "multi-lending", "amount")
LENDER = Column("lender", "category", "platform", "multi-lending", "lender")
GRADE = Column("grade", "category", "platform", "people", "grade")
SIZE = Column("size", "int", "platform", "people", "size")
INCOME = Column("partner__income", "float", "partner", "sample", "income", specials=(-1.0,))


@pytest.fixture
def world(tmp_path):
    """300 applications, events with amounts that have no short binary form, and corrected snapshots."""
    rng = np.random.default_rng(11)
    world = World(tmp_path)
    rows = [
        {
            "row_id": f"{i:04d}",
            MOBILE: hashed(i % 250),
            "observed_at": at(float(rng.uniform(60, 400))),
            "y": int(rng.random() < 0.3),
            "partner__income": float(rng.normal(10, 2)),
        }
        for i in range(300)
    ]
    world.add_sample(rows, columns=(INCOME,))
    events = []
    for _ in range(20_000):
        day = float(rng.uniform(0, 400))
        events.append(
            {
                MOBILE: hashed(int(rng.integers(0, 300))),
                "event_time": at(day),
                "known_at": at(day + float(rng.integers(0, 3))),
                "amount": float(rng.lognormal(3, 4)),
                "lender": f"L{rng.integers(0, 9)}",
            }
        )
    world.add_source("multi-lending", events, (AMOUNT, LENDER))
    people = [
        {MOBILE: hashed(i), "event_time": at(day), "known_at": at(day), "grade": "ABC"[i % 3], "size": i + day}
        for i in range(200)
        for day in (1, 50, 390)
    ]
    world.add_source("people", people, (GRADE, SIZE), kind="snapshot")
    return world


def test_the_same_content_whatever_the_threads(world):
    tickets = [world.build(out=f"run{i}", threads=threads)[0] for i, threads in enumerate((1, 2, 2))]
    assert tickets[0] == tickets[1] == tickets[2]
    assert len({hash_folder(world.root / f"run{i}") for i in range(3)}) == 1


def test_columns_follow_the_sample_then_each_source(world):
    ticket, _ = world.build(FeaturePlan(windows_days=(30, 7), aggregates=("count", "sum", "distinct")))
    names = [column.name for column in ticket.columns]
    assert names == [
        "partner__income",
        "multi_lending__count_d7",
        "multi_lending__count_d30",
        "multi_lending__sum_amount_d7",
        "multi_lending__sum_amount_d30",
        "multi_lending__distinct_lender_d7",
        "multi_lending__distinct_lender_d30",
        "people__grade",
        "people__size",
    ]
    schema = pq.read_schema(world.root / "features" / "rows.parquet")
    assert schema.names == ["row_id", "person", "observed_at", "y", "weight", "matched", *names]
    assert [str(schema.field(n).type) for n in names[:5]] == ["double", "int64", "int64", "double", "double"]
    rows = world.rows()
    assert [row["row_id"] for row in rows] == sorted(row["row_id"] for row in rows)
    assert ticket.n_rows == len(rows) == 300
    assert ticket.n_matched_rows == sum(row["matched"] for row in rows)


def test_a_person_in_no_source_has_counts_of_zero_and_nothing_else(world):
    world.build()
    row = next(row for row in world.rows() if row["people__size"] is None)
    assert row["people__grade"] is None
    other = World(world.root / "other")
    other.folder("")
    other.add_sample(
        [
            {"row_id": "1", MOBILE: hashed("x"), "observed_at": at(9)},
            {"row_id": "2", MOBILE: hashed("y"), "observed_at": at(9)},
        ]
    )
    other.add_source("loans", [{MOBILE: hashed("y"), "event_time": at(1), "known_at": at(1), "amount": 2.5}], (AMOUNT,))
    other.build(FeaturePlan(windows_days=(30,)))
    missing, there = other.rows()
    assert (missing["loans__count_d30"], missing["loans__sum_amount_d30"], missing["matched"]) == (0, None, False)
    assert (there["loans__count_d30"], there["loans__mean_amount_d30"], there["matched"]) == (1, 2.5, True)


@pytest.mark.parametrize(
    ("plan", "code"),
    [
        (FeaturePlan(snapshot_fields={"people": ("nothing",)}), "unknown_field"),
        (FeaturePlan(windows_days=(0,)), "bad_windows"),
    ],
)
def test_a_plan_that_cannot_be_built_is_refused(world, plan, code):
    with pytest.raises(DataError) as error:
        world.build(plan)
    assert error.value.code == code


def test_windows_need_event_times(tmp_path):
    world = World(tmp_path)
    world.add_sample([{"row_id": "1", MOBILE: hashed(1), "observed_at": at(9)}])
    world.add_source("people", [{MOBILE: hashed(1), "grade": "A", "size": 1}], (GRADE, SIZE), kind="snapshot")
    with pytest.raises(DataError) as error:
        world.build(FeaturePlan(grids={"people": ("size",)}))
    assert error.value.code == "windows_need_time"
    ticket, _ = world.build(out="again")
    assert ticket.marks == ("leakage_unknown",)
    assert world.rows("again")[0]["people__grade"] == "A"


def test_the_plan_survives_json():
    plan = FeaturePlan(snapshot_fields={"people": ("grade",)}, windows_days=(7,), grids={"loans": ("amount",)})
    assert from_json(FeaturePlan, to_json(plan)) == plan


def test_a_correction_counts_from_when_it_was_known(tmp_path):
    world = World(tmp_path)
    world.add_sample([{"row_id": str(i), MOBILE: hashed(1), "observed_at": at(day)} for i, day in enumerate((10, 20))])
    first = {MOBILE: hashed(1), "event_time": at(5), "known_at": at(5), "grade": "A", "size": 1}
    later = first | {"known_at": at(15), "grade": "B"}
    world.add_source("people", [first, later], (GRADE, SIZE), kind="snapshot")
    world.build()
    assert [row["people__grade"] for row in world.rows()] == ["A", "B"]
