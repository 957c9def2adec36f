"""Pages of the value of data."""

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from models_registry import access, pages, selectors
from models_registry.forms import RecipeForm
from models_registry.models import ValueOfData
from models_registry.services import value
from models_registry.views.runs import PER_PAGE, recipe_page
from projects.access import may, project_for


@login_required
def value_list(request: HttpRequest, slug: str) -> HttpResponse:
    project = project_for(request.user, slug)
    page = Paginator(selectors.values_of(project).defer("result"), PER_PAGE).get_page(request.GET.get("page"))
    context = {"project": project, "page": page, "may_build": may(request.user, project, access.BUILD)}
    return render(request, "models_registry/value_list.html", context)


@login_required
def value_create(request: HttpRequest, slug: str) -> HttpResponse:
    words = {
        "heading": _("Value of data"),
        "lead": _("One recipe is trained on the partner's columns, the platform's and both: same rows, same split."),
        "action": _("Train and compare"),
    }
    return recipe_page(request, slug, RecipeForm, value.value_of_data, "models_registry:value-detail", words)


@login_required
def value_detail(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    found = access.value_for(request.user, slug, number)
    ready = found.state == ValueOfData.State.READY
    context = {"project": found.project, "value": found, "views": pages.value_views(found) if ready else ()}
    return render(request, "models_registry/value_detail.html", context)
