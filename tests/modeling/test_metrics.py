"""Every figure against another library, a hand computation or a property that it must have."""

import itertools
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.stats.proportion as proportion
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import chi2, ks_2samp
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, roc_auc_score, roc_curve

from modeling.metrics import (
    Interval,
    Ranking,
    auc,
    bad_rate_at_approval,
    brier,
    calibration_table,
    decile_ks,
    decile_table,
    delong,
    gini,
    hosmer_lemeshow,
    ks,
    psi,
    psi_bins,
    psi_by_month,
    psi_noise,
    resample,
    score_distribution,
)

GOLDEN = Path(__file__).parents[1] / "golden"


def _rows(n: int = 3000, seed: int = 0, decimals: int | None = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, PDs (with ties if rounded) and weights."""
    rng = np.random.default_rng(seed)
    pds = rng.beta(1.5, 8, n)
    y = (rng.random(n) < pds).astype(int)
    risk = np.clip(pds + rng.normal(0, 0.05, n), 0.001, 0.999)
    return y, risk if decimals is None else np.round(risk, decimals), rng.uniform(0.2, 5, n)


@st.composite
def labelled(draw):
    n = draw(st.integers(2, 40))
    y = draw(hnp.arrays(np.int8, n, elements=st.integers(0, 1)))
    y[0], y[1] = 0, 1
    risk = draw(hnp.arrays(np.float64, n, elements=st.integers(0, 12).map(lambda k: k / 12)))
    weight = draw(hnp.arrays(np.float64, n, elements=st.floats(0.1, 10)))
    return y, risk, weight


# --- discrimination ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
def test_auc_and_gini_equal_scikit_learn(weighted):
    y, risk, w = _rows()
    weight = w if weighted else None
    assert auc(y, risk, weight) == pytest.approx(roc_auc_score(y, risk, sample_weight=weight), abs=1e-12)
    assert gini(y, risk, weight) == pytest.approx(2 * roc_auc_score(y, risk, sample_weight=weight) - 1, abs=1e-12)


def test_ks_equals_scipy_and_says_where():
    y, risk, _ = _rows()
    theirs = ks_2samp(risk[y == 1], risk[y == 0])
    ours = ks(y, risk)
    assert ours.value == pytest.approx(theirs.statistic, abs=1e-12)
    refused = risk >= ours.at
    assert abs(refused[y == 1].mean() - refused[y == 0].mean()) == pytest.approx(ours.value, abs=1e-12)


def test_weighted_ks_equals_the_weighted_roc_of_scikit_learn():
    y, risk, w = _rows()
    fpr, tpr, _ = roc_curve(y, risk, sample_weight=w, drop_intermediate=False)
    assert ks(y, risk, w).value == pytest.approx(np.abs(tpr - fpr).max(), abs=1e-12)


def test_a_whole_weight_is_so_many_rows():
    y, risk, _ = _rows(500)
    times = np.random.default_rng(1).integers(1, 5, 500)
    many = [np.repeat(part, times) for part in (y, risk)]
    assert auc(y, risk, times) == pytest.approx(auc(*many), abs=1e-12)
    assert ks(y, risk, times).value == pytest.approx(ks(*many).value, abs=1e-12)
    assert brier(y, risk, times) == pytest.approx(brier(*many), abs=1e-12)
    assert bad_rate_at_approval(y, risk, 0.6, times) == pytest.approx(
        bad_rate_at_approval(many[0], many[1], 0.6), abs=1e-12
    )


def test_ties_in_one_heap_add_nothing():
    y = np.array([0, 1, 0, 1])
    assert auc(y, np.ones(4)) == 0.5
    assert ks(y, np.ones(4)).value == 0.0


def test_one_class_has_no_figure():
    assert math.isnan(auc([0, 0], [0.1, 0.2]))
    assert math.isnan(ks([1, 1], [0.1, 0.2]).value)


def test_labels_other_than_0_and_1_are_refused():
    with pytest.raises(ValueError, match="y must be 0 or 1"):
        auc([0, 2], [0.1, 0.2])


@given(labelled())
def test_auc_does_not_mind_a_monotone_map_and_turns_with_the_labels(rows):
    y, risk, w = rows
    area = auc(y, risk, w)
    assert 0 <= area <= 1 + 1e-12
    assert auc(y, np.exp(3 * risk) - 1, w) == pytest.approx(area, abs=1e-12)
    assert auc(1 - y, risk, w) == pytest.approx(1 - area, abs=1e-9)
    assert auc(y, -risk, w) == pytest.approx(1 - area, abs=1e-9)
    assert gini(y, risk, w) == pytest.approx(2 * area - 1, abs=1e-12)


@given(labelled())
def test_ks_is_a_share_and_bounds_the_gini(rows):
    y, risk, w = rows
    distance = ks(y, risk, w).value
    assert -1e-12 <= distance <= 1 + 1e-12
    assert abs(gini(y, risk, w)) <= 2 * distance + 1e-9
    order = np.random.default_rng(0).permutation(len(y))
    assert ks(y[order], risk[order], w[order]).value == pytest.approx(distance, abs=1e-9)


@given(labelled())
def test_steps_of_the_ranking_are_the_roc_of_scikit_learn(rows):
    y, risk, w = rows
    fpr, tpr, thresholds = roc_curve(y, risk, sample_weight=w, drop_intermediate=False)
    ranking = Ranking.of(y, risk, w)
    assert ranking.fpr == pytest.approx(fpr[1:], abs=1e-9)
    assert ranking.tpr == pytest.approx(tpr[1:], abs=1e-9)
    assert (ranking.risk == thresholds[1:]).all()


def test_bad_rate_at_approval_by_hand():
    y, risk = [0, 0, 1, 0, 1], [0.1, 0.2, 0.3, 0.3, 0.9]
    assert bad_rate_at_approval(y, risk, 0.4) == 0
    assert bad_rate_at_approval(y, risk, 0.6) == pytest.approx(0.5 / 3)  # half of the tied pair is approved
    assert bad_rate_at_approval(y, risk, 1.0) == pytest.approx(0.4)


def test_distribution_counts_every_row_once():
    y, risk, w = _rows()
    score = np.round(1000 * (1 - risk))
    goods, bads = score_distribution(y, score, np.linspace(score.min(), score.max(), 21), w)
    assert goods.sum() == pytest.approx(w[y == 0].sum())
    assert bads.sum() == pytest.approx(w[y == 1].sum())


# --- DeLong and the bootstrap -----------------------------------------------------------------------------------------


def _delong_by_definition(y: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    """Standard error from the m x n matrix of comparisons, as in the paper."""
    kernels = [np.sign(r[y == 1][:, None] - r[y == 0][None, :]) / 2 + 0.5 for r in (a, b)]
    gap = kernels[0] - kernels[1]
    return math.sqrt(gap.mean(axis=1).var(ddof=1) / (y == 1).sum() + gap.mean(axis=0).var(ddof=1) / (y == 0).sum())


def test_delong_equals_its_definition():
    y, risk, _ = _rows(800)
    other = np.round(risk + np.random.default_rng(3).normal(0, 0.1, 800), 2)
    found = delong(y, risk, other)
    assert found.auc == pytest.approx(roc_auc_score(y, risk), abs=1e-12)
    assert found.other == pytest.approx(roc_auc_score(y, other), abs=1e-12)
    assert found.error == pytest.approx(_delong_by_definition(y, risk, other), rel=1e-9)
    assert delong(y, risk, risk).p == 1.0
    assert delong(y, risk, other).p == pytest.approx(delong(y, other, risk).p)


def test_figures_of_the_kernel_equal_the_plain_ones():
    y, risk, w = _rows()
    found = resample(y, {"m": risk}, w, np.arange(len(y)), resamples=0, approval=0.7)
    expected = [
        auc(y, risk, w),
        ks(y, risk, w).value,
        brier(y, risk, w),
        np.average(y, weights=w),
        bad_rate_at_approval(y, risk, 0.7, w),
    ]
    assert found.values["m"] == pytest.approx(expected, abs=1e-12)
    assert found.interval("m", "auc").low is None


def test_each_draw_is_the_figure_of_the_drawn_people():
    y, risk, w = _rows(600)
    person = np.arange(600) // 3
    draws = resample(y, {"m": risk}, w, person, resamples=5, seed=9).draws["m"]
    random = np.random.default_rng(9)
    for draw in draws:
        rows = np.concatenate([np.flatnonzero(person == p) for p in random.integers(0, 200, 200)])
        assert draw[0] == pytest.approx(roc_auc_score(y[rows], risk[rows], sample_weight=w[rows]), abs=1e-12)
        assert draw[1] == pytest.approx(ks(y[rows], risk[rows], w[rows]).value, abs=1e-12)
        assert draw[4] == pytest.approx(bad_rate_at_approval(y[rows], risk[rows], 0.6, w[rows]), abs=1e-9)


def test_bootstrap_interval_agrees_with_delong():
    y, risk, _ = _rows(4000, decimals=None)
    other = risk + np.random.default_rng(3).normal(0, 0.05, 4000)
    draws = resample(y, {"a": risk, "b": other}, np.ones(4000), np.arange(4000), resamples=1000)
    paired, check = draws.difference("a", "b", "auc"), delong(y, risk, other)
    assert paired.value == pytest.approx(check.auc - check.other, abs=1e-12)
    assert _half_width(paired) == pytest.approx(1.96 * check.error, rel=0.1)
    alone = math.hypot(*(_half_width(draws.interval(name, "auc")) for name in "ab"))
    assert _half_width(paired) < 0.8 * alone  # pairing is what makes it narrow


def _half_width(interval: Interval) -> float:
    assert interval.low is not None
    assert interval.high is not None
    return (interval.high - interval.low) / 2


def test_repeating_every_row_of_a_person_does_not_narrow_the_interval():
    y, risk, w = _rows(1500)
    once = resample(y, {"m": risk}, w, np.arange(1500), seed=4).interval("m", "auc")
    parts = [np.repeat(part, 3) for part in (y, risk, w, np.arange(1500))]
    thrice = resample(parts[0], {"m": parts[1]}, parts[2], parts[3], seed=4).interval("m", "auc")
    assert thrice == pytest.approx(once, abs=1e-12)
    as_rows = resample(parts[0], {"m": parts[1]}, parts[2], np.arange(4500), seed=4).interval("m", "auc")
    assert _half_width(as_rows) < 0.7 * _half_width(once)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    truth = auc(*_rows(400_000, seed=99, decimals=None)[:2])
    inside = 0
    for seed in range(100):
        y, risk, _ = _rows(600, seed=seed, decimals=None)
        found = resample(y, {"m": risk}, np.ones(600), np.arange(600), resamples=200).interval("m", "auc")
        assert found.value is not None
        inside += abs(truth - found.value) <= _half_width(found)
    assert 87 <= inside <= 100


def test_same_seed_same_interval_and_gini_follows_auc():
    y, risk, w = _rows(500)
    one, two = (resample(y, {"m": risk}, w, np.arange(500), resamples=50, seed=1) for _ in range(2))
    assert (one.draws["m"] == two.draws["m"]).all()
    assert one.gini("m") == pytest.approx(2 * np.array(one.interval("m", "auc"), dtype=float) - 1)


# --- calibration ------------------------------------------------------------------------------------------------------


def test_brier_and_calibration_equal_scikit_learn():
    y, risk, w = _rows(2000, decimals=None)
    assert brier(y, risk, w) == pytest.approx(brier_score_loss(y, risk, sample_weight=w), abs=1e-12)
    rates, pds = calibration_curve(y, risk, n_bins=10, strategy="quantile")
    table = calibration_table(y, risk)
    assert [row.bad_rate for row in table] == pytest.approx(rates, abs=1e-12)
    assert [row.avg_pd for row in table] == pytest.approx(pds, abs=1e-12)


def test_wilson_interval_equals_statsmodels():
    y, risk, _ = _rows(2000)
    for row in calibration_table(y, risk):
        low, high = proportion.proportion_confint(round(row.bad_rate * row.n), row.n, method="wilson")
        assert (row.low, row.high) == pytest.approx((low, high), abs=1e-12)


def test_hosmer_lemeshow_by_hand():
    pds = np.repeat([0.1, 0.5], 100)
    y = np.concatenate([np.arange(100) < 16, np.arange(100) < 50]).astype(int)
    found = hosmer_lemeshow(y, pds, groups=2, fitted=False)
    assert found.statistic == pytest.approx((16 - 10) ** 2 / (10 * 0.9))
    assert found.degrees == 2
    assert found.p == pytest.approx(chi2.sf(4.0, 2))


def test_hosmer_lemeshow_accepts_the_truth_and_refuses_a_shift():
    rng = np.random.default_rng(5)
    pds = rng.beta(2, 8, 5000)
    p_of_truth = [hosmer_lemeshow(rng.random(5000) < pds, pds, fitted=False).p for _ in range(200)]
    assert 0.0 <= np.mean(np.array(p_of_truth) < 0.05) <= 0.12
    assert hosmer_lemeshow(rng.random(5000) < pds, pds * 0.7, fitted=False).p < 1e-6


# --- gains ------------------------------------------------------------------------------------------------------------


def test_gains_table_equals_the_one_worked_by_hand():
    golden = pd.read_csv(GOLDEN / "gains_20_rows.csv", comment="#")
    score = np.arange(1, 21)
    y = np.isin(score, (1, 2, 3, 5, 8, 12)).astype(int)
    ours = pd.DataFrame(decile_table(y, (21 - score) / 21, score))
    for column in golden:
        assert ours[column].astype(float).tolist() == pytest.approx(golden[column].astype(float), abs=1e-6, nan_ok=True)
    assert ours["expected_bad"].sum() == pytest.approx(((21 - score) / 21).sum())
    assert decile_ks(decile_table(y, (21 - score) / 21, score)) == pytest.approx(0.619048, abs=1e-6)


@given(labelled(), st.sampled_from(["equal_count", "equal_width"]), st.integers(2, 10))
@settings(max_examples=60)
def test_gains_add_up(rows, cut, bins):
    y, risk, w = rows
    table = decile_table(y, risk, -risk, w, bins=bins, cut=cut)
    assert 1 <= len(table) <= bins
    assert sum(row.n for row in table) == len(y)
    assert sum(row.n_bad for row in table) == pytest.approx(w[y == 1].sum())
    assert sum(row.share for row in table) == pytest.approx(1)
    assert sum(row.capture for row in table) == pytest.approx(1)
    assert (table[-1].cum_bad, table[-1].cum_good, table[-1].cum_lift) == pytest.approx((1, 1, 1))
    assert all(a.score_high < b.score_low for a, b in itertools.pairwise(table))
    assert decile_ks(table) <= ks(y, risk, w).value + 1e-9


def test_equal_width_cuts_the_range_of_scores():
    score = np.array([0, 1, 2, 3, 96, 100])
    table = decile_table([1, 0, 0, 0, 0, 0], np.full(6, 0.1), score, bins=2, cut="equal_width")
    assert [(row.n, row.score_low, row.score_high) for row in table] == [(4, 0, 3), (2, 96, 100)]


def test_people_are_counted_apart_from_rows():
    table = decile_table([1, 0, 0, 0], [0.5] * 4, [1, 1, 2, 2], person=["a", "a", "b", "c"], bins=2)
    assert [(row.n, row.n_people) for row in table] == [(2, 1), (2, 2)]


# --- stability --------------------------------------------------------------------------------------------------------

counts = hnp.arrays(np.float64, 6, elements=st.integers(0, 500).map(float)).filter(lambda c: c.sum() > 0)


def test_psi_equals_the_one_worked_by_hand():
    golden = pd.read_csv(GOLDEN / "psi_four_bins.csv", comment="#")
    assert psi(golden["expected"], golden["actual"]) == pytest.approx(golden["part"].sum(), abs=1e-6)


def test_an_empty_share_counts_as_half_a_row():
    by_hand = (0.005 - 0.5) * math.log(0.005 / 0.5) + (1.0 - 0.5) * math.log(1.0 / 0.5)
    assert psi([50, 50], [0, 100]) == pytest.approx(by_hand)
    assert psi([50, 50, 0], [0, 100, 0]) == pytest.approx(by_hand)


@given(counts, counts)
def test_psi_is_zero_for_equal_shares_and_nearly_never_negative(p, q):
    assert psi(p, p) == 0
    assert psi(p, 7 * p) == pytest.approx(0, abs=1e-9) or (p == 0).any()
    assert psi(p, q) == pytest.approx(psi(q, p))
    assert psi(p, q) >= -1e-12


def test_missing_and_special_codes_are_bins_of_their_own():
    train = np.array([-1, -1, np.nan, *range(100)], dtype=float)
    bins = psi_bins(train, specials=(-1.0,))
    assert bins.edges == tuple(float(v) for v in range(10, 100, 10))
    assert bins.count(train).tolist() == [10] * 10 + [2, 1]
    assert bins.count([-1.0, np.nan, -50.0, 1e9]).tolist() == [1, *[0] * 8, 1, 1, 1]
    assert bins.count([5.0, 15.0], [2.0, 3.0]).tolist()[:2] == [2.0, 3.0]


def test_weighted_deciles_hold_a_tenth_of_the_weight():
    _, risk, w = _rows(5000, decimals=None)
    shares = psi_bins(risk, w).count(risk, w) / w.sum()
    assert shares[:10] == pytest.approx(np.full(10, 0.1), abs=0.002)
    assert psi_bins(np.full(9, np.nan)).size == 2


def test_psi_by_month_equals_psi_of_the_months_rows():
    rng = np.random.default_rng(0)
    train, later = rng.normal(size=3000), rng.normal(0.5, 1, 2000)
    month = np.array(["2024-05", "2024-04", None, "2024-05"] * 500, dtype=object)
    bins = psi_bins(train)
    found = psi_by_month(bins, bins.count(train), later, month, person=np.arange(2000) // 2)
    assert [row.month for row in found] == ["2024-04", "2024-05"]
    april = later[month == "2024-04"]
    assert found[0].psi == pytest.approx(psi(np.histogram(train, [-9, *bins.edges, 9])[0], bins.count(april)[:10]))
    assert (found[0].n, found[0].n_people, found[1].n) == (500, 500, 1000)


def test_chance_alone_passes_the_noise_limit_once_in_twenty():
    rng = np.random.default_rng(2)
    shares = np.full(10, 0.1)
    pairs = [(rng.multinomial(1000, shares), rng.multinomial(300, shares)) for _ in range(1000)]
    assert 0.03 < np.mean([psi(e, a) > psi_noise(e, a) for e, a in pairs]) < 0.075
