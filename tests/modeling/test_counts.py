"""Counting along a column: the compiled sort against numpy, counts against rows, groups of long columns."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from modeling import value_counts as kernels
from modeling.bin_plan import read_labels
from modeling.binning import BinPlan, bin_category, bin_counted, bin_numeric
from modeling.counts import MAX_GROUPS, count_rows, count_table, work_space
from modeling.errors import DataError

ANY = st.one_of(st.floats(), st.integers(-5, 5).map(float), st.sampled_from([0.0, -0.0, 1e300, 5e-324, 1 + 2**-52]))


def _naive(x, y, specials):
    ordinary = ~np.isnan(x) & ~np.isin(x, specials)
    values, place = np.unique(x[ordinary] + 0.0, return_inverse=True)
    rows, bad = np.bincount(place, minlength=len(values)), np.bincount(place, y[ordinary], len(values))
    return values, np.append(0, np.cumsum(rows)), np.append(0, np.cumsum(bad))


@settings(max_examples=100, deadline=None)
@given(arrays.arrays(np.float64, st.integers(0, 80), elements=ANY), st.integers(0, 2**32 - 1), st.booleans())
def test_counts_by_value_equal_numpys(x, seed, with_specials):
    y = np.random.default_rng(seed).random(len(x)) < 0.3
    specials = np.array([-1.0, 2.0] if with_specials else [])
    values, rows, bad = _naive(x, y, specials)
    groups, apart, figures, infinite = kernels.plain_groups(x, y, specials, 1.0, work_space(len(x)))
    for found, expected in zip(groups, (values, values, rows, bad, rows), strict=True):
        np.testing.assert_array_equal(found, expected)
    missing = np.isnan(x)
    assert apart[-1].tolist() == [(missing & ~y).sum(), (missing & y).sum()]
    assert apart[:, :].sum() + rows[-1] == len(x)
    assert figures[0] == len(values)
    assert figures[1] == max(np.diff(rows), default=0)
    assert infinite == np.isinf(x).sum()
    weighted, apart_too, figures_too, _ = kernels.weighted_groups(x, y, np.ones(len(x)), np.argsort(x), specials, 1.0)
    for found, expected in zip(weighted, groups, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert (apart_too[:, :2] == apart).all()
    assert figures_too.tolist() == figures.tolist()


@pytest.mark.parametrize("spread", [2.0**-52, 2.0**-40, 1.0])
def test_values_that_differ_in_their_last_bits_are_told_apart(spread):
    rng = np.random.default_rng(0)
    x = 1.0 + spread * rng.integers(0, 5000, 20000)
    y = rng.random(20000) < 0.5
    (low, _, rows, bad, _), *_ = kernels.plain_groups(x, y, np.zeros(0), 1.0, work_space(len(x)))
    for found, expected in zip((low, rows, bad), _naive(x, y, []), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_long_columns_are_gathered_into_neighbouring_groups():
    rng = np.random.default_rng(1)
    x, n = rng.normal(size=70_000), 70_000
    counts = count_rows(x, read_labels(rng.random(n) < 0.2, None, None), ())
    assert len(counts.low) <= MAX_GROUPS + 1
    assert np.diff(counts.rows)[:-1].min() >= n / MAX_GROUPS
    assert (counts.low[1:] > counts.high[:-1]).all()
    assert (counts.low <= counts.high).all()
    assert counts.distinct == n


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["auto", "ascending", "peak", "none"]), st.booleans())
def test_bins_from_counts_equal_bins_from_rows(seed, trend, weighted):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(50, 800))
    x = np.round(rng.normal(size=n), 1)
    y = (rng.random(n) < 1 / (1 + np.exp(1 - x))).astype(int)
    x[rng.random(n) < 0.1], x[rng.random(n) < 0.1] = np.nan, -9.0
    y[:2] = 0, 1
    weight = rng.integers(1, 4, n).astype(float) if weighted else np.ones(n)
    plan = BinPlan(trend=trend, specials=(-9.0,), min_people=5)
    values, place = np.unique(x, return_inverse=True)
    good, bad, rows = (np.bincount(place, w, len(values)) for w in (weight * (1 - y), weight * y, np.ones(n)))
    assert bin_counted(values, good, bad, plan, rows=rows) == bin_numeric(x, y, weight, plan)
    by_hand = replace(plan, user_splits=(-0.5, 0.5), min_people=0)
    assert bin_counted(values, good, bad, by_hand, rows=rows) == bin_numeric(x, y, weight, by_hand)


def test_levels_from_counts_equal_levels_from_rows():
    rng = np.random.default_rng(4)
    codes = rng.integers(0, 30, 5000)
    levels = np.array([*(f"l{i:02d}" for i in range(29)), None], dtype=object)
    y = (rng.random(5000) < 0.1 + codes / 60).astype(int)
    counted = bin_counted(levels, np.bincount(codes, 1 - y), np.bincount(codes, y), kind="category")
    assert counted == bin_category(levels[codes], y)


@pytest.mark.parametrize("counts", [([1, -1], [1, 1]), ([1, np.inf], [1, 1])])
def test_counts_that_are_none_are_refused(counts):
    with pytest.raises(DataError, match="counts"):
        count_table([1.0, 2.0], *counts)
    with pytest.raises(DataError, match="same label"):
        bin_counted([1.0, 2.0], [1, 1], [0, 0])
    with pytest.raises(DataError, match="infinite"):
        bin_counted([1.0, np.inf], [1, 1], [1, 1])
