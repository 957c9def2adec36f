"""Untrusted recipes become the engine's frozen plans here, and nowhere else."""

from dataclasses import replace
from typing import Any, TypeVar

import msgspec
from django.conf import settings
from django.utils.translation import gettext as _

from datafactory.models import FeatureTable
from modeling.artifacts import fingerprint, from_json
from modeling.judging import EvaluationPlan
from modeling.train import TrainPlan
from projects.errors import Invalid

T = TypeVar("T")
MOST_DRAWS = 5000
MOST_POINTS = 1000


def read(kind: type[T], value: Any) -> T:
    """The plan that the JSON spells; ``Invalid("bad_plan")`` names the field that does not fit."""
    unknown = sorted(set(value) - set(getattr(kind, "__dataclass_fields__", {}))) if isinstance(value, dict) else []
    if unknown:
        raise Invalid("bad_plan", _("The plan has no field %(name)s.") % {"name": ", ".join(unknown)})
    try:
        return from_json(kind, value)
    except (msgspec.ValidationError, ValueError, TypeError) as error:
        raise Invalid("bad_plan", _("The plan cannot be read: %(error)s") % {"error": error}) from error


def read_training(value: Any) -> TrainPlan:
    """A training plan whose bins and leaves never hold fewer people than the site demands."""
    plan = read(TrainPlan, value)
    floor = max(plan.min_people, settings.LEAF_FLOOR_PEOPLE)
    return replace(plan, min_people=floor, bins=replace(plan.bins, min_people=max(plan.bins.min_people, floor)))


def read_evaluation(value: Any) -> EvaluationPlan:
    """An evaluation plan that hides at least the cells that the site hides, and ends some day."""
    plan = read(EvaluationPlan, value)
    floor, draws = max(plan.cell_floor, settings.CELL_FLOOR_PEOPLE), min(max(plan.bootstrap, 20), MOST_DRAWS)
    return replace(plan, cell_floor=floor, bootstrap=draws, points=min(plan.points, MOST_POINTS))


def judging(plan: EvaluationPlan, feature_table: FeatureTable) -> EvaluationPlan:
    """The plan with the months that the sample's report calls immature: they are left out of every figure with y."""
    report = feature_table.match.sample.report
    immature = tuple(report.get("maturity", {}).get("immature", ()))
    months = plan.immature_months or immature
    return replace(plan, immature_months=months, zone=report.get("zone") or plan.zone)


def recipe(content_hash: str, plan: Any) -> str:
    """Fingerprint of an order: what goes in and how."""
    return fingerprint(content_hash, plan)
