"""From a planted leak to its mark: the scan after a build, decisions on page and API, and what training does."""

import json

import pytest
from django.urls import reverse

from datafactory.models import FeatureTable, LeakScan
from datafactory.selectors import leaks as selectors
from datafactory.services import leaks
from modeling.marks import LEAK_SUSPECTED
from models_registry.selectors import marks_of
from models_registry.services import evaluation as evaluations
from models_registry.services import plans, training, versions
from projects.errors import Invalid, NotFound
from projects.models import AuditEvent
from tests.datafactory.files import PLAN, clean_rows, hashed
from tests.models_registry.tables import job_of

pytestmark = pytest.mark.django_db

RECIPE = {"algorithm": "scorecard", "split": {"kind": "random", "seed": 3}, "min_people": 5, "screen": {"min_iv": 0}}
LEAK = "partner__city"


def rows(n=600):
    """The income tells a little of the outcome, the city nearly all of it."""
    made = clean_rows(n)
    for i, row in enumerate(made):
        bad = (i * 7) % 10 < (4 if i % 2 else 2)
        row[3], row[4], row[5] = (
            str(int(bad)),
            str(1000 + (0 if i % 2 else 500) + i % 90),
            "court" if bad != (i % 17 == 0) else "branch",
        )
    return made


@pytest.fixture
def table(built, settings):
    settings.LEAF_FLOOR_PEOPLE = 5
    built.sample(rows(), PLAN)
    built.source(
        rows=[[hashed(i), f"2023-1{k}-20", str(10 * k + i % 7), f"L{i % 4}"] for i in range(400) for k in (0, 1)]
    )
    assert built.match().status_code == 202
    assert built.table().status_code == 202
    made = FeatureTable.objects.get()
    assert made.state == "ready", job_of(made).error
    return made


def trained(table, people, run_jobs, **recipe):
    with run_jobs():
        run = training.train_model(user=people.modeler, feature_table=table, plan=plans.read_training(RECIPE | recipe))
    run.refresh_from_db()
    assert run.state == "ready", job_of(run).error
    return run


def offered(run, people, run_jobs):
    with run_jobs():
        evaluations.evaluate_model(user=people.modeler, run=run, plan=plans.read_evaluation({"bootstrap": 20}))
    return versions.create_version(user=people.modeler, run=run, model="Auto loan")


def names_of(run):
    return {column["name"] for column in run.ticket["columns"]}


def test_a_table_is_scanned_when_it_is_built_and_names_the_column(built, table):
    told = built.modeler.get(f"{built.base}/feature-tables/1/leaks").json()
    assert (told["state"], told["result"]["basis"]) == ("finished", "people")
    found = {(one["column"], one["reason"]) for one in told["result"]["findings"]}
    assert found == {(LEAK, "too_good")}
    assert "court" not in json.dumps(told)
    assert AuditEvent.objects.get(action="features.scanned").detail == {"n_suspected": 1}


def test_the_page_says_why_and_offers_decisions_to_who_builds(built, table, people, client_of):
    url = reverse("datafactory:feature-detail", args=[built.project.slug, 1])
    text = client_of(people.modeler).get(url).content.decode()
    assert f'id="leak-{LEAK}"' in text
    assert "Alone it ranks the outcome with AUC 0.9" in text
    assert "Leave out of training" in text
    text = client_of(people.partner).get(url).content.decode()
    assert f'id="leak-{LEAK}"' in text
    assert "Leave out of training" not in text


def test_a_suspected_column_marks_the_model_that_reads_it(built, table, people, run_jobs):
    run = trained(table, people, run_jobs)
    assert LEAK in names_of(run)
    assert LEAK_SUSPECTED in run.ticket["marks"]
    version = offered(run, people, run_jobs)
    assert LEAK_SUSPECTED in version.evaluation.ticket["marks"]
    assert LEAK_SUSPECTED in marks_of(version)


