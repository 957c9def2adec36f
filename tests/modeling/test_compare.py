"""Models on the same rows: paired differences, matched rows, what a better ranking spares."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from modeling.errors import DataError
from modeling.evaluate import EvaluationPlan, compare_models
from modeling.metrics import bad_rate_at_approval, delong, ks
from modeling.splits import assign_folds
from modeling.trees import XGBParams, fit_trees

PLAN = EvaluationPlan(bootstrap=300)
PAIRS = (("joint", "partner"), ("joint", "platform"))


def _three_models(n: int = 8000, seed: int = 0) -> dict[str, pd.DataFrame]:
    """The partner knows one half of the risk, the platform the other, of matched people only."""
    rng = np.random.default_rng(seed)
    own, bought = rng.normal(size=(2, n))
    matched = rng.random(n) < 0.7
    y = (rng.random(n) < 1 / (1 + np.exp(2 - own - 1.3 * bought))).astype(np.int8)
    bought = np.where(matched, bought, 0)
    base = pd.DataFrame(
        {
            "row_id": [f"r{i:05d}" for i in range(n)],
            "person": [f"p{i:05d}" for i in range(n)],
            "split": np.where(np.arange(n) % 2, "train", "test"),
            "y": y,
            "weight": 1.0,
            "matched": matched,
        }
    )
    margins = {"partner": own, "platform": 1.3 * bought, "joint": own + 1.3 * bought}
    return {name: base.assign(pd=1 / (1 + np.exp(2 - margin))) for name, margin in margins.items()}


def test_figures_and_differences_are_those_of_the_rows():
    models = _three_models()
    result = compare_models(models, PAIRS, PLAN)
    assert result["models"] == ["partner", "platform", "joint"]
    assert list(result["splits"]) == ["train", "test"]
    assert result["judged_on"] == "test"
    test = {name: frame[frame.split == "test"] for name, frame in models.items()}
    told = result["splits"]["test"]
    for name, rows in test.items():
        assert told["models"][name]["auc"]["value"] == pytest.approx(roc_auc_score(rows.y, rows.pd), abs=1e-12)
        assert told["models"][name]["ks"]["value"] == pytest.approx(ks(rows.y, rows.pd).value, abs=1e-12)
    pair = told["pairs"][0]
    assert (pair["model"], pair["other"]) == ("joint", "partner")
    difference = roc_auc_score(test["joint"].y, test["joint"].pd) - roc_auc_score(test["partner"].y, test["partner"].pd)
    assert pair["auc"]["value"] == pytest.approx(difference, abs=1e-12)
    check = delong(test["joint"].y, test["joint"].pd, test["partner"].pd)
    assert pair["delong_p"] == check.p
    assert (pair["auc"]["high"] - pair["auc"]["low"]) / 2 == pytest.approx(1.96 * check.error, rel=0.2)
    assert pair["auc"]["low"] > 0


def test_fewer_bads_are_counted_in_ten_thousand_applicants():
    models = _three_models()
    pair = compare_models(models, PAIRS, PLAN)["splits"]["test"]["pairs"][0]
    joint, partner = (models[name][models[name].split == "test"] for name in ("joint", "partner"))
    spared = bad_rate_at_approval(partner.y, partner.pd, 0.6) - bad_rate_at_approval(joint.y, joint.pd, 0.6)
    assert spared > 0
    assert pair["fewer_bads"]["value"] == pytest.approx(6000 * spared)
    assert pair["fewer_bads"]["low"] < pair["fewer_bads"]["value"] < pair["fewer_bads"]["high"]


def test_matched_rows_stand_apart():
    models = _three_models()
    result = compare_models(models, PAIRS, PLAN)
    rows = models["platform"][(models["platform"].split == "test") & models["platform"].matched]
    told = result["matched"]["test"]
    assert told["n"] == len(rows)
    assert told["models"]["platform"]["auc"]["value"] == pytest.approx(roc_auc_score(rows.y, rows.pd), abs=1e-12)
    gain = [view["pairs"][0]["auc"]["value"] for view in (told, result["splits"]["test"])]
    assert gain[0] > gain[1]  # diluted by people whom the platform does not know


def test_everybody_matched_has_one_view():
    models = {name: frame.assign(matched=True) for name, frame in _three_models(1000).items()}
    assert compare_models(models, PAIRS, PLAN)["matched"] is None


def test_a_view_whose_rest_is_few_people_stays_untold():
    models = _three_models(1000)
    for frame in models.values():
        frame["matched"] = frame.index >= 6
    assert compare_models(models, PAIRS, PLAN)["matched"]["test"] == {"hidden": True}


def test_only_rows_that_all_have_scored_are_compared():
    models = _three_models(2000)
    models["platform"] = models["platform"].sample(frac=1, random_state=0).iloc[200:]
    result = compare_models(models, PAIRS, PLAN)
    assert sum(view["n"] for view in result["splits"].values()) == 1800
    assert result["n_left_out"] == {"partner": 200, "platform": 0, "joint": 200}


def test_repeated_people_and_weights_have_no_delong():
    models = _three_models(2000)
    for frame in models.values():
        frame["person"] = [f"p{i // 4}" for i in range(len(frame))]
    assert compare_models(models, PAIRS, PLAN)["splits"]["test"]["pairs"][0]["delong_p"] is None


def test_a_model_against_itself_differs_by_nothing():
    models = _three_models(1000)
    pair = compare_models({"a": models["joint"], "b": models["joint"]}, [("a", "b")], PLAN)["splits"]["test"]["pairs"][
        0
    ]
    assert pair["auc"] == pair["ks"] == {"value": 0, "low": 0, "high": 0}
    assert pair["delong_p"] == 1


def test_other_labels_or_no_shared_split_are_refused():
    models = _three_models(1000)
    with pytest.raises(DataError, match="different labels"):
        compare_models({"a": models["joint"], "b": models["joint"].assign(y=1 - models["joint"].y)}, [], PLAN)
    with pytest.raises(DataError, match="share no split"):
        compare_models(
            {"a": models["joint"].assign(split="train"), "b": models["joint"].assign(split="test")}, [], PLAN
        )


@pytest.mark.shared_data
def test_the_joint_data_of_the_public_pair_is_worth_something(shared_data):
    """Out of fold: joint above platform above partner in AUC, and the intervals of the differences say so."""
    guest = pd.read_csv(shared_data / "fate_default_credit_hetero_guest.csv.gz").set_index("id").sort_index()
    host = pd.read_csv(shared_data / "fate_default_credit_hetero_host.csv.gz").set_index("id").sort_index()
    y = guest.pop("y").to_numpy()
    sides = {"partner": guest, "platform": host, "joint": guest.join(host.add_prefix("host_"))}
    ids = guest.index.astype(str).to_numpy(dtype=object)
    fold = assign_folds(ids, 5, seed=1)
    params = XGBParams(30, 3, 0.3, 32, 1.0, 1.0, 1.0, early_stopping_rounds=None)

    def predictions(side: pd.DataFrame) -> pd.DataFrame:
        x, pds = side.to_numpy(dtype=np.float32), np.empty(len(y))
        for k in range(5):
            pds[fold == k] = fit_trees(x[fold != k], y[fold != k], np.ones((fold != k).sum()), params).pd(x[fold == k])
        columns = {"row_id": ids, "person": ids, "split": "train", "y": y, "weight": 1.0, "matched": True}
        return pd.DataFrame(columns | {"pd": pds, "pd_oof": pds})

    plan = dataclasses.replace(PLAN, bootstrap=200)
    pairs = (*PAIRS, ("platform", "partner"))
    told = compare_models({name: predictions(side) for name, side in sides.items()}, pairs, plan)["splits"]["oof"]
    assert all(pair["auc"]["low"] > 0 and pair["delong_p"] < 1e-6 for pair in told["pairs"])
    assert told["pairs"][0]["fewer_bads"]["low"] > 0
    assert told["models"]["joint"]["ks"]["value"] == pytest.approx(0.430, abs=0.012)
