"""Bins by hand: nothing is lost by an edit, edges are respected exactly, and wishes that cannot be say why."""

import math
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import given as cases
from hypothesis import settings
from hypothesis import strategies as st

from modeling.artifacts import Column, from_json, to_json
from modeling.bin_cells import RowSide, VariableCells, count_variable, row_side, with_edge
from modeling.bin_edit import Levels, Merge, Move, Place, Rename, Split, apply, refuse_thin
from modeling.bin_figures import figures, psi_parts
from modeling.bin_given import GivenBins, GivenSet, check, plain, tabulate_rows
from modeling.bin_months import crossings, months
from modeling.bin_plan import BinPlan, read_labels
from modeling.bin_wish import propose
from modeling.binning import bin_numeric
from modeling.errors import DataError
from modeling.scoring import load_scorer
from modeling.screening import ScreenPlan
from modeling.stability import psi
from modeling.train import TrainPlan, train_model
from tests.modeling.tables import SPECIALS, applicants, write_table

N = 6000
FLOOR = 10
NUMBER = Column("x", "float", "partner", "sample", specials=(-1.0,))
WORD = Column("c", "category", "partner", "sample")


def rows(seed=1, people=None):
    """A number with missing values and a code, a category with rare levels, and their common side."""
    rng = np.random.default_rng(seed)
    risk = rng.normal(size=N)
    x = np.round(20 + 6 * risk + rng.normal(size=N), 1)
    x[rng.random(N) < 0.1] = np.nan
    x[rng.random(N) < 0.05] = -1.0
    c = np.array(list("abcdef"), dtype=object)[np.clip(np.round(1.7 * risk + 2.5), 0, 5).astype(int)]
    c[:8] = [f"rare {i}" for i in range(8)]
    c[rng.random(N) < 0.05] = None
    y = (rng.random(N) < 1 / (1 + np.exp(1.5 - risk))).astype(int)
    person = np.array([f"p{i % (people or N)}" for i in range(N)], dtype=object)
    split = rng.choice(["train", "valid", "oot", "test"], N, p=[0.6, 0.15, 0.15, 0.1]).astype(object)
    month = np.array([f"2025-{i % 6 + 1:02d}" for i in range(N)], dtype=object)
    return x, c, row_side(person, y, np.ones(N), split, month)


@pytest.fixture(scope="module")
def made():
    x, c, side = rows()
    return {
        "x": (x, count_variable(x, NUMBER, side, FLOOR, 30)),
        "c": (c, count_variable(c, WORD, side, FLOOR, 30)),
        "side": side,
    }


@pytest.fixture(scope="module")
def cells(made):
    return made["x"][1]


@pytest.fixture(scope="module")
def words(made):
    return made["c"][1]


def total(counts):
    return [int(counts.n.sum()), round(float(counts.good.sum()), 9), round(float(counts.bad.sum()), 9)]


def test_cells_hold_the_floor_in_every_split_and_all_rows(made, cells):
    people = cells.people.sum(axis=1)[:, : cells.n_ordinary]
    assert (people[0] >= FLOOR).all()
    assert ((people[1:] == 0) | (people[1:] >= FLOOR)).all()
    assert cells.n.sum() == (made["side"].split >= 0).sum()
    assert cells.splits == ("train", "valid", "oot"), "test rows are never counted"
    assert len(cells.cuts) > 20


def test_rare_categories_have_no_name(words):
    assert words.levels == tuple("abcdef")
    assert words.n[0, :, -1].sum() > 0


def test_people_of_merged_cells_are_never_more_than_there_are():
    x, _, side = rows(people=500)
    cells = count_variable(x, NUMBER, side, FLOOR, 30)
    assert cells.people[0].sum() <= 500 < cells.n[0].sum()


def test_cells_survive_their_file(made, tmp_path):
    for name in ("x", "c"):
        one = made[name][1]
        one.save(tmp_path / f"{name}.npz")
        again = VariableCells.load(tmp_path / f"{name}.npz")
        assert (again.cuts, again.levels, again.kind, again.months) == (one.cuts, one.levels, one.kind, one.months)
        np.testing.assert_array_equal(again.n, one.n)
        np.testing.assert_array_equal(again.bad, one.bad)
    side = made["side"]
    side.save(tmp_path / "side.npz")
    np.testing.assert_array_equal(RowSide.load(tmp_path / "side.npz").split, side.split)


