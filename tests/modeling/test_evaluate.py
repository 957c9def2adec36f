"""Judging a model: figures are those of its rows, small groups stay untold, warnings say what happened."""

import dataclasses
import itertools
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from modeling import charts
from modeling.artifacts import Column, FeatureTable, TrainedModel, from_json, to_json
from modeling.errors import DataError
from modeling.evaluate import EvaluationPlan, evaluate_model, hidden_places
from modeling.floor import count_people, merge_small, people_codes, thin_steps
from modeling.metrics import ks, psi, psi_bins
from modeling.scorecard import Scaling
from modeling.splits import SplitPlan
from modeling.train import TrainPlan, train_model
from modeling.trees import XGBParams

PLAN = EvaluationPlan(bootstrap=40)
MODEL = TrainedModel(
    fingerprint="f",
    parents=(),
    path="",
    content_hash="m1",
    algorithm="scorecard",
    columns=(),
    n_train=1,
    n_candidates=2,
)
TRAINING = {
    "scaling": {"base_score": 600.0, "base_odds": 20.0, "pdo": 20.0},
    "funnel": [
        {"variable": "a", "stage": "model", "rule": "kept", "number": None, "iv": 0.3},
        {"variable": "b", "stage": "iv", "rule": "IV below 0.02", "number": 0.01, "iv": 0.01},
    ],
    "importance": [{"variable": "a", "share": 1.0}],
    "coefficients": [{"variable": "a", "coefficient": -0.9, "p": 0.001}],
}


def _predictions(n: int = 6000, seed: int = 0) -> pd.DataFrame:
    """Six months of 2024; April to June are oot; every person has one row."""
    rng = np.random.default_rng(seed)
    pds = np.round(rng.beta(1.5, 8, n), 6)
    month = np.sort(rng.integers(0, 6, n))
    split = np.where(month >= 3, "oot", np.where(rng.random(n) < 0.7, "train", "valid"))
    return pd.DataFrame(
        {
            "row_id": [f"r{i:05d}" for i in range(n)],
            "person": [f"p{i:05d}" for i in range(n)],
            "split": split,
            "y": (rng.random(n) < pds).astype(np.int8),
            "weight": 1.0,
            "observed_at": pd.to_datetime([f"2024-0{m + 1}-10" for m in month], utc=True),
            "matched": rng.random(n) < 0.7,
            "pd": pds,
            "score": Scaling().score(pds),
        }
    )


@pytest.fixture
def judge(tmp_path):
    """``judge(predictions, plan)``: the ticket and the result."""
    numbers = itertools.count()

    def run(frame: pd.DataFrame, plan: EvaluationPlan = PLAN, model: TrainedModel = MODEL):
        folder = tmp_path / str(next(numbers))
        (folder / "out").mkdir(parents=True)
        frame.to_parquet(folder / "predictions.parquet")
        (folder / "training.json").write_text(json.dumps(TRAINING))
        ticket, result = evaluate_model(model, folder, plan, folder / "out")
        assert json.loads((folder / "out" / "evaluation.json").read_bytes()) == json.loads(json.dumps(result))
        return ticket, result

    return run


def test_figures_are_those_of_the_rows(judge):
    frame = _predictions()
    ticket, result = judge(frame)
    assert list(result["splits"]) == ["train", "valid", "oot"]
    assert result["judged_on"] == "oot"
    for split, figures in result["splits"].items():
        rows = frame[frame.split == split]
        assert (figures["n"], figures["n_people"], figures["n_bad"]) == (len(rows), len(rows), rows.y.sum())
        assert figures["auc"]["value"] == pytest.approx(roc_auc_score(rows.y, rows.pd), abs=1e-12)
        assert figures["auc"]["low"] < figures["auc"]["value"] < figures["auc"]["high"]
        assert figures["ks"]["value"] == pytest.approx(ks(rows.y, rows.pd).value, abs=1e-12)
        refused = rows[rows.score <= figures["ks_at"]]
        gap = refused.y.sum() / rows.y.sum() - (1 - refused.y).sum() / (1 - rows.y).sum()
        assert gap == pytest.approx(figures["ks"]["value"], abs=0.02)
        assert figures["bad_rate"]["value"] == pytest.approx(rows.y.mean())
        assert ticket.auc[split] == figures["auc"]["value"]
        assert ticket.ks[split] == figures["ks"]["value"]
    train, oot = (frame[frame.split == split].score for split in ("train", "oot"))
    bins = psi_bins(train)
    assert result["splits"]["oot"]["psi"]["value"] == pytest.approx(psi(bins.count(train), bins.count(oot)))
    assert ticket.parents == ("m1",)


