"""Bins: equal to optbinning on given splits, exact against brute force, lawful for whatever comes in."""

from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modeling.artifacts import from_json, to_json
from modeling.bin_plan import TRENDS, class_totals, read_labels
from modeling.bin_search import best_partition
from modeling.binning import BinPlan, Bins, bin_category, bin_numeric, bin_table
from modeling.errors import DataError
from modeling.woe import shape_of, woe_iv

SPLITS = {
    "duration_in_month": (8.0, 16.0, 34.0, 44.0),
    "credit_amount": (1400.0, 1800.0, 4000.0, 9200.0),
    "age_in_years": (26.0, 28.0, 35.0, 37.0),
}


@pytest.fixture(scope="module")
def german(shared_data):
    frame = pd.read_csv(shared_data / "german_credit.csv")
    return frame.drop(columns="creditability"), (frame["creditability"] == "bad").to_numpy(dtype=int)


@pytest.fixture(scope="module")
def noisy():
    rng = np.random.default_rng(3)
    x = np.round(rng.normal(size=4000), 2)
    y = (rng.random(4000) < 1 / (1 + np.exp(1.5 - x + 0.6 * np.sin(4 * x)))).astype(int)
    x[rng.random(4000) < 0.1] = np.nan
    x[rng.random(4000) < 0.1] = -999.0
    return x, y


def _table(optb):
    table = optb.binning_table.build(show_digits=8)
    return table[table.index != "Totals"]


