"""Training: on train rows only, the same bytes twice, equal to bare xgboost, and good enough on public data."""

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from modeling.artifacts import from_json, hash_folder, to_json
from modeling.binning import BinPlan
from modeling.errors import DataError
from modeling.scoring import load_scorer
from modeling.splits import SplitPlan, assign_folds
from modeling.train import TrainPlan, train_model
from modeling.trees import XGBParams
from tests.modeling.tables import SPECIALS, applicants, write_table

TREES = TrainPlan(algorithm="xgboost", xgb=XGBParams(n_estimators=30, min_child_weight=2), threads=2)
FATE_XGB = XGBParams(
    n_estimators=30, max_depth=3, learning_rate=0.3, max_bin=32, subsample=1.0, colsample=1.0, min_child_weight=1.0,
    early_stopping_rounds=None,
)  # fmt: skip


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("table")
    return write_table(applicants(), folder, SPECIALS), folder


def _train(made, plan, out):
    table, folder = made
    out.mkdir(parents=True)
    ticket = train_model(table, folder, plan, out)
    report = msgspec.json.decode((out / "training.json").read_bytes())
    return ticket, pd.read_parquet(out / "predictions.parquet"), report


@pytest.mark.parametrize("plan", [TrainPlan(threads=2), TREES, replace(TREES, split=SplitPlan("folds"))])
def test_the_same_plan_gives_the_same_bytes(small, tmp_path, plan):
    first, _, _ = _train(small, plan, tmp_path / "a")
    second, _, _ = _train(small, plan, tmp_path / "b")
    assert first == second
    assert hash_folder(tmp_path / "a") == hash_folder(tmp_path / "b") == first.content_hash
    other, _, _ = _train(small, replace(plan, seed=9), tmp_path / "c")
    assert other.fingerprint != first.fingerprint


@pytest.mark.parametrize("plan", [TrainPlan(), TREES])
def test_a_model_depends_on_train_labels_alone(tmp_path, plan):
    """Turn every label outside train (and, for trees, outside the valid rows that stop them): the model stays."""
    frame = applicants()
    table = write_table(frame, tmp_path / "table", SPECIALS)
    _, predictions, _ = _train((table, tmp_path / "table"), plan, tmp_path / "a")
    outside = ~predictions["split"].isin(["train", "valid"]).to_numpy()
    assert outside.any()
    frame.loc[outside, "y"] = 1 - frame.loc[outside, "y"]
    write_table(frame, tmp_path / "turned", SPECIALS)
    _train((table, tmp_path / "turned"), plan, tmp_path / "b")
    assert (tmp_path / "a/model.json").read_bytes() == (tmp_path / "b/model.json").read_bytes()


def test_predictions_are_complete(small, tmp_path):
    ticket, predictions, report = _train(small, TrainPlan(), tmp_path / "m")
    assert predictions["row_id"].is_monotonic_increasing
    assert len(predictions) == 3000
    assert {"row_id", "person", "split", "y", "weight", "matched", "pd", "score"} <= set(predictions)
    assert predictions["pd"].map(lambda p: float(f"{p:.12g}") == p).all()
    assert {row["variable"] for row in report["funnel"]} == {c.name for c in small[0].columns}
    assert {c.name for c in ticket.columns} == {c["variable"] for c in report["coefficients"]}
    assert ticket.n_candidates == len(small[0].columns)
    assert all(c["coefficient"] < 0 for c in report["coefficients"])


def test_column_sets_and_matched_rows(small, tmp_path):
    sets: Any = [
        ("partner", {"partner"}),
        ("platform", {"platform"}),
        ("joint", {"partner", "platform"}),
    ]
    for column_set, parties in sets:
        ticket, _, _ = _train(small, TrainPlan(column_set=column_set), tmp_path / column_set)
        assert {c.party for c in ticket.columns} == parties
    _, predictions, _ = _train(small, TrainPlan(rows="matched"), tmp_path / "matched")
    assert predictions["matched"].all()
    assert len(predictions) == small[0].n_matched_rows
    ticket, _, _ = _train(small, TrainPlan(columns=("partner__income", "partner__age")), tmp_path / "two")
    assert {c.name for c in ticket.columns} <= {"partner__income", "partner__age"}


@pytest.mark.parametrize("algorithm", ["scorecard", "xgboost"])
def test_folds_give_out_of_fold_predictions_and_a_model_of_all_rows(small, tmp_path, algorithm):
    plan = replace(TREES, algorithm=algorithm, split=SplitPlan("folds", folds=4))
    ticket, predictions, _ = _train(small, plan, tmp_path / "m")
    assert ticket.n_train == 3000
    assert sorted(predictions["fold"].unique()) == [0, 1, 2, 3]
    assert (predictions["split"] == "train").all()
    seen, unseen = (roc_auc_score(predictions["y"], predictions[c]) for c in ("pd", "pd_oof"))
    assert 0.6 < unseen < seen


