"""Rebuilding what is stale, on real work from a sample file to a trained model."""

import pytest
from django.urls import reverse

from datafactory.models import FeatureTable, Match
from etron.lineage.read import flow_of
from etron.rebuild import rebuild_stale
from models_registry.models import Evaluation, TrainingRun
from projects.errors import Conflict
from projects.models import Job
from tests.datafactory.conftest import built, event_rows  # noqa: F401 - fixture

pytestmark = pytest.mark.django_db

PLAN = {
    "algorithm": "xgboost",
    "column_set": "joint",
    "split": {"kind": "random", "seed": 1},
    "xgb": {"n_estimators": 3, "max_depth": 2},
}


@pytest.fixture
def modelled(built, project, people, run_jobs, settings):  # noqa: F811
    """A chain from a sample to an evaluation, and then a newer version of its source."""
    from models_registry.services import plans
    from models_registry.services.evaluation import evaluate_model
    from models_registry.services.training import train_model

    built.ready_match()
    assert built.table().status_code == 202
    table = FeatureTable.objects.get(project=project)
    with run_jobs():
        run = train_model(user=people.modeler, feature_table=table, plan=plans.read_training(PLAN), name="Card")
    run.refresh_from_db()
    assert run.state == "ready", run.job and run.job.error
    with run_jobs():
        evaluate_model(user=people.modeler, run=run, plan=plans.read_evaluation({"bootstrap": 20}))
    assert not flow_of(project, people.modeler).stale
    built.source(rows=event_rows(100))
    return project


def test_everything_behind_a_newer_source_is_made_again_and_nothing_else(modelled, people, run_jobs):
    assert {node.step.kind for node in flow_of(modelled, people.modeler).stale} == {
        "match",
        "features",
        "run",
        "evaluation",
    }
    with run_jobs():
        job = rebuild_stale(user=people.modeler, project=modelled)
    job.refresh_from_db()
    assert job.state == "finished", job.error
    flow = flow_of(modelled, people.modeler)
    assert not flow.stale
    assert [
        model.objects.filter(project=modelled).count() for model in (Match, FeatureTable, TrainingRun, Evaluation)
    ] == [2] * 4
    newest = Match.objects.order_by("-number").first()
    assert newest is not None
    assert [version.number for version in newest.source_versions.all()] == [2]
    assert set(TrainingRun.objects.values_list("name", flat=True)) == {"Card"}
    assert flow.n_earlier == 5
    with pytest.raises(Conflict):
        rebuild_stale(user=people.modeler, project=modelled)


def test_a_second_click_is_the_same_job(modelled, people):
    first = rebuild_stale(user=people.modeler, project=modelled)
    assert rebuild_stale(user=people.modeler, project=modelled) == first


def test_only_builders_rebuild(modelled, people, client_of):
    url = reverse("flow-rebuild", args=[modelled.slug])
    assert client_of(people.stranger).post(url).status_code == 404
    assert client_of(people.partner).post(url).status_code == 403
    assert not Job.objects.filter(name="etron.rebuild_stale").exists()
    assert url in client_of(people.modeler).get(reverse("flow", args=[modelled.slug])).content.decode()
    assert url not in client_of(people.partner).get(reverse("flow", args=[modelled.slug])).content.decode()
    assert client_of(people.modeler).get(url).status_code == 405
    assert client_of(people.modeler).post(url).status_code == 302


def test_a_step_that_fails_stops_the_rest_and_says_which(modelled, people, run_jobs, monkeypatch):
    from datafactory.services import features
    from modeling.errors import DataError

    def broken(**given):
        raise DataError("no_rows", "The file %(name)s has a header but no rows.", name="a.csv")

    monkeypatch.setattr(features, "run_build_features", broken)
    with run_jobs():
        job = rebuild_stale(user=people.modeler, project=modelled)
    job.refresh_from_db()
    assert job.state == "failed"
    assert "Features 1" in job.error
    assert "a.csv" in job.error
    assert TrainingRun.objects.filter(project=modelled).count() == 1
