"""What a reader of an evaluation must be told: each a code, an English template with its numbers, and a level."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from modeling.judging import NEW_DATA, EvaluationPlan, judged_on

PSI_WATCH, PSI_SHIFT = 0.1, 0.25
Finding = dict[str, Any]


def find_warnings(result: Mapping[str, Any], plan: EvaluationPlan) -> list[Finding]:
    """All findings, the gravest first. ``template % params`` is the sentence; ``level`` is "bad", "warn" or "info"."""
    found = [
        *_falls(result, plan),
        *_rank_breaks(result),
        *_shifts(result),
        *_immature(result),
        *_returning(result),
        *_hidden(result),
    ]
    return sorted(found, key=lambda finding: ("bad", "warn", "info").index(finding["level"]))


def _finding(level: str, code: str, template: str, **params: Any) -> Finding:
    return {"level": level, "code": code, "template": template, "params": params}


def _shown(result: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row for name, row in result["splits"].items() if not row.get("hidden")}


def _falls(result: Mapping[str, Any], plan: EvaluationPlan) -> Iterator[Finding]:
    shown = _shown(result)
    split = judged_on(shown)
    if split not in NEW_DATA or "train" not in shown:
        return
    for key, name, limit in (("auc", "AUC", plan.auc_fall), ("ks", "KS", plan.ks_fall)):
        before, after = (shown[s][key]["value"] for s in ("train", split))
        if before is not None and after is not None and before - after > limit:
            template = "%(figure)s falls by %(fall).3f from train (%(before).3f) to %(split)s (%(after).3f)."
            params = {"figure": name, "fall": before - after, "before": before, "after": after, "split": split}
            yield _finding("bad" if before - after > 2 * limit else "warn", f"{key}_fall", template, **params)


def _rank_breaks(result: Mapping[str, Any]) -> Iterator[Finding]:
    split = judged_on(result["deciles"])
    breaks = [row["bin"] for row in result["deciles"].get(split, []) if row["rank_break"]] if split else []
    if breaks:
        template = (
            "On %(split)s the bad rate does not fall from bin to bin: it rises at bin %(bins)s of the gains table."
        )
        yield _finding("warn", "rank_break", template, split=split, bins=", ".join(map(str, breaks)))


def _shifts(result: Mapping[str, Any]) -> Iterator[Finding]:
    """PSI above the usual limits, unless chance alone could explain it at this size."""
    of_splits = [(name, row["psi"]["value"], row["psi"]["noise"]) for name, row in _shown(result).items() if row["psi"]]
    of_months = [(row["month"], row["psi"], row["noise"]) for row in result["months"] if not row["hidden"]]
    for where, value, noise in (*of_splits, *of_months):
        if value > max(PSI_WATCH, noise):
            level = "bad" if value > PSI_SHIFT else "warn"
            template = "The scores of %(where)s have moved away from train: PSI %(psi).3f (limit %(limit).2f)."
            limit = PSI_SHIFT if level == "bad" else PSI_WATCH
            yield _finding(level, "psi_shift", template, where=where, psi=value, limit=limit)


def _immature(result: Mapping[str, Any]) -> Iterator[Finding]:
    months = [row["month"] for row in result["months"] if row["immature"]]
    if months:
        template = "Not mature, and left out of every figure that needs the label: %(months)s."
        yield _finding("warn", "immature_months", template, months=", ".join(months))


def _returning(result: Mapping[str, Any]) -> Iterator[Finding]:
    for split, row in result["returning"].items():
        if split != "oot":
            template = (
                "The sample's own split puts the same people into train and %(split)s: its figures flatter the model."
            )
            yield _finding("bad", "people_leak", template, split=split)
        elif row["auc_new"] is not None:
            template = "%(n_people)d people are in train and again in oot; without them the AUC on oot is %(auc).3f."
            yield _finding("info", "shared_people", template, n_people=row["n_people"], auc=row["auc_new"])
        else:
            yield _finding("info", "shared_people", "Some people are in train and again in oot.")


def _hidden(result: Mapping[str, Any]) -> Iterator[Finding]:
    for name, row in result["splits"].items():
        if row.get("hidden"):
            yield _finding("warn", "split_hidden", "%(split)s holds too few people to show figures.", split=name)