def test_curves_are_short_rise_and_keep_the_ks_point(judge):
    frame = _predictions()
    _, result = judge(frame)
    for split, figures in result["splits"].items():
        roc, curve = np.array(result["roc"][split]), np.array(result["ks_curve"][split])
        assert len(roc) <= 201
        assert roc[0].tolist() == [0, 0]
        assert roc[-1].tolist() == [1, 1]
        assert (np.diff(roc, axis=0) >= 0).all()
        assert (roc[:, 1] - roc[:, 0]).max() == pytest.approx(figures["ks"]["value"], abs=1e-12)
        at = np.abs(curve[:, 1] - curve[:, 2]).argmax()
        assert curve[at, 0] == figures["ks_at"]
        assert np.trapezoid(roc[:, 1], roc[:, 0]) == pytest.approx(figures["auc"]["value"], abs=0.01)
        assert result["gain"][split][-1] == [1.0, 1.0, 1.0]


def test_tables_add_up_to_the_split(judge):
    _, result = judge(_predictions())
    for split, figures in result["splits"].items():
        for key in ("deciles", "widths", "calibration", "score_hist"):
            assert sum(row["n"] for row in result[key][split]) == figures["n"]
        assert len(result["deciles"][split]) == 10
        assert sum(row["n_bad"] for row in result["deciles"][split]) == figures["n_bad"]
        assert sum(row["good_share"] for row in result["score_hist"][split]) == pytest.approx(1)
    widths = [row["low"] for row in result["score_hist"]["oot"]]
    assert widths == sorted(widths)


def test_months_have_psi_of_all_rows_and_figures_of_rows_that_did_not_teach(judge):
    frame = _predictions()
    _, result = judge(frame)
    months = {row["month"]: row for row in result["months"]}
    assert list(months) == [f"2024-0{m}" for m in range(1, 7)]
    january = frame[frame.observed_at.dt.month == 1]
    assert months["2024-01"]["n"] == len(january)
    valid = january[january.split == "valid"]
    assert months["2024-01"]["n_judged"] == len(valid)
    assert months["2024-01"]["auc"] == pytest.approx(roc_auc_score(valid.y, valid.pd), abs=1e-12)
    june = frame[frame.observed_at.dt.month == 6]
    assert months["2024-06"]["ks"] == pytest.approx(ks(june.y, june.pd).value, abs=1e-12)


def test_out_of_fold_figures_stand_beside_train(judge):
    frame = _predictions().assign(split="train")
    frame["pd_oof"] = np.clip(frame.pd + np.random.default_rng(1).normal(0, 0.03, len(frame)), 1e-4, 1)
    ticket, result = judge(frame)
    assert list(result["splits"]) == ["train", "oof"]
    assert ticket.auc["oof"] == pytest.approx(roc_auc_score(frame.y, frame.pd_oof), abs=1e-12)
    assert result["judged_on"] == "oof"
    scores = Scaling().score(frame.pd_oof)
    assert result["deciles"]["oof"][0]["score_low"] == scores.min()
    assert result["months"][0]["n_judged"] == result["months"][0]["n"]


def test_immature_months_are_left_out_and_said(judge):
    frame = _predictions()
    frame.loc[frame.observed_at.dt.month == 6, "y"] = 0
    plan = dataclasses.replace(PLAN, immature_months=("2024-06",))
    ticket, result = judge(frame, plan)
    kept = frame[(frame.split == "oot") & (frame.observed_at.dt.month < 6)]
    assert result["splits"]["oot"]["n"] == len(kept)
    assert result["months"][-1]["immature"]
    assert result["months"][-1]["n_bad"] is None
    assert result["months"][-1]["psi"] is not None
    assert "immature_months" in ticket.marks
    assert [w["params"]["months"] for w in result["warnings"] if w["code"] == "immature_months"] == ["2024-06"]


def test_rows_without_a_label_do_not_judge(judge):
    frame = _predictions()
    frame["y"] = frame.y.astype("Int8")
    frame.loc[frame.index % 5 == 0, "y"] = pd.NA
    _, result = judge(frame)
    assert sum(row["n"] for row in result["splits"].values()) == frame.y.notna().sum()
    with pytest.raises(DataError, match="No labelled"):
        judge(frame.assign(y=pd.array([pd.NA] * len(frame), dtype="Int8")))