@st.composite
def given_bins(draw, cells):
    edges = draw(st.lists(st.sampled_from(cells.cuts), min_size=1, max_size=6, unique=True))
    made = plain("numeric", cells.specials, edges=tuple(sorted(edges)))
    for place in made.places:
        if draw(st.booleans()):
            made = apply(made, Place(place, draw(st.integers(0, made.n_ordinary - 1))), cells)
    return made


@settings(max_examples=60, deadline=None)
@cases(data=st.data())
def test_an_edit_and_its_way_back_change_nothing(cells, data):
    bins = data.draw(given_bins(cells))
    before = cells.by_bin(bins)
    i = data.draw(st.integers(0, len(bins.edges) - 1))
    merged = apply(bins, Merge((i, i + 1)), cells)
    assert total(cells.by_bin(merged)) == total(before)
    back = apply(merged, Split(i, bins.edges[i]), cells)
    assert back.edges == bins.edges
    for place, home, now in zip(bins.places, bins.homes, back.homes, strict=True):
        if home == i + 1:
            back = apply(back, Place(place, i + 1), cells)
        else:
            assert (now < back.n_ordinary) == (home < bins.n_ordinary)
    after = cells.by_bin(back)
    np.testing.assert_array_equal(after.n, before.n)
    np.testing.assert_allclose(after.bad, before.bad)


@settings(max_examples=60, deadline=None)
@cases(data=st.data())
def test_a_merge_never_gains_iv(cells, data):
    bins = data.draw(given_bins(cells))
    pair = sorted(data.draw(st.lists(st.integers(0, bins.n_bins - 1), min_size=2, max_size=2, unique=True)))
    if pair[1] < bins.n_ordinary and pair[1] - pair[0] > 1:
        pair = [pair[0], pair[0] + 1]
    counts = cells.by_bin(bins, "train")
    if min(counts.good.min(), counts.bad.min()) <= 0:
        return  # half a row stands for an empty class
    merged = apply(bins, Merge(tuple(pair)), cells)
    assert figures(merged, cells, 0).splits[0].iv <= figures(bins, cells, 0).splits[0].iv + 1e-12


@settings(max_examples=40, deadline=None)
@cases(data=st.data())
def test_figures_of_counts_are_those_of_rows(made, cells, data):
    """Train rows through the given edges one by one, and cells merged: the same WOE and IV to the last digit shown."""
    bins = data.draw(given_bins(cells))
    x, side = made["x"][0], made["side"]
    chosen = side.split == 0
    labels = read_labels(side.bad[chosen].astype(int), None, None)
    table = tabulate_rows("x", bins, x[chosen], labels, 30)
    told = figures(bins, cells, 30).splits[0]
    assert table.edges == bins.edges
    assert math.isclose(table.iv, told.iv, rel_tol=1e-12, abs_tol=1e-15)
    np.testing.assert_allclose([row.woe for row in table.rows], [told.rows[i].woe for i in bins.bin_of_row], rtol=1e-12)
    assert math.isclose(sum(row.iv for row in table.rows), told.iv, rel_tol=1e-12, abs_tol=1e-15)


def test_edges_are_respected_exactly_in_batch_and_for_one(made):
    x, side = made["x"][0], made["side"]
    bins = apply(plain("numeric", (-1.0,), edges=(15.05, 22.0)), Place("missing", 1), made["x"][1])
    chosen = side.split == 0
    table = tabulate_rows("x", bins, x[chosen], read_labels(side.bad[chosen].astype(int), None, None), 30)
    for value, row in ((15.04, 0), (15.05, 1), (21.99, 1), (22.0, 2), (-1.0, 3), (None, 4)):
        assert table.index_one(value) == row
        assert table.index(np.array([np.nan if value is None else value]))[0] == row
    assert table.rows[4].woe == table.rows[1].woe, "missing stands in the second bin"
    assert table.rows[3].woe != table.rows[1].woe


