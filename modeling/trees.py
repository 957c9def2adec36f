"""Boosted trees: trained by xgboost, kept as flat arrays and ONNX, explained by exact Shapley values.

The booster is read once into flat arrays (``trees.json``); ``model.onnx`` is written from them, contributions and leaf
counts walk them. Margins come from onnxruntime alone, on one thread, for one row and for many: a row scored singly and
in a batch gives the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from modeling.artifacts import Progress, no_progress
from modeling.errors import DataError
from modeling.shapley import Paths, reach_leaves, shapley_values, tree_paths

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]
SAME_PD = 1e-6


@dataclass(frozen=True)
class XGBParams:
    """What a modeler may set. ``early_stopping_rounds`` works only where valid rows are given."""

    n_estimators: int = 300
    max_depth: int = 3
    learning_rate: float = 0.08
    max_bin: int = 256
    subsample: float = 0.8
    colsample: float = 0.8
    min_child_weight: float = 10.0
    reg_lambda: float = 1.0
    seed: int = 0
    early_stopping_rounds: int | None = 30
    monotone: dict[str, int] | None = None  # by column name: 1 raises the PD, -1 lowers it, 0 is free


class ValidRows(NamedTuple):
    """Rows that decide when to stop, and nothing else."""

    x: Rows
    y: ArrayLike
    weight: ArrayLike


class FlatTrees(msgspec.Struct, frozen=True):
    """The nodes of all trees in a row; ``left`` and ``right`` are positions in it.

    An inner node sends ``x[feature] < value`` left and missing where ``missing_left`` says. A leaf has ``feature`` -1
    and adds ``value`` to the margin. ``leaf_people`` counts the distinct people of the training rows in each leaf.
    """

    n_features: int
    base_margin: float
    roots: list[int]
    feature: list[int]
    value: list[float]
    left: list[int]
    right: list[int]
    missing_left: list[bool]
    cover: list[float]
    gain: list[float]
    leaf_people: list[int]


class ThinLeaf(NamedTuple):
    tree: int
    node: int
    people: int


class TreeModel:
    """A trained ensemble: PDs from ``model.onnx``, their reasons from the flat arrays."""

    def __init__(self, trees: FlatTrees, onnx: bytes) -> None:
        self.trees = trees
        self.onnx = onnx

    @property
    def n_features(self) -> int:
        return self.trees.n_features

    @property
    def n_trees(self) -> int:
        return len(self.trees.roots)

    def margin(self, x: Rows) -> Floats:
        """Log-odds of bad, shape (n,); ``x`` is float32 of shape (n, features), NaN for missing."""
        rows = np.ascontiguousarray(x, dtype=np.float32)
        margin: Floats = self._run(_OUTPUT, {"x": rows})[0][:, 0].astype(np.float64)
        return margin

    def pd(self, x: Rows) -> Floats:
        """Probability of bad, shape (n,): ``1 / (1 + exp(-margin))`` in double precision."""
        return _sigmoid(self.margin(x))

    def pd_row(self, values: Sequence[float]) -> float:
        """The PD of one row of numbers, NaN for missing; the same bits as :meth:`pd`."""
        margin = self._run(_OUTPUT, {"x": np.array((values,), dtype=np.float32)})[0]
        return float(_sigmoid(margin[0].astype(np.float64))[0])

    def contributions(self, x: Rows) -> Floats:
        """Shapley values in log-odds towards bad: :func:`modeling.shapley.shapley_values`."""
        rows = np.ascontiguousarray(x, dtype=np.float32)
        return shapley_values(rows, self._paths, self.n_features, self.trees.base_margin)

    def thin_leaves(self, floor: int) -> list[ThinLeaf]:
        """Leaves that fewer than ``floor`` people of the training rows reached."""
        trees = self.trees
        tree_of = np.searchsorted(trees.roots, np.arange(len(trees.feature)), side="right") - 1
        return [
            ThinLeaf(int(tree_of[node]), node, people)
            for node, people in enumerate(trees.leaf_people)
            if trees.feature[node] < 0 and people < floor
        ]

    def gain_shares(self) -> Floats:
        """Each feature's share of the training loss that all splits took away, shape (features,)."""
        inner = np.array(self.trees.feature) >= 0
        gain = np.bincount(
            np.array(self.trees.feature)[inner], np.array(self.trees.gain)[inner], minlength=self.n_features
        )
        shares: Floats = gain / max(gain.sum(), np.finfo(float).tiny)
        return shares

    def save(self, folder: Path) -> None:
        """Write ``model.onnx`` and ``trees.json``; the same model gives the same bytes."""
        (folder / "model.onnx").write_bytes(self.onnx)
        (folder / "trees.json").write_bytes(msgspec.json.encode(self.trees))

    @classmethod
    def load(cls, folder: Path) -> TreeModel:
        trees = msgspec.json.decode((folder / "trees.json").read_bytes(), type=FlatTrees)
        return cls(trees, (folder / "model.onnx").read_bytes())

    @cached_property
    def _run(self) -> Any:
        return _session(self.onnx).run

    @cached_property
    def _paths(self) -> Paths:
        return tree_paths(self.trees)


