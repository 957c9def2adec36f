"""Splits by person, by time and by the sample's own column."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modeling.errors import DataError
from modeling.splits import SplitPlan, assign_folds, assign_splits, local_months, shared_people

PEOPLE = np.array([f"p{i:04d}" for i in range(1000)], dtype=object)
REPEATED = np.repeat(PEOPLE, 3)


def _months(*texts: str) -> np.ndarray:
    return np.array(texts, dtype="datetime64[us]")


def test_random_shares_are_exact_in_people_and_rows_of_a_person_stay_together():
    split = assign_splits(REPEATED, None, None, SplitPlan(seed=7))
    of_person = split.reshape(1000, 3)
    assert (of_person == of_person[:, :1]).all()
    assert [int((of_person[:, 0] == s).sum()) for s in ("train", "valid", "test")] == [600, 200, 200]


def test_order_of_rows_does_not_matter_and_seed_does():
    plan = SplitPlan(seed=7)
    order = np.random.default_rng(0).permutation(len(REPEATED))
    split = assign_splits(REPEATED, None, None, plan)
    assert (assign_splits(REPEATED[order], None, None, plan) == split[order]).all()
    assert (assign_splits(REPEATED, None, None, SplitPlan(seed=8)) != split).any()


def test_a_grown_sample_moves_only_few_people():
    before = assign_splits(PEOPLE[:900], None, None, SplitPlan(seed=7))
    after = assign_splits(PEOPLE, None, None, SplitPlan(seed=7))[:900]
    assert (before != after).mean() < 0.06


@given(st.lists(st.text(max_size=4), min_size=2, max_size=60), st.integers(-5, 2**40), st.integers(2, 5))
def test_folds_group_people_and_are_balanced(people: list[str], seed: int, n: int):
    distinct = len(set(people))
    if distinct < n:
        with pytest.raises(DataError):
            assign_folds(people, n, seed)
        return
    fold_of = dict(zip(people, assign_folds(people, n, seed).tolist(), strict=True))
    assert [fold_of[p] for p in people] == assign_folds(people, n, seed).tolist()
    sizes = np.bincount(list(fold_of.values()), minlength=n)
    assert sizes.max() - sizes.min() <= 1


def test_last_months_are_those_of_the_display_zone():
    observed = _months("2024-01-10", "2024-02-15", "2024-02-29T16:30", "2024-03-02")  # 00:30 on 1 March in Shanghai
    people = ["a", "b", "c", "d"]
    plan = SplitPlan(kind="time", shares=(1, 0, 0), oot_months=1)
    assert assign_splits(people, observed, None, plan).tolist() == ["train", "train", "oot", "oot"]
    utc = SplitPlan(kind="time", shares=(1, 0, 0), oot_months=1, zone="UTC")
    assert assign_splits(people, observed, None, utc).tolist() == ["train", "train", "train", "oot"]
    assert local_months(observed).tolist() == ["2024-01", "2024-02", "2024-03", "2024-03"]


def test_two_months_over_the_turn_of_the_year_and_a_date():
    observed = _months("2023-11-30", "2023-12-05", "2024-01-09")
    by_months = SplitPlan(kind="time", shares=(1, 0, 0), oot_months=2)
    by_date = SplitPlan(kind="folds", oot_from="2023-12-01")
    for plan in (by_months, by_date):
        assert assign_splits(["a", "b", "c"], observed, None, plan).tolist() == ["train", "oot", "oot"]


def test_a_returning_person_is_in_train_and_in_oot_and_is_counted():
    observed = _months("2024-01-10", "2024-03-10", "2024-01-11", "2024-03-12")
    people = ["back", "back", "early", "new"]
    split = assign_splits(people, observed, None, SplitPlan(kind="time", shares=(1, 0, 0), oot_months=1))
    assert split.tolist() == ["train", "oot", "train", "oot"]
    assert shared_people(people, split, "train", "oot") == {"back"}


def test_own_column_is_taken_as_it_is():
    column = ["train", "test", "oot"]
    assert assign_splits(["a", "b", "c"], None, column, SplitPlan(kind="column")).tolist() == column


def test_months_of_missing_times_are_none():
    assert local_months(np.array(["2024-01-01", "NaT"], dtype="datetime64[us]")).tolist() == ["2024-01", None]


@pytest.mark.parametrize(
    ("plan", "observed", "column", "code"),
    [
        (SplitPlan(kind="column"), None, None, "no_split_column"),
        (SplitPlan(kind="column"), None, ["train", "dev"], "split_unknown"),
        (SplitPlan(kind="column"), None, ["train", None], "split_unknown"),
        (SplitPlan(kind="column"), None, ["test", "oot"], "no_train_rows"),
        (SplitPlan(kind="time"), _months("2024-01-01", "2024-02-01"), None, "oot_missing"),
        (SplitPlan(kind="time", oot_months=1), None, None, "no_time"),
        (SplitPlan(kind="time", oot_months=1), _months("2024-01-01", "NaT"), None, "time_missing"),
        (SplitPlan(kind="time", oot_months=9), _months("2024-01-01", "2024-02-01"), None, "no_train_rows"),
        (SplitPlan(kind="time", oot_months=0), _months("2024-01-01", "2024-02-01"), None, "oot_months"),
        (SplitPlan(kind="time", oot_from="soon"), _months("2024-01-01", "2024-02-01"), None, "oot_date"),
        (SplitPlan(kind="time", oot_from="2025-01-01"), _months("2024-01-01", "2024-02-01"), None, "no_oot_rows"),
        (SplitPlan(shares=(0.5, 0.2, 0.2)), None, None, "shares_not_one"),
    ],
)
def test_what_cannot_be_split_is_said(plan, observed, column, code):
    with pytest.raises(DataError) as caught:
        assign_splits(["a", "b"], observed, column, plan)
    assert caught.value.code == code
