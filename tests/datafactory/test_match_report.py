"""What a match tells: per field, duplicates, freshness, another population; and what it does not tell."""

import numpy as np
import pytest

from datafactory.engine.disclosure import coarse
from datafactory.engine.engines import DuckDBEngine
from datafactory.engine.fills import feature_lines
from datafactory.engine.population import wilson
from modeling.artifacts import Column
from modeling.marks import POPULATION_DIFFERS
from tests.datafactory.worlds import IDNO, MOBILE, World, at, hashed

AMOUNT = Column("amount", "float", "platform", "loans", "amount", specials=(-1.0,))
LENDER = Column("lender", "category", "platform", "loans", "lender")
INCOME = Column("partner__income", "float", "partner", "sample", "income")
CITY = Column("partner__city", "category", "partner", "sample", "city")


def application(number, day=100.0, **fields):
    return {"row_id": f"{number:05d}", MOBILE: hashed(number), "observed_at": at(day)} | fields


def event(number, day, amount=None, lender=None, **fields):
    times = {"event_time": at(day), "known_at": at(day)}
    return {MOBILE: hashed(number), "amount": amount, "lender": lender} | times | fields


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def reported(world, **floors):
    wanted = {"floor_ids": 200, "cell_floor": 10} | floors
    _, report = world.match(**wanted)
    with DuckDBEngine(world.root, threads=1, memory_mb=512) as engine:
        lines = feature_lines(world.sample_dir, world.root / "match", world.plan(**wanted), world.keyed, engine)
    return report, {line["name"]: line for line in lines}


@pytest.mark.parametrize("kind", ["events", "snapshot"])
def test_a_field_is_filled_where_a_known_row_holds_a_value(world, kind):
    """Rows from after the application, special codes and empty values fill nothing; a snapshot has its last row."""
    world.add_sample([application(i, y=int(i % 5 == 0)) for i in range(400)])
    rows = [event(i, 20, float(i), "A") for i in range(300)]
    rows += [event(i, 120, 5.0, "B") for i in range(300, 400)]  # after the application
    rows += [event(i, 30, -1.0, None) for i in range(100)]  # later, without values
    world.add_source("loans", rows, (AMOUNT, LENDER), kind=kind)
    _, lines = reported(world)
    expected = 300 if kind == "events" else 200
    assert {line["n_filled"] for line in lines.values()} == {expected}
    assert lines["amount"]["share"] == expected / 400
    assert lines["amount"]["bad_filled"] == pytest.approx(0.2, abs=0.02)
    assert lines["amount"]["bad_empty"] == pytest.approx(0.2, abs=0.04)


def test_the_last_row_is_found_for_a_second_id_type_too(world):
    rows = [application(i, **{IDNO: hashed(f"b{i}")}) for i in range(300)]
    world.add_sample(rows, id_types=(MOBILE, IDNO))
    source = [
        event(f"other{i}", day, amount, "A", **{IDNO: hashed(f"b{i}")})
        for i in range(280)
        for day, amount in ((20, 7.0), (40, None if i < 120 else 8.0))
    ]
    world.add_source("loans", source, (AMOUNT, LENDER), kind="snapshot", id_types=(MOBILE, IDNO))
    _, lines = reported(world)
    assert (lines["amount"]["n_filled"], lines["lender"]["n_filled"]) == (160, 280)


def test_fields_of_few_people_are_hidden_and_rates_of_few_outcomes(world):
    world.add_sample([application(i, y=int(i < 12)) for i in range(400)])
    rows = [event(i, 20, 1.0 if i < 4 else None, "A") for i in range(300)]
    world.add_source("loans", rows, (AMOUNT, LENDER))
    _, lines = reported(world)
    untold = {"hidden": True, "n_filled": None, "share": None, "bad_filled": None, "bad_empty": None}
    assert untold.items() <= lines["amount"].items()
    assert (lines["lender"]["n_filled"], lines["lender"]["bad_filled"]) == (300, None)


def test_duplicates_in_the_sample_and_several_rows_behind_a_hit(world):
    people = [*range(350), *range(40), *range(20)]
    world.add_sample([application(i) | {"row_id": f"{n:05d}", MOBILE: hashed(i)} for n, i in enumerate(people)])
    rows = [event(i, 20, 1.0, "A") for i in range(300)] + [
        event(i, 30 + k, 1.0, "B") for i in range(100) for k in (0, 1)
    ]
    world.add_source("loans", rows, (AMOUNT, LENDER))
    report, _ = reported(world)
    assert report["duplicates"] == {"n_people": 40, "n_rows": 100, "most": "3 to 5"}
    assert report["sources"][0]["rows_per_hit"] == {"n_several": 160, "p50": 1, "p90": 3}


