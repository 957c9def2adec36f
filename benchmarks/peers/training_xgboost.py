"""Train and predict with bare xgboost from a Parquet file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import xgboost as xgb


def train_and_predict(path: Path, features: list[str], params: dict[str, Any], rounds: int) -> np.ndarray:
    """Read, train on all rows, predict the same rows, write the predictions."""
    table = pq.read_table(path, columns=["row_id", "y", *features])
    x = np.column_stack([table[name].to_numpy().astype(np.float32) for name in features])
    train = xgb.QuantileDMatrix(x, label=table["y"].to_numpy(), max_bin=params["max_bin"])
    booster = xgb.train(params, train, rounds)
    pd = booster.inplace_predict(x)
    pq.write_table(table.select(["row_id", "y"]).append_column("pd", [pd]), path.parent / "bare.parquet")
    return pd