def test_a_quiet_model_has_no_warnings(judge):
    assert judge(_predictions(30000))[1]["warnings"] == []


def _codes(result) -> dict[str, str]:
    return {warning["code"]: warning["level"] for warning in result["warnings"]}


def test_a_fall_a_shift_and_a_broken_order_are_said(judge):
    frame = _predictions()
    late = (frame.split == "oot").to_numpy()
    rng = np.random.default_rng(0)
    frame.loc[late, "y"] = (rng.random(late.sum()) < 0.15).astype(np.int8)
    frame.loc[late, "score"] -= 30
    _, result = judge(frame)
    codes = _codes(result)
    assert codes["auc_fall"] == codes["ks_fall"] == codes["psi_shift"] == "bad"
    assert codes["rank_break"] == "warn"
    levels = [warning["level"] for warning in result["warnings"]]
    assert levels == sorted(levels, key=["bad", "warn", "info"].index)
    for warning in result["warnings"]:
        assert "%(" not in warning["template"] % warning["params"]


def test_a_small_shift_within_chance_is_not_called_one(judge):
    frame = _predictions(700)  # months of a hundred rows: a PSI above .1 by chance alone
    _, result = judge(frame)
    assert max(row["psi"] for row in result["months"]) > 0.1
    assert "psi_shift" not in _codes(result)


def test_returning_people_are_counted_and_left_out_once(judge):
    frame = _predictions()
    early, late = (frame.index[frame.split == split] for split in ("train", "oot"))
    frame.loc[late[:50], "person"] = frame.loc[early[:50], "person"].to_numpy()
    ticket, result = judge(frame)
    new = frame.loc[late[50:]]
    assert result["returning"]["oot"]["n_people"] == 50
    assert result["returning"]["oot"]["auc_new"] == pytest.approx(roc_auc_score(new.y, new.pd), abs=1e-12)
    assert "shared_people" in ticket.marks
    assert _codes(result)["shared_people"] == "info"
    frame.loc[frame.index[frame.split == "valid"][:50], "person"] = frame.loc[early[:50], "person"].to_numpy()
    assert _codes(judge(frame)[1])["people_leak"] == "bad"


def test_a_split_of_few_people_is_not_told(judge):
    frame = _predictions()
    few = frame.index[frame.split == "valid"][:40]
    frame = pd.concat([frame[frame.split != "valid"], frame.loc[few].assign(person=[f"p{i % 9}" for i in range(40)])])
    _, result = judge(frame)
    assert result["splits"]["valid"] == {"hidden": True}
    assert "valid" not in result["roc"]
    assert _codes(result)["split_hidden"] == "warn"


def test_no_step_and_no_group_speaks_of_few_people(judge):
    frame = _predictions(900)
    frame["person"] = [f"p{i // 3}" for i in range(900)]  # rows of a person lie together in time, not in score
    _, result = judge(frame, dataclasses.replace(PLAN, cell_floor=15))
    for split in result["splits"]:
        rows = frame[frame.split == split].sort_values("pd", ascending=False, kind="stable")
        edges = [0.0, *(point[0] for point in result["gain"][split][1:])]
        share = np.arange(1, len(rows) + 1) / len(rows)
        cell = np.searchsorted(edges[1:], share - 1e-12)
        assert rows.groupby(cell).person.nunique().min() >= 15
        for key in ("deciles", "widths", "calibration"):
            assert min(row["n_people"] for row in result[key][split]) >= 15


def test_months_with_few_bads_are_silent_and_not_to_be_had_by_difference(judge):
    frame = _predictions()
    march = (frame.observed_at.dt.month == 3) & (frame.y == 1) & (frame.split == "valid")
    frame.loc[frame.index[march][3:], "y"] = 0
    _, result = judge(frame)
    silent = [row["month"] for row in result["months"] if row["n_bad"] is None]
    assert "2024-03" in silent
    assert len(silent) >= 2
    assert all(row["n"] for row in result["months"])


@given(st.lists(st.integers(0, 60), max_size=12), st.integers(1, 20))
def test_hidden_cells_cannot_be_had_by_difference(sizes, floor):
    hidden = hidden_places(sizes, floor)
    assert {at for at, size in enumerate(sizes) if size < floor} <= hidden
    if hidden and len(hidden) < len(sizes):
        assert len(hidden) > 1
        assert sum(sizes[at] for at in hidden) >= floor
    if all(size >= floor for size in sizes):
        assert not hidden


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 25)), min_size=1, max_size=80), st.integers(1, 8))
def test_merging_keeps_the_order_and_reaches_the_floor(rows, floor):
    group = np.unique([g for g, _ in rows], return_inverse=True)[1]
    codes = people_codes([p for _, p in rows])
    merged = merge_small(group, codes, floor)
    people = count_people(codes, merged, merged.max() + 1)
    assert people.min() >= min(floor, len(set(codes.tolist())))
    assert all(a <= b for a, b in itertools.pairwise(merged[np.argsort(group, kind="stable")]))


