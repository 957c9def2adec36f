"""The platform's catalogue: kept by its modelers, seen in full by its people, by name and coverage by partners."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from datafactory.models import Source, SourceVersion
from projects import storage
from tests.datafactory.files import csv_bytes, hashed
from tests.datafactory.test_samples import posted

pytestmark = pytest.mark.django_db
COLUMNS = ("mobile", "happened_on", "known_at", "amount")
ROWS = [[hashed(i % 30), f"2024-0{i % 9 + 1}-1{i % 9}", "", str(10 * i)] for i in range(60)]
PLAN = {
    "ids": [{"column": "mobile", "namespace": "mobile", "algorithm": "sha256"}],
    "event_time": "happened_on",
    "known_at": "known_at",
    "delay_days": 1,
    "titles": {"amount": "Amount asked for"},
}
NEW = {"slug": "lending", "name": "Applications elsewhere", "kind": "events", "description": "At sixty lenders"}


@pytest.fixture
def keep(people, api_of, run_jobs):
    """``keep(rows)``: the modeler's new version of the source, over the API."""
    client = api_of(people.modeler)
    client.post("/api/v1/sources", NEW, format="json")

    def version(rows=ROWS, columns=COLUMNS, plan=PLAN):
        file = SimpleUploadedFile("events.csv", csv_bytes(rows, columns))
        sent = client.post("/api/v1/sources/lending/uploads", {"file": file}, format="multipart")
        assert sent.status_code == 201, sent.content
        with run_jobs():
            body = {"upload": sent.json()["id"], "plan": plan}
            return client.post("/api/v1/sources/lending/versions", body, format="json")

    return version


def test_a_source_is_loaded_in_versions(keep, people, api_of):
    for number in (1, 2):
        answer = keep()
        assert answer.status_code == 202, answer.content
        assert answer.json()["number"] == number
    body = api_of(people.modeler).get("/api/v1/sources/lending/versions/2").json()
    assert (body["summary"]["n_rows"], body["summary"]["n_ids"]) == (60, 30)
    assert body["summary"]["first_event"] == "2024-01-10T15:59:59.999999+00:00"
    row = SourceVersion.objects.get(number=2)
    assert (storage.folder(row.ticket["path"]) / "rows.parquet").is_file()
    assert row.content_hash == SourceVersion.objects.get(number=1).content_hash
    source = api_of(people.modeler).get("/api/v1/sources").json()["results"][0]
    assert source["dictionary"][0]["title"] == "Amount asked for"
    assert source["version"] == 2


def test_partners_see_name_and_coverage_only(keep, project, people, api_of, client_of):
    keep()
    client, pages = api_of(people.partner), client_of(people.partner)
    seen = client.get("/api/v1/sources/lending").json()
    assert seen["name"] == "Applications elsewhere"
    assert seen["coverage"]["n_ids"] == 30
    assert seen["dictionary"] == []
    assert client.get("/api/v1/sources/lending/versions/1").status_code == 403
    assert pages.get("/sources/lending/versions/1/").status_code == 403
    for path in ("/sources/", "/sources/lending/"):
        page = pages.get(path).content.decode()
        assert "Applications elsewhere" in page
        assert "Amount asked for" not in page
        assert "amount" not in page
    for path in ("/sources/new/", "/sources/lending/versions/new/"):
        assert pages.get(path).status_code == 403


def test_strangers_see_nothing(keep, project, people, api_of, client_of):
    keep()
    assert api_of(people.stranger).get("/api/v1/sources").json()["results"] == []
    assert api_of(people.stranger).get("/api/v1/sources/lending").status_code == 404
    for path in ("/sources/lending/", "/sources/lending/versions/1/", "/sources/lending/versions/new/"):
        assert client_of(people.stranger).get(path).status_code == 404


def test_only_the_platform_s_modelers_keep_sources(people, api_of):
    for name in ("partner", "stranger", "approver"):
        assert api_of(getattr(people, name)).post("/api/v1/sources", NEW, format="json").status_code == 403
    assert not Source.objects.exists()
    client = api_of(people.modeler)
    assert client.post("/api/v1/sources", NEW, format="json").status_code == 201
    assert client.post("/api/v1/sources", NEW, format="json").status_code == 409
    assert client.post("/api/v1/sources", NEW | {"slug": "new"}, format="json").status_code == 422


def test_a_broken_version_fails_and_the_last_good_one_stays(keep, people, api_of):
    keep()
    broken = keep([*ROWS, [hashed(1), "2227-01-01", "", "1"]])
    body = api_of(people.modeler).get(broken.json()["url"]).json()
    assert body["state"] == "failed"
    assert (body["error"]["code"], body["error"]["detail"]["row"]) == ("time_in_future", 61)
    assert api_of(people.modeler).get("/api/v1/sources/lending").json()["version"] == 1


def test_the_pages_make_a_source_and_load_it(people, client_of, run_jobs):
    client = client_of(people.modeler)
    assert client.post("/sources/new/", {"name": "Lending", "kind": "nothing"}).status_code == 422
    made = client.post("/sources/new/", {"name": "Lending", "kind": "events", "slug": "lending"})
    assert made["Location"] == "/sources/lending/versions/new/"
    file = SimpleUploadedFile("events.csv", csv_bytes(ROWS, COLUMNS))
    sent = client.post(made["Location"], {"file": file})
    form = client.get(sent["Location"]).context["form"]
    assert form.initial["event_time"] == "happened_on"
    values = posted(form, known_at="known_at", delay_days="2", **{f"title_{form.names.index('amount')}": "Amount"})
    with run_jobs():
        done = client.post(sent["Location"], values)
    assert done.status_code == 302, done.context["form"].errors
    page = client.get(done["Location"]).content.decode()
    assert "60" in page
    detail = client.get("/sources/lending/").content.decode()
    assert "Amount" in detail
    again = client.post(made["Location"], {"file": SimpleUploadedFile("e.csv", csv_bytes(ROWS, COLUMNS))})
    offered = client.get(again["Location"]).context["form"].initial
    assert (offered["delay_days"], offered["decimal"]) == (2, "."), "the last version's plan is offered"
    assert "NULL" in offered["nulls"]