_OUTPUT = ("margin",)


def _sigmoid(margin: Floats) -> Floats:
    share: Floats = 1.0 / (1.0 + np.exp(-margin))
    return share


def fit_trees(
    x: Rows,
    y: ArrayLike,
    weight: ArrayLike,
    params: XGBParams,
    *,
    valid: ValidRows | None = None,
    monotone: Sequence[int] | None = None,
    people: ArrayLike | None = None,
    min_people: int = 30,
    threads: int = 1,
    progress: Progress = no_progress,
) -> TreeModel:
    """Train with xgboost's histogram method on the logistic loss.

    A row adds at most 1/4 to a leaf's hessian, so ``min_child_weight`` is raised to ``min_people / 4``: with unit
    weights no leaf has fewer rows than that. People are counted after training (:meth:`TreeModel.thin_leaves`).

    Parameters
    ----------
    x : shape (n, features), float32, NaN for missing, otherwise finite
    y : shape (n,), 0 or 1
    weight : shape (n,), above 0
    monotone : shape (features,), 1 where the PD may only rise with the feature, -1 only fall, 0 free
    people : shape (n,), who each row belongs to; by default every row is somebody else
    """
    rows = np.ascontiguousarray(x, dtype=np.float32)
    _check(rows, np.asarray(y))
    booster = _train(rows, y, weight, booster_params(params, monotone, min_people, threads), params, valid, progress)
    model = _model(booster, rows, people)
    _same_as_booster(model, booster, rows[:1000])
    return model


def booster_params(
    params: XGBParams, monotone: Sequence[int] | None = None, min_people: int = 30, threads: int = 1
) -> dict[str, Any]:
    """What ``xgboost.train`` is given."""
    chosen: dict[str, Any] = {
        "objective": "binary:logistic",
        "eval_metric": "logloss",
        "tree_method": "hist",
        "max_depth": params.max_depth,
        "learning_rate": params.learning_rate,
        "max_bin": params.max_bin,
        "subsample": params.subsample,
        "colsample_bytree": params.colsample,
        "min_child_weight": max(params.min_child_weight, min_people / 4),
        "reg_lambda": params.reg_lambda,
        "seed": params.seed,
        "nthread": threads,
    }
    if monotone is not None and any(monotone):
        chosen["monotone_constraints"] = tuple(int(sign) for sign in monotone)
    return chosen


def _check(x: Rows, y: NDArray[Any]) -> None:
    if x.shape[1] == 0 or np.isinf(x).any():
        raise DataError("inputs_not_finite", "A tree model needs columns, and their values must be finite or missing.")
    if set(np.unique(y).tolist()) != {0, 1}:
        raise DataError("one_class", "The training rows must hold goods (0) and bads (1), and nothing else.")


def _train(
    x: Rows,
    y: ArrayLike,
    weight: ArrayLike,
    chosen: dict[str, Any],
    params: XGBParams,
    valid: ValidRows | None,
    progress: Progress,
) -> Any:
    import xgboost as xgb  # heavy, and scoring does without

    class Watch(xgb.callback.TrainingCallback):  # type: ignore[misc, name-defined, unused-ignore]
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            progress(epoch + 1, params.n_estimators, "trees")
            return False

    train = xgb.QuantileDMatrix(x, label=y, weight=weight, max_bin=params.max_bin, nthread=chosen["nthread"])
    evals = [] if valid is None else [(xgb.DMatrix(valid.x, label=valid.y, weight=valid.weight), "valid")]
    rounds = params.early_stopping_rounds if valid is not None else None
    booster = xgb.train(
        chosen,
        train,
        params.n_estimators,
        evals=evals,
        early_stopping_rounds=rounds,
        verbose_eval=False,
        callbacks=[Watch()],
    )
    return booster[: booster.best_iteration + 1] if rounds else booster


def _model(booster: Any, x: Rows, people: ArrayLike | None) -> TreeModel:
    learner = msgspec.json.decode(bytes(booster.save_raw("json")))["learner"]
    trees = _flatten(learner, x.shape[1])
    trees = msgspec.structs.replace(trees, leaf_people=_leaf_people(trees, x, people))
    return TreeModel(trees, _onnx(trees))


