"""Every page renders for members, refuses strangers, and keeps its number of queries whatever the number of rows."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from models_registry.models import TrainingRun, ValueOfData, Version
from models_registry.services import evaluation as evaluations
from models_registry.services import gate, plans, releases, training, value
from tests.models_registry import tables
from tests.models_registry.conftest import SCORECARD, XGBOOST
from tests.models_registry.tables import job_of


@pytest.fixture(autouse=True)
def _stores(monkeypatch):
    monkeypatch.setattr(gate, "check_online", tables.online_is_fine)


@pytest.fixture
def pages(project):
    return f"/projects/{project.slug}"


FORM = {
    "algorithm": "scorecard",
    "column_set": "joint",
    "rows": "all",
    "split": "random",
    "share_train": 60,
    "share_valid": 20,
    "share_test": 20,
    "oot_months": 2,
    "folds": 5,
    "seed": 7,
    "base_score": 600,
    "base_odds": 20,
    "pdo": 20,
    "max_bins": 6,
    "min_bin_share": 5,
    "trend": "auto",
    "n_estimators": 20,
    "max_depth": 2,
    "learning_rate": 0.2,
    "subsample": 0.8,
    "colsample": 0.8,
    "min_child_weight": 10,
    "reg_lambda": 1,
    "early_stopping_rounds": 10,
}


def test_from_form_to_report(client_of, people, feature_table, pages, run_jobs):
    browser = client_of(people.modeler)
    form = browser.get(f"{pages}/runs/new/", {"feature_table": feature_table.number})
    assert "lending__count_d90" in form.text
    with run_jobs():
        made = browser.post(f"{pages}/runs/new/", FORM | {"feature_table": feature_table.pk, "name": "Baseline"})
    assert made.status_code == 302
    run = browser.get(made.url)
    for told in ("Baseline", "Variable funnel", "Coefficients", "VIF", "Points", "Evaluate"):
        assert told in run.text, told
    with run_jobs():
        made = browser.post(f"{made.url}evaluate/")
    report = browser.get(made.url).text
    for told in ("Credit model report", "Discrimination", "Gains table", "Calibration", "Stability by month", "PSI"):
        assert told in report, told
    assert report.count("data-figure=") >= 9


def test_monotone_directions_reach_the_model(client_of, people, feature_table, pages, run_jobs):
    order = FORM | {
        "feature_table": feature_table.pk,
        "algorithm": "xgboost",
        "monotone:lending__count_d90": "1",
        "monotone:partner__age": "0",
    }
    with run_jobs():
        client_of(people.modeler).post(f"{pages}/runs/new/", order)
    run = TrainingRun.objects.get()
    assert run.state == "ready", job_of(run).error
    assert run.plan["xgb"]["monotone"] == {"lending__count_d90": 1}


def test_directions_of_columns_outside_the_set_are_left_out(client_of, people, feature_table, pages, run_jobs):
    order = FORM | {"feature_table": feature_table.pk, "algorithm": "xgboost", "column_set": "partner"}
    with run_jobs():
        client_of(people.modeler).post(f"{pages}/runs/new/", order | {"monotone:lending__count_d90": "1"})
    assert TrainingRun.objects.get().state == "ready"


@pytest.mark.parametrize(
    ("change", "told"),
    [({"share_test": 30}, "must add up"), ({"feature_table": ""}, "required"), ({"max_bins": 1}, "greater than")],
)
def test_a_form_that_does_not_fit_is_shown_again(client_of, people, feature_table, pages, change, told):
    answer = client_of(people.modeler).post(f"{pages}/runs/new/", FORM | {"feature_table": feature_table.pk} | change)
    assert answer.status_code == 422
    assert told in answer.text
    assert not TrainingRun.objects.exists()


def test_a_failed_run_shows_the_cause(client_of, people, feature_table, pages, run_jobs):
    from models_registry.services.training import train_model

    with run_jobs():
        plan = plans.read_training(SCORECARD | {"columns": ["partner__nothing"]})
        run = train_model(user=people.modeler, feature_table=feature_table, plan=plan)
    page = client_of(people.partner).get(f"{pages}/runs/{run.number}/").text
    assert "partner__nothing" in page


def test_comparison_shows_figures_and_differences(client_of, people, evaluated, pages):
    one, two = evaluated(SCORECARD, name="Card"), evaluated(XGBOOST, name="Trees")
    page = client_of(people.partner).get(f"{pages}/compare/", {"run": [one.number, two.number]}).text
    assert f"run {two.number} − run {one.number}" in page
    assert page.count("data-figure=") == 2
    assert client_of(people.partner).get(f"{pages}/compare/").status_code == 200


def test_value_of_data_names_what_the_partner_gains(client_of, people, feature_table, pages, run_jobs):
    with run_jobs():
        made = value.value_of_data(
            user=people.modeler, feature_table=feature_table, plan=plans.read_training(SCORECARD)
        )
    made.refresh_from_db()
    assert made.state == ValueOfData.State.READY, job_of(made).error
    view = made.result["views"]["matched"]
    models = view["splits"][view["judged_on"]]["models"]
    assert models["joint"]["auc"]["value"] > models["partner"]["auc"]["value"]
    assert made.summary["ks_gain"] > 0
    page = client_of(people.partner).get(f"{pages}/value/{made.number}/").text
    assert "On matched rows" in page
    assert "fewer bads" in page
    assert job_of(made).rows_done <= job_of(made).rows_total


LENDING = ["lending__count_d90", "lending__max_amount_d90", "lending__kind"]


@pytest.mark.parametrize(
    ("plan", "constant"), [({"columns": LENDING}, []), ({}, ["partner__income", "partner__age", "partner__city"])]
)
def test_a_side_that_teaches_nothing_counts_as_a_model_that_ranks_nobody(
    plan, constant, client_of, people, make_table, pages, run_jobs
):
    table = make_table(constant=constant)
    with run_jobs():
        made = value.value_of_data(user=people.modeler, feature_table=table, plan=plans.read_training(SCORECARD | plan))
    made.refresh_from_db()
    assert made.state == ValueOfData.State.READY, job_of(made).error
    view = made.result["views"]["all"]
    figures = view["splits"][view["judged_on"]]["models"]
    assert (figures["partner"]["auc"]["value"], figures["partner"]["ks"]["value"]) == (0.5, 0.0)
    assert figures["joint"] == figures["platform"]
    assert set(view["runs"]) == {"platform", "joint"}
    assert "no usable variable" in client_of(people.partner).get(f"{pages}/value/{made.number}/").text


def test_the_version_page_leads_from_draft_to_live(client_of, people, evaluated, pages):
    author, approver = client_of(people.modeler), client_of(people.approver)
    run = evaluated()
    made = author.post(f"{pages}/runs/{run.number}/offer/", {"model": "Auto loan", "note": "First"})
    page = made.url
    assert "Send for approval" in author.get(page).text
    author.post(f"{page}submit/", {"note": "Please read."})
    assert "another person" in author.get(page).text
    assert "Approve" in approver.get(page).text
    author_tries = author.post(f"{page}approve/")
    assert author_tries.status_code == 403
    approver.post(f"{page}approve/", {"note": "Agreed."})
    assert "Publish" in approver.get(page).text
    approver.post(f"{page}publish/", {"note": "Go."})
    assert Version.objects.get().status == "live"
    history = approver.get(f"{pages}/models/auto-loan/", {"at": "2020-01-01T00:00"}).text
    assert "no version of this model was live" in history


def test_bands_are_changed_on_the_page_of_a_draft(client_of, people, evaluated, pages):
    author, run = client_of(people.modeler), evaluated()
    page = author.post(f"{pages}/runs/{run.number}/offer/", {"model": "Auto loan"}).url
    author.post(f"{page}bands/", {"band": ["A", "B"], "min_score": ["620", "0"], "action": ["approve", "decline"]})
    assert [band["min_score"] for band in Version.objects.get().bands] == [620, 0]
    author.post(f"{page}bands/", {"band": ["A", "B"], "min_score": ["0", "620"], "action": ["approve", "decline"]})
    assert [band["min_score"] for band in Version.objects.get().bands] == [620, 0]


def test_members_read_and_strangers_find_nothing(client_of, people, approved, pages):
    version = approved()
    names = [
        "runs/",
        f"runs/{version.run.number}/",
        "evaluations/",
        f"evaluations/{version.evaluation.number}/",
        f"compare/?run={version.run.number}",
        "value/",
        "models/",
        "models/auto-loan/",
        "versions/auto-loan/1/",
    ]
    for name in names:
        assert client_of(people.partner).get(f"{pages}/{name}").status_code == 200, name
        assert client_of(people.stranger).get(f"{pages}/{name}").status_code == 404, name
    for name in ("runs/new/", "value/new/"):
        assert client_of(people.partner).get(f"{pages}/{name}").status_code == 403
        assert client_of(people.stranger).get(f"{pages}/{name}").status_code == 404


BUDGETS = {"runs/": 24, "evaluations/": 24, "models/": 24, "value/": 24}


@pytest.mark.parametrize("name", BUDGETS)
def test_lists_keep_their_number_of_queries(client_of, people, evaluated, approved, pages, name):
    browser = client_of(people.modeler)
    approved(evaluated(SCORECARD))
    browser.get(f"{pages}/{name}")  # what a process asks once and keeps
    with CaptureQueriesContext(connection) as few:
        browser.get(f"{pages}/{name}")
    for seed in (1, 2):
        approved(evaluated(XGBOOST | {"seed": seed}))
    with CaptureQueriesContext(connection) as many:
        browser.get(f"{pages}/{name}")
    assert len(many) == len(few) <= BUDGETS[name]


def test_the_report_keeps_its_number_of_queries(client_of, people, evaluated, pages, django_assert_max_num_queries):
    evaluation = evaluated().evaluations.get()
    browser = client_of(people.modeler)
    with django_assert_max_num_queries(30):
        browser.get(f"{pages}/evaluations/{evaluation.number}/")


def test_the_live_version_page_offers_to_retire(client_of, people, approved, pages):
    version = approved()
    releases.publish(user=people.approver, version=version)
    page = client_of(people.approver).get(f"{pages}/versions/auto-loan/1/").text
    assert "Retire" in page
    assert "live since" in page


def test_pages_show_work_that_is_not_done_yet(client_of, people, feature_table, trained, pages, run_jobs):
    """Runs, evaluations and values that wait, and a ready run that nobody has evaluated."""
    plan = plans.read_training(XGBOOST)
    run = trained()
    waiting = [
        training.train_model(user=people.modeler, feature_table=feature_table, plan=plan),
        evaluations.evaluate_model(user=people.modeler, run=run, plan=plans.read_evaluation({})),
        value.value_of_data(user=people.modeler, feature_table=feature_table, plan=plan),
    ]
    browser = client_of(people.partner)
    for name in ("runs/", "evaluations/", "value/", "models/", f"compare/?run={run.number}"):
        assert browser.get(f"{pages}/{name}").status_code == 200, name
    for noun, row in zip(("runs", "evaluations", "value"), waiting, strict=True):
        assert "waiting for a worker" in browser.get(f"{pages}/{noun}/{row.number}/").text, noun
