"""A partner's analyst brings a sample, by browser and by API; everybody else is refused; nothing is half-written."""

import json
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from datafactory.engine import files
from datafactory.models import Sample, Upload
from projects import audit, storage
from projects.models import AuditEvent, Job
from projects.services.authorisations import withdraw
from tests.datafactory.files import COLUMNS, PLAN, clean_rows, csv_bytes, hashed, with_column, with_value

pytestmark = pytest.mark.django_db


@pytest.fixture
def api(project, people, api_of, run_jobs):
    """The partner's API client in the open project: ``send(content)`` uploads, ``bring(content)`` imports as well."""

    class Door:
        client = api_of(people.partner)
        base = f"/api/v1/projects/{project.slug}"

        def send(self, content, name="sample.csv", **fields):
            file = SimpleUploadedFile(name, content)
            return self.client.post(f"{self.base}/uploads", {"file": file, **fields}, format="multipart")

        def order(self, upload, plan=None, name="Applications"):
            with run_jobs():
                body = {"upload": upload, "name": name, "plan": plan or PLAN}
                return self.client.post(f"{self.base}/samples", body, format="json")

        def bring(self, content, plan=None):
            sent = self.send(content)
            assert sent.status_code == 201, sent.content
            return self.order(sent.json()["id"], plan)

        def sample(self, number):
            return self.client.get(f"{self.base}/samples/{number}").json()

    return Door()


def artifact_files(settings):
    """Every file below the artifact root."""
    root = Path(settings.ARTIFACT_ROOT)
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_a_sample_is_brought_over_the_api(api, settings, project):
    sent = api.send(csv_bytes())
    assert sent.status_code == 201
    body = sent.json()
    assert (len(body["sha256"]), body["size_bytes"]) == (64, len(csv_bytes()))
    assert {column["name"]: column["role"] for column in body["sniff"]["columns"]}["mobile"] == "id"
    assert hashed(0) not in json.dumps(body)
    answer = api.order(body["id"])
    assert answer.status_code == 202
    order = answer.json()
    assert (order["number"], order["state"]) == (1, "queued")
    sample = api.client.get(order["url"]).json()
    assert sample["state"] == "ready"
    assert sample["summary"]["n_rows"] == 40
    assert sample["report"]["label"]["bad_rate"] == 0.25
    assert sample["ticket"]["id_types"] == ["mobile__sha256"]
    assert sample["error"] is None
    row = Sample.objects.get()
    assert (storage.folder(row.ticket["path"]) / "rows.parquet").is_file()
    assert artifact_files(settings) == [f"{row.ticket['path']}/rows.parquet"], "the upload is gone once imported"
    assert list(api.client.get(f"{api.base}/samples").json()["results"][0]["summary"]["id_types"]) == ["mobile__sha256"]
    actions = list(AuditEvent.objects.filter(project=project).values_list("action", flat=True))
    assert {"upload.received", "sample.ordered", "sample.imported"} <= set(actions)
    assert not audit.verify()


def test_samples_are_numbered_and_the_same_file_has_the_same_content(api):
    for _ in range(2):
        api.bring(csv_bytes())
    first, second = Sample.objects.order_by("number")
    assert (first.number, second.number) == (1, 2)
    assert first.content_hash == second.content_hash
    assert first.fingerprint == second.fingerprint
    assert first.ticket["path"] != second.ticket["path"]


BROKEN_UPLOADS = {
    "empty": (b"", 400, None),
    "no_rows": (csv_bytes([]), 422, "no_rows"),
    "ragged_row": (csv_bytes().replace(b",1028,", b",1028,extra,"), 422, "ragged_row"),
    "duplicate_columns": (csv_bytes(columns=(*COLUMNS[:5], "Income")), 422, "duplicate_columns"),
    "too_many_columns": (",".join(f"c{i}" for i in range(100_000)).encode() + b"\n1\n", 422, "too_many_columns"),
    "binary": (b"\x00\x01\x02" * 5000, 422, "binary_file"),
    "raw_mobile": (csv_bytes(with_column("mobile", lambda i: f"138{i:08d}")), 422, "raw_mobile"),
}


