"""Models side by side on the same rows: paired differences, and what a better ranking is worth at a given approval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from modeling import metrics
from modeling.artifacts import Progress, no_progress
from modeling.errors import DataError
from modeling.judging import ORDER, EvaluationPlan, Judged, judged_on, judged_splits

COMPARED = ("auc", "ks", "bad_rate_at_approval")
Pairs = Sequence[tuple[str, str]]


def compare_models(
    predictions: Mapping[str, pd.DataFrame],
    pairs: Pairs,
    plan: EvaluationPlan,
    *,
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """Figures of each model and paired differences, per split, on all rows and on the matched ones.

    Only rows that every model has scored, in the same split, are used. Differences are taken on the same draws of
    people. ``fewer_bads`` counts bads spared among 10,000 applicants at the plan's approval rate when ``model`` takes
    the place of ``other``. ``delong_p`` is given where rows are independent and of equal weight.

    Parameters
    ----------
    predictions : by model: row_id, person, split, y, weight, matched, pd, and pd_oof for out-of-fold figures
    pairs : (model, other)

    Returns
    -------
    ``models``, ``approval``, ``n_left_out``, ``judged_on``, ``splits`` (all rows) and ``matched`` (None where everybody
    is matched), the last two by split: ``n n_people n_bad models{name: {auc, ks, bad_rate_at_approval}} pairs[...]``
    """
    by_model = {name: judged_splits(frame, plan) for name, frame in predictions.items()}
    shared = [split for split in ORDER if all(split in splits for splits in by_model.values())]
    if not shared:
        raise DataError("nothing_to_compare", "The models share no split with labelled rows.")
    together = {split: _same_rows({name: splits[split] for name, splits in by_model.items()}) for split in shared}
    whole = {split: _compare(rows, pairs, plan, progress) for split, rows in together.items()}
    return {
        "models": list(predictions),
        "approval": plan.approval,
        "n_left_out": {name: _left_out(by_model[name], together) for name in predictions},
        "judged_on": judged_on({name: row for name, row in whole.items() if not row.get("hidden")}),
        "splits": whole,
        "matched": _on_matched(together, pairs, plan, progress),
    }


def without_variables(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of a model as one without any variable scores them: everybody alike, at the bad rate of the train rows.

    It ranks nobody: AUC is 0.5, KS is 0, and the bad rate at any approval is that of all.

    Parameters
    ----------
    rows : predictions of a model: split, y, weight, pd, and pd_oof for out-of-fold figures
    """
    taught = rows[rows["split"].eq("train") & rows["y"].notna()]
    alike = float(np.average(taught["y"].astype(float), weights=taught["weight"]))
    columns = [name for name in ("pd", "pd_oof") if name in rows]
    return rows.assign(**{name: rows[name].where(rows[name].isna(), alike) for name in columns})


def _same_rows(models: Mapping[str, Judged]) -> dict[str, Judged]:
    """The rows that all models have, in order of row id."""
    ids = [set(rows.row_id.tolist()) for rows in models.values()]
    common = set.intersection(*ids)
    taken = {}
    for name, rows in models.items():
        order = np.argsort(rows.row_id.astype(str), kind="stable")
        taken[name] = rows.take(order[[row_id in common for row_id in rows.row_id[order]]])
    first = next(iter(taken.values()))
    if any((rows.y != first.y).any() for rows in taken.values()):
        raise DataError("labels_differ", "The models were judged on different labels of the same rows.")
    return taken


def _left_out(splits: Mapping[str, Judged], together: Mapping[str, Mapping[str, Judged]]) -> int:
    kept = sum(len(next(iter(rows.values()))) for rows in together.values())
    return sum(len(rows) for rows in splits.values()) - kept


def _on_matched(
    together: Mapping[str, Mapping[str, Judged]], pairs: Pairs, plan: EvaluationPlan, progress: Progress
) -> dict[str, Any] | None:
    """The same on matched rows; the rest stays untold where it would be too few people."""
    flags = {split: next(iter(rows.values())).matched for split, rows in together.items()}
    if all(flag.all() for flag in flags.values()):
        return None
    return {
        split: {"hidden": True}
        if 0 < next(iter(rows.values())).take(~flags[split]).n_people < plan.cell_floor
        else _compare({name: one.take(flags[split]) for name, one in rows.items()}, pairs, plan, progress)
        for split, rows in together.items()
    }


def _compare(models: Mapping[str, Judged], pairs: Pairs, plan: EvaluationPlan, progress: Progress) -> dict[str, Any]:
    first = next(iter(models.values()))
    if first.n_people < plan.cell_floor:
        return {"hidden": True}
    drawn = metrics.resample(
        first.y,
        {name: rows.pd for name, rows in models.items()},
        first.weight,
        first.person,
        resamples=plan.bootstrap,
        seed=plan.seed,
        approval=plan.approval,
        progress=progress,
    )
    figures = {
        name: {key: drawn.interval(name, key)._asdict() for key in COMPARED} | {"gini": drawn.gini(name)._asdict()}
        for name in models
    }
    return {
        "n": len(first),
        "n_people": first.n_people,
        "n_bad": first.n_bad,
        "models": figures,
        "pairs": [_pair(models, drawn, model, other, plan) for model, other in pairs],
    }


def _pair(
    models: Mapping[str, Judged], drawn: metrics.Resamples, model: str, other: str, plan: EvaluationPlan
) -> dict[str, Any]:
    differences = {key: drawn.difference(model, other, key) for key in COMPARED}
    rate = differences["bad_rate_at_approval"]
    # a lower bad rate spares bads: the ends of the interval change places
    spared = [None if end is None else -10_000 * plan.approval * end for end in (rate.value, rate.high, rate.low)]
    return {
        "model": model,
        "other": other,
        **{key: interval._asdict() for key, interval in differences.items()},
        "fewer_bads": dict(zip(("value", "low", "high"), spared, strict=True)),
        "delong_p": _delong_p(models[model], models[other]),
    }


def _delong_p(model: Judged, other: Judged) -> float | None:
    independent = model.n_people == len(model) and len(set(model.weight.tolist())) == 1
    if not independent or not 0 < model.n_bad < len(model):
        return None
    return metrics.delong(model.y, model.pd, other.pd).p
