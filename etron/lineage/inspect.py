"""The panel about one step: a few facts beyond what its node says."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _

from datafactory.models import FeatureTable, Match, Sample, SourceVersion
from etron.flow import Step
from models_registry.models import Evaluation, TrainingRun, ValueOfData, Version
from projects.models import Artifact, Job, Project, User
from projects.templatetags.figures import figure, percent, split_label
from risk_products.models import Product

MODELS: dict[str, Any] = {
    "sample": Sample,
    "source": SourceVersion,
    "match": Match,
    "features": FeatureTable,
    "run": TrainingRun,
    "evaluation": Evaluation,
    "value": ValueOfData,
    "version": Version,
    "product": Product,
}
HEAVY = {
    "sample": ("report",),
    "match": ("report",),
    "features": ("profile",),
    "evaluation": ("result",),
    "value": ("result",),
}


@dataclass(frozen=True)
class Facts:
    pairs: tuple[tuple[str, str], ...]
    marks: tuple[str, ...] = ()
    fingerprint: str = ""
    job: Job | None = None
    by: User | None = None
    at: datetime | None = None
    took: timedelta | None = None


def facts_of(project: Project, step: Step) -> Facts:
    pk = step.key.rpartition("-")[2]
    row = MODELS[step.kind].objects.defer(*HEAVY.get(step.kind, ())).get(pk=pk)
    ticket: Mapping[str, Any] = getattr(row, "ticket", None) or {}
    return Facts(
        pairs=tuple(PAIRS.get(step.kind, nothing)(row, ticket)),
        marks=tuple(ticket.get("marks") or ()),
        fingerprint=getattr(row, "fingerprint", ""),
        job=getattr(row, "job", None),
        by=getattr(row, "created_by", None) or getattr(row, "author", None),
        at=row.created_at,
        took=took(row),
    )


def took(row: Any) -> timedelta | None:
    job = getattr(row, "job", None)
    if (
        job is None
        or job.started_at is None
        or job.finished_at is None
        or not isinstance(row, Artifact | SourceVersion)
    ):
        return None
    spent: timedelta = job.finished_at - job.started_at
    return spent


Pairs = list[tuple[str, str]]


def nothing(row: Any, ticket: Mapping[str, Any]) -> Pairs:
    return []


def columns_by_party(ticket: Mapping[str, Any]) -> Pairs:
    columns = ticket.get("columns") or ()
    n = {side: sum(column.get("party") == side for column in columns) for side in ("partner", "platform")}
    return [
        (_("From partner"), _("%(n)s columns") % {"n": figure(n["partner"])}),
        (_("From platform"), _("%(n)s columns") % {"n": figure(n["platform"])}),
    ]


def sample_pairs(row: Sample, ticket: Mapping[str, Any]) -> Pairs:
    return [
        (_("Rows"), figure(ticket.get("n_rows"))),
        (_("Distinct ids"), figure(ticket.get("n_ids"))),
        (_("Bad rate"), percent(row.summary.get("bad_rate"))),  # the summary hides what the privacy floor hides
        (_("Columns"), figure(len(ticket.get("columns") or ()))),
        (_("Id types"), ", ".join(ticket.get("id_types") or ()).replace("__", " / ")),
        (_("Time of application"), _("given") if ticket.get("has_time") else _("not given")),
    ]


def source_pairs(row: SourceVersion, ticket: Mapping[str, Any]) -> Pairs:
    return [
        (_("Rows"), figure(ticket.get("n_rows"))),
        (_("Distinct ids"), figure(ticket.get("n_ids"))),
        (_("Columns"), figure(len(ticket.get("columns") or ()))),
        (_("First event"), str(ticket.get("first_event") or "–")[:10]),
        (_("Last event"), str(ticket.get("last_event") or "–")[:10]),
    ]


def match_pairs(row: Match, ticket: Mapping[str, Any]) -> Pairs:
    shown = row.summary  # what the privacy floor hides is not in it
    return [
        (_("Rows"), figure(shown.get("n_rows"))),
        (_("Distinct ids"), figure(shown.get("n_ids"))),
        (_("Matched rows"), figure(shown.get("n_matched_rows"))),
        (_("Match rate"), percent(shown.get("match_rate"))),
        (_("Sources"), figure(len(ticket.get("sources") or ()))),
    ]


def feature_pairs(row: FeatureTable, ticket: Mapping[str, Any]) -> Pairs:
    matched = row.match.summary.get("n_matched_rows")  # of the match: what the privacy floor hides is not in it
    return [
        (_("Rows"), figure(ticket.get("n_rows"))),
        (_("Matched rows"), figure(matched)),
        *columns_by_party(ticket),
    ]


def run_pairs(row: TrainingRun, ticket: Mapping[str, Any]) -> Pairs:
    return [
        (_("Algorithm"), str(row.get_algorithm_display())),
        (_("Columns of"), str(row.get_column_set_display())),
        (_("Candidates"), figure(ticket.get("n_candidates"))),
        (_("In the model"), figure(len(ticket.get("columns") or ()))),
        (_("Train rows"), figure(ticket.get("n_train"))),
    ]


def evaluation_pairs(row: Evaluation, ticket: Mapping[str, Any]) -> Pairs:
    auc, ks = ticket.get("auc") or {}, ticket.get("ks") or {}
    return [
        (f"{split_label(split)}, KS / AUC", f"{figure(ks.get(split), 3)} / {figure(auc[split], 3)}") for split in auc
    ]


def version_pairs(row: Version, ticket: Mapping[str, Any]) -> Pairs:
    passed = sum(bool(check.get("passed")) for check in row.gate)
    return [
        (_("Model"), str(row.model)),
        (_("State"), str(row.get_status_display())),
        (_("Checks passed"), _("%(n)s of %(all)s") % {"n": passed, "all": len(row.gate)} if row.gate else "–"),
        (_("Decided by"), str(row.decided_by or "–")),
    ]


def product_pairs(row: Product, ticket: Mapping[str, Any]) -> Pairs:
    return [(_("Family"), str(row.get_family_display())), (_("Model"), str(row.model))]


PAIRS: dict[str, Any] = {
    "sample": sample_pairs,
    "source": source_pairs,
    "match": match_pairs,
    "features": feature_pairs,
    "run": run_pairs,
    "evaluation": evaluation_pairs,
    "version": version_pairs,
    "product": product_pairs,
}