@pytest.mark.parametrize("case", BROKEN_UPLOADS)
def test_a_broken_upload_is_refused_and_nothing_is_kept(api, settings, case):
    content, status, code = BROKEN_UPLOADS[case]
    answer = api.send(content)
    assert answer.status_code == status, answer.content
    if code:
        assert answer.json()["code"] == code
        assert answer.json()["message"]
    assert not Upload.objects.exists()
    assert artifact_files(settings) == []


BROKEN_IMPORTS = {
    "label_value": (csv_bytes(with_value(9, "bad", "7")), {}, 9, "bad"),
    "label_one_class": (csv_bytes(with_column("bad", lambda i: "1")), {}, None, "bad"),
    "ids_all_same": (csv_bytes(with_column("mobile", lambda i: hashed(1))), {}, None, "mobile"),
    "row_id_twice": (csv_bytes(with_value(9, "app_id", "A00003")), {}, 9, "app_id"),
    "time_in_future": (csv_bytes(with_value(9, "applied_on", "2227-01-05")), {}, 9, "applied_on"),
    "id_mixed_formats": (csv_bytes(with_value(7, "mobile", hashed(6, "md5"))), {}, 7, "mobile"),
    "wrong_delimiter": (csv_bytes(delimiter=";"), {"delimiter": ","}, None, None),
    "encoding_wrong": (csv_bytes(encoding="gbk"), {"encoding": "utf-8"}, 1, None),
    "ragged_row": (csv_bytes([*clean_rows(3000), ["A", "B"]]), {}, 3001, None),
}


@pytest.mark.parametrize("code", BROKEN_IMPORTS)
def test_a_broken_import_fails_at_its_place_and_leaves_no_table(api, settings, monkeypatch, code):
    monkeypatch.setattr(files, "BLOCK_BYTES", 64 * 1024)  # so that the first look does not reach the last row
    content, changes, row, column = BROKEN_IMPORTS[code]
    api.bring(content, PLAN | changes)
    assert api.sample(1)["state"] == "failed"
    error = api.sample(1)["error"]
    assert error["code"] == code
    assert (error["detail"].get("row"), error["detail"].get("column")) == (row, column)
    upload = Upload.objects.get()
    assert artifact_files(settings) == [upload.path], "the upload is kept for another try, and nothing else"
    assert Sample.objects.get().ticket == {}


def test_raw_numbers_deep_in_the_file_remove_the_upload_too(api, settings):
    rows = clean_rows(3000)
    for row in rows[2000:2300]:
        row[5] = "13812345678"
    api.bring(csv_bytes(rows))
    assert api.sample(1)["state"] == "failed"
    assert api.sample(1)["error"]["code"] == "raw_mobile"
    assert artifact_files(settings) == []
    again = api.order(str(Upload.objects.get().pk))
    assert (again.status_code, again.json()["code"]) == (409, "upload_used")


def test_a_wrong_plan_is_refused_at_once(api):
    upload = api.send(csv_bytes()).json()["id"]
    for plan, code in (
        ({**PLAN, "label": "nothing"}, "column_missing"),
        ({**PLAN, "labels": "bad"}, "plan_invalid"),
        ({**PLAN, "ids": "mobile"}, "plan_invalid"),
        ({**PLAN, "ids": []}, "no_id_column"),
    ):
        answer = api.order(upload, plan)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert not Sample.objects.exists()
    assert not Job.objects.exists()


def test_no_authorisation_no_upload_and_no_import(api, people, authorisation, settings):
    upload = api.send(csv_bytes()).json()["id"]
    withdraw(user=people.partner, authorisation=authorisation)
    before = artifact_files(settings)
    for answer in (api.send(csv_bytes()), api.order(upload)):
        assert (answer.status_code, answer.json()["code"]) == (409, "no_authorisation")
    assert artifact_files(settings) == before
    assert not Sample.objects.exists()