def test_an_out_of_fold_pd_never_saw_its_fold(small, tmp_path):
    table, folder = small
    plan = TrainPlan(split=SplitPlan("folds", folds=4))
    _, predictions, _ = _train((table, folder), plan, tmp_path / "m")
    fold = predictions["fold"] == 2
    frame = applicants()
    assert (assign_folds(predictions["person"].to_numpy(), 4, 0) == predictions["fold"]).all()
    frame["split"] = np.where(fold, "test", "train")
    alone = write_table(frame, tmp_path / "table", SPECIALS)
    _, direct, _ = _train((alone, tmp_path / "table"), TrainPlan(split=SplitPlan("column")), tmp_path / "d")
    np.testing.assert_allclose(direct["pd"][fold], predictions["pd_oof"][fold], rtol=1e-9)


def test_splits_by_hand_are_law(small, tmp_path):
    plan = TrainPlan(column_bins={"partner__age": BinPlan(user_splits=(30.0, 41.0))})
    _, _, report = _train(small, plan, tmp_path / "m")
    assert report["bins"]["partner__age"]["edges"] == [30.0, 41.0]
    assert report["bins"]["partner__age"]["by_hand"]


def test_specials_of_the_table_are_bins_of_their_own(small, tmp_path):
    _, _, report = _train(small, TrainPlan(), tmp_path / "m")
    labels = [row["label"] for row in report["bins"]["lending__days_since"]["rows"]]
    assert labels[-2:] == ["Special -1", "Missing"]


def test_monotone_constraint_holds(small, tmp_path):
    plan = replace(TREES, xgb=replace(TREES.xgb, monotone={"partner__income": -1}))
    _train(small, plan, tmp_path / "m")
    scorer = load_scorer(tmp_path / "m")
    chances = [scorer.score_row({"partner__income": float(x)}).pd for x in range(100, 20000, 100)]
    assert (np.diff(chances) <= 1e-12).all()


def test_plan_survives_json():
    plan = replace(TREES, column_bins={"a": BinPlan(user_splits=(1.0,))}, columns=("a",))
    assert from_json(TrainPlan, to_json(plan)) == plan


def _refused(frame, tmp_path, plan=TrainPlan()):  # noqa: B008
    table = write_table(frame, tmp_path / "table", SPECIALS)
    out = tmp_path / "out"
    with pytest.raises(DataError) as refused:
        _train((table, tmp_path / "table"), plan, out)
    assert not list(out.iterdir()), "nothing may be half-written"
    return refused.value.code


def test_what_cannot_be_trained_is_said(tmp_path):
    frame = applicants(400)
    assert _refused(frame.assign(y=0), tmp_path / "one") == "one_class"
    assert _refused(frame.drop(columns="y"), tmp_path / "none") == "no_labels"
    assert _refused(frame[["y", "partner__noise"]], tmp_path / "noise") == "no_variables"
    assert _refused(frame[["y", "partner__age"]], tmp_path / "set", TrainPlan(column_set="platform")) == "no_columns"
    assert _refused(frame, tmp_path / "name", TrainPlan(columns=("partner__no",))) == "column_unknown"
    assert _refused(frame.assign(partner__k=1.0)[["y", "partner__k"]], tmp_path / "k", TREES) == "no_variables"
    assert _refused(frame.assign(weight=0.0), tmp_path / "weight", TREES) == "weight_not_positive"
    frame.loc[5, "partner__income"] = np.inf
    assert _refused(frame, tmp_path / "inf") == "not_finite"
    assert _refused(frame, tmp_path / "inf2", TREES) == "not_finite"


@pytest.mark.parametrize("algorithm", ["scorecard", "xgboost"])
def test_weights_reach_the_fit(tmp_path, algorithm):
    """Goods weighing ten times as much: everybody's PD falls, the order hardly moves."""
    frame = applicants()
    plan = replace(TREES, algorithm=algorithm)
    plain = write_table(frame, tmp_path / "plain", SPECIALS)
    heavy = write_table(frame.assign(weight=np.where(frame["y"] == 1, 1.0, 10.0)), tmp_path / "heavy", SPECIALS)
    _, light, _ = _train((plain, tmp_path / "plain"), plan, tmp_path / "a")
    _, weighted, _ = _train((heavy, tmp_path / "heavy"), plan, tmp_path / "b")
    assert weighted["pd"].mean() < light["pd"].mean() / 3
    assert light["pd"].corr(weighted["pd"], method="spearman") > 0.9


