"""Bins: equal to optbinning on given splits, exact against brute force, lawful for whatever comes in."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from modeling.bin_plan import TRENDS
from modeling.bin_search import best_partition
from modeling.binning import BinPlan, bin_category, bin_numeric
from modeling.woe import shape_of

FREE = BinPlan(min_people=0, min_bin_share=0.0, prebin_share=0.0)
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
