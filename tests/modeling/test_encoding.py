"""The stored transform: the same inputs from one row and from columns; nothing wrong passes in silence."""

from decimal import Decimal
from math import inf, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modeling.artifacts import Column, from_json, to_json
from modeling.encoding import (
    FLOAT32_MAX,
    TreeEncoding,
    describe_input,
    fit_tree_encoding,
    read_category,
    read_column,
    read_number,
)
from modeling.errors import DataError

NUMBER = Column("lending__days", "float", "platform", "lending", "days", specials=(-1.0, -999.0))
LEVEL = Column("partner__job", "category", "partner", "sample", "job")


@pytest.fixture(scope="module")
def encoding():
    rng = np.random.default_rng(0)
    days = rng.choice([1.0, 2.0, 50.0, -1.0, np.nan], 1000)
    job = rng.choice(np.array(["a", "b", "c", None], dtype=object), 1000)
    job[:5] = "rare"
    y = (rng.random(1000) < np.where(job == "a", 0.6, np.where(job == "b", 0.1, 0.3))).astype(float)
    columns = {NUMBER.name: days, LEVEL.name: job}
    inputs = [describe_input(NUMBER, days, 30), describe_input(LEVEL, job, 30)]
    return fit_tree_encoding(inputs, columns, y, np.ones(1000), 30)


def test_specials_become_missing_with_a_flag(encoding):
    assert [f.name for f in encoding.features] == ["lending__days", "lending__days=-1", "partner__job"]
    np.testing.assert_array_equal(encoding.row({"lending__days": -1})[:2], [nan, 1.0])
    np.testing.assert_array_equal(encoding.row({"lending__days": -999})[:2], [nan, 0.0])
    np.testing.assert_array_equal(encoding.row({"lending__days": 7})[:2], [7.0, 0.0])


def test_categories_are_ranked_by_bad_rate_and_the_unseen_join_the_rare(encoding):
    ranks, other = encoding.features[2].ranks, encoding.features[2].other
    assert ranks["b"] < ranks["c"] < ranks["a"]
    assert "rare" not in ranks
    assert "rare" not in encoding.inputs[1].categories
    assert encoding.row({"partner__job": "never seen"})[2] == encoding.row({"partner__job": "rare"})[2] == other
    assert np.isnan(encoding.row({"partner__job": None})[2])


VALUES = st.one_of(st.none(), st.floats(allow_infinity=False), st.integers(-(10**6), 10**6), st.just(-1.0))


@given(st.lists(st.tuples(VALUES, st.sampled_from(["a", "b", "rare", "new", "", None])), min_size=1, max_size=20))
def test_a_row_and_a_column_encode_alike(encoding, rows):
    columns = {
        "lending__days": np.array([r[0] for r in rows], dtype=object),
        "partner__job": np.array([r[1] for r in rows], dtype=object),
    }
    singly = [encoding.row({"lending__days": days, "partner__job": job}) for days, job in rows]
    np.testing.assert_array_equal(np.array(singly, dtype=np.float32), encoding.matrix(columns))


def test_beyond_float32_is_clipped(encoding):
    assert encoding.row({"lending__days": 1e300})[0] == FLOAT32_MAX
    assert np.isfinite(encoding.matrix({"lending__days": np.array([-1e300]), "partner__job": np.array(["a"])})[0, 0])


def test_encoding_survives_json(encoding):
    assert from_json(TreeEncoding, to_json(encoding)) == encoding


@pytest.mark.parametrize(("value", "code"), [(inf, "not_finite"), (10**400, "not_finite"), ("5", "not_a_number")])
def test_wrong_numbers_are_refused(value, code):
    with pytest.raises(DataError) as refused:
        read_number(value, "income")
    assert (refused.value.code, refused.value.column) == (code, "income")


def test_wrong_categories_are_refused():
    with pytest.raises(DataError, match="job must be text"):
        read_category(3, "job")
    assert read_category(nan, "job") is None


def test_numbers_of_every_type_are_read():
    assert [read_number(v, "x") for v in (1, 2.5, True, Decimal("3.25"), np.int64(4))] == [1.0, 2.5, 1.0, 3.25, 4.0]


def test_an_infinite_value_in_a_column_names_its_row():
    with pytest.raises(DataError, match="Row 2 of lending__days"):
        read_column(np.array([1.0, -inf]), describe_input(NUMBER, np.array([1.0])))


def test_signature_entry_tells_what_training_held():
    entry = describe_input(NUMBER, np.array([5.0, -999.0, nan, 1.0, 3.0]))
    assert (entry.minimum, entry.maximum, entry.typical) == (1.0, 5.0, 3.0)
    assert describe_input(NUMBER, np.array([nan])).typical is None