def test_freshness_is_told_in_whole_days_and_by_month(world):
    rng = np.random.default_rng(3)
    days = rng.uniform(100, 220, 1200)
    world.add_sample([application(i, float(day)) for i, day in enumerate(days)])
    world.add_source("loans", [event(i, 80.0, 1.0, "A") for i in range(900)], (AMOUNT, LENDER))
    report, _ = reported(world)
    (source,) = report["sources"]
    assert source["freshness_days"]["p50"] == round(float(np.median(days[:900] - 80)))
    ages = [row["p50"] for row in source["freshness_months"] if row["p50"] is not None]
    assert ages == sorted(ages)
    assert {row["month"] for row in source["freshness_months"]} == {row["month"] for row in report["months"]}


def population(world, bad_matched, bad_missed, shift=0.0, n=3000, seed=4):
    rng = np.random.default_rng(seed)
    found = rng.random(n) < 0.7
    world.add_sample(
        [
            application(
                i,
                y=int(rng.random() < (bad_matched if found[i] else bad_missed)),
                partner__income=float(rng.normal(0 if found[i] else shift)),
                partner__city=f"c{rng.integers(0, 5)}",
            )
            for i in range(n)
        ],
        columns=(INCOME, CITY),
    )
    world.add_source("loans", [event(i, 20, 1.0, "A") for i in np.flatnonzero(found)], (AMOUNT, LENDER))
    ticket, report = world.match(floor_ids=200, cell_floor=10)
    return ticket, report["population"], report["marks"]


def test_alike_groups_get_no_mark(world):
    ticket, tested, marks = population(world, 0.2, 0.2)
    assert (tested["verdict"], tested["frozen_on"], marks, ticket.marks) == ("same", "matched", [], ())
    assert {row["column"] for row in tested["psi"]} == {"partner__income", "partner__city"}
    assert all(row["psi"] < 0.1 for row in tested["psi"])


def test_other_bad_rates_are_a_mark_that_goes_with_the_ticket(world):
    ticket, tested, marks = population(world, 0.15, 0.25)
    rate = tested["bad_rate"]
    assert rate["high"] < 0
    assert rate["material"]
    assert tested["verdict"] == "different"
    assert marks == [POPULATION_DIFFERS] == list(ticket.marks)


def test_another_column_is_a_mark_too(world):
    ticket, tested, _ = population(world, 0.2, 0.2, shift=0.8)
    assert tested["psi"][0]["column"] == "partner__income"
    assert tested["psi"][0]["psi"] > 0.25 > tested["psi"][0]["by_chance"]
    assert ticket.marks == (POPULATION_DIFFERS,)


def test_the_interval_covers_and_the_verdict_is_quiet_on_alike_groups(tmp_path):
    """50 alike worlds: the 95 % interval misses zero in at most 7 (binomial, p < 0.004), the verdict in no more."""
    missed = loud = 0
    for seed in range(50):
        (tmp_path / str(seed)).mkdir()
        _, tested, _ = population(World(tmp_path / str(seed)), 0.2, 0.2, n=600, seed=seed)
        missed += tested["bad_rate"]["different"]
        loud += tested["verdict"] == "different"
    assert missed <= 7
    assert loud <= missed


def test_wilson_against_published_figures():
    """Newcombe (1998), Statistics in Medicine 17, 857-872, table I: 81 of 263 and 15 of 148."""
    assert [round(x, 4) for x in wilson(81 / 263, 263)] == [0.2553, 0.3662]
    assert [round(x, 4) for x in wilson(15 / 148, 148)] == [0.0624, 0.1605]


def test_counts_are_told_to_the_next_ten(world):
    _, tested, _ = population(world, 0.2, 0.2)
    assert tested["possible"]
    _, report = world.match(floor_ids=200, cell_floor=10)
    counts = [report["n_matched_rows"], *(row["n_matched"] for row in [*report["months"], *report["labels"]])]
    assert len(counts) > 3
    assert all(count % 10 == 0 for count in counts)
    assert report["match_rate"] == round(report["n_matched_rows"] / 3000, 4)


@pytest.mark.parametrize("total", [100, 995])
def test_a_coarse_figure_stands_for_ten_counts(total):
    told: dict[int, list[int]] = {}
    for count in range(10, total - 9):  # fewer, or fewer left, are hidden
        told.setdefault(coarse(count, total, 10), []).append(count)
    assert all(len(counts) == 10 for figure, counts in told.items() if 10 < figure < total - 20)
    assert all(abs(count - figure) <= 5 for figure, counts in told.items() for count in counts)
