"""What a version asks of a caller, and how its score is read."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from django.utils.translation import gettext as _

from modeling.encoding import Input
from modeling.scoring import load_scorer
from models_registry.models import TrainingRun
from models_registry.services.frames import predictions_of
from projects import storage
from projects.errors import Invalid

BANDS = (("A", 0.8, "approve"), ("B", 0.6, "approve"), ("C", 0.4, "review"), ("D", 0.2, "review"))
LAST_BAND = ("E", "decline")


def signature_of(run: TrainingRun) -> dict[str, Any]:
    """The model's input schema: id types, the caller's own fields, and what the site looks up itself.

    ``example`` is a typical value of the training rows (a median or the commonest category), never a person's row.
    """
    inputs = load_scorer(storage.folder(run.ticket["path"])).signature
    used = {entry.origin for entry in inputs if entry.party == "platform"}
    sources = run.feature_table.match.source_versions.select_related("source").order_by("source__slug")
    return {
        "ids": id_types_of(run) if used else [],
        "request": [
            _field(entry) | {"categories": list(entry.categories), "example": entry.typical}
            for entry in inputs
            if entry.party == "partner"
        ],
        "lookup": [_field(entry) | {"source": entry.origin} for entry in inputs if entry.party == "platform"],
        "sources": [{"slug": v.source.slug, "version": v.number} for v in sources if v.source.slug in used],
    }


def id_types_of(run: TrainingRun) -> list[str]:
    """The id types by which the run's match joined."""
    match = run.feature_table.match
    return list(match.plan.get("id_types") or match.sample.ticket.get("id_types", []))


def _field(entry: Input) -> dict[str, Any]:
    return {
        "name": entry.name,
        "field": entry.field or entry.name,
        "kind": entry.kind,
        "title": entry.title,
        "specials": list(entry.specials),
    }


def default_bands(run: TrainingRun) -> list[dict[str, Any]]:
    """Bands A to E at the quintiles of the train scores, from the safest down; equal bounds are one band."""
    rows = predictions_of(run)
    train = rows[rows["split"] == "train"]
    scores, weights = train["score"].to_numpy(float), train["weight"].to_numpy(float)
    bounds = [(name, weighted_quantile(scores, weights, share), action) for name, share, action in BANDS]
    kept = [b for at, b in enumerate(bounds) if at == 0 or b[1] < bounds[at - 1][1]]
    bands: list[dict[str, Any]] = [{"band": name, "min_score": bound, "action": action} for name, bound, action in kept]
    return [*bands, {"band": LAST_BAND[0], "min_score": min(0, kept[-1][1] - 1), "action": LAST_BAND[1]}]


def weighted_quantile(values: Any, weights: Any, share: float) -> int:
    """The smallest value that holds ``share`` of the weight at or below it, as a whole score."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    at = np.searchsorted(reached, share * reached[-1] * (1 - 1e-12))
    return int(values[order][min(at, len(order) - 1)])


def read_bands(bands: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Bands from the safest down: names differ, lower bounds fall; scores below all bounds are in the last band."""
    read = [_band(band) for band in bands]
    bounds = [band["min_score"] for band in read]
    if len(read) < 2 or any(a <= b for a, b in pairwise(bounds)):
        raise Invalid("bad_bands", _("There must be two bands or more, and their lower bounds must fall."))
    if len({band["band"] for band in read}) < len(read):
        raise Invalid("bad_bands", _("Each band needs a name of its own."))
    return read


def _band(band: Mapping[str, Any]) -> dict[str, Any]:
    try:
        name, least = str(band["band"]).strip()[:8], int(band["min_score"])
    except (KeyError, TypeError, ValueError) as error:
        raise Invalid("bad_bands", _("A band needs a name and a whole number as its lower bound.")) from error
    if not name:
        raise Invalid("bad_bands", _("Each band needs a name of its own."))
    return {"band": name, "min_score": least, "action": str(band.get("action", "")).strip()[:20]}
