"""Pages of evaluations: the model report, and runs side by side."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from models_registry import access, pages, report, selectors
from models_registry.models import Evaluation
from models_registry.services import comparison as comparisons
from models_registry.views.runs import PER_PAGE
from projects.access import may, project_for
from projects.errors import DomainError


@login_required
def evaluation_list(request: HttpRequest, slug: str) -> HttpResponse:
    project = project_for(request.user, slug)
    page = Paginator(selectors.evaluations_of(project), PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "models_registry/evaluation_list.html", {"project": project, "page": page})


@login_required
def evaluation_detail(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """The model report: whoever reads it reads what a model-risk reviewer reads, in that order."""
    evaluation = access.evaluation_for(request.user, slug, number)
    context: dict[str, Any] = {"project": evaluation.project, "evaluation": evaluation, "run": evaluation.run}
    if evaluation.state == Evaluation.State.READY:
        may_build = may(request.user, evaluation.project, access.BUILD)
        context |= {"report": report.report_of(evaluation), "may_build": may_build}
    return render(request, "models_registry/evaluation_detail.html", context)


@login_required
def comparison(request: HttpRequest, slug: str) -> HttpResponse:
    """Any runs of the project: choose, and see them side by side."""
    values = [*request.GET.getlist("run"), *request.GET.getlist("runs")]
    asked = [int(number) for value in values for number in value.split(",") if number.isdecimal()]
    project, runs = access.runs_for(request.user, slug, asked[: comparisons.MOST_RUNS])
    context: dict[str, Any] = {
        "project": project,
        "runs": runs,
        "choices": selectors.runs_of(project).filter(state="ready")[:100],
    }
    try:
        if len(runs) > 1:
            compared = comparisons.compare(runs)
            curves = selectors.roc_of_runs(runs, compared["judged_on"])
            context |= {"compared": pages.comparison_page(compared, curves)}
    except DomainError as error:
        context |= {"error": str(error)}
    return render(request, "models_registry/comparison.html", context)