def test_an_authorisation_withdrawn_before_the_job_runs_stops_it(api, people, authorisation, project, run_jobs):
    from datafactory.services.samples import import_sample

    upload = Upload.objects.get(pk=api.send(csv_bytes()).json()["id"])
    with run_jobs():
        sample = import_sample(user=people.partner, project=project, upload=upload, plan=PLAN)
        withdraw(user=people.partner, authorisation=authorisation)
    sample.refresh_from_db()
    assert sample.state == "failed"
    assert sample.job is not None
    assert sample.job.error_code == "no_authorisation"


def test_only_the_partner_s_analyst_brings(api, project, people, api_of):
    upload = api.send(csv_bytes()).json()["id"]
    for name, status in (("modeler", 403), ("colleague", 403), ("stranger", 404)):
        client = api_of(getattr(people, name))
        file = SimpleUploadedFile("a.csv", csv_bytes())
        assert client.post(f"{api.base}/uploads", {"file": file}, format="multipart").status_code == status
        body = {"upload": upload, "plan": PLAN}
        assert client.post(f"{api.base}/samples", body, format="json").status_code == status
    assert Upload.objects.count() == 1
    assert not Sample.objects.exists()


def test_members_see_the_sample_and_strangers_do_not(api, project, people, api_of, client_of):
    api.bring(csv_bytes())
    for name, status in (("partner", 200), ("modeler", 200), ("colleague", 200), ("stranger", 404)):
        person = getattr(people, name)
        assert api_of(person).get(f"{api.base}/samples/1").status_code == status
        for path in ("samples/", "samples/1/"):
            assert client_of(person).get(f"/projects/{project.slug}/{path}").status_code == status


def test_what_went_wrong_in_a_partner_s_file_is_for_its_own_people(api, project, people, api_of, client_of):
    api.bring(csv_bytes(with_value(9, "bad", "secret7")))
    assert "secret7" in api.sample(1)["error"]["message"]
    other = api_of(people.modeler).get(f"{api.base}/samples/1")
    assert other.json()["error"] == {"code": "label_value", "message": "", "detail": None}
    page = f"/projects/{project.slug}/samples/1/"
    assert b"secret7" in client_of(people.partner).get(page).content
    assert b"secret7" not in client_of(people.modeler).get(page).content


# --- the browser


def test_the_wizard_guesses_the_roles_and_imports(project, people, client_of, run_jobs):
    client = client_of(people.partner)
    start = f"/projects/{project.slug}/samples/new/"
    page = client.get(start)
    assert b"two hours" in page.content, "the trust statement comes before the upload"
    content = csv_bytes(clean_rows(600), encoding="gb18030")
    sent = client.post(start, {"file": SimpleUploadedFile("loans.csv", content)})
    assert sent.status_code == 302
    form_page = client.get(sent["Location"])
    assert "上海" in form_page.content.decode()
    assert hashed(0) not in form_page.content.decode()
    form = form_page.context["form"]
    assert form.initial["label"] == "bad"
    assert (form.initial["bad_values"], form.initial["good_values"]) == ("1", "0")
    assert form.initial["observed_at"] == "applied_on"
    values = posted(form)
    with run_jobs():
        done = client.post(sent["Location"], values)
    assert done.status_code == 302, done.context["form"].errors
    sample = Sample.objects.get()
    assert (sample.state, sample.number, sample.summary["n_rows"]) == ("ready", 1, 600)
    page = client.get(done["Location"]).content.decode()
    assert "months-figure" in page
    assert "income" in page


def posted(form, **changes):
    """What a browser would send for an untouched form."""
    values = {}
    for bound in form:
        value = bound.value()
        if value is True:
            values[bound.html_name] = "on"
        elif value not in (None, False):
            values[bound.html_name] = value
    return values | changes


