"""The search against optbinning's solver on the same pre-bins, against brute force, and on public data."""

from itertools import combinations, pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from modeling.bin_plan import TRENDS, runs_of
from modeling.bin_search import best_partition, free_optimum
from modeling.binning import BinPlan, bin_category, bin_numeric


def _pvalue(w1, b1, w2, b2):
    """Two-proportion z test."""
    pooled = (b1 + b2) / (w1 + w2)
    spread = np.sqrt(pooled * (1 - pooled) * (1 / w1 + 1 / w2))
    return 2 * norm.sf(abs(b1 / w1 - b2 / w2) / spread) if spread > 0 else 1.0


def _lawful(good, bad, cuts, trend, least, largest, max_pvalue):
    """Whether the bins that begin at ``cuts`` keep every limit, judged from their counts alone."""
    starts = [0, *cuts]
    g, b = np.add.reduceat(good, starts), np.add.reduceat(bad, starts)
    w, rate = g + b, b / (g + b)
    steps = np.diff(rate)
    monotone = {"none": True, "ascending": (steps >= 0).all(), "descending": (steps <= 0).all()}
    bent = {"peak": steps, "valley": -steps}
    if trend in bent:
        falls = np.flatnonzero(bent[trend] < 0)
        monotone[trend] = not len(falls) or (bent[trend][falls[0] :] <= 0).all()
    differ = max_pvalue is None or all(
        _pvalue(w[i], b[i], w[j], b[j]) <= max_pvalue for i, j in pairwise(range(len(w)))
    )
    return bool(monotone[trend] and (w >= least).all() and (w <= largest).all() and differ)


def _iv(good, bad, cuts, totals):
    starts = [0, *cuts]
    g, b = np.add.reduceat(good, starts), np.add.reduceat(bad, starts)
    gs, bs = np.where(g > 0, g, totals[2]) / totals[0], np.where(b > 0, b, totals[2]) / totals[1]
    return float(((gs - bs) * np.log(gs / bs)).sum())


@st.composite
def tables(draw, most=9):
    n = draw(st.integers(1, most))
    counts = st.lists(st.integers(0, 60), min_size=n, max_size=n)
    good, bad = np.array(draw(counts), float), np.array(draw(counts), float)
    good[(good == 0) & (bad == 0)] = 1
    scale = draw(st.sampled_from([1.0, 0.37]))
    return good * scale, bad * scale, (good.sum() * scale + 50, bad.sum() * scale + 20, 0.5 * scale)


@settings(max_examples=150, deadline=None)
@given(
    tables(), st.sampled_from(list(TRENDS)), st.integers(1, 3), st.integers(1, 6),
    st.sampled_from([0.0, 15.0, 60.0]), st.sampled_from([90.0, 1e9]), st.sampled_from([None, 0.2, 0.01]),
)  # fmt: skip
def test_no_merge_of_a_small_table_beats_the_search(table, trend, min_bins, max_bins, least, largest, max_pvalue):
    good, bad, totals = table
    n = len(good)
    z = 0.0 if max_pvalue is None else float(norm.isf(max_pvalue / 2))
    people = runs_of(np.round(good + bad).astype(np.int64))
    iv, cuts = best_partition(good, bad, people, totals, (least, largest, 0, min_bins, max_bins, z), TRENDS[trend])
    best = -1.0
    for bins in range(min_bins, min(max_bins, n) + 1):
        for places in combinations(range(1, n), bins - 1):
            if _lawful(good, bad, places, trend, least, largest, max_pvalue):
                best = max(best, _iv(good, bad, places, totals))
    assert iv == pytest.approx(best, abs=1e-9)
    if iv >= 0:
        assert min_bins <= len(cuts) + 1 <= max_bins
        assert _lawful(good, bad, cuts.tolist(), trend, least, largest, max_pvalue)
        assert iv <= free_optimum(good, bad, totals, max_bins) + 1e-12


