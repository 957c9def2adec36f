"""Who reaches a run, an evaluation, a model or a version: members of its project; strangers get 404."""

from datafactory.models import FeatureTable
from models_registry import selectors
from models_registry.models import BinDraft, BinRevision, BinSet, Evaluation, Model, TrainingRun, ValueOfData, Version
from projects.access import AnyUser, person, project_for
from projects.errors import NotFound
from projects.models import Project

BUILD = "projects.build_project"
RELEASE = "projects.release_project"
VIEW = "projects.view_project"


def run_for(user: AnyUser, slug: str, number: int, perm: str = VIEW) -> TrainingRun:
    run = selectors.runs_of(project_for(user, slug, perm)).filter(number=number).first()
    if run is None:
        raise NotFound("run_not_found")
    return run


def runs_for(user: AnyUser, slug: str, numbers: list[int]) -> tuple[Project, list[TrainingRun]]:
    """Several runs of one project, in the order asked for; 404 if one of them is not there."""
    project = project_for(user, slug)
    found = {run.number: run for run in selectors.runs_of(project).filter(number__in=numbers)}
    if missing := set(numbers) - found.keys():
        raise NotFound("run_not_found", detail={"runs": sorted(missing)})
    return project, [found[number] for number in dict.fromkeys(numbers)]


def evaluation_for(user: AnyUser, slug: str, number: int) -> Evaluation:
    rows = Evaluation.objects.filter(project=project_for(user, slug), number=number)
    evaluation = rows.select_related("project", "run__feature_table__match__sample", "run__created_by", "job").first()
    if evaluation is None:
        raise NotFound("evaluation_not_found")
    return evaluation


def value_for(user: AnyUser, slug: str, number: int) -> ValueOfData:
    rows = selectors.values_of(project_for(user, slug)).filter(number=number)
    value = rows.prefetch_related("runs").first()
    if value is None:
        raise NotFound("value_not_found")
    return value


def model_for(user: AnyUser, slug: str, model: str) -> Model:
    found = selectors.models_of(project_for(user, slug), person(user)).filter(slug=model).first()
    if found is None:
        raise NotFound("model_not_found")
    return found


def version_for(user: AnyUser, slug: str, model: str, number: int, perm: str = VIEW) -> Version:
    rows = selectors.versions_of(project_for(user, slug, perm), person(user))
    version = rows.filter(model__slug=model, number=number).first()
    if version is None:
        raise NotFound("version_not_found")
    return version


def feature_table_for(user: AnyUser, slug: str, number: int, perm: str = BUILD) -> FeatureTable:
    """A feature table to train on."""
    rows = FeatureTable.objects.filter(project=project_for(user, slug, perm), number=number)
    table = rows.select_related("project", "match").first()
    if table is None:
        raise NotFound("feature_table_not_found")
    return table


def bin_set_for(user: AnyUser, slug: str, number: int, perm: str = VIEW) -> BinSet:
    rows = BinSet.objects.filter(project=project_for(user, slug, perm), number=number)
    rows = rows.select_related("project", "feature_table", "created_by", "job").defer("feature_table__profile")
    found = rows.first()
    if found is None:
        raise NotFound("bin_set_not_found")
    return found


def draft_for(user: AnyUser, slug: str, number: int, name: str, perm: str = VIEW) -> BinDraft:
    """One variable of a bin set."""
    bin_set = bin_set_for(user, slug, number, perm)
    draft = bin_set.drafts.select_related("changed_by").filter(name=name).first()
    if draft is None:
        raise NotFound("variable_not_found")
    draft.bin_set = bin_set
    return draft


def bin_revision_for(user: AnyUser, slug: str, number: int, revision: int, perm: str = VIEW) -> BinRevision:
    found = bin_set_for(user, slug, number, perm).revisions.filter(number=revision).first()
    if found is None:
        raise NotFound("bin_revision_not_found")
    return found