@pytest.mark.parametrize("name", SPLITS)
def test_given_splits_equal_optbinning(german, name):
    from optbinning import OptimalBinning

    frame, y = german
    splits = SPLITS[name]
    peer = OptimalBinning(user_splits=list(splits), user_splits_fixed=[True] * len(splits), monotonic_trend=None)
    table = _table(peer.fit(frame[name], y))
    ours = bin_numeric(frame[name], y, None, BinPlan(user_splits=splits, min_people=0))
    n = len(splits) + 1
    np.testing.assert_allclose([row.woe for row in ours.rows[:n]], table["WoE"][:n].astype(float), atol=1e-6)
    np.testing.assert_allclose([row.iv for row in ours.rows[:n]], table["IV"][:n].astype(float), atol=1e-6)
    assert [row.n for row in ours.rows[:n]] == table["Count"][:n].tolist()
    np.testing.assert_allclose(ours.transform(frame[name]), peer.transform(frame[name], metric="woe"), atol=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
def test_missing_special_and_weights_equal_optbinning(noisy, weighted):
    from optbinning import OptimalBinning

    x, y = noisy
    # whole weights: optbinning truncates weighted counts to integers
    weight = np.random.default_rng(1).integers(1, 4, len(x)).astype(float) if weighted else None
    splits = [-1.0, 0.0, 1.0]
    peer = OptimalBinning(
        user_splits=splits, user_splits_fixed=[True] * 3, special_codes=[-999.0], monotonic_trend=None
    )
    table = _table(peer.fit(x, y, sample_weight=weight))
    ours = bin_numeric(x, y, weight, BinPlan(user_splits=tuple(splits), specials=(-999.0,)))
    np.testing.assert_allclose([row.woe for row in ours.rows], table["WoE"].astype(float), atol=1e-6)
    np.testing.assert_allclose(ours.iv, table["IV"].sum(), atol=1e-6)


@pytest.mark.parametrize("name", ["credit_history", "purpose", "status_of_existing_checking_account"])
def test_given_groups_equal_optbinning(german, name):
    from optbinning import OptimalBinning

    frame, y = german
    levels = sorted(frame[name].unique())
    filled = [level for level in levels if 0 < y[frame[name] == level].sum() < (frame[name] == level).sum()]
    keep = frame[name].isin(filled).to_numpy()
    groups = [np.array([level], dtype=object) for level in filled]
    peer = OptimalBinning(dtype="categorical", user_splits=groups, user_splits_fixed=[True] * len(groups))
    values = frame[name][keep].to_numpy(dtype=object)
    peer.fit(values, y[keep])
    ours = bin_category(values, y[keep], None, BinPlan(user_groups=tuple((g,) for g in filled), min_people=0))
    np.testing.assert_allclose(ours.transform(values), peer.transform(values, metric="woe"), atol=1e-6)
    np.testing.assert_allclose(ours.iv, _table(peer)["IV"].sum(), atol=1e-6)


def test_published_information_values(german):
    """ShichenXie/scorecard, docs/reference/iv.html: .666, .293, .196."""
    frame, y = german
    published = {
        "status_of_existing_checking_account": 0.666,
        "credit_history": 0.293,
        "savings_account_and_bonds": 0.196,
    }
    for name, iv in published.items():
        groups = tuple((level,) for level in sorted(frame[name].unique()))
        bins = bin_category(frame[name], y, None, BinPlan(user_groups=groups, min_people=0))
        assert round(bins.iv, 3) == iv


def _brute_force(good, bad, trend, plan, weight_limits, least_people):
    """Best IV over every contiguous merge; the trend is judged by name, not by the programme's own steps."""
    allowed = {"peak": {"ascending", "descending", "peak"}, "valley": {"ascending", "descending", "valley"}}
    best, n = -1.0, len(good)
    totals = good.sum() + 50, bad.sum() + 20
    for bins in range(plan.min_bins, min(plan.max_bins, n) + 1):
        for cuts in combinations(range(1, n), bins - 1):
            starts = [0, *cuts]
            g, b = np.add.reduceat(good, starts), np.add.reduceat(bad, starts)
            if ((g + b) < weight_limits[0]).any() or ((g + b) > weight_limits[1]).any() or (g + b < least_people).any():
                continue
            shape = shape_of(b / (g + b))
            flat = np.ptp(b / (g + b)) == 0
            if trend != "none" and not flat and shape not in allowed.get(trend, {trend}):
                continue
            gs, bs = np.where(g > 0, g, 0.5) / totals[0], np.where(b > 0, b, 0.5) / totals[1]
            best = max(best, ((gs - bs) * np.log(gs / bs)).sum())
    return best


@pytest.mark.parametrize("trend", TRENDS)
@pytest.mark.parametrize("seed", range(8))
def test_programme_equals_brute_force(trend, seed):
    rng = np.random.default_rng(seed)
    good, bad = rng.integers(0, 60, 9).astype(float), rng.integers(0, 30, 9).astype(float)
    good[(good == 0) & (bad == 0)] = 1
    plan = BinPlan(max_bins=int(rng.integers(2, 7)), min_bins=int(rng.integers(1, 3)))
    limits = (float(rng.integers(0, 60)), float(rng.choice([1e9, 300.0])))
    runs = np.append(0, np.cumsum(good + bad))
    people = np.maximum(runs[None, 1:] - runs[:-1, None], 0).astype(np.int64)
    iv, cuts = best_partition(
        good, bad, people, (good.sum() + 50, bad.sum() + 20, 0.5),
        (*limits, 35, plan.min_bins, plan.max_bins, 0.0), TRENDS[trend],
    )  # fmt: skip
    expected = _brute_force(good, bad, trend, plan, limits, 35)
    assert iv == pytest.approx(expected, abs=1e-9)
    assert len(cuts) < plan.max_bins


@pytest.mark.parametrize("trend", ["ascending", "descending", "peak", "valley", "none"])
@pytest.mark.parametrize("seed", [1, 2])
def test_objective_reaches_optbinnings_on_the_same_prebins(trend, seed):
    from optbinning import OptimalBinning

    rng = np.random.default_rng(seed)
    x = rng.normal(size=3000)
    y = (rng.random(3000) < 1 / (1 + np.exp(1.2 - np.sin(2 * x) - (seed - 1) * x))).astype(int)
    prebins = np.quantile(x, np.arange(0.08, 0.95, 0.08)).round(3)
    peer = OptimalBinning(
        user_splits=prebins.tolist(),
        monotonic_trend=None if trend == "none" else trend,
        max_n_bins=5,
        min_bin_size=0.05,
    ).fit(x, y)
    assert peer.status == "OPTIMAL"
    place = np.searchsorted(prebins, x, side="right")
    labels = read_labels(y, None, None)
    cells = labels.cells(place, len(prebins) + 1)
    iv, cuts = best_partition(
        cells.good, cells.bad, labels.people_of_runs(place, cells.n), class_totals(labels),
        (0.05 * len(x), 1e9, 0, 1, 5, 0.0), TRENDS[trend],
    )  # fmt: skip
    assert iv >= peer.binning_table.build(show_digits=8)["IV"].drop("Totals").sum() - 1e-6
    if trend != "none":
        fixed = bin_numeric(x, y, None, BinPlan(user_splits=tuple(prebins[[c - 1 for c in cuts]])))
        assert fixed.iv == pytest.approx(iv, abs=1e-9)


@st.composite
def labelled(draw):
    n = draw(st.integers(20, 200))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    x = np.round(rng.normal(size=n), draw(st.integers(0, 3)))
    x[rng.random(n) < draw(st.sampled_from([0, 0.2]))] = np.nan
    x[rng.random(n) < draw(st.sampled_from([0, 0.2]))] = -1.0
    y = (rng.random(n) < draw(st.floats(0.1, 0.9))).astype(int)
    y[:2] = 0, 1
    weight = rng.uniform(0.2, 5, n) if draw(st.booleans()) else None
    person = rng.integers(0, n // 2, n).astype(str) if draw(st.booleans()) else None
    return x, y, weight, person


@settings(max_examples=60, deadline=None)
@given(labelled(), st.sampled_from(["auto", "ascending", "descending", "peak", "valley", "none"]), st.integers(1, 12))
def test_bins_are_lawful(data, trend, floor):
    x, y, weight, person = data
    plan = BinPlan(trend=trend, min_people=floor, specials=(-1.0,), min_bin_share=0.08)
    bins = bin_numeric(x, y, weight, plan, person=person)
    place = bins.index(x)
    assert [bins.index_one(value) for value in x.tolist()] == place.tolist()
    assert np.bincount(place, minlength=len(bins.rows)).tolist() == [row.n for row in bins.rows]
    assert bins.iv >= 0
    assert all(np.isfinite([row.woe, row.iv]).all() for row in bins.rows)
    assert sum(row.share for row in bins.rows) == pytest.approx(1)
    ordinary = bins.rows[: bins.n_ordinary]
    assert len(ordinary) <= plan.max_bins
    if len(ordinary) > 1:
        people = np.arange(len(x)).astype(str) if person is None else person
        assert all(row.n_people >= floor and row.share >= 0.08 - 1e-9 for row in ordinary)
        assert [len(set(people[place == i])) for i in range(len(ordinary))] == [row.n_people for row in ordinary]
        rates = [row.bad_rate for row in ordinary]
        allowed = {"peak": ("peak", "ascending", "descending"), "valley": ("valley", "ascending", "descending")}
        if trend not in ("auto", "none"):
            assert shape_of(rates) in (*allowed.get(trend, (trend,)), "none")
            assert trend in allowed or (np.diff(rates) * (1 if trend == "ascending" else -1) >= 0).all()


@settings(max_examples=40, deadline=None)
@given(labelled())
def test_woe_flips_sign_when_labels_flip(data):
    x, y, weight, _ = data
    plan = BinPlan(user_splits=(-0.5, 0.5), min_people=0, specials=(-1.0,))
    np.testing.assert_allclose(
        bin_numeric(x, y, weight, plan).woe, -bin_numeric(x, 1 - y, weight, plan).woe, rtol=0, atol=1e-12
    )


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=2, max_size=8))
def test_iv_is_never_negative(cells):
    good, bad = np.array(cells, dtype=float).T
    if good.sum() and bad.sum():
        woe, iv = woe_iv(good, bad)
        assert np.isfinite(woe).all()
        assert (iv >= 0).all()