@st.composite
def columns(draw):
    """A column with missing values and a special code, and splits that cut it into pre-bins with both classes."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    n = draw(st.sampled_from([400, 1500, 4000]))
    x = rng.normal(size=n)
    slope, wave = draw(st.floats(-1.5, 1.5)), draw(st.floats(-1.5, 1.5))
    y = (rng.random(n) < 1 / (1 + np.exp(1 - slope * x - wave * np.sin(2 * x)))).astype(int)
    splits = np.unique(np.quantile(x, np.sort(rng.uniform(0.03, 0.97, draw(st.integers(3, 12))))).round(3))
    x[rng.random(n) < draw(st.sampled_from([0, 0.1]))] = np.nan
    x[rng.random(n) < draw(st.sampled_from([0, 0.1]))] = -99.0
    weight = rng.integers(1, 4, n).astype(float) if draw(st.booleans()) else None
    place = np.searchsorted(splits, np.where(x == -99.0, np.nan, x), side="right")
    ordinary = ~np.isnan(x) & (x != -99.0)
    sizes = [np.bincount(place[ordinary & (y == label)], minlength=len(splits) + 1) for label in (0, 1)]
    assume((np.array(sizes) > 0).all())
    return x, y, weight, splits


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(
    columns(), st.sampled_from(["ascending", "descending", "peak", "valley", "none"]), st.integers(2, 6),
    st.sampled_from([0.02, 0.08]), st.sampled_from([None, 0.5]), st.sampled_from([None, 0.05]),
)  # fmt: skip
def test_the_objective_reaches_optbinnings(column, trend, max_bins, share, largest, max_pvalue):
    from optbinning import OptimalBinning

    x, y, weight, splits = column
    peer = OptimalBinning(
        user_splits=splits.tolist(), special_codes=[-99.0], monotonic_trend=None if trend == "none" else trend,
        max_n_bins=max_bins, min_bin_size=share, max_bin_size=largest, max_pvalue=max_pvalue,
    ).fit(x, y, sample_weight=weight)  # fmt: skip
    w = np.ones(len(x)) if weight is None else weight
    ordinary = ~np.isnan(x) & (x != -99.0)
    place = np.searchsorted(splits, x[ordinary], side="right")
    sides = (np.bincount(place, (w * (y == label))[ordinary], len(splits) + 1) for label in (0, 1))
    good, bad = (side.astype(np.float64) for side in sides)
    total = float(w.sum())
    totals = float((w * (1 - y)).sum()), float((w * y).sum()), total / len(x) / 2
    least, most = share * total * (1 - 1e-12), (largest or 1.0) * total * (1 + 1e-12)
    z = 0.0 if max_pvalue is None else float(norm.isf(max_pvalue / 2))
    people = runs_of(np.bincount(place, minlength=len(splits) + 1))
    iv, cuts = best_partition(good, bad, people, totals, (least, most, 0, 1, max_bins, z), TRENDS[trend])
    if iv >= 0:
        assert len(cuts) < max_bins
        assert _lawful(good, bad, cuts.tolist(), trend, least, most, max_pvalue)
    if peer.status in ("OPTIMAL", "FEASIBLE"):
        theirs = [int(np.searchsorted(splits, split)) + 1 for split in peer.splits]
        if _lawful(good, bad, theirs, trend, least, most, max_pvalue):
            assert iv >= _iv(good, bad, theirs, totals) - 1e-6


def _information_splits(values):
    """Deciles as R's quantile type 3 gives them: how the package Information cuts."""
    return tuple(np.unique(np.quantile(values, np.arange(1, 10) / 10, method="closest_observation")))


def test_published_values_of_the_campaign(shared_data):
    """CRAN package Information, vignette, 10 bins, treated customers: IV to seven decimals."""
    frame = pd.read_csv(shared_data / "netlift_campaign_train.csv.gz").query("TREATMENT == 1")
    published = {
        "N_OPEN_REV_ACTS": 1.0107695,
        "TOT_HI_CRDT_CRDT_LMT": 0.9345902,
        "RATIO_BAL_TO_HI_CRDT": 0.8232539,
        "D_NA_M_SNC_MST_RCNT_ACT_OPN": 0.6355466,
        "M_SNC_OLDST_RETAIL_ACT_OPN": 0.5573438,
        "M_SNC_MST_RCNT_ACT_OPN": 0.5026402,
    }
    for name, iv in published.items():
        x = frame[name].to_numpy(dtype=float)
        bins = bin_numeric(x, frame["PURCHASE"], None, BinPlan(user_splits=_information_splits(x), min_people=0))
        assert round(bins.iv, 7) == iv


