"""Training a boosted model, from the feature table's Parquet to stored predictions, against bare xgboost.

Ours also encodes, counts people by leaf, writes ONNX and proves that one row and many score alike.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.peers import training_xgboost as peer
from benchmarks.timing import in_turn, row
from modeling.artifacts import Column, FeatureTable
from modeling.splits import SplitPlan
from modeling.train import TrainPlan, train_model
from modeling.trees import XGBParams, booster_params

THREADS = 2


def make(folder: Path, n_rows: int, n_columns: int) -> FeatureTable:
    """A feature table whose rows are all train."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(n_rows, n_columns))
    x[rng.random(x.shape) < 0.05] = np.nan
    risk = np.nan_to_num(x[:, :10]).sum(axis=1) * 0.3
    ids = [f"{i:08d}" for i in range(n_rows)]
    data: dict[str, Any] = {"row_id": ids, "person": ids, "split": ["train"] * n_rows, "matched": np.ones(n_rows, bool)}
    data |= {"y": (rng.random(n_rows) < 1 / (1 + np.exp(2 - risk))).astype(np.int8), "weight": np.ones(n_rows)}
    names = [f"partner__x{j:02d}" for j in range(n_columns)]
    pq.write_table(pa.table(data | {name: x[:, j] for j, name in enumerate(names)}), folder / "rows.parquet")
    columns = tuple(Column(name, "float", "partner", "sample", name[9:]) for name in names)
    return FeatureTable("made", (), "", "made", columns, n_rows, n_rows)


def run(quick: bool) -> list[dict[str, Any]]:
    n_rows, n_columns, n_trees = (10_000, 10, 30) if quick else (100_000, 40, 200)
    params = XGBParams(n_estimators=n_trees, early_stopping_rounds=None)
    plan = TrainPlan(algorithm="xgboost", split=SplitPlan("column"), xgb=params, threads=THREADS)
    chosen = booster_params(params, threads=THREADS)
    pds: dict[str, np.ndarray] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table = make(folder, n_rows, n_columns)
        features = [column.name for column in table.columns]

        def ours() -> None:
            with tempfile.TemporaryDirectory() as out:
                train_model(table, folder, plan, Path(out))
                pds["ours"] = pq.read_table(Path(out) / "predictions.parquet")["pd"].to_numpy()

        def theirs() -> None:
            pds["peer"] = peer.train_and_predict(folder / "rows.parquet", features, chosen, n_trees)

        seconds = in_turn(ours, theirs, 2 if quick else 5)
    np.testing.assert_allclose(pds["ours"], pds["peer"], atol=1e-6)
    what = f"training, {n_rows:,} rows x {n_columns}, {n_trees} trees"
    return [row(what, *seconds, "bare xgboost", "s", "ratio below 1.5", ("xgboost-cpu", "numpy", "pyarrow"))]