def test_weights_count_like_repeated_rows():
    rng = np.random.default_rng(0)
    x, y, times = rng.normal(size=500), rng.integers(0, 2, 500), rng.integers(1, 4, 500)
    plan = BinPlan(min_people=0, min_bin_share=0.1)
    weighted = bin_numeric(x, y, times.astype(float), plan)
    repeated = bin_numeric(np.repeat(x, times), np.repeat(y, times), None, plan)
    assert weighted.edges == repeated.edges
    np.testing.assert_allclose(weighted.woe, repeated.woe, atol=1e-12)


def test_people_not_rows_meet_the_floor():
    x = np.repeat(np.arange(10.0), 100)
    y = np.tile([0, 0, 0, 1], 250) | (x > 6)
    person = np.where(x == 9, "the one", np.arange(1000).astype(str))
    bins = bin_numeric(x, y.astype(int), None, BinPlan(trend="none"), person=person)
    assert 9.0 not in bins.edges
    assert bins.rows[bins.n_ordinary - 1].n_people >= 30


def test_categories_pool_rare_levels_and_send_unseen_ones_there():
    rng = np.random.default_rng(5)
    levels = np.array(["a", "b", "c", "d"], dtype=object)[rng.integers(0, 4, 4000)]
    rare = rng.choice(4000, 40, replace=False)
    levels[rare] = [f"rare{i % 20}" for i in range(40)]
    levels[:50] = None
    rate = pd.Series(levels).map({"a": 0.1, "b": 0.2, "c": 0.2, "d": 0.5}).fillna(0.3)
    y = (rng.random(4000) < rate).astype(int)
    bins = bin_category(levels, y, None, BinPlan())
    assert all("rare" not in level for group in bins.groups for level in group)
    assert bins.index_one("never seen") == bins.other == bins.index_one("rare3")
    assert bins.index_one(None) == bins.missing
    assert bins.index(np.array(["never seen", None, "a"])).tolist() == [bins.other, bins.missing, bins.index_one("a")]
    assert bins.trend == "ascending"
    assert [row.n for row in bins.rows] == np.bincount(bins.index(levels), minlength=len(bins.rows)).tolist()


