"""Train one model on a feature table: ``FeatureTable, TrainPlan -> TrainedModel``.

Every statistic that uses y is learned on train rows; valid rows steer early stopping and nothing else. With folds every
row gets an out-of-fold PD (``pd_oof``), and the model that is stored is fitted on all rows that are not out of time.
"""

from __future__ import annotations

import importlib.metadata
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from modeling.artifacts import FeatureTable, Progress, TrainedModel, fingerprint, hash_folder, no_progress, to_json
from modeling.bin_given import GivenSet
from modeling.binning import BinPlan
from modeling.errors import DataError
from modeling.fitting import Fitted, fit_rows, refuse_thin_bins
from modeling.parity import check_parity
from modeling.scorecard import Scaling
from modeling.scoring import write_model
from modeling.screening import ScreenPlan
from modeling.splits import SplitPlan, assign_folds, assign_splits
from modeling.training_rows import Rows, read_rows, rounded, write_predictions
from modeling.trees import XGBParams

CODE_VERSION = 1  # raised when the same plan would give another model


@dataclass(frozen=True)
class TrainPlan:
    """What to train, on which columns and rows. ``columns`` narrows the column set to the names given.

    ``column_bins`` overrides ``bins`` for single columns (a trend, splits by hand); ``given`` holds the bins of an
    accepted bin set, which a scorecard takes as they are. ``seed``, where given, replaces the seeds of ``split`` and
    ``xgb``. ``min_people`` is the floor of people in every bin and leaf.
    """

    algorithm: Literal["scorecard", "xgboost"] = "scorecard"
    column_set: Literal["partner", "platform", "joint"] = "joint"
    columns: tuple[str, ...] | None = None
    split: SplitPlan = field(default_factory=SplitPlan)
    rows: Literal["all", "matched"] = "all"
    scaling: Scaling = field(default_factory=Scaling)
    bins: BinPlan = field(default_factory=BinPlan)
    column_bins: dict[str, BinPlan] = field(default_factory=dict)
    given: GivenSet | None = None
    screen: ScreenPlan = field(default_factory=ScreenPlan)
    xgb: XGBParams = field(default_factory=XGBParams)
    seed: int | None = None
    min_people: int = 30
    threads: int = 1

    def seeded(self) -> TrainPlan:
        """The plan with its one seed put where seeds are used."""
        if self.seed is None:
            return self
        return replace(self, split=replace(self.split, seed=self.seed), xgb=replace(self.xgb, seed=self.seed))


def train_model(
    table: FeatureTable, table_dir: Path, plan: TrainPlan, out: Path, *, progress: Progress = no_progress
) -> TrainedModel:
    """Fit, check that one row and many score alike, and write the model's folder.

    Writes ``model.json`` (trees also ``model.onnx``, ``trees.json``), ``training.json`` and ``predictions.parquet``.
    The same table and plan give the same bytes.

    Raises
    ------
    DataError
        ``no_columns``, ``no_labels``, ``one_class``, ``no_variables``, ``not_converged``, and those of splits and bins
    """
    plan = plan.seeded()
    _check_names(table, plan)
    progress(0, table.n_rows, "read")
    rows = read_rows(table, table_dir, plan.column_set, plan.columns, plan.rows)
    split = assign_splits(rows.person, rows.observed_at, rows.split, plan.split)
    folds, oof, rounds = _cross_fit(rows, split, plan, progress)
    fitted = _fit(rows, split, plan, rounds, progress)
    scored = fitted.scorer.score_rows(rows.columns)
    check_parity(fitted.scorer)
    write_model(fitted.scorer.model, out)
    if fitted.trees is not None:
        fitted.trees.save(out)
    write_predictions(out, rows, split, folds, scored, oof)
    _write_report(out, rows, split, plan, fitted)
    progress(table.n_rows, table.n_rows, "written")
    return _ticket(table, plan, rows, split, fitted, out)


def _check_names(table: FeatureTable, plan: TrainPlan) -> None:
    """Refuse names that the table lacks; names outside the column set are fine, so one recipe serves all three sets."""
    known = {column.name for column in table.columns}
    named = {*(plan.columns or ()), *plan.column_bins, *(plan.xgb.monotone or {}), *plan.screen.keep}
    for name in sorted(named - known):
        raise DataError("column_unknown", "The plan names %(column)s, which the table does not have.", column=name)


