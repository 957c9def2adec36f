"""Pages of training runs: list, order, and what came out."""

import json
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from datafactory.models import FeatureTable
from models_registry import access, pages, selectors, words
from models_registry.forms import OfferForm, RecipeForm, TrainForm
from models_registry.models import TrainingRun
from models_registry.services import evaluation as evaluations
from models_registry.services import plans, training
from projects.access import may, person, project_for
from projects.errors import DomainError
from projects.models import Artifact, Project

PER_PAGE = 50


@login_required
def run_list(request: HttpRequest, slug: str) -> HttpResponse:
    project = project_for(request.user, slug)
    page = Paginator(selectors.runs_of(project), PER_PAGE).get_page(request.GET.get("page"))
    context = {"project": project, "page": page, "may_build": may(request.user, project, access.BUILD)}
    fragment = request.htmx and not request.htmx.boosted  # type: ignore[attr-defined]
    template = "_run_table" if fragment else "run_list"
    return render(request, f"models_registry/{template}.html", context)


@login_required
def run_create(request: HttpRequest, slug: str) -> HttpResponse:
    words_ = {
        "heading": _("Train a model"),
        "lead": _("Choose what to train on which rows and columns. The recipe is kept with the run."),
        "action": _("Train"),
    }
    return recipe_page(request, slug, TrainForm, training.train_model, "models_registry:run-detail", words_)


def recipe_page(
    request: HttpRequest,
    slug: str,
    kind: type[RecipeForm],
    order: Callable[..., Artifact],
    detail: str,
    words_: dict[str, Any],
) -> HttpResponse:
    """The form of a recipe; once it fits, the work is ordered and the page ``detail`` of what was ordered follows."""
    project = project_for(request.user, slug, access.BUILD)
    form = recipe_form(request, project, kind)
    if request.method == "POST" and form.is_valid():
        try:
            made = order(
                user=person(request.user),
                feature_table=form.cleaned_data["feature_table"],
                plan=form.plan(),
                name=form.cleaned_data["name"],
            )
            return redirect(detail, slug, made.number)
        except DomainError as error:
            form.add_error(None, str(error))
    context = {"project": project, "form": form, **words_}
    return render(request, "models_registry/run_form.html", context, status=422 if form.errors else 200)


def recipe_form(request: HttpRequest, project: Project, kind: type[RecipeForm]) -> RecipeForm:
    """The form with the project's ready feature tables; the one asked for, or else the newest, is chosen."""
    tables = FeatureTable.objects.filter(project=project, state=FeatureTable.State.READY, deleted_at=None)
    tables = tables.defer("profile")
    data = request.POST if request.method == "POST" else None
    asked = request.GET.get("feature_table", "")
    if data is not None:
        chosen = tables.filter(pk=data["feature_table"]) if str(data.get("feature_table", "")).isdigit() else tables
    else:
        chosen = tables.filter(number=int(asked)) if asked.isdigit() else tables
    algorithm = request.GET.get("algorithm", TrainingRun.Algorithm.SCORECARD)
    initial = {"algorithm": algorithm, "given": request.GET.get("given", "")}
    return kind(data, tables=tables, table=chosen.order_by("-number").first(), initial=initial)


@login_required
def run_detail(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    run = access.run_for(request.user, slug, number)
    may_build = may(request.user, run.project, access.BUILD)
    context = {
        "project": run.project,
        "run": run,
        "report": pages.training_page(run) if run.state == TrainingRun.State.READY else None,
        "plan_json": json.dumps(run.plan, indent=2, ensure_ascii=False),
        "marks": words.marks(run.ticket.get("marks", [])),
        "evaluations": run.evaluations.defer("result").select_related("job"),
        "may_build": may_build,
        "offer": OfferForm(models=selectors.models_of(run.project, person(request.user))) if may_build else None,
    }
    return render(request, "models_registry/run_detail.html", context)


@login_required
def run_evaluate(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """A link from elsewhere leads to the run's page, whose button does it."""
    if request.method != "POST":
        access.run_for(request.user, slug, number)
        return redirect("models_registry:run-detail", slug, number)
    run = access.run_for(request.user, slug, number, access.BUILD)
    try:
        plan = plans.read_evaluation({})
        evaluation = evaluations.evaluate_model(user=person(request.user), run=run, plan=plan)
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("models_registry:run-detail", slug, number)
    return redirect("models_registry:evaluation-detail", slug, evaluation.number)
