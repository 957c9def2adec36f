"""Judge a trained model: ``TrainedModel, EvaluationPlan -> Evaluation``. Only here are test rows looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from modeling import marks, metrics
from modeling.artifacts import Evaluation, Progress, TrainedModel, fingerprint, from_json, hash_folder, no_progress
from modeling.compare import compare_models
from modeling.errors import DataError
from modeling.findings import find_warnings
from modeling.floor import merge_small, people_codes, thin_steps
from modeling.judging import EvaluationPlan, Judged, judged_on, judged_splits, months_of
from modeling.scorecard import Scaling
from modeling.splits import shared_people
from modeling.stability import MonthPsi
from modeling.training_rows import rounded

__all__ = ["EvaluationPlan", "compare_models", "evaluate_model"]

CODE_VERSION = 1  # raised when the same plan would give other figures
SCORE_STEPS = 30
COUNTS = ("n", "n_people", "psi", "noise", "n_judged")
LABEL_FIGURES = ("n_bad", "bad_rate", "avg_pd", "auc", "ks")


def evaluate_model(
    model: TrainedModel, model_dir: Path, plan: EvaluationPlan, out: Path, *, progress: Progress = no_progress
) -> tuple[Evaluation, dict[str, Any]]:
    """Figures by split with intervals, curves, gains, calibration, months, warnings; written as ``evaluation.json``.

    Groups of fewer than ``plan.cell_floor`` people are merged with a neighbour, points of curves are at least that far
    apart, and a split or a month with fewer has no figures.

    Raises
    ------
    DataError
        ``no_labels`` if no labelled, mature row is left
    """
    training = msgspec.json.decode((model_dir / "training.json").read_bytes())
    predictions = pd.read_parquet(model_dir / "predictions.parquet")
    scaling = from_json(Scaling, training["scaling"]) if "scaling" in training else Scaling()
    splits = judged_splits(predictions, plan, scaling)
    if not splits:
        raise DataError("no_labels", "No labelled and mature row is left to judge the model on.")
    result = _result(predictions, splits, plan, progress)
    result["variables"] = variable_rows(training)
    result["warnings"] = find_warnings(result, plan)
    result["marks"] = _marks(model, result)
    result = rounded(result)
    (out / "evaluation.json").write_bytes(msgspec.json.encode(result, order="sorted"))
    return _ticket(model, plan, result, out), result


def _result(
    predictions: pd.DataFrame, splits: dict[str, Judged], plan: EvaluationPlan, progress: Progress
) -> dict[str, Any]:
    bins = metrics.psi_bins(*_taught(predictions))
    expected = bins.count(*_taught(predictions))
    shown = {name: rows for name, rows in splits.items() if rows.n_people >= plan.cell_floor}
    edges = _score_edges(splits)
    result: dict[str, Any] = {
        "judged_on": judged_on(shown),
        "splits": {
            name: _figures(rows, plan, bins, expected, name, _part(progress, at, len(splits)))
            for at, (name, rows) in enumerate(splits.items())
        },
    }
    by_split: dict[str, Callable[[Judged], Any]] = {
        "roc": lambda rows: _curve(rows, plan, _roc),
        "ks_curve": lambda rows: _curve(rows, plan, _ks_curve),
        "gain": lambda rows: _curve(rows, plan, _gain),
        "deciles": lambda rows: _deciles(rows, plan, "equal_count"),
        "widths": lambda rows: _deciles(rows, plan, "equal_width"),
        "calibration": lambda rows: _calibration(rows, plan),
        "score_hist": lambda rows: _score_hist(rows, plan, edges),
    }
    result |= {key: {name: make(rows) for name, rows in shown.items()} for key, make in by_split.items()}
    result["months"] = _months(predictions, splits, plan, bins, expected)
    result["returning"] = _returning(splits, plan)
    return result


def _part(progress: Progress, at: int, parts: int) -> Progress:
    return lambda done, total, what: progress(at * total + done, parts * total, what)


def _taught(predictions: pd.DataFrame) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    train = predictions[predictions["split"] == "train"]
    return train["score"].to_numpy(dtype=np.float64), train["weight"].to_numpy(dtype=np.float64)


def _figures(
    rows: Judged, plan: EvaluationPlan, bins: metrics.PsiBins, expected: Any, name: str, progress: Progress
) -> dict[str, Any]:
    """Counts and figures of one split; ``hidden`` with nothing else where there are too few people."""
    if rows.n_people < plan.cell_floor:
        return {"hidden": True}
    drawn = metrics.resample(
        rows.y,
        {"m": rows.pd},
        rows.weight,
        rows.person,
        resamples=plan.bootstrap,
        seed=plan.seed,
        approval=plan.approval,
        progress=progress,
    )
    figures = {key: drawn.interval("m", key)._asdict() for key in ("auc", "ks", "brier", "bad_rate")}
    at = metrics.ks(rows.y, rows.pd, rows.weight).at
    return {
        "n": len(rows),
        "n_people": rows.n_people,
        "n_bad": rows.n_bad,
        **figures,
        "gini": drawn.gini("m")._asdict(),
        "ks_at": None if np.isnan(at) else float(rows.score[rows.pd >= at].max()),
        "ks_at_pd": None if np.isnan(at) else at,
        "avg_pd": float(np.average(rows.pd, weights=rows.weight)),
        "bad_rate_at_approval": {"approval": plan.approval} | drawn.interval("m", "bad_rate_at_approval")._asdict(),
        "hosmer_lemeshow": _hosmer_lemeshow(rows, fitted=name == "train"),
        "psi": _psi(rows, bins, expected) if name in ("valid", "test", "oot") else None,
        "months": _first_and_last(rows),
    }


def _hosmer_lemeshow(rows: Judged, *, fitted: bool) -> dict[str, Any]:
    found = metrics.hosmer_lemeshow(rows.y, rows.pd, rows.weight, fitted=fitted)
    return {"statistic": found.statistic, "degrees": found.degrees, "p": None if np.isnan(found.p) else found.p}


def _psi(rows: Judged, bins: metrics.PsiBins, expected: Any) -> dict[str, Any]:
    """``noise`` is what chance alone passes once in twenty; a resampled PSI would be biased upward: no interval."""
    actual = bins.count(rows.score, rows.weight)
    return {
        "value": metrics.psi(expected, actual),
        "low": None,
        "high": None,
        "noise": metrics.psi_noise(expected, actual),
    }


def _first_and_last(rows: Judged) -> list[str] | None:
    known = [] if rows.month is None else [month for month in rows.month if month is not None]
    return [min(known), max(known)] if known else None


def _curve(rows: Judged, plan: EvaluationPlan, points: Callable[[metrics.Ranking, Judged, Any], Any]) -> Any:
    """Points of a curve at the shown steps; None with one class only."""
    ranking = metrics.Ranking.of(rows.y, rows.pd, rows.weight)
    if ranking.one_class:
        return None
    order = np.argsort(-rows.pd, kind="stable")
    codes = people_codes(rows.person)[order]
    steps = thin_steps(codes, ranking.rows, plan.cell_floor, plan.points, ranking.ks_step)
    return points(ranking, rows.take(order), steps)


def _roc(ranking: metrics.Ranking, rows: Judged, steps: Any) -> list[list[float]]:
    return [[0.0, 0.0], *np.column_stack([ranking.fpr[steps], ranking.tpr[steps]]).tolist()]


def _ks_curve(ranking: metrics.Ranking, rows: Judged, steps: Any) -> list[list[float]]:
    """[score, share of bads, share of goods] with this score or a lower one."""
    score = rows.score[ranking.rows[steps] - 1]
    return np.column_stack([score, ranking.tpr[steps], ranking.fpr[steps]]).tolist()  # type: ignore[no-any-return]


def _gain(ranking: metrics.Ranking, rows: Judged, steps: Any) -> list[list[float]]:
    """[share of applicants refused, share of bads among them, lift]."""
    everyone = ranking.bads + ranking.goods
    share = everyone[steps] / everyone[-1]
    found = ranking.tpr[steps]
    return [[0.0, 0.0, float(found[0] / share[0])], *np.column_stack([share, found, found / share]).tolist()]


def _deciles(rows: Judged, plan: EvaluationPlan, cut: Any) -> list[dict[str, Any]]:
    table = metrics.decile_table(rows.y, rows.pd, rows.score, rows.weight, rows.person, cut=cut, floor=plan.cell_floor)
    return [row._asdict() for row in table]


def _calibration(rows: Judged, plan: EvaluationPlan) -> list[dict[str, Any]]:
    table = metrics.calibration_table(rows.y, rows.pd, rows.weight, rows.person, floor=plan.cell_floor)
    return [row._asdict() for row in table]


def _score_edges(splits: Mapping[str, Judged]) -> Any:
    """About thirty whole-number steps over the middle 99 % of all scores."""
    score = np.concatenate([rows.score for rows in splits.values()])
    low, high = np.floor(np.quantile(score, 0.005)), np.ceil(np.quantile(score, 0.995)) + 1
    return np.arange(low, high + 1, max(1.0, np.ceil((high - low) / SCORE_STEPS)))


def _score_hist(rows: Judged, plan: EvaluationPlan, edges: Any) -> list[dict[str, float]]:
    """Shares of all goods and of all bads by steps of the score; the first and the last are open."""
    found = np.searchsorted(edges[1:-1], rows.score, side="right")
    used, group = np.unique(found, return_inverse=True)
    merged = merge_small(group.astype(np.int64), people_codes(rows.person), plan.cell_floor)
    first = np.array([used[group[merged == g]].min() for g in range(merged.max() + 1)])
    low = np.append(edges[first], edges[-1])
    goods = np.bincount(merged, rows.weight * (1 - rows.y), len(first))
    bads = np.bincount(merged, rows.weight * rows.y, len(first))
    n = np.bincount(merged, minlength=len(first))
    return [
        {
            "low": float(low[i]),
            "high": float(low[i + 1]),
            "n": int(n[i]),
            "good_share": float(goods[i] / (goods.sum() or 1.0)),
            "bad_share": float(bads[i] / (bads.sum() or 1.0)),
        }
        for i in range(len(first))
    ]


def _months(
    predictions: pd.DataFrame, splits: Mapping[str, Judged], plan: EvaluationPlan, bins: metrics.PsiBins, expected: Any
) -> list[dict[str, Any]]:
    """PSI of all rows of a month; bad rate, AUC and KS of its labelled rows that did not teach the model."""
    month = months_of(predictions, plan.zone)
    if month is None:
        return []
    score, weight, person = (predictions[name].to_numpy() for name in ("score", "weight", "person"))
    table = metrics.psi_by_month(bins, expected, score, month, weight, person)
    judged = [splits[name] for name in ("valid", "test", "oof", "oot") if name in splits]
    rows = [
        {"month": row.month, "immature": row.month in plan.immature_months, **_month(row, judged, plan)}
        for row in table
    ]
    return hide_months(rows, plan.cell_floor)


def _month(row: MonthPsi, judged: list[Judged], plan: EvaluationPlan) -> dict[str, Any]:
    parts = [rows.take(rows.month == row.month) for rows in judged if rows.month is not None]
    y, pds, weight, person = (
        np.concatenate([np.array([]), *(getattr(part, name) for part in parts)])
        for name in ("y", "pd", "weight", "person")
    )
    ranking = metrics.Ranking.of(y, pds, weight)
    return {
        "n": row.n,
        "n_people": row.n_people,
        "psi": row.psi,
        "noise": row.noise,
        "fewest": min(len(set(person[y == label].tolist())) for label in (0, 1)),
        "n_judged": len(y),
        "n_bad": int(y.sum()),
        "bad_rate": float(np.average(y, weights=weight)) if len(y) else None,
        "avg_pd": float(np.average(pds, weights=weight)) if len(y) else None,
        "auc": _known(ranking.auc),
        "ks": _known(ranking.ks.value),
    }


def hide_months(rows: list[dict[str, Any]], floor: int) -> list[dict[str, Any]]:
    """Blank months of too few people, and label figures where too few are bad (or good)."""
    judged = [at for at, row in enumerate(rows) if row["n_judged"]]
    few = hidden_places([row["n_people"] for row in rows], floor)
    silent = {judged[at] for at in hidden_places([rows[at]["fewest"] for at in judged], floor)}
    told = [
        row | dict.fromkeys(LABEL_FIGURES) if at in silent or not row["n_judged"] else row
        for at, row in enumerate(rows)
    ]
    blank = [row | dict.fromkeys((*COUNTS, *LABEL_FIGURES)) if at in few else row for at, row in enumerate(told)]
    return [
        {key: value for key, value in row.items() if key != "fewest"} | {"hidden": at in few}
        for at, row in enumerate(blank)
    ]


def hidden_places(sizes: list[int], floor: int) -> set[int]:
    """Cells below the floor, and the next smallest until what total minus the rest would tell is not below it either.

    >>> hidden_places([50, 3, 40, 60], 10)
    {1, 2}
    """
    hidden: set[int] = set()
    for at in sorted(range(len(sizes)), key=lambda i: sizes[i]):
        enough = len(hidden) > 1 and sum(sizes[i] for i in hidden) >= floor
        if sizes[at] >= floor and (not hidden or enough):
            break
        hidden.add(at)
    return hidden


def _returning(splits: Mapping[str, Judged], plan: EvaluationPlan) -> dict[str, Any]:
    """People of train that judge too, by split, and the AUC and KS without them."""
    if "train" not in splits:
        return {}
    train, found = splits["train"], {}
    for name in ("valid", "test", "oot"):
        if name not in splits:
            continue
        rows = splits[name]
        both = shared_people([*train.person, *rows.person], ["train"] * len(train) + [name] * len(rows), "train", name)
        new = rows.take(np.array([person not in both for person in rows.person], dtype=bool))
        if len(both) >= plan.cell_floor and new.n_people >= plan.cell_floor:
            figures = metrics.Ranking.of(new.y, new.pd, new.weight)
            found[name] = {"n_people": len(both), "auc_new": _known(figures.auc), "ks_new": _known(figures.ks.value)}
        elif both:
            found[name] = {"n_people": None, "auc_new": None, "ks_new": None}
    return found


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value


def variable_rows(training: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row a candidate from ``training.json``: where its way ended, IV, share of importance, coefficient."""
    shares = {row["variable"]: row["share"] for row in training.get("importance", [])}
    terms = {row["variable"]: row for row in training.get("coefficients", [])}
    rows = [
        {
            **row,
            "importance": shares.get(row["variable"]),
            "coefficient": terms.get(row["variable"], {}).get("coefficient"),
            "p": terms.get(row["variable"], {}).get("p"),
        }
        for row in training.get("funnel", [])
    ]
    return sorted(rows, key=lambda row: (-(row["importance"] or 0.0), -(row.get("iv") or 0.0), row["variable"]))


def _marks(model: TrainedModel, result: Mapping[str, Any]) -> list[str]:
    found = [*model.marks]
    if any(row["immature"] for row in result["months"]):
        found.append(marks.IMMATURE_MONTHS)
    if result["returning"]:
        found.append(marks.SHARED_PEOPLE)
    return list(dict.fromkeys(found))


def _ticket(model: TrainedModel, plan: EvaluationPlan, result: Mapping[str, Any], out: Path) -> Evaluation:
    shown = {name: row for name, row in result["splits"].items() if not row.get("hidden")}
    by_figure = {
        key: {name: row[key]["value"] for name, row in shown.items() if row[key]["value"] is not None}
        for key in ("auc", "ks")
    }
    return Evaluation(
        fingerprint=fingerprint(model.content_hash, plan, CODE_VERSION),
        parents=(model.content_hash,),
        path="",
        content_hash=hash_folder(out),
        auc=by_figure["auc"],
        ks=by_figure["ks"],
        marks=tuple(result["marks"]),
    )