def test_a_typed_edge_is_counted_exactly(made):
    x, cells = made["x"]
    side = made["side"]
    edge = 21.37
    exact = with_edge(cells, x, edge, side, FLOOR)
    counts = exact.by_bin(plain("numeric", (-1.0,), edges=(edge,)), "train")
    here = (side.split == 0) & ~np.isnan(x) & (x != -1)
    assert counts.n[:2].tolist() == [(here & (x < edge)).sum(), (here & (x >= edge)).sum()]
    assert set(exact.cuts) - set(cells.cuts) == {edge}
    assert total(exact.by_bin(plain("numeric", (-1.0,)))) == total(cells.by_bin(plain("numeric", (-1.0,))))
    far = with_edge(cells, x, 1e9, side, FLOOR)
    assert far.cuts[-1] == 1e9, "an edge that parts nobody from nobody is allowed"


def test_a_typed_edge_keeps_its_distance_from_what_was_shown(made):
    """Cuts nobody saw give way; beside one that was shown, a handful of people stays together."""
    x, cells = made["x"]
    side = made["side"]
    train = np.sort(x[(side.split == 0) & (x > 0)])
    low = np.searchsorted
    old, near = next(
        (old, v)
        for old in cells.cuts[3:-3]
        for v in np.unique(train[train > old])[:5]
        if 0 < low(train, v) - low(train, old) < FLOOR
    )
    moved = with_edge(cells, x, near, side, FLOOR)
    assert near in moved.cuts
    assert old not in moved.cuts
    with pytest.raises(DataError) as error:
        with_edge(cells, x, near, side, FLOOR, shown=(old,))
    assert error.value.code == "edge_too_fine"
    with pytest.raises(DataError):
        with_edge(cells, x, float(train[3]) + 0.01, side, FLOOR)


def test_an_edge_without_counts_is_refused(cells):
    with pytest.raises(DataError) as error:
        figures(plain("numeric", (-1.0,), edges=(15.0001,)), cells, 30)
    assert error.value.code == "edge_inside"


def test_edges_move_between_their_neighbours_only(cells):
    cuts = cells.cuts
    bins = plain("numeric", (-1.0,), edges=(cuts[3], cuts[8], cuts[15]))
    moved = apply(bins, Move(1, cuts[10]), cells)
    assert moved.edges == (cuts[3], cuts[10], cuts[15])
    assert apply(bins, Move(1, cuts[9] + 1e-6, snap=True), cells).edges[1] == cuts[9]
    assert apply(bins, Move(1, 1e9, snap=True), cells).edges[1] == cuts[14], "the last free cut"
    for edit in (
        Move(1, cuts[3]),
        Move(1, 1e9),
        Move(5, 1.0),
        Split(0, 1e9),
        Merge((0, 2)),
        Merge((0,)),
        Merge((0, 99)),
    ):
        with pytest.raises(DataError):
            apply(bins, edit, cells)


def test_codes_join_bins_and_leave_them(cells):
    bins = plain("numeric", (-1.0,), edges=(cells.cuts[9],))
    assert bins.homes == (2, 3)
    both = apply(bins, Merge((2, 3)), cells)
    assert both.homes == (2, 2)
    inside = apply(both, Merge((0, 2)), cells)
    assert (inside.homes, inside.n_bins) == ((0, 0), 2)
    apart = apply(inside, Place("missing"), cells)
    assert apart.homes == (0, 2)
    assert inside.bin_labels()[0].endswith("Special -1, Missing")


def test_names_follow_their_bins(cells):
    bins = plain("numeric", (-1.0,), edges=(cells.cuts[5], cells.cuts[9]))
    named = apply(apply(bins, Rename(2, "  high   risk "), cells), Rename(4, "no answer"), cells)
    merged = apply(named, Merge((0, 1)), cells)
    assert merged.bin_labels()[1] == "high risk"
    assert merged.bin_labels()[3] == "no answer"
    assert apply(named, Split(0, cells.cuts[2]), cells).bin_labels()[3] == "high risk"
    with pytest.raises(DataError):
        apply(named, Rename(0, "high risk"), cells)


def test_categories_move_between_groups(words):
    bins = plain("category", (), groups=(("a", "b"), ("c", "d"), ("e", "f")))
    assert apply(bins, Levels(("a",), 1), words).groups == (("b",), ("c", "d", "a"), ("e", "f"))
    new = apply(bins, Levels(("a", "e")), words)
    assert new.groups == (("b",), ("c", "d"), ("f",), ("a", "e"))
    assert new.homes == (4, 5)
    gone = apply(bins, Levels(("a", "b"), 2), words)
    assert gone.groups == (("c", "d"), ("e", "f", "a", "b"))
    assert gone.homes == (2, 3)
    rare = apply(bins, Merge((2, 4)), words)
    assert rare.homes == (3, 2)
    to_missing = apply(bins, Levels(("a",), 3), words)
    assert to_missing.groups[-1] == ("a",)
    assert to_missing.homes[0] == 3, "missing and a are one group now"
    assert total(words.by_bin(to_missing)) == total(words.by_bin(bins))
    with pytest.raises(DataError):
        apply(bins, Levels(("rare 1",), 0), words)