def _same_numbers(values, y, weight, whole_weight):
    """Bins found here, tabulated by optbinning: WOE and IV of every bin with both classes, to 1e-6."""
    from optbinning import OptimalBinning

    found = bin_numeric(values, y, weight)
    if not found.edges:
        return 0
    fixed = [True] * len(found.edges)
    peer = OptimalBinning(user_splits=list(found.edges), user_splits_fixed=fixed, monotonic_trend=None)
    table = peer.fit(values.to_numpy(dtype=float), y, sample_weight=whole_weight).binning_table.build(show_digits=8)
    theirs = pd.concat([table.iloc[: found.n_ordinary], table[table["Bin"] == "Missing"]])
    compared = 0
    for row, (_, their) in zip(found.rows, theirs.iterrows(), strict=True):
        if min(row.n_good, row.n_bad) > 0 and not row.neutral:
            assert (row.woe, row.iv) == pytest.approx((float(their["WoE"]), float(their["IV"])), abs=1e-6)
            compared += 1
    return compared >= 2


def _same_levels(values, y, weight, whole_weight):
    """The same for every level with both classes as a group of its own."""
    from optbinning import OptimalBinning

    both = pd.Series(y).groupby(values.to_numpy()).nunique() == 2
    keep = values.map(both).fillna(False).to_numpy(dtype=bool)
    groups = tuple((level,) for level in sorted(both.index[both]))
    if not 2 <= len(groups) <= 40:
        return 0
    own = y[keep]
    ours, theirs = (None if w is None else w[keep] for w in (weight, whole_weight))
    known = values[keep].to_numpy(dtype=object)
    found = bin_category(known, own, ours, BinPlan(user_groups=groups, min_people=0))
    fixed = [np.array(group, dtype=object) for group in groups]
    peer = OptimalBinning(dtype="categorical", user_splits=fixed, user_splits_fixed=[True] * len(fixed))
    peer.fit(known, own, sample_weight=theirs)
    np.testing.assert_allclose(found.transform(known), peer.transform(known, metric="woe"), atol=1e-6)
    table = peer.binning_table.build(show_digits=8)
    assert found.iv == pytest.approx(float(table.loc["Totals", "IV"]), abs=1e-6)
    return 1


def _compare(frame, names, y, weight=None, whole_weight=None):
    numbers = [name for name in names if pd.api.types.is_numeric_dtype(frame[name])]
    same = {name: _same_numbers if name in numbers else _same_levels for name in names}
    return sum(same[name](frame[name], y, weight, whole_weight) for name in names)


@pytest.mark.slow
def test_lending_club_equals_optbinning_on_the_same_splits(shared_data):
    frame = pd.read_csv(shared_data / "lendingclub_2018.csv.gz")
    y = frame["loan_status"].to_numpy(dtype=int)
    skipped = {"loan_status", "id"}
    assert _compare(frame, [name for name in frame if name not in skipped], y) >= 30


@pytest.mark.slow
def test_weighted_auto_loans_equal_optbinning_on_the_same_splits(shared_data):
    """Goods weigh 4.75: optbinning cuts weighted counts to whole numbers, so it is given four times the weights."""
    frame = pd.read_csv(shared_data / "auto_loan_accepts.csv")
    y, weight = frame["bad"].to_numpy(dtype=int), frame["weight"].to_numpy(dtype=float)
    assert set(weight) == {1.0, 4.75}
    names = [name for name in frame if name not in ("bad", "weight")]
    assert _compare(frame, names, y, weight, weight * 4) >= 12