@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=120),
    st.integers(1, 10),
    st.integers(5, 60),
    st.randoms(use_true_random=False),
)
def test_shown_steps_are_far_enough_apart(people, floor, points, random):
    codes = people_codes(people)
    ends = np.unique([*random.sample(range(1, len(people) + 1), max(1, len(people) // 3)), len(people)])
    keep = random.randrange(len(ends))
    steps = thin_steps(codes, ends, floor, points, keep)
    assert steps[-1] == len(ends) - 1
    assert (np.diff(steps) > 0).all()
    cells = np.split(codes, ends[steps])[:-1]
    if len(cells) > 1:
        assert min(len(set(cell.tolist())) for cell in cells) >= floor
    sides = np.split(codes, [ends[keep]])
    if all(len(set(side.tolist())) >= floor for side in sides) or keep + 1 == len(ends):
        assert keep in steps


def test_variables_join_funnel_importance_and_coefficient(judge):
    _, result = judge(_predictions())
    assert [(row["variable"], row["importance"], row["coefficient"]) for row in result["variables"]] == [
        ("a", 1.0, -0.9),
        ("b", None, None),
    ]


def test_same_recipe_same_content_and_another_seed_another(judge):
    frame = _predictions(2000)
    one, two, three = (judge(frame, dataclasses.replace(PLAN, seed=seed))[0] for seed in (0, 0, 1))
    assert one == two
    assert one.fingerprint != three.fingerprint
    assert one.content_hash != three.content_hash


def test_the_plan_survives_json():
    plan = dataclasses.replace(PLAN, immature_months=("2024-06",))
    assert from_json(EvaluationPlan, json.loads(json.dumps(to_json(plan)))) == plan


def test_a_sample_without_times_has_no_months(judge):
    _, result = judge(_predictions().drop(columns="observed_at"))
    assert result["months"] == []
    assert result["splits"]["oot"]["months"] is None


@pytest.mark.parametrize("algorithm", ["scorecard", "xgboost"])
def test_a_trained_model_is_judged_by_what_training_left(tmp_path, algorithm):
    rng = np.random.default_rng(0)
    known = rng.normal(size=(3000, 2))
    table = pd.DataFrame(
        {"row_id": [f"r{i:04d}" for i in range(3000)], "person": [f"p{i // 2:04d}" for i in range(3000)]}
    )
    table["observed_at"] = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(rng.integers(0, 180, 3000), unit="D")
    table["y"] = (rng.random(3000) < 1 / (1 + np.exp(1.5 - known.sum(axis=1)))).astype(np.int8)
    table = table.assign(weight=1.0, matched=True, partner__a=known[:, 0], lending__b=known[:, 1])
    (tmp_path / "table").mkdir()
    table.to_parquet(tmp_path / "table" / "rows.parquet")
    columns = (Column("partner__a", "float", "partner", "sample"), Column("lending__b", "float", "platform", "lending"))
    ticket = FeatureTable("f", (), "", "t1", columns, 3000, 3000, marks=("leakage_unknown",))
    plan = TrainPlan(algorithm=algorithm, split=SplitPlan("time", oot_months=2), xgb=XGBParams(n_estimators=20))
    for name in ("model", "judged"):
        (tmp_path / name).mkdir()
    model = train_model(ticket, tmp_path / "table", plan, tmp_path / "model")
    judged, result = evaluate_model(model, tmp_path / "model", PLAN, tmp_path / "judged")
    assert judged.parents == (model.content_hash,)
    assert list(result["splits"]) == ["train", "valid", "test", "oot"]
    predictions = pd.read_parquet(tmp_path / "model" / "predictions.parquet").query("split == 'oot'")
    assert judged.auc["oot"] == pytest.approx(roc_auc_score(predictions.y, predictions.pd), abs=1e-11)
    assert judged.auc["oot"] > 0.7
    assert {row["variable"] for row in result["variables"] if row["importance"]} == {"partner__a", "lending__b"}
    assert {"leakage_unknown", "shared_people"} <= set(judged.marks)
    assert charts.roc(result)["data"]
