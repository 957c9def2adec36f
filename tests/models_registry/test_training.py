"""Training through the service: what a run keeps, double clicks, killed workers."""

import pytest
from django.conf import settings

from models_registry import selectors
from models_registry.models import TrainingRun
from models_registry.services import plans, training
from projects import jobs, storage
from projects.errors import Conflict, DomainError, Invalid
from projects.models import AuditEvent, Job
from projects.services.authorisations import withdraw
from tests.models_registry.conftest import SCORECARD, XGBOOST
from tests.models_registry.tables import job_of


def test_a_scorecard_is_trained_and_told(trained):
    run = trained(name="Baseline")
    report = selectors.training_report(run)
    assert run.algorithm == "scorecard"
    assert run.summary["n_candidates"] == 6
    assert job_of(run).state == Job.State.FINISHED
    assert {row["variable"] for row in report["coefficients"]} == {c["name"] for c in run.ticket["columns"]}
    assert all(row["coefficient"] < 0 for row in report["coefficients"])
    assert len(report["funnel"]) == 6
    assert (storage.folder(run.ticket["path"]) / "model.json").is_file()


def test_the_column_set_binds(trained):
    run = trained(XGBOOST | {"column_set": "partner"})
    assert {column["party"] for column in run.ticket["columns"]} == {"partner"}


def test_a_double_click_is_one_run(feature_table, people):
    plan = plans.read_training(SCORECARD)
    first = training.train_model(user=people.modeler, feature_table=feature_table, plan=plan)
    second = training.train_model(user=people.colleague, feature_table=feature_table, plan=plan)
    other = training.train_model(user=people.modeler, feature_table=feature_table, plan=plans.read_training(XGBOOST))
    assert first.pk == second.pk
    assert other.pk != first.pk
    assert Job.objects.filter(name="models_registry.train_model").count() == 2


def test_a_run_whose_job_was_stopped_does_not_block_a_new_one(feature_table, people):
    plan = plans.read_training(SCORECARD)
    first = training.train_model(user=people.modeler, feature_table=feature_table, plan=plan)
    jobs.cancel(job_of(first))
    again = training.train_model(user=people.modeler, feature_table=feature_table, plan=plan)
    assert again.pk != first.pk


def test_the_same_recipe_gives_the_same_content(trained):
    assert trained(XGBOOST).content_hash == trained(XGBOOST).content_hash


class Killed(BaseException):
    """A worker's end in the middle of its work: nothing of the site's own handles it."""


def test_a_worker_killed_in_the_middle_leaves_nothing_half(feature_table, people, monkeypatch, run_jobs):
    from modeling import train

    def killed(*_args, **_kwargs):
        raise Killed

    monkeypatch.setattr(train, "write_predictions", killed)
    plan = plans.read_training(SCORECARD)
    with pytest.raises(Killed), run_jobs():
        run = training.train_model(user=people.modeler, feature_table=feature_table, plan=plan)
    run.refresh_from_db()
    assert run.state == TrainingRun.State.RUNNING
    assert not list(settings.ARTIFACT_ROOT.glob("runs/**/*.json"))
    monkeypatch.undo()
    Job.objects.filter(pk=job_of(run).pk).update(heartbeat_at=run.created_at.replace(year=2020))
    settings.ARTIFACT_ROOT.mkdir(exist_ok=True)
    with run_jobs():
        assert jobs.reap().requeued == 1
    run.refresh_from_db()
    assert run.state == TrainingRun.State.READY
    assert job_of(run).state == Job.State.FINISHED


def test_a_recipe_that_cannot_be_trained_fails_in_plain_words(make_table, people, run_jobs):
    plan = plans.read_training(SCORECARD | {"columns": ["partner__nothing"]})
    with run_jobs():
        run = training.train_model(user=people.modeler, feature_table=make_table(), plan=plan)
    run.refresh_from_db()
    assert run.state == TrainingRun.State.FAILED
    assert job_of(run).error_code == "column_unknown"
    assert "partner__nothing" in job_of(run).error


def test_a_table_that_is_not_ready_is_refused(feature_table, people):
    feature_table.state = "running"
    with pytest.raises(Conflict) as refused:
        training.train_model(user=people.modeler, feature_table=feature_table, plan=plans.read_training({}))
    assert refused.value.code == "feature_table_not_ready"


def test_without_an_authorisation_in_force_nothing_is_trained(feature_table, authorisation, people):
    withdraw(user=people.partner, authorisation=authorisation)
    with pytest.raises(DomainError) as refused:
        training.train_model(user=people.modeler, feature_table=feature_table, plan=plans.read_training({}))
    assert refused.value.code == "no_authorisation"


@pytest.mark.parametrize("plan", [{"algorithm": "magic"}, {"splits": {}}, {"bins": {"max_bins": "many"}}, []])
def test_a_plan_with_a_foreign_shape_is_refused(plan):
    with pytest.raises(Invalid) as refused:
        plans.read_training(plan)
    assert refused.value.code == "bad_plan"


def test_no_plan_goes_below_the_floor_of_people():
    plan = plans.read_training({"min_people": 1, "bins": {"min_people": 2}})
    assert plan.min_people == plan.bins.min_people == settings.LEAF_FLOOR_PEOPLE


def test_training_is_written_into_the_log(trained, people):
    run = trained()
    line = AuditEvent.objects.get(action="run.started")
    assert (line.actor, line.target) == (people.modeler.email, f"run {run.number}")
