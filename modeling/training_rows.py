"""Rows of a feature table as training sees them, and predictions as it leaves them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from modeling.artifacts import Column, FeatureTable
from modeling.errors import DataError
from modeling.scoring import ScoredRows
from modeling.woe import Floats

Objects = npt.NDArray[Any]
OPTIONAL = ("observed_at", "split")


@dataclass(frozen=True)
class Rows:
    """Labelled rows by column: numbers as float64 with NaN, categories as strings with None."""

    row_id: Objects
    person: Objects
    y: Floats
    weight: Floats
    matched: npt.NDArray[np.bool_]
    observed_at: Objects | None
    split: Objects | None
    inputs: tuple[Column, ...]
    columns: dict[str, Objects]
    n_unlabelled: int = 0

    def __len__(self) -> int:
        return len(self.row_id)

    def take(self, chosen: npt.NDArray[np.bool_]) -> Rows:
        """The chosen rows."""
        return Rows(
            row_id=self.row_id[chosen],
            person=self.person[chosen],
            y=self.y[chosen],
            weight=self.weight[chosen],
            matched=self.matched[chosen],
            observed_at=None if self.observed_at is None else self.observed_at[chosen],
            split=None if self.split is None else self.split[chosen],
            inputs=self.inputs,
            columns={name: values[chosen] for name, values in self.columns.items()},
        )


def read_rows(
    table: FeatureTable,
    folder: Path,
    column_set: Literal["partner", "platform", "joint"],
    names: tuple[str, ...] | None,
    which: Literal["all", "matched"],
) -> Rows:
    """Read ``rows.parquet``; rows without a label are counted and left out."""
    inputs = candidates(table, column_set, names)
    path = folder / "rows.parquet"
    stored = set(pq.read_schema(path).names)
    if "y" not in stored:
        raise DataError("no_labels", "The table has no label, so nothing can be trained on it.")
    own = ["row_id", "person", "y", "weight", "matched", *(n for n in OPTIONAL if n in stored)]
    data = pq.read_table(path, columns=[n for n in own if n in stored] + [c.name for c in inputs])
    if which == "matched":
        data = data.filter(data["matched"])
    labelled = data.filter(pc.is_valid(data["y"]))
    if not labelled.num_rows:
        raise DataError("no_labels", "No row has a label, so nothing can be trained.")
    return _rows(labelled, inputs, data.num_rows - labelled.num_rows)


def candidates(
    table: FeatureTable, column_set: Literal["partner", "platform", "joint"], names: tuple[str, ...] | None
) -> tuple[Column, ...]:
    """Columns of the set, in the table's order, narrowed to ``names``."""
    chosen = [c for c in table.columns if column_set in ("joint", c.party)]
    if names is not None:
        chosen = [c for c in chosen if c.name in names]
    if not chosen:
        raise DataError("no_columns", "The table has no %(column_set)s columns to train on.", column_set=column_set)
    return tuple(chosen)


def read_column(folder: Path, column: Column, which: Literal["all", "matched"]) -> Objects:
    """One column of the rows that :func:`read_rows` reads, in their order; nothing else is held in memory."""
    path = folder / "rows.parquet"
    keep = ["y", *(["matched"] if which == "matched" else [])]
    data = pq.read_table(path, columns=[*keep, column.name])
    chosen = pc.is_valid(data["y"])
    if which == "matched":
        chosen = pc.and_(chosen, pc.fill_null(data["matched"], False))
    values = data[column.name].filter(chosen)
    return _objects(values) if column.kind == "category" else _numbers(values)


def _rows(data: pa.Table, inputs: tuple[Column, ...], n_unlabelled: int) -> Rows:
    n = data.num_rows
    return Rows(
        row_id=_objects(data["row_id"]),
        person=_objects(data["person"]),
        y=_numbers(data["y"]),
        weight=_weights(data["weight"]) if "weight" in data.column_names else np.ones(n),
        matched=_numbers(data["matched"]) > 0 if "matched" in data.column_names else np.ones(n, dtype=bool),
        observed_at=_times(data["observed_at"]) if "observed_at" in data.column_names else None,
        split=_objects(data["split"]) if "split" in data.column_names else None,
        inputs=inputs,
        columns={c.name: _objects(data[c.name]) if c.kind == "category" else _numbers(data[c.name]) for c in inputs},
        n_unlabelled=n_unlabelled,
    )


def _objects(values: pa.ChunkedArray) -> Objects:
    return np.asarray(values.cast(pa.string()).to_numpy(zero_copy_only=False), dtype=object)


def _numbers(values: pa.ChunkedArray) -> Floats:
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.int8())
    elif pa.types.is_temporal(values.type):
        values = values.cast(pa.timestamp("us")).cast(pa.int64())
    return np.asarray(values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)


def _weights(values: pa.ChunkedArray) -> Floats:
    weights = _numbers(values)
    if not (np.isfinite(weights).all() and (weights > 0).all()):
        raise DataError("weight_not_positive", "Weights must be finite and above 0.", column="weight")
    return weights


def _times(values: pa.ChunkedArray) -> Objects:
    return np.asarray(values.cast(pa.timestamp("us")).to_numpy(zero_copy_only=False), dtype="datetime64[us]")


def write_predictions(
    out: Path,
    rows: Rows,
    split: Objects,
    folds: npt.NDArray[np.int64] | None,
    scored: ScoredRows,
    oof: Floats | None,
) -> None:
    """``predictions.parquet``, sorted by row_id, PDs rounded to 12 significant digits."""
    data: dict[str, Any] = {"row_id": rows.row_id, "person": rows.person, "split": split}
    if folds is not None and oof is not None:
        data["fold"] = pa.array(folds, mask=folds < 0)
        data["pd_oof"] = pa.array(significant(oof), mask=np.isnan(oof))
    data |= {"y": rows.y.astype(np.int8), "weight": rows.weight, "matched": rows.matched}
    if rows.observed_at is not None:
        data["observed_at"] = pa.array(rows.observed_at).cast(pa.timestamp("us", tz="UTC"))
    data |= {"pd": significant(scored.pd), "score": scored.score}
    table = pa.table(data).sort_by("row_id")
    pq.write_table(table, out / "predictions.parquet", compression="zstd")


def significant(values: npt.ArrayLike, digits: int = 12) -> Floats:
    """Rounded to significant digits, so that the order of a parallel sum does not reach the disk.

    >>> significant([0.1234567890123456, 0.0, 1e-7]).tolist()
    [0.123456789012, 0.0, 1e-07]
    """
    x = np.asarray(values, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        power = np.floor(np.log10(np.abs(x)))
    scale = 10.0 ** np.clip(np.where(np.isfinite(power), digits - 1 - power, 0), -300, 300)
    return np.asarray(np.round(x * scale) / scale)


def rounded(value: Any) -> Any:
    """The same JSON value with every float at 12 significant digits.

    >>> rounded({"a": [1 / 3, 2]})
    {'a': [0.333333333333, 2]}
    """
    if isinstance(value, float):
        return float(f"{value:.12g}")
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return [rounded(item) for item in value] if isinstance(value, (list, tuple)) else value