def _fit(rows: Rows, split: npt.NDArray[Any], plan: TrainPlan, rounds: int | None, progress: Progress) -> Fitted:
    """The stored model: on train rows, stopped by valid rows or after the folds' median number of rounds."""
    valid = rows.take(split == "valid") if (split == "valid").any() and rounds is None else None
    if rounds is not None:
        plan = replace(plan, xgb=replace(plan.xgb, n_estimators=rounds, early_stopping_rounds=None))
    fitted = fit_rows(rows.take(split == "train"), valid, plan, progress)
    refuse_thin_bins(fitted, plan)
    return fitted


def _cross_fit(
    rows: Rows, split: npt.NDArray[Any], plan: TrainPlan, progress: Progress
) -> tuple[npt.NDArray[np.int64] | None, npt.NDArray[np.float64] | None, int | None]:
    """Folds, out-of-fold PDs (NaN out of time), and the median number of rounds where stopping was asked for."""
    if plan.split.kind != "folds":
        return None, None, None
    inside = split == "train"
    folds = np.full(len(split), -1, dtype=np.int64)
    folds[inside] = assign_folds(rows.person[inside], plan.split.folds, plan.split.seed)
    oof = np.full(len(split), np.nan)
    stops = plan.algorithm == "xgboost" and plan.xgb.early_stopping_rounds is not None
    rounds = []
    for k in range(plan.split.folds):
        progress(k, plan.split.folds, "folds")
        fitted = _fit_without(rows, folds, k, stops, plan)
        oof[folds == k] = fitted.scorer.score_rows(rows.take(folds == k).columns).pd
        rounds.append(0 if fitted.trees is None else fitted.trees.n_trees)
    return folds, oof, int(median(rounds)) if stops else None


def _fit_without(rows: Rows, folds: npt.NDArray[np.int64], k: int, stops: bool, plan: TrainPlan) -> Fitted:
    """A model that never saw fold ``k``; the next fold steers early stopping where that is asked for."""
    valid = (folds == (k + 1) % plan.split.folds) if stops else np.zeros(len(folds), dtype=bool)
    train = (folds >= 0) & (folds != k) & ~valid
    return fit_rows(rows.take(train), rows.take(valid) if stops else None, plan)


def _write_report(out: Path, rows: Rows, split: npt.NDArray[Any], plan: TrainPlan, fitted: Fitted) -> None:
    report = {
        "algorithm": plan.algorithm,
        "plan": to_json(plan),
        "splits": _counts(rows, split),
        "rows_without_label": rows.n_unlabelled,
        "versions": versions(),
        **fitted.report,
    }
    encoded = msgspec.json.encode(rounded(to_json(report)), order="sorted")
    (out / "training.json").write_bytes(msgspec.json.format(encoded, indent=1))


def _counts(rows: Rows, split: npt.NDArray[Any]) -> dict[str, dict[str, float]]:
    return {
        name: {
            "n": int((split == name).sum()),
            "n_bad": int(rows.y[split == name].sum()),
            "n_people": len(set(rows.person[split == name])),
        }
        for name in dict.fromkeys(split)
    }


@cache
def versions() -> dict[str, str]:
    """Versions of what a fitted model depends on."""
    found = {"modeling": str(CODE_VERSION)}
    for name in ("numpy", "scikit-learn", "xgboost-cpu", "xgboost", "numba", "onnxruntime"):
        with suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def _ticket(
    table: FeatureTable, plan: TrainPlan, rows: Rows, split: npt.NDArray[Any], fitted: Fitted, out: Path
) -> TrainedModel:
    asked = {entry.name for entry in fitted.scorer.signature}
    return TrainedModel(
        fingerprint=fingerprint(table.content_hash, plan, versions()),
        parents=(table.content_hash,),
        path="",
        content_hash=hash_folder(out),
        algorithm=plan.algorithm,
        columns=tuple(column for column in table.columns if column.name in asked),
        n_train=int((split == "train").sum()),
        n_candidates=len(rows.inputs),
        marks=tuple(dict.fromkeys((*table.marks, *fitted.marks))),
    )