def test_rows_without_label_are_counted_and_left_out(tmp_path):
    frame = applicants(1500)
    frame["y"] = frame["y"].astype("Int8").where(frame.index >= 100)
    table = write_table(frame, tmp_path / "table", SPECIALS)
    _, predictions, report = _train((table, tmp_path / "table"), TrainPlan(), tmp_path / "m")
    assert report["rows_without_label"] == 100
    assert len(predictions) == 1400


def test_person_level_noise_learns_nothing(tmp_path):
    """Three applications a person and noise that identifies the person: a grouped split leaves AUC at one half."""
    rng = np.random.default_rng(8)
    person = np.repeat(np.arange(2000), 3)
    noise = rng.normal(size=(2000, 8))[person]
    frame = pd.DataFrame(noise, columns=[f"partner__n{i}" for i in range(8)])
    frame["y"] = (rng.random(2000) < 0.3)[person].astype("int8")
    frame["person"] = [f"p{i:05d}" for i in person]
    table = write_table(frame, tmp_path / "table")
    plan = replace(TREES, split=SplitPlan("folds"), xgb=replace(TREES.xgb, max_depth=6, early_stopping_rounds=None))
    _, predictions, _ = _train((table, tmp_path / "table"), plan, tmp_path / "m")
    assert predictions.groupby("person")["fold"].nunique().max() == 1
    assert roc_auc_score(predictions["y"], predictions["pd_oof"]) == pytest.approx(0.5, abs=0.03)
    assert roc_auc_score(predictions["y"], predictions["pd"]) > 0.6


@pytest.mark.shared_data
def test_scorecard_on_taiwan_default(shared_data, tmp_path):
    """skorecard's benchmark: test_size .25, random_state 42; its scorecard .7660, optbinning's .7628."""
    from sklearn.model_selection import train_test_split

    frame = pd.read_csv(shared_data / "uci_taiwan_default_raw.csv.gz")
    y, frame = frame["default.payment.next.month"], frame.drop(columns=["ID", "default.payment.next.month"])
    test = train_test_split(np.arange(len(frame)), test_size=0.25, random_state=42)[1]
    frame = frame.astype(float).add_prefix("partner__").assign(y=y.astype("int8"), split="train")
    frame.loc[test, "split"] = "test"
    table = write_table(frame, tmp_path / "table")
    _, predictions, _ = _train((table, tmp_path / "table"), TrainPlan(split=SplitPlan("column")), tmp_path / "m")
    judged = predictions[predictions["split"] == "test"]
    assert roc_auc_score(judged["y"], judged["pd"]) >= 0.763


@pytest.fixture(scope="module")
def joined(shared_data, tmp_path_factory):
    guest = pd.read_csv(shared_data / "fate_default_credit_hetero_guest.csv.gz").set_index("id")
    host = pd.read_csv(shared_data / "fate_default_credit_hetero_host.csv.gz").set_index("id")
    frame = guest.drop(columns="y").add_prefix("partner__").join(host.add_prefix("host__"))
    frame = frame.assign(y=guest["y"].astype("int8"), row_id=[f"{i:07d}" for i in frame.index])
    folder = tmp_path_factory.mktemp("joined")
    return frame.sort_values("row_id"), write_table(frame, folder), folder


@pytest.mark.shared_data
def test_predictions_equal_bare_xgboost(joined, tmp_path):
    import xgboost as xgb

    frame, table, folder = joined
    params = replace(FATE_XGB, min_child_weight=7.5, subsample=0.8, colsample=0.8, seed=3)
    plan = replace(TREES, split=SplitPlan("folds", folds=2), xgb=params)
    _, predictions, _ = _train((table, folder), plan, tmp_path / "m")
    x = frame.drop(columns=["y", "row_id"])
    bare = xgb.XGBClassifier(
        n_estimators=30, max_depth=3, learning_rate=0.3, max_bin=32, subsample=0.8, colsample_bytree=0.8,
        min_child_weight=7.5, tree_method="hist", random_state=3, n_jobs=2,
    ).fit(x, frame["y"])  # fmt: skip
    np.testing.assert_allclose(predictions["pd"], bare.predict_proba(x)[:, 1], atol=1e-6)


@pytest.mark.shared_data
def test_joint_beats_platform_beats_partner(joined, tmp_path):
    _, table, folder = joined
    auc = {}
    sets: Any = ("partner", "platform", "joint")
    for column_set in sets:
        plan = replace(TREES, column_set=column_set, split=SplitPlan("folds"), xgb=FATE_XGB, threads=1)
        _, predictions, _ = _train((table, folder), plan, tmp_path / column_set)
        auc[column_set] = roc_auc_score(predictions["y"], predictions["pd_oof"])
    assert auc["partner"] < auc["platform"] < auc["joint"]
    assert 0.775 <= auc["joint"] <= 0.790