def test_a_bin_of_few_people_is_refused_by_name(cells):
    few = plain("numeric", (-1.0,), edges=(cells.cuts[0],))
    people = int(cells.by_bin(few, "train").people[0])
    refuse_thin(few, cells, people)
    with pytest.raises(DataError) as error:
        refuse_thin(few, cells, people + 1)
    assert f"fewer than {people + 1} people" in str(error.value)


def test_a_split_by_itself_leaves_both_parts_enough_people(cells):
    bins = plain("numeric", (-1.0,))
    for _ in range(6):
        counts = cells.by_bin(bins, "train").people[: bins.n_ordinary]
        bins = apply(bins, Split(int(np.argmax(counts))), cells)
        refuse_thin(bins, cells, 30)
    assert bins.n_ordinary == 7


@pytest.mark.parametrize("trend", ["auto", "ascending", "peak", "none"])
def test_a_proposal_keeps_its_limits(cells, trend):
    plan = BinPlan(trend=trend, max_bins=5, min_bin_share=0.08)
    bins = propose(cells, plan)
    told = figures(bins, cells, 30)
    assert bins.n_ordinary <= 5
    assert min(row.share for row in told.splits[0].rows[: bins.n_ordinary]) >= 0.08
    if trend == "ascending":
        assert told.splits[0].trend == "ascending"


def test_a_proposal_is_nearly_as_good_as_the_search_on_rows(made, cells):
    x, side = made["x"][0], made["side"]
    chosen = side.split == 0
    plan = BinPlan(specials=(-1.0,), trend="ascending")
    on_rows = bin_numeric(x[chosen], side.bad[chosen].astype(int), None, plan)
    assert figures(propose(cells, plan), cells, 30).splits[0].iv >= 0.97 * on_rows.iv


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"trend": "descending", "min_bins": 4}, "wish_trend"),
        ({"min_bins": 8, "max_bins": 8, "min_bin_share": 0.2}, "wish_min_share"),
        ({"min_bins": 6, "max_pvalue": 1e-14}, "wish_p_value"),
        ({"max_bins": 2, "max_bin_share": 0.1, "min_bin_share": 0}, "wish_max_share"),
    ],
)
def test_a_wish_that_cannot_be_names_the_limit(cells, wish, code):
    with pytest.raises(DataError) as error:
        propose(cells, BinPlan(**wish))
    assert error.value.code == code


def test_categories_are_proposed_along_their_bad_rate(words):
    bins = propose(words, BinPlan(max_bins=3))
    rate = [row.bad_rate for row in figures(bins, words, 30).splits[0].rows[: bins.n_ordinary]]
    assert rate == sorted(rate)
    assert {level for group in bins.groups for level in group} == set("abcdef")


def test_months_cross_where_they_were_made_to():
    n = 8000
    rng = np.random.default_rng(5)
    x = rng.integers(0, 2, n).astype(float)
    month = np.array([f"2025-{i % 4 + 1:02d}" for i in range(n)], dtype=object)
    turned = month == "2025-03"
    y = (rng.random(n) < np.where(turned, 0.3 - 0.2 * x, 0.1 + 0.2 * x)).astype(int)
    split = np.where(month == "2025-04", "oot", "train").astype(object)
    person = np.array([str(i) for i in range(n)], dtype=object)
    side = row_side(person, y, np.ones(n), split, month)
    cells = count_variable(x, replace(NUMBER, specials=()), side, FLOOR, 30)
    bins = plain("numeric", (), edges=(1.0,))
    found = crossings(bins, cells, FLOOR)
    assert [(one.left, one.right, one.months, one.sure) for one in found] == [(0, 1, ("2025-03",), ("2025-03",))]
    told = months(bins, cells)
    assert [(row.month, row.late) for row in told] == [
        ("2025-01", False), ("2025-02", False), ("2025-03", False), ("2025-04", True),
    ]  # fmt: skip
    assert all(row.psi < 0.02 for row in told)


