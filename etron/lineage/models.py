"""Steps of the models: runs, evaluations, values of data."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models.fields.json import KeyTransform
from django.utils.translation import gettext as _

from etron.addresses import address
from etron.flow import Link, Step
from etron.lineage.base import Rights, base, in_progress, link, party, step_of
from modeling.artifacts import fingerprint
from models_registry.models import Evaluation, TrainingRun, ValueOfData
from projects.models import Project
from projects.templatetags.figures import figure, half_width, signed, split_label


@dataclass(frozen=True)
class Judged:
    """Figures on the split that a model is judged by."""

    split: str
    ks: float | None
    auc: float | None
    n: int | None
    half: str  # "± 0.033"

    @classmethod
    def of(cls, summary: Mapping[str, Any], splits: Mapping[str, Any] | None) -> "Judged":
        split = summary.get("judged_on", "")
        figures = (splits or {}).get(split) or {}
        return cls(
            split,
            (summary.get("ks") or {}).get(split),
            (summary.get("auc") or {}).get(split),
            figures.get("n"),
            half_width(figures.get("ks"), 3),
        )


def run_steps(project: Project, rights: Rights, line_of: Mapping[str, str], judgements: Iterable[Any]) -> list[Step]:
    rows = TrainingRun.objects.filter(project=project).select_related("job").defer("ticket").order_by("number")
    judged = {row.run_id: Judged.of(row.summary, row.splits) for row in judgements if row.state == "ready"}
    inside = runs_of_values(project)
    return [run_step(row, project, rights, line_of, judged.get(row.pk), row.pk in inside) for row in rows]


def run_step(
    row: TrainingRun,
    project: Project,
    rights: Rights,
    line_of: Mapping[str, str],
    judged: "Judged | None",
    inside: bool,
) -> Step:
    table = f"features-{row.feature_table_id}"
    recipe = fingerprint(row.algorithm, row.column_set, row.plan)
    follow = (
        *link(rights.build, _("Evaluate"), "report", "models_registry:run-detail", project.slug, row.number),
        *offer(rights, project, row.number),
        *link(True, _("Compare"), "compare", "models_registry:comparison", project.slug, query=f"?runs={row.number}"),
    )
    return in_progress(
        Step(
            **base(row, "run", _("Run %(n)s") % {"n": row.number}),
            line=f"run-{line_of.get(table, table)}-{recipe}",
            parents=(table,),
            whose=party(row.column_set),
            title=row.name or f"{row.get_algorithm_display()}",
            figure=f"KS {figure(judged.ks, 3)}"
            if judged
            else _("%(n)s columns") % {"n": row.summary.get("n_columns", "")},
            sub=f"{split_label(judged.split)} {judged.half}" if judged else str(row.get_column_set_display()),
            note=f"{row}: {row.get_algorithm_display()}, {row.get_column_set_display()}",
            url=address("models_registry:run-detail", project.slug, row.number),
            collapsed=inside,
            follow=follow,
        ),
        step_of(row),
    )


def evaluations_of(project: Project) -> Any:
    rows = Evaluation.objects.filter(project=project).select_related("job", "run")
    rows = rows.defer("ticket", "result", "run__ticket", "run__plan")
    return rows.annotate(splits=KeyTransform("splits", "result")).order_by("number")


def runs_of_values(project: Project) -> set[int]:
    """Runs that a value of data made for itself and that nothing else was built on."""
    through = ValueOfData.runs.through.objects.filter(valueofdata__project=project)
    return set(through.filter(trainingrun__evaluations=None).values_list("trainingrun_id", flat=True))


def offer(rights: Rights, project: Project, run: int) -> tuple[Link, ...]:
    """The form that makes a version stands on the run's page."""
    title = _("Offer as a version")
    return link(rights.build, title, "tag", "models_registry:run-detail", project.slug, run, query="#run-offer")


def evaluation_step(row: Any, project: Project, rights: Rights, line_of: Mapping[str, str]) -> Step:
    run, judged = f"run-{row.run_id}", Judged.of(row.summary, row.splits)
    split = split_label(judged.split)
    return in_progress(
        Step(
            **base(row, "evaluation", _("Evaluation %(n)s") % {"n": row.number}),
            line=f"evaluation-{line_of.get(run, run)}-{fingerprint(row.plan)}",
            parents=(run,),
            whose=party(row.run.column_set),
            title=_("On %(split)s") % {"split": split} if judged.split else str(row),
            figure=f"AUC {figure(judged.auc, 3)}",
            sub=_("%(n)s rows") % {"n": figure(judged.n)} if judged.n else split,
            url=address("models_registry:evaluation-detail", project.slug, row.number),
            follow=offer(rights, project, row.run.number),
        ),
        step_of(row),
    )


def value_steps(project: Project, line_of: Mapping[str, str]) -> Iterator[Step]:
    rows = ValueOfData.objects.filter(project=project).select_related("job").defer("ticket", "result")
    for row in rows.order_by("number"):
        table = f"features-{row.feature_table_id}"
        gain = row.summary.get("ks_gain")
        yield in_progress(
            Step(
                **base(row, "value", _("Value %(n)s") % {"n": row.number}),
                line=f"value-{line_of.get(table, table)}-{fingerprint(row.plan)}",
                parents=(table,),
                title=row.name or _("Value of the data"),
                figure=f"KS {signed(gain, 3)}" if gain is not None else _("Ready"),
                sub=_("joint over partner"),
                url=address("models_registry:value-detail", project.slug, row.number),
            ),
            step_of(row),
        )