def _flatten(learner: dict[str, Any], n_features: int) -> FlatTrees:
    base = np.float32(learner["learner_model_param"]["base_score"].strip("[]"))
    flat = FlatTrees(n_features, _logit(base), *([] for _ in range(9)))
    for tree in learner["gradient_booster"]["model"]["trees"]:
        root = len(flat.feature)
        leaf = [child < 0 for child in tree["left_children"]]
        flat.roots.append(root)
        flat.feature.extend(-1 if end else f for end, f in zip(leaf, tree["split_indices"], strict=True))
        flat.left.extend(root + max(child, 0) for child in tree["left_children"])
        flat.right.extend(root + max(child, 0) for child in tree["right_children"])
        flat.missing_left.extend(bool(side) for side in tree["default_left"])
        for kept, named in (
            (flat.value, "split_conditions"),
            (flat.cover, "sum_hessian"),
            (flat.gain, "loss_changes"),
        ):
            kept.extend(np.array(tree[named], dtype=np.float32).astype(float).tolist())
    return flat


def _logit(share: np.float32) -> float:
    """As xgboost does it, in single precision."""
    return float(-np.log(np.float32(1) / share - np.float32(1)))


def _leaf_people(trees: FlatTrees, x: Rows, people: ArrayLike | None) -> list[int]:
    codes = np.arange(len(x)) if people is None else np.unique(np.asarray(people), return_inverse=True)[1]
    order = np.argsort(codes, kind="stable")
    counted = reach_leaves(
        x[order],
        codes[order].astype(np.int64),
        np.array(trees.roots, dtype=np.int64),
        np.array(trees.feature, dtype=np.int64),
        np.array(trees.value, dtype=np.float32),
        np.array(trees.left, dtype=np.int64),
        np.array(trees.right, dtype=np.int64),
        np.array(trees.missing_left, dtype=bool),
    )
    return [int(n) for n in counted]


def _onnx(trees: FlatTrees) -> bytes:
    """``x`` (n, features) float32 -> ``margin`` (n, 1) and ``pd`` (n, 1).

    Written by hand: onnxmltools converts the booster rightly, but its classifier has no margin, and a PD in single
    precision cannot be rounded to nine digits.
    """
    from onnx import TensorProto, helper

    ensemble = helper.make_node(
        "TreeEnsembleRegressor",
        ["x"],
        ["margin"],
        domain="ai.onnx.ml",
        n_targets=1,
        aggregate_function="SUM",
        **_ensemble_attributes(trees),
    )
    sigmoid = helper.make_node("Sigmoid", ["margin"], ["pd"])
    rows = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, trees.n_features])
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 1]) for name in ("margin", "pd")]
    graph = helper.make_graph([ensemble, sigmoid], "trees", [rows], outputs)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    written: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString(deterministic=True)
    return written


def _ensemble_attributes(trees: FlatTrees) -> dict[str, Any]:
    n = len(trees.feature)
    roots = np.array(trees.roots)
    tree_of = np.searchsorted(roots, np.arange(n), side="right") - 1
    inside = np.arange(n) - roots[tree_of]
    leaf = np.array(trees.feature) < 0
    # the base goes into the first tree's leaves, so that single precision adds in xgboost's order
    weights, base = np.array(trees.value, dtype=np.float32), np.where(tree_of == 0, np.float32(trees.base_margin), 0)
    return {
        "nodes_treeids": tree_of.tolist(),
        "nodes_nodeids": inside.tolist(),
        "nodes_featureids": np.where(leaf, 0, trees.feature).tolist(),
        "nodes_modes": np.where(leaf, "LEAF", "BRANCH_LT").tolist(),
        "nodes_values": np.where(leaf, 0.0, trees.value).tolist(),
        "nodes_truenodeids": np.where(leaf, 0, np.array(trees.left) - roots[tree_of]).tolist(),
        "nodes_falsenodeids": np.where(leaf, 0, np.array(trees.right) - roots[tree_of]).tolist(),
        "nodes_missing_value_tracks_true": np.where(leaf, False, trees.missing_left).astype(int).tolist(),
        "target_treeids": tree_of[leaf].tolist(),
        "target_nodeids": inside[leaf].tolist(),
        "target_ids": [0] * int(leaf.sum()),
        "target_weights": (weights + base.astype(np.float32))[leaf].tolist(),
    }


def _session(onnx: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])


def _same_as_booster(model: TreeModel, booster: Any, x: Rows) -> None:
    """Refuse to hand out a model whose stored form scores otherwise than what was trained."""
    gap = float(np.abs(model.pd(x) - booster.inplace_predict(x)).max())
    if gap > SAME_PD:
        raise RuntimeError(f"The stored trees differ from the trained ones by {gap:.2e} in PD.")