def test_psi_is_the_one_of_the_reports():
    e, a = [50.0, 30.0, 20.0], [45.0, 25.0, 30.0]
    assert math.isclose(float(psi_parts(e, a).sum()), psi(e, a))


def test_bins_survive_json(cells, words):
    for bins in (propose(cells, BinPlan()), propose(words, BinPlan())):
        assert from_json(GivenBins, to_json(bins)) == bins


@pytest.mark.parametrize(
    "wrong",
    [
        GivenBins("numeric", edges=(2.0, 1.0), homes=(3,)),
        GivenBins("numeric", edges=(math.nan,), homes=(2,)),
        GivenBins("numeric", edges=(1.0,), homes=()),
        GivenBins("numeric", edges=(1.0,), homes=(3,)),
        GivenBins("numeric", edges=(1.0,), homes=(2,), names=("a", "a", "")),
        GivenBins("category", groups=(("a",), ("a",)), homes=(2, 3)),
        GivenBins("category", groups=(("a",), ()), homes=(2, 3)),
        GivenBins("numeric", edges=tuple(map(float, range(200))), homes=(201,)),
    ],
)
def test_malformed_bins_are_refused(wrong):
    with pytest.raises(DataError):
        check(wrong, "x")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    folder = tmp_path_factory.mktemp("table")
    return write_table(applicants(), folder, SPECIALS), folder


INCOME = replace(plain("numeric", (), edges=(1234.5, 3000.0)), homes=(1,))
DAYS = GivenBins("numeric", edges=(7.0,), specials=(-1.0,), homes=(1, 2), names=("", "long ago", ""))
JOBS = plain("category", (), groups=(("clerk", "driver"), ("teacher",), ("other work",)))
HELD = {"partner__income": INCOME, "lending__days_since": DAYS, "partner__job": JOBS}


def train(table, out, **changes):
    given = GivenSet(1, 1, bins=HELD)
    plan = TrainPlan(given=replace(given, **changes), screen=ScreenPlan(min_iv=0, max_p=1, keep=tuple(HELD)))
    out.mkdir(parents=True)
    made, folder = table
    ticket = train_model(made, folder, plan, out)
    return ticket, msgspec.json.decode((out / "training.json").read_bytes()), load_scorer(out)


def test_a_scorecard_is_trained_with_exactly_these_bins(table, tmp_path):
    ticket, report, scorer = train(table, tmp_path / "a")
    card = {bins.name: bins for bins in scorer.model.scorecard.bins}
    assert card["partner__income"].edges == (1234.5, 3000.0)
    assert card["partner__income"].rows[3].woe == card["partner__income"].rows[1].woe
    assert card["lending__days_since"].rows[2].woe == card["lending__days_since"].rows[1].woe
    assert [row.label for row in card["lending__days_since"].rows][1] == "long ago"
    assert card["partner__job"].groups == JOBS.groups
    assert "partner__age" in report["bins"], "others are left to the search"
    below, at = ({"partner__income": value, "partner__job": "clerk"} for value in (np.nextafter(1234.5, 0), 1234.5))
    assert scorer.score_row(below).pd != scorer.score_row(at).pd, "the edge is where it was put"
    missing = {"partner__income": None, "partner__job": "clerk"}
    assert scorer.score_row(missing).pd == scorer.score_row(at).pd
    moved = dict(HELD) | {"partner__income": replace(INCOME, edges=(1234.6, 3000.0))}
    assert train(table, tmp_path / "b", bins=moved)[0].fingerprint != ticket.fingerprint


def test_other_variables_can_be_left_out(table, tmp_path):
    _, report, _ = train(table, tmp_path / "a", others="leave_out")
    assert set(report["bins"]) == set(HELD)
    out = {row["variable"]: row["rule"] for row in report["funnel"] if row["stage"] == "data"}
    assert out["partner__age"] == "not in the bin set"


def test_given_bins_of_too_few_people_or_another_kind_are_refused(table, tmp_path):
    for name, bins, code in (
        ("partner__income", replace(INCOME, edges=(1.0, 3000.0)), "given_bin_thin"),
        ("partner__income", JOBS, "given_kind"),
    ):
        with pytest.raises(DataError) as error:
            train(table, tmp_path / code, bins=dict(HELD) | {name: bins})
        assert error.value.code == code
