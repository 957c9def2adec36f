"""One raw row in process, from a dict to PD and score, against xgboost's and scikit-learn's own predict on arrays."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from benchmarks.bench_training import make
from benchmarks.peers import score_own_predict as peer
from benchmarks.timing import in_turn, repeated, row
from modeling.artifacts import FeatureTable
from modeling.scoring import Scorer, load_scorer
from modeling.splits import SplitPlan
from modeling.train import TrainPlan, train_model
from modeling.trees import XGBParams, booster_params

N_TREES = 200
PARAMS = XGBParams(n_estimators=N_TREES, early_stopping_rounds=None)
PLANS = (
    TrainPlan(split=SplitPlan("column")),
    TrainPlan(algorithm="xgboost", split=SplitPlan("column"), xgb=PARAMS),
)


def _fitted(table: FeatureTable, folder: Path, plan: TrainPlan) -> Scorer:
    with tempfile.TemporaryDirectory() as out:
        train_model(table, folder, plan, Path(out))
        return load_scorer(Path(out))


def run(quick: bool) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table = make(folder, 10_000, 20)
        data = pq.read_table(folder / "rows.parquet")
        card, trees = (_fitted(table, folder, plan) for plan in PLANS)
    names = [column.name for column in table.columns]
    x = np.column_stack([data[name].to_numpy() for name in names]).astype(np.float32)
    booster = peer.train_booster(x, data["y"].to_numpy(), booster_params(PARAMS), N_TREES)
    values = {name: None if v != v else v for name, v in zip(names, x[7].astype(float).tolist(), strict=True)}
    times, rounds = (50, 2) if quick else (500, 7)
    return [
        _trees(trees, booster, values, x[7:8], times, rounds),
        _reasons(trees, booster, values, x[7:8], times, rounds),
        _card(card, values, times, rounds),
    ]


def _measured(
    name: str, ours: Any, theirs: Any, times: int, rounds: int, peer_name: str, package: str
) -> dict[str, Any]:
    seconds = in_turn(repeated(ours, times), repeated(theirs, times), rounds)
    micros = [1e6 * s / times for s in seconds]
    return row(name, micros[0], micros[1], peer_name, "µs a row", "ratio below 0.5", (package, "onnxruntime", "numpy"))


def _trees(
    scorer: Scorer, booster: Any, values: dict[str, Any], arrays: np.ndarray, times: int, rounds: int
) -> dict[str, Any]:
    assert abs(scorer.score_row(values, reasons=0).pd - peer.score_booster(booster, arrays)) < 1e-6
    return _measured(
        f"score-kernel, {N_TREES} trees, PD and score",
        lambda: scorer.score_row(values, reasons=0),
        lambda: peer.score_booster(booster, arrays),
        times, rounds, "xgboost inplace_predict", "xgboost-cpu",
    )  # fmt: skip


def _reasons(
    scorer: Scorer, booster: Any, values: dict[str, Any], arrays: np.ndarray, times: int, rounds: int
) -> dict[str, Any]:
    theirs = peer.explain_booster(booster, arrays)[:-1]
    np.testing.assert_allclose(list(scorer.contributions(values).values()), theirs, atol=1e-5)
    return _measured(
        f"score-kernel, {N_TREES} trees, with reasons",
        lambda: scorer.score_row(values),
        lambda: peer.explain_booster(booster, arrays),
        times, rounds, "xgboost pred_contribs", "xgboost-cpu",
    )  # fmt: skip


def _card(scorer: Scorer, values: dict[str, Any], times: int, rounds: int) -> dict[str, Any]:
    card = scorer.model.scorecard
    assert card is not None
    woe = np.array([[bins.woe[bins.index_one(values[bins.name])] for bins in card.bins]])
    model = peer.regression(list(card.coefficients), card.intercept)
    assert abs(scorer.score_row(values, reasons=0).pd - peer.score_regression(model, woe)) < 1e-6
    return _measured(
        "score-kernel, scorecard, PD and score",
        lambda: scorer.score_row(values, reasons=0),
        lambda: peer.score_regression(model, woe),
        times, rounds, "scikit-learn predict_proba", "scikit-learn",
    )  # fmt: skip
