"""Regression against statsmodels, points against the score, and the funnel's rules."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modeling.binning import BinPlan, bin_table
from modeling.errors import DataError
from modeling.scorecard import Scaling, bin_points, fit_logistic
from modeling.screening import ScreenPlan, select, vif


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(7)
    x = rng.normal(size=(2000, 3)) @ np.array([[1, 0.3, 0], [0, 1, 0.2], [0, 0, 1]])
    y = (rng.random(2000) < 1 / (1 + np.exp(1 + x @ np.array([0.8, -0.5, 0.1])))).astype(float)
    return x, y, rng.uniform(0.5, 4, 2000)


@pytest.mark.parametrize("weighted", [False, True])
def test_coefficients_and_errors_equal_statsmodels(sample, weighted):
    import statsmodels.api as sm

    x, y, weight = sample
    weight = weight / weight.mean() if weighted else np.ones(len(y))
    peer = sm.GLM(y, sm.add_constant(x), family=sm.families.Binomial(), freq_weights=weight).fit(tol=1e-12)
    intercept, terms = fit_logistic(x, y, weight * 5, ["a", "b", "c"])
    ours = [intercept, *terms]
    np.testing.assert_allclose([t.coefficient for t in ours], peer.params, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose([t.std_error for t in ours], peer.bse, rtol=1e-5)
    np.testing.assert_allclose([t.p for t in ours], peer.pvalues, rtol=1e-3, atol=1e-12)


def test_vif_equals_statsmodels(sample):
    from statsmodels.stats.outliers_influence import variance_inflation_factor

    x = sample[0] - sample[0].mean(axis=0)
    expected = [variance_inflation_factor(np.column_stack([np.ones(len(x)), x]), i + 1) for i in range(3)]
    np.testing.assert_allclose(vif(np.corrcoef(x.T)), expected, rtol=1e-8)


def test_separation_is_refused():
    x = np.array([[-1.0], [1.0]] * 50)
    with pytest.raises(DataError, match="no finite solution"):
        fit_logistic(x, (x[:, 0] > 0).astype(float), np.ones(100), ["leak"])


@given(st.floats(1e-7, 1 - 1e-7), st.floats(1.0, 100), st.floats(5, 100))
def test_twice_the_odds_are_pdo_points(chance, odds, pdo):
    scaling = Scaling(600, odds, pdo)
    double = (1 - chance) / chance * 2
    exact = scaling.offset + scaling.factor * np.log((1 - chance) / chance)
    twice = scaling.offset + scaling.factor * np.log(double)
    assert twice - exact == pytest.approx(pdo)
    assert scaling.score([1 / (1 + odds)]).tolist() == [600]


def test_scores_round_half_away_from_zero():
    scaling = Scaling(0.5, 1, 20)
    assert scaling.score([0.5]).tolist() == [1]
    assert Scaling(-0.5, 1, 20).score([0.5]).tolist() == [-1]


def test_points_sum_to_the_score():
    scaling = Scaling()
    woe, coefficients, intercept = [0.3, -0.8, 1.1], [-0.7, -1.1, -0.2], -1.9
    points = sum(
        float(bin_points(np.array([w]), c, intercept, 3, scaling)[0]) for w, c in zip(woe, coefficients, strict=True)
    )
    margin = intercept + np.dot(woe, coefficients)
    assert points == pytest.approx(scaling.offset - scaling.factor * margin)


@pytest.fixture(scope="module")
def candidates():
    rng = np.random.default_rng(1)
    n = 4000
    good, twin_noise = rng.normal(size=n), rng.normal(size=n)
    second = rng.normal(size=n)
    y = (rng.random(n) < 1 / (1 + np.exp(1.5 + good + 0.7 * second))).astype(float)
    columns = {
        "good": good,
        "second": second,
        "twin": good + 0.02 * twin_noise,
        "noise": rng.normal(size=n),
        "constant": np.ones(n),
        "sum": good + second + 0.3 * rng.normal(size=n),
    }
    bins = bin_table(columns, dict.fromkeys(columns, "float"), y, None, BinPlan())
    return bins, {name: b.transform(columns[name]) for name, b in bins.items()}, y


def test_every_candidate_has_one_line_in_the_funnel(candidates):
    bins, woe, y = candidates
    chosen = select(bins, woe, y, np.ones(len(y)), ScreenPlan())
    assert [row.variable for row in chosen.funnel] == list(bins)
    stage = {row.variable: row.stage for row in chosen.funnel}
    assert stage["constant"] == "data"
    assert stage["noise"] == "iv"
    assert {stage["good"], stage["twin"]} == {"correlation", "model"}
    assert {t.variable for t in chosen.coefficients} == {v for v, s in stage.items() if s == "model"}
    assert all(term.coefficient < 0 and term.p <= 0.05 and term.vif >= 1 for term in chosen.coefficients)


def test_wrong_sign_is_dropped_and_recorded():
    """Alone ``echo`` tells risk through ``cause``; beside ``cause`` it works the other way."""
    rng = np.random.default_rng(4)
    cause = rng.normal(size=6000)
    echo = cause + 0.7 * rng.normal(size=6000)
    y = (rng.random(6000) < 1 / (1 + np.exp(1.5 - 2 * cause + 0.8 * echo))).astype(float)
    columns = {"cause": cause, "echo": echo}
    bins = bin_table(columns, dict.fromkeys(columns, "float"), y, None, BinPlan())
    woe = {name: b.transform(columns[name]) for name, b in bins.items()}
    chosen = select(bins, woe, y, np.ones(len(y)), ScreenPlan())
    assert [row.stage for row in chosen.funnel] == ["model", "sign"]
    assert chosen.funnel[1].number is not None
    assert chosen.funnel[1].number > 0 > chosen.coefficients[0].coefficient


def test_kept_variables_pass_statistical_rules(candidates):
    bins, woe, y = candidates
    chosen = select(bins, woe, y, np.ones(len(y)), ScreenPlan(keep=("noise",)))
    assert {row.variable: row.stage for row in chosen.funnel}["noise"] in ("model", "sign")


def test_nothing_left_is_said(candidates):
    bins, woe, y = candidates
    with pytest.raises(DataError, match="No variable is left"):
        select(bins, woe, y, np.ones(len(y)), ScreenPlan(min_iv=99.0))