def test_a_dismissed_finding_marks_nothing_any_more(built, table, people, run_jobs):
    version = offered(trained(table, people, run_jobs), people, run_jobs)
    leaks.decide(user=people.modeler, table=table, column=LEAK, act="dismissed", reason="The branch is chosen first.")
    assert LEAK_SUSPECTED not in marks_of(version)
    assert LEAK_SUSPECTED not in trained(table, people, run_jobs, seed=9).ticket["marks"]
    leaks.decide(user=people.modeler, table=table, column=LEAK, act="")
    assert LEAK_SUSPECTED in marks_of(version)
    lines = AuditEvent.objects.filter(action="features.leak_decided").order_by("seq")
    assert [line.detail["act"] for line in lines] == ["dismissed", "reopened"]
    assert lines[0].detail["reason"] == "The branch is chosen first."


def test_an_excluded_column_is_left_out_unless_a_recipe_names_it(built, table, people, run_jobs, client_of):
    leaks.decide(user=people.modeler, table=table, column=LEAK, act="excluded")
    run = trained(table, people, run_jobs)
    assert LEAK not in names_of(run)
    assert LEAK_SUSPECTED not in run.ticket["marks"]
    named = trained(table, people, run_jobs, columns=[LEAK, "partner__income"])
    assert LEAK in names_of(named)
    assert LEAK_SUSPECTED in named.ticket["marks"]
    page = client_of(people.modeler).get(reverse("models_registry:run-create", args=[built.project.slug]))
    ticked = {column.name: on for column, on in page.context["form"].choices}
    assert ticked.pop(LEAK) is False
    assert all(ticked.values())


def test_the_recipe_form_takes_the_ticked_columns(built, table, people, client_of, run_jobs):
    client, url = client_of(people.modeler), reverse("models_registry:run-create", args=[built.project.slug])
    form = client.get(url).context["form"]
    sent = {name: field.initial for name, field in form.fields.items() if field.initial is not None}
    sent |= {"algorithm": "scorecard", "rows": "all", "split": "random", "trend": "auto", "column_set": "joint"}
    kept = ["partner__income", "lending__count_d360"]
    with run_jobs():
        answer = client.post(url, sent | {"feature_table": table.pk, "columns_shown": "1", "column": kept})
    assert answer.status_code == 302, answer.context["form"].errors
    run = table.runs.get()
    assert run.plan["columns"] == kept


def test_decisions_over_the_api(built, table, people, api_of):
    url = f"{built.base}/feature-tables/1/leaks/decisions"
    bare = built.post(url, {"column": LEAK, "act": "dismissed"})
    assert (bare.status_code, bare.json()["code"]) == (422, "reasons_missing")
    assert built.post(url, {"column": "partner__income", "act": "excluded"}).status_code == 404
    told = built.post(url, {"column": LEAK, "act": "excluded"}).json()
    assert told["decisions"][LEAK]["act"] == "excluded"
    body = {"column": LEAK, "act": "excluded"}
    for who, status in (("partner", 403), ("stranger", 404)):
        assert built.post(url, body, client=api_of(getattr(people, who))).status_code == status


def test_decisions_in_the_browser_and_another_scan(built, table, people, client_of, run_jobs):
    client = client_of(people.modeler)
    where = [built.project.slug, 1]
    sent = {"column": LEAK, "act": "dismissed", "reason": "Chosen before."}
    assert client.post(reverse("datafactory:leak-decide", args=where), sent).status_code == 302
    before = LeakScan.objects.get().scanned_at
    assert before is not None
    with run_jobs():
        assert client.post(reverse("datafactory:leak-scan", args=where)).status_code == 302
    scan = LeakScan.objects.get()
    assert scan.scanned_at is not None
    assert scan.scanned_at > before
    assert [(line.column, line.act) for line in selectors.lines_of(scan)] == [(LEAK, "dismissed")]
    for who in ("partner", "approver"):
        assert client_of(getattr(people, who)).post(reverse("datafactory:leak-scan", args=where)).status_code == 403


def test_only_what_was_found_can_be_decided(table, people):
    with pytest.raises(NotFound):
        leaks.decide(user=people.modeler, table=table, column="partner__income", act="excluded")
    with pytest.raises(Invalid):
        leaks.decide(user=people.modeler, table=table, column=LEAK, act="forgotten")