def test_unseen_category_without_a_pool_is_neutral():
    bins = bin_category(["a", "b"] * 100, [0, 0, 1, 0] * 50)
    assert bins.rows[bins.index_one("c")].woe == 0.0


def test_category_merge_is_the_best_of_all_groupings():
    """Against every assignment of six levels to at most three groups."""
    rng = np.random.default_rng(11)
    codes = rng.integers(0, 6, 1200)
    y = (rng.random(1200) < np.array([0.1, 0.4, 0.15, 0.5, 0.3, 0.2])[codes]).astype(int)
    good, bad = np.bincount(codes, 1 - y), np.bincount(codes, y)
    best = 0.0
    for assignment in np.ndindex(*(3,) * 6):
        g, b = np.bincount(assignment, good, 3), np.bincount(assignment, bad, 3)
        keep = g + b > 0
        best = max(best, woe_iv(g[keep], b[keep])[1].sum())
    plan = BinPlan(max_bins=3, min_bin_share=0.0)
    assert bin_category(np.array(list("abcdef"), dtype=object)[codes], y, None, plan).iv == pytest.approx(best)


@pytest.mark.parametrize(
    ("plan", "x", "code"),
    [
        (BinPlan(user_splits=(2.0, 1.0)), [1.0] * 60, "splits_not_sorted"),
        (BinPlan(user_splits=(2.0,)), [1.0] * 60, "bin_too_small"),
        (BinPlan(min_bins=2), [1.0] * 60, "bins_infeasible"),
        (BinPlan(), [np.inf] + [1.0] * 59, "not_finite"),
        (BinPlan(user_splits=(2.0,), min_people=0), [-np.inf] + [3.0] * 59, "not_finite"),
    ],
)
def test_what_cannot_be_binned_is_refused_by_name(plan, x, code):
    with pytest.raises(DataError) as refused:
        bin_numeric(x, [0, 1] * 30, None, plan, name="income")
    assert refused.value.code == code
    assert refused.value.column == "income"


