"""Public data sets brought through the API as a partner would bring them, and what the pages then say."""

import gzip
import hashlib
import io
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from datafactory.models import FeatureTable
from models_registry.services import evaluation, plans, training
from tests.datafactory.files import csv_bytes

pytestmark = [pytest.mark.shared_data, pytest.mark.slow, pytest.mark.django_db]
ID = {"column": "person", "namespace": "person", "algorithm": "sha256"}
LATE = [f"2018-{month:02d}" for month in range(7, 13)]
LOANS = {"ids": [ID], "row_id": "id", "observed_at": "issue_d", "label": "loan_status"}


def with_person(path: Path, key: str | None = None) -> bytes:
    """The file with hashed ids in front, of a column or of the row's number; every other character stays."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="") as stream:
        head, *rows = stream.read().splitlines()
    at = head.split(",").index(key) if key else None
    names = (str(n) if at is None else row.split(",")[at] for n, row in enumerate(rows))
    hashes = (hashlib.sha256(name.encode()).hexdigest() for name in names)
    return "\n".join([f"person,{head}", *(f"{h},{row}" for h, row in zip(hashes, rows, strict=True))]).encode()


@pytest.fixture
def desk(project, people, api_of, client_of, run_jobs):
    """``desk.sample(content, plan)``: uploaded and imported over the API, jobs at once; its body as shown."""

    class Desk(SimpleNamespace):
        base = f"/api/v1/projects/{project.slug}"
        partner, modeler, browser = api_of(people.partner), api_of(people.modeler), client_of(people.partner)

        def post(self, client, path, body, format="json"):
            with run_jobs():
                answer = client.post(path, body, format=format)
            assert answer.status_code in {201, 202}, answer.content
            return answer.json()

        def upload(self, client, path, content, name):
            return self.post(client, path, {"file": SimpleUploadedFile(name, content)}, "multipart")

        def sample(self, content, plan, name="sample.csv"):
            upload = self.upload(self.partner, f"{self.base}/uploads", content, name)
            body = {"upload": upload["id"], "name": name, "plan": plan}
            ordered = self.post(self.partner, f"{self.base}/samples", body)
            return self.partner.get(ordered["url"]).json() | {"sniff": upload["sniff"]}

        def page(self, number):
            answer = self.browser.get(f"/projects/{project.slug}/samples/{number}/")
            assert answer.status_code == 200
            return answer.content.decode()

        def table(self, ids):
            """A feature table of sample 1 with a source of one column that knows everybody."""
            self.post(self.modeler, "/api/v1/sources", {"slug": "codes", "name": "Codes", "kind": "snapshot"})
            content = csv_bytes([[one, str(n % 7)] for n, one in enumerate(ids)], ("person", "code"))
            upload = self.upload(self.modeler, "/api/v1/sources/codes/uploads", content, "codes.csv")["id"]
            self.post(self.modeler, "/api/v1/sources/codes/versions", {"upload": upload, "plan": {"ids": [ID]}})
            self.post(self.modeler, f"{self.base}/matches", {"sample": 1, "sources": [{"slug": "codes"}]})
            self.post(self.modeler, f"{self.base}/feature-tables", {"match": 1, "plan": {}})
            return FeatureTable.objects.get(project=project)

    return Desk()


@pytest.fixture(scope="module")
def loans(request):
    return with_person(request.getfixturevalue("shared_data") / "lendingclub_2018.csv.gz", "id")


def test_loans_without_window_are_under_suspicion(desk, loans):
    """Bad rate by month of issue falls from 28 % to 10 %: late loans had no time to go bad."""
    sample = desk.sample(loans, LOANS)
    assert sample["state"] == "ready", sample["error"]
    assert (sample["summary"]["n_rows"], sample["summary"]["marks"]) == (31_766, ["maturity_suspected"])
    maturity = sample["report"]["maturity"]
    assert maturity["suspicion"]["last_rate"] == 0.1024
    assert {month["mature"] for month in maturity["months"]} == {None}
    page = desk.page(1)
    assert "Give the performance window and the date of the outcomes" in page
    assert "maturity_suspected" not in page, "the page speaks in sentences"


def test_loans_with_window_have_their_late_months_marked_up_to_the_evaluation(desk, loans, people, run_jobs):
    """Outcomes read on 30 June 2019, window of a year: July to December are not mature and leave the figures."""
    sample = desk.sample(loans, LOANS | {"performance_window_months": 12, "outcomes_as_of": "2019-06-30"})
    assert sample["state"] == "ready", sample["error"]
    assert sample["summary"]["marks"] == ["immature_months"]
    assert sample["report"]["maturity"]["immature"] == LATE
    assert [month["month"] for month in sample["report"]["maturity"]["months"] if not month["mature"]] == LATE
    page = desk.page(1)
    assert "window 12 months, outcomes as of 2019-06-30" in page
    assert "Give the performance window" not in page
    frame = pd.read_csv(io.BytesIO(loans), usecols=["person", "issue_d"])
    table = desk.table(frame["person"])
    assert set(table.ticket["marks"]) == {"immature_months", "leakage_unknown"}
    plan = {"algorithm": "xgboost", "column_set": "joint", "split": {"kind": "random", "seed": 4}}
    with run_jobs():
        run = training.train_model(
            user=people.modeler, feature_table=table, plan=plans.read_training(plan | {"xgb": {"n_estimators": 20}})
        )
    run.refresh_from_db()
    assert run.state == "ready", run.job and run.job.error
    with run_jobs():
        judged = evaluation.evaluate_model(user=people.modeler, run=run, plan=plans.read_evaluation({"bootstrap": 20}))
    judged.refresh_from_db()
    assert judged.state == "ready", judged.job and judged.job.error
    assert [month["month"] for month in judged.result["months"] if month["immature"]] == LATE
    mature = int(frame["issue_d"].lt("2018-07").sum())
    assert sum(split["n"] for split in judged.result["splits"].values()) == mature


def test_taiwan_default_is_imported_as_it_is(desk, shared_data):
    content = with_person(shared_data / "uci_taiwan_default_raw.csv.gz", "ID")
    plan = {"ids": [ID], "row_id": "ID", "label": "default.payment.next.month"}
    sample = desk.sample(gzip.compress(content), plan, "uci.csv.gz")
    assert sample["state"] == "ready", sample["error"]
    summary = sample["summary"]
    assert (summary["n_rows"], summary["n_ids"], summary["n_columns"], summary["n_bad"]) == (30_000, 30_000, 23, 6_636)
    kinds = {column["name"]: column["kind"] for column in sample["ticket"]["columns"]}
    assert kinds["partner__LIMIT_BAL"] in {"float", "decimal", "int"}
    assert kinds["partner__PAY_0"] == "int"
    assert summary["first_month"] is None
    desk.page(1)


def test_german_credit_needs_its_words_for_good_and_bad(desk, shared_data):
    """Quoted commas, "... < 0 DM" and labels in words; without their mapping the row at fault is named."""
    content = with_person(shared_data / "german_credit.csv")
    plan = {"ids": [ID], "label": "creditability"}
    plain = desk.sample(content, plan)
    assert plain["state"] == "failed"
    assert plain["error"]["code"].startswith("label"), plain["error"]
    assert plain["error"]["detail"]["column"] == "creditability"
    assert plain["error"]["detail"]["row"] == 1
    guessed = {column["name"]: column for column in plain["sniff"]["columns"]}["creditability"]
    assert (guessed["role"], sorted(guessed["values"])) == ("label", ["bad", "good"])
    sample = desk.sample(content, plan | {"bad_values": ["bad"], "good_values": ["good"]})
    assert sample["state"] == "ready", sample["error"]
    summary = sample["summary"]
    assert (summary["n_rows"], summary["n_columns"], summary["n_bad"]) == (1000, 20, 300)
    assert summary["bad_rate"] == 0.3
    kinds = {column["name"]: column["kind"] for column in sample["ticket"]["columns"]}
    assert kinds["partner__status_of_existing_checking_account"] == "category"
    assert kinds["partner__duration_in_month"] == "int"
    desk.page(2)
