"""The same acts over REST: an example of each endpoint, and who is let through."""

import pytest

from models_registry.services import gate
from tests.models_registry import tables
from tests.models_registry.conftest import SCORECARD, XGBOOST


@pytest.fixture
def at(project):
    return f"/api/v1/projects/{project.slug}"


@pytest.fixture(autouse=True)
def _stores(monkeypatch):
    monkeypatch.setattr(gate, "check_online", tables.online_is_fine)


def post(client, url, body, run_jobs):
    with run_jobs():
        return client.post(url, body, format="json")


def test_a_run_from_order_to_report(api_of, people, feature_table, at, run_jobs):
    client = api_of(people.modeler)
    order = {"feature_table": feature_table.number, "name": "Baseline", "plan": SCORECARD}
    answer = post(client, f"{at}/runs", order, run_jobs)
    assert answer.status_code == 202
    assert set(answer.data) == {"number", "state", "job", "url"}
    run = client.get(answer.data["url"]).data
    assert (run["state"], run["error"], run["feature_table"]) == ("ready", None, feature_table.number)
    assert run["report"]["coefficients"]
    listed = client.get(f"{at}/runs").data
    assert (listed["count"], listed["results"][0]["number"]) == (1, run["number"])


def test_a_run_that_fails_says_why(api_of, people, feature_table, at, run_jobs):
    client = api_of(people.modeler)
    plan = SCORECARD | {"columns": ["partner__nothing"]}
    answer = post(client, f"{at}/runs", {"feature_table": feature_table.number, "plan": plan}, run_jobs)
    run = client.get(answer.data["url"]).data
    assert (run["state"], run["error"]["code"]) == ("failed", "column_unknown")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"plan": SCORECARD}, 400, "invalid"),
        ({"feature_table": 99, "plan": SCORECARD}, 404, "feature_table_not_found"),
        ({"feature_table": 1, "plan": {"algorithm": "magic"}}, 422, "bad_plan"),
    ],
)
def test_bad_orders_are_refused_in_plain_words(api_of, people, feature_table, at, body, status, code):
    answer = api_of(people.modeler).post(f"{at}/runs", body, format="json")
    assert (answer.status_code, answer.data["code"]) == (status, code)


def test_an_evaluation_and_a_comparison(api_of, people, trained, at, run_jobs):
    client, one, two = api_of(people.modeler), trained(SCORECARD), trained(XGBOOST)
    answer = post(client, f"{at}/evaluations", {"run": one.number, "plan": {"bootstrap": 20}}, run_jobs)
    assert answer.status_code == 202
    result = client.get(answer.data["url"]).data["result"]
    assert {"train", "valid", "test"} <= set(result["splits"])
    assert result["splits"]["test"]["auc"]["low"] <= result["splits"]["test"]["auc"]["value"]
    compared = client.get(f"{at}/compare", {"runs": f"{one.number},{two.number}"}).data
    assert {run["number"] for run in compared["runs"]} == {one.number, two.number}
    assert client.get(f"{at}/compare", {"runs": "one"}).status_code == 400
    assert client.get(f"{at}/compare", {"runs": "1,99"}).status_code == 404


def test_the_value_of_data(api_of, people, feature_table, at, run_jobs):
    client = api_of(people.modeler)
    answer = post(client, f"{at}/values", {"feature_table": feature_table.number, "plan": XGBOOST}, run_jobs)
    assert answer.status_code == 202
    value = client.get(answer.data["url"]).data
    assert value["state"] == "ready", value["error"]
    assert len(value["runs"]) == 6
    assert set(value["result"]["views"]) == {"matched", "all"}


def test_a_version_from_offer_to_live_and_back(api_of, people, evaluated, at):
    run = evaluated()
    author, approver = api_of(people.modeler), api_of(people.approver)
    made = author.post(f"{at}/versions", {"run": run.number, "model": "Auto loan"}, format="json")
    assert made.status_code == 201
    version = made.data["url"]
    assert author.post(f"{version}/submit", {"note": "Please read."}, format="json").data["status"] == "submitted"
    assert author.post(f"{version}/approve", {}, format="json").status_code == 403
    assert approver.post(f"{version}/approve", {"note": "Agreed."}, format="json").data["status"] == "approved"
    live = approver.post(f"{version}/publish", {}, format="json").data
    assert (live["status"], all(check["passed"] for check in live["gate"])) == ("live", True)
    model = author.get(f"{at}/models/auto-loan", {"at": "2020-01-01T00:00:00Z"}).data
    assert (model["live"], model["at"], len(model["history"])) == (1, None, 1)
    assert approver.post(f"{version}/retire", {"note": "Over."}, format="json").data["status"] == "retired"
    assert approver.post(f"{version}/explode", {}, format="json").status_code == 404


def test_sent_back_over_rest_needs_reasons(api_of, people, evaluated, at):
    author, approver = api_of(people.modeler), api_of(people.approver)
    version = author.post(f"{at}/versions", {"run": evaluated().number, "model": "A"}, format="json").data["url"]
    author.post(f"{version}/submit", {}, format="json")
    assert approver.post(f"{version}/return", {}, format="json").data["code"] == "reasons_missing"
    assert approver.post(f"{version}/return", {"note": "More."}, format="json").data["status"] == "returned"


ORDERS = ["runs", "evaluations", "values", "versions"]


@pytest.mark.parametrize("noun", ORDERS)
@pytest.mark.parametrize("who", ["partner", "approver", "integrator", "administrator"])
def test_only_modelers_build(api_of, people, evaluated, at, noun, who):
    run = evaluated()
    body = {"feature_table": run.feature_table.number, "run": run.number, "model": "A"}
    answer = api_of(getattr(people, who)).post(f"{at}/{noun}", body, format="json")
    assert (answer.status_code, answer.data["code"]) == (403, "forbidden")


def test_members_read_and_strangers_find_nothing(api_of, people, approved, at):
    version = approved()
    run, evaluation = version.run.number, version.evaluation.number
    pages = [
        *ORDERS,
        "models",
        f"runs/{run}",
        f"evaluations/{evaluation}",
        f"compare?runs={run}",
        "models/auto-loan",
        "versions/auto-loan/1",
    ]
    for page in pages:
        assert api_of(people.partner).get(f"{at}/{page}").status_code == 200, page
        assert api_of(people.stranger).get(f"{at}/{page}").status_code == 404, page
    for noun in ORDERS:
        body = {"feature_table": 1, "run": run, "model": "A"}
        assert api_of(people.stranger).post(f"{at}/{noun}", body, format="json").status_code == 404


def test_without_a_token_nothing_answers(client, at, db):
    assert client.get(f"{at}/runs").status_code == 401