def test_one_class_and_bad_weights_are_refused():
    for arguments, code in [(([1.0, 2.0], [1, 1]), "one_class"), (([1.0, 2.0], [0, 2]), "label_not_binary")]:
        with pytest.raises(DataError, match=r".") as refused:
            bin_numeric(*arguments)
        assert refused.value.code == code
    with pytest.raises(DataError, match="Weights"):
        bin_numeric([1.0, 2.0], [0, 1], [1.0, -1.0])


@pytest.mark.parametrize("x", [[np.nan] * 100, [5.0] * 100, [-1.0] * 100])
def test_a_column_without_information_has_no_iv(x):
    bins = bin_numeric(x, [0, 1] * 50, None, BinPlan(specials=(-1.0,)))
    assert bins.iv == pytest.approx(0)
    assert bins.index(x).tolist() == [bins.index_one(v) for v in x]


def test_bins_survive_json(german):
    frame, y = german
    for bins in (bin_numeric(frame["credit_amount"], y), bin_category(frame["purpose"], y)):
        assert from_json(Bins, to_json(bins)) == bins


def test_table_in_threads_equals_columns_alone(german):
    frame, y = german
    kinds: Any = {c: "category" if frame[c].dtype.kind not in "if" else "int" for c in frame}
    table = bin_table({c: frame[c].to_numpy() for c in frame}, kinds, y, None, BinPlan(), 2)
    for name, bins in table.items():
        alone = bin_numeric if kinds[name] == "int" else bin_category
        assert bins == alone(frame[name].to_numpy(), y, None, BinPlan(), name=name)


def test_auto_bends_only_for_a_turn_beyond_doubt():
    rng = np.random.default_rng(2)
    x = rng.uniform(-2, 2, 20000)
    bent = (rng.random(20000) < 0.1 + 0.1 * x**2).astype(int)
    straight = (rng.random(20000) < 1 / (1 + np.exp(2 - x))).astype(int)
    assert bin_numeric(x, bent).trend == "valley"
    assert bin_numeric(x, straight).trend == "ascending"
    assert bin_numeric(x, bent, None, BinPlan(trend="ascending")).trend == "ascending"


def test_weights_of_one_take_the_same_bins_as_no_weights():
    rng = np.random.default_rng(6)
    x, y = np.round(rng.normal(size=2000), 1), rng.integers(0, 2, 2000)
    x[::7], x[::11] = np.nan, -1.0
    plan = BinPlan(specials=(-1.0, -2.5), trend="none")
    person = np.arange(2000) // 2
    weighted = bin_numeric(x, y, np.full(2000, 3.0), plan)
    grouped = bin_numeric(x, y, None, replace(plan, min_people=0), person=person)
    plain = bin_numeric(x, y, None, plan)
    assert weighted.edges == grouped.edges == plain.edges
    np.testing.assert_allclose(weighted.woe, plain.woe, atol=1e-12)


def test_many_levels_are_cut_along_their_bad_rate():
    rng = np.random.default_rng(9)
    codes = rng.integers(0, 120, 30000)
    y = (rng.random(30000) < 0.05 + 0.4 * codes / 120).astype(int)
    levels = np.array([f"city {c:03d}" for c in codes], dtype=object)
    bins = bin_category(levels, y, None, BinPlan(rare_share=0.0))
    assert sum(len(group) for group in bins.groups) == 120
    assert bins.trend == "ascending"
    assert len(bins.groups) == 6
