"""The conventions of ``modeling/__init__.py``, asserted."""

import numpy as np

from modeling.binning import bin_numeric
from modeling.scorecard import Scaling


def test_y_1_is_bad_and_woe_is_good_over_bad():
    x, y = np.repeat([0.0, 1.0], 100), np.concatenate([np.repeat([0, 1], [90, 10]), np.repeat([0, 1], [40, 60])])
    safe, risky = bin_numeric(x, y).rows[:2]
    assert (safe.n_good, safe.n_bad, safe.bad_rate) == (90, 10, 0.1)
    assert safe.woe == np.log((90 / 130) / (10 / 70)) > 0 > risky.woe


def test_a_higher_score_is_safer():
    scores = Scaling().score(np.linspace(0.001, 0.999, 50))
    assert (np.diff(scores) <= 0).all()
    assert scores[0] > scores[-1]


def test_missing_and_specials_are_bins_of_their_own():
    x = np.tile([1.0, 2.0, np.nan, -999.0], 100)
    from modeling.binning import BinPlan

    bins = bin_numeric(x, np.tile([0, 0, 1, 1, 1], 80), None, BinPlan(specials=(-999.0,)))
    assert [row.label for row in bins.rows[-2:]] == ["Special -999", "Missing"]
    assert [row.n for row in bins.rows[-2:]] == [100, 100]
