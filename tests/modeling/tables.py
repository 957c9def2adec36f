"""Small feature tables for tests."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from modeling.artifacts import Column, FeatureTable

Specials = Mapping[str, tuple[float, ...]]
RESERVED = {"row_id", "person", "y", "weight", "matched", "split", "observed_at", "approved"}


def write_table(frame: pd.DataFrame, folder: Path, specials: Specials | None = None) -> FeatureTable:
    """Write ``rows.parquet`` from a frame with at least y and features named ``partner__*`` or ``<source>__*``."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = frame.copy()
    rows["row_id"] = rows.get("row_id", pd.Series([f"{i:07d}" for i in range(len(rows))], index=rows.index))
    rows["person"] = rows.get("person", rows["row_id"])
    rows["weight"] = rows.get("weight", 1.0)
    rows["matched"] = rows.get("matched", True)
    rows = rows.sort_values("row_id")
    pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), folder / "rows.parquet")
    features = [str(name) for name in rows if name not in RESERVED]
    columns = tuple(_column(name, rows[name], (specials or {}).get(name, ())) for name in features)
    return FeatureTable("recipe", (), "", "content", columns, len(rows), int(rows["matched"].sum()))


def _column(name: str, values: pd.Series, specials: tuple[float, ...]) -> Column:
    origin, field = name.split("__", 1)
    party: Any = "partner" if origin == "partner" else "platform"
    kind: Any = "float" if values.dtype.kind in "if" else "category"
    return Column(name, kind, party, "sample" if party == "partner" else origin, field, specials=specials)


def applicants(n: int = 3000, seed: int = 0) -> pd.DataFrame:
    """Made-up applicants: numbers, special codes, missing values, rare categories, noise, unmatched rows."""
    rng = np.random.default_rng(seed)
    risk = rng.normal(size=n)
    income = np.round(np.exp(8 - 0.4 * risk + rng.normal(0, 0.5, n)), 2)
    age = rng.integers(20, 65, n).astype(float)
    job = np.array(["clerk", "driver", "teacher", "other work"], dtype=object)[
        np.clip(np.floor(risk + rng.normal(0, 1, n) + 2), 0, 3).astype(int)
    ]
    job[rng.random(n) < 0.01] = "astronaut"
    job[rng.random(n) < 0.05] = None
    loans = rng.poisson(np.exp(0.5 * risk + 0.3)).astype(float)
    matched = rng.random(n) < 0.8
    days = np.where(rng.random(n) < 0.3, -1.0, np.round(rng.exponential(30, n) * np.exp(-0.8 * risk)))
    frame = pd.DataFrame(
        {
            "y": (rng.random(n) < 1 / (1 + np.exp(1.6 - risk))).astype("int8"),
            "matched": matched,
            "partner__income": np.where(rng.random(n) < 0.1, np.nan, income),
            "partner__age": age,
            "partner__job": job,
            "partner__noise": rng.normal(size=n),
            "lending__count_d90": np.where(matched, loans, np.nan),
            "lending__days_since": np.where(matched, days, np.nan),
        }
    )
    return frame


SPECIALS: Specials = {"lending__days_since": (-1.0,)}