def test_wizard_pins_kinds_codes_and_columns(project, people, client_of, run_jobs):
    client = client_of(people.partner)
    sent = client.post(f"/projects/{project.slug}/samples/new/", {"file": SimpleUploadedFile("a.csv", csv_bytes())})
    form = client.get(sent["Location"]).context["form"]
    n = form.names.index("income")
    values = posted(form, **{f"kind_{n}": "float", f"specials_{n}": "-1, -999"})
    values.pop(f"use_{form.names.index('city')}")
    values |= {"performance_window_months": "6", "outcomes_as_of": "2024-08-31"}
    with run_jobs():
        assert client.post(sent["Location"], values).status_code == 302
    sample = Sample.objects.get()
    assert [(c["field"], c["kind"], c["specials"]) for c in sample.ticket["columns"]] == [
        ("income", "float", [-1.0, -999.0])
    ]
    assert sample.ticket["marks"] == ["immature_months"]
    assert sample.report["maturity"]["immature"] == ["2024-03", "2024-04", "2024-05", "2024-06"]


def test_forms_say_what_is_wrong_at_the_field(project, people, client_of):
    client = client_of(people.partner)
    start = f"/projects/{project.slug}/samples/new/"
    refused = client.post(start, {"file": SimpleUploadedFile("a.csv", csv_bytes([]))})
    assert refused.status_code == 422
    assert "no rows" in str(refused.context["form"].errors["file"])
    assert client.post(start, {}).status_code == 422
    sent = client.post(start, {"file": SimpleUploadedFile("a.csv", csv_bytes())})
    form = client.get(sent["Location"]).context["form"]
    for changes, field in (
        ({"id_column_0": ""}, "id_column_0"),
        ({"id_namespace_0": ""}, "id_namespace_0"),
        ({"bad_values": ""}, "bad_values"),
        ({"good_values": "1"}, "good_values"),
        ({"weight": "bad"}, "label"),
        ({"specials_4": "minus one"}, "specials_4"),
        ({"outcomes_as_of": "soon"}, "outcomes_as_of"),
        ({"id_namespace_0": "No Spaces"}, "id_column_0"),
    ):
        answer = client.post(sent["Location"], posted(form, **changes))
        assert answer.status_code == 422, changes
        assert field in answer.context["form"].errors or "weight" in answer.context["form"].errors, changes
    assert not Sample.objects.exists()


def test_after_a_failed_import_the_roles_can_be_changed(project, people, client_of, run_jobs):
    client = client_of(people.partner)
    rows = with_column("bad", lambda i: "bad" if i % 4 == 0 else "fine")
    sent = client.post(f"/projects/{project.slug}/samples/new/", {"file": SimpleUploadedFile("a.csv", csv_bytes(rows))})
    form = client.get(sent["Location"]).context["form"]
    assert (form.initial["bad_values"], form.initial["good_values"]) == ("bad", "fine")
    with run_jobs():
        failed = client.post(sent["Location"], posted(form, bad_values="1", good_values="0"))
    page = client.get(failed["Location"]).content.decode()
    assert "neither bad" in page
    assert f"{sent['Location']}?again=1" in page
    again = client.get(f"{sent['Location']}?again=1").context["form"]
    assert again.initial["bad_values"] == "1"
    with run_jobs():
        client.post(f"{sent['Location']}?again=1", posted(again, bad_values="bad", good_values="fine"))
    assert list(Sample.objects.order_by("number").values_list("state", flat=True)) == ["failed", "ready"]


def test_wide_files_can_be_mapped_too(project, people, client_of, run_jobs):
    columns = (*COLUMNS, *(f"x{i}" for i in range(1500)))
    rows = [[*row, *("1" for _ in range(1500))] for row in clean_rows()]
    client = client_of(people.partner)
    sent = client.post(
        f"/projects/{project.slug}/samples/new/", {"file": SimpleUploadedFile("a.csv", csv_bytes(rows, columns))}
    )
    form = client.get(sent["Location"]).context["form"]
    with run_jobs():
        assert client.post(sent["Location"], posted(form)).status_code == 302
    assert Sample.objects.get().summary["n_columns"] == 1502


def test_without_an_authorisation_the_page_says_so(reviewing_project, people, client_of):
    from projects.services.projects import decide_participation

    decide_participation(user=people.partner, project=reviewing_project, approve=True, note="")
    page = client_of(people.partner).get(f"/projects/{reviewing_project.slug}/samples/new/")
    assert b"no authorisation in force" in page.content
