"""Profiles: figures against plain numpy, labels only on train rows, nothing that points at few people."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datafactory.engine.profile import profile_features, rank_ks
from modeling.artifacts import Column
from tests.datafactory.worlds import TIME, at

GOOD = Column("partner__score", "float", "partner", "sample", "score", specials=(-999.0,))
CITY = Column("partner__city", "category", "partner", "sample", "city")
COUNT = Column("loans__count_d30", "int", "platform", "loans")


def write(folder, n=4000, split=True, seed=2, **replaced):
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.3
    score = np.where(y, rng.normal(0, 1, n), rng.normal(0.8, 1, n))
    score[:100] = np.nan
    score[100:150] = -999
    arrays = {
        "row_id": pa.array([f"{i:05d}" for i in range(n)]),
        "person": pa.array([f"p{i}" for i in range(n)]),
        "observed_at": pa.array([at(float(d)) for d in rng.uniform(0, 360, n)], TIME),
        "y": pa.array(y.astype(np.int8)),
        "weight": pa.array(np.ones(n)),
        "partner__score": pa.array(score, from_pandas=True),
        "partner__city": pa.array(["rare" if i < 4 else f"c{i % 3}" for i in range(n)]),
        "loans__count_d30": pa.array(rng.poisson(0.5, n)),
    }
    if split:
        arrays["split"] = pa.array(np.where(np.arange(n) % 2, "train", "test"))
    pq.write_table(pa.table(arrays | replaced), folder / "rows.parquet")
    return folder / "rows.parquet", score, y


def profiled(path, *columns):
    profile = profile_features(path, columns or (GOOD, CITY, COUNT))
    return profile, {feature["name"]: feature for feature in profile["features"]}


def test_shares_and_quantiles(tmp_path):
    path, score, _ = write(tmp_path)
    profile, features = profiled(path)
    plain = score[150:]
    feature = features["partner__score"]
    assert (profile["n_rows"], profile["n_people"], profile["basis"]) == (4000, 4000, "train")
    assert (feature["missing"], feature["special"], feature["hit_rate"]) == (0.025, 0.0125, 0.9625)
    assert feature["quantiles"]["p50"] == pytest.approx(np.median(plain), rel=1e-3)
    assert feature["mean"] == pytest.approx(plain.mean(), rel=1e-3)
    assert features["loans__count_d30"]["hit_rate"] == pytest.approx(1 - np.exp(-0.5), abs=0.03)
    shares = [cell["share"] for cell in feature["histogram"] if cell["share"] is not None]
    assert sum(shares) == pytest.approx(1, abs=0.03)


def test_strength_uses_train_rows_only(tmp_path):
    path, _, y = write(tmp_path)
    _, before = profiled(path, GOOD)
    flipped = np.where(np.arange(4000) % 2, y, ~y).astype(np.int8)
    path, _, _ = write(tmp_path, y=pa.array(flipped))
    _, after = profiled(path, GOOD)
    assert before["partner__score"]["iv"] == after["partner__score"]["iv"] > 0.3
    assert before["partner__score"]["ks"] == after["partner__score"]["ks"]


def test_without_a_split_it_is_descriptive_and_without_a_label_silent(tmp_path):
    path, _, _ = write(tmp_path, split=False)
    assert profiled(path)[0]["basis"] == "descriptive"
    path, _, _ = write(tmp_path, y=pa.nulls(4000, pa.int8()))
    profile, features = profiled(path)
    assert profile["basis"] is None
    assert {feature["iv"] for feature in features.values()} == {None}


def test_ks_equals_the_largest_distance_over_values(tmp_path):
    path, score, y = write(tmp_path, split=False)
    _, features = profiled(path, GOOD)
    x = np.where(np.isnan(score), -np.inf, score)
    distances = [abs((x[y] <= v).mean() - (x[~y] <= v).mean()) for v in np.unique(x)]
    assert features["partner__score"]["ks"] == pytest.approx(max(distances), abs=1e-4)


def test_psi_rises_in_the_month_that_shifts(tmp_path):
    path, score, _ = write(tmp_path)
    table = pq.read_table(path)
    day = (table["observed_at"].cast(pa.int64()).to_numpy() - at(0).timestamp() * 1e6) / 86_400e6
    shifted = np.where(day > 330, score + 2, score)
    path, _, _ = write(tmp_path, partner__score=pa.array(shifted, from_pandas=True))
    profile, features = profiled(path)
    psi = features["partner__score"]["psi"]
    assert len(psi) == len(profile["months"])
    assert max(psi[3:11]) < 0.25 < psi[11] == features["partner__score"]["psi_max"]


def test_levels_and_bins_of_few_people_are_hidden(tmp_path):
    path, _, _ = write(tmp_path)
    profile, features = profiled(path)
    cells = features["partner__city"]["histogram"]
    assert "rare" not in json.dumps(profile)
    assert sum(cell["share"] is None for cell in cells) == 2
    assert not {"p0", "p100", "min", "max"} & set(features["partner__score"]["quantiles"])


def test_a_number_that_few_people_have_is_not_named(tmp_path):
    values = np.where(np.arange(4000) < 3, 777, np.arange(4000) % 3)
    path, _, _ = write(tmp_path, loans__count_d30=pa.array(values))
    cells = profiled(path, COUNT)[1]["loans__count_d30"]["histogram"]
    assert "777" not in json.dumps(cells)
    assert [cell["share"] for cell in cells].count(None) == 2


def test_quantiles_of_few_rows_are_left_out(tmp_path):
    path, _, _ = write(tmp_path, n=60, split=False)
    _, features = profiled(path, COUNT)
    assert set(features["loans__count_d30"]["quantiles"]) == {"p25", "p50", "p75"}
    assert features["loans__count_d30"]["iv"] is None


def test_ks_is_zero_for_a_constant():
    assert rank_ks(np.ones(10), np.arange(10) % 2 == 0, np.ones(10)) == 0
