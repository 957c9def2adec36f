"""A file is looked at, corrected and looked at again without a new upload; how it was read is kept for next month."""

import io
import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from datafactory.engine.plans import Saved
from datafactory.engine.reading import sniff_file
from datafactory.models import ImportProfile, Sample, Upload
from modeling.errors import DataError
from projects.models import AuditEvent
from tests.datafactory.files import (
    COLUMNS,
    LIMITS,
    PLAN,
    clean_rows,
    csv_bytes,
    digits,
    hashed,
    with_column,
    write,
)
from tests.models_registry.tables import job_of

# --- the engine's look


def test_a_file_without_a_header_gets_numbered_names(tmp_path):
    content = csv_bytes().split(b"\n", 1)[1]
    sniff = sniff_file(write(tmp_path, content), LIMITS, told=Saved(header=False))
    assert [column.name for column in sniff.columns] == ["c1", "c2", "c3", "c4", "c5", "c6"]
    assert sniff.preview[0][0] == "A00000"
    assert "no_header" in sniff.warnings


def test_a_first_row_of_numbers_is_no_header_even_if_they_repeat(tmp_path):
    sniff = sniff_file(write(tmp_path, b"1,1,2\n3,4,5\n"), LIMITS)
    assert (sniff.header, len(sniff.preview), sniff.columns[0].name) == (False, 2, "c1")


def test_markers_and_formats_of_dates_are_found(tmp_path):
    rows = with_column("income", lambda i: "--" if i % 9 == 0 else f"{i}.5")
    for i, row in enumerate(rows):
        row[2] = "缺失" if i == 3 else f"2024/{i % 12 + 1}/3"
    sniff = sniff_file(write(tmp_path, csv_bytes(rows)), LIMITS)
    assert {"--", "缺失"} <= set(sniff.nulls)
    assert [column.kind for column in sniff.columns][2] == "date"
    assert sniff.columns[2].time_format == "%Y/%m/%d"
    assert sniff.columns[4].n_missing == 5
    dashes = sniff_file(write(tmp_path, csv_bytes(with_column("city", lambda i: "-"))), LIMITS)
    assert "-" not in dashes.nulls, "a column of nothing else says nothing"


def workbook(sheets):
    import openpyxl

    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_sheet_is_chosen(tmp_path):
    path = write(
        tmp_path, workbook({"notes": [["hello"], ["world"]], "rows": [list(COLUMNS), *clean_rows(12)]}), "b.xlsx"
    )
    first = sniff_file(path, LIMITS)
    assert (first.sheets, [column.name for column in first.columns]) == (("notes", "rows"), ["hello"])
    second = sniff_file(path, LIMITS, told=Saved(sheet="rows"))
    assert [column.name for column in second.columns] == list(COLUMNS)
    with pytest.raises(DataError) as caught:
        sniff_file(path, LIMITS, told=Saved(sheet="no such"))
    assert caught.value.code == "sheet_missing"


# --- pages and API

pytestmark = pytest.mark.django_db


@pytest.fixture
def door(project, people, api_of):
    class Door:
        api = api_of(people.partner)
        base = f"/api/v1/projects/{project.slug}"
        page = f"/projects/{project.slug}/samples/new"

        def send(self, content, name="sample.csv", **fields):
            body = {"file": SimpleUploadedFile(name, content), **fields}
            sent = self.api.post(f"{self.base}/uploads", body, format="multipart")
            assert sent.status_code == 201, sent.content
            return sent.json()["id"]

        def look(self, upload, **saved):
            return self.api.post(f"{self.base}/uploads/{upload}/sniff", saved, format="json")

    return Door()


@pytest.fixture
def browser(client, people):
    client.force_login(people.partner)
    return client


def test_a_file_is_looked_at_again_over_the_api(door):
    upload = door.send(csv_bytes(delimiter=";", encoding="gb18030"))
    answer = door.look(upload, delimiter="|")
    assert answer.status_code == 200
    assert len(answer.json()["sniff"]["columns"]) == 1
    answer = door.look(upload, delimiter=";", header=False, nulls=["x"])
    sniff = answer.json()["sniff"]
    assert ([column["name"] for column in sniff["columns"]][:2], sniff["nulls"]) == (["c1", "c2"], ["", "x"])
    wrong = door.look(upload, encoding="utf-8")
    assert wrong.status_code == 422
    assert Upload.objects.get().sniff["columns"][0]["name"] == "c1", "the former look stays"


def test_raw_numbers_that_come_to_light_remove_the_file(door, settings):
    content = "".join(f"{1000 + i};id{digits(i)};x\n" for i in range(40))
    upload = door.send(b"a;bd;c\n" + content.encode())
    answer = door.look(upload, delimiter="d")
    assert (answer.status_code, answer.json()["code"]) == (422, "raw_mobile")
    assert door.look(upload).json()["code"] == "upload_used"


def test_the_page_looks_again_and_keeps_what_was_chosen(door, browser):
    upload = door.send(csv_bytes(encoding="gb18030"))
    url = f"{door.page}/{upload}/"
    body = browser.get(url).content.decode()
    assert 'hx-post="' + url + 'sniff/"' in body
    assert "上海" in body
    chosen = {
        "name": "June",
        "label": "bad",
        "kind_4": "decimal",
        "exclude_column_0": "city",
        "exclude_values_0": "上海",
    }
    again = browser.post(f"{url}sniff/", {"encoding": "latin-1", **chosen}, headers={"HX-Request": "true"})
    text = again.content.decode()
    assert again.status_code == 200
    assert "上海" not in text.split('id="preview"')[1].split("</section>")[0]
    assert 'value="June"' in text
    assert '<option value="decimal" selected>' in text
    back = browser.post(f"{url}sniff/", {"encoding": "utf-8", **chosen}, headers={"HX-Request": "true"})
    assert back.status_code == 422
    assert 'role="alert"' in back.content.decode()


def test_the_page_imports_with_a_design(door, browser, run_jobs):
    upload = door.send(csv_bytes(clean_rows(400)))
    form = {
        "name": "June", "zone": "Asia/Shanghai", "decimal": ".", "encoding": "utf-8", "delimiter": ",", "header": "yes",
        "nulls": "NA", "row_id": "app_id", "observed_at": "applied_on", "label": "bad", "bad_values": "1",
        "good_values": "0", "id_column_0": "mobile", "id_namespace_0": "mobile", "id_algorithm_0": "sha256",
        "observation_window_months": "12", "performance_window_months": "6", "outcomes_as_of": "2024-12-31",
        "exclude_column_0": "city", "exclude_operator_0": "in", "exclude_values_0": "北京",
        "exclude_reason_0": "closed",
        "exclude_column_1": "income", "exclude_operator_1": "ge", "exclude_values_1": "3000", "level": "4",
        **{f"use_{n}": "on" for n in range(6)},
    }  # fmt: skip
    wrong = browser.post(f"{door.page}/{upload}/", form | {"exclude_values_1": "many"})
    assert wrong.status_code == 422
    assert "id_exclude_values_1_error" in wrong.content.decode()
    with run_jobs():
        answer = browser.post(f"{door.page}/{upload}/", form)
    assert answer.status_code == 302, answer.content.decode()
    sample = Sample.objects.get()
    assert sample.state == "ready", job_of(sample).error
    assert [rule["column"] for rule in sample.plan["exclusions"]] == ["city", "income"]
    page = browser.get(answer["Location"]).content.decode()
    for words in ("city is one of 北京", "From the file to the sample", "12 months", "closed"):
        assert words in page, words


def test_a_file_without_a_header_is_imported_over_the_api(door, run_jobs):
    upload = door.send(csv_bytes().split(b"\n", 1)[1])
    door.look(upload, header=False)
    plan = {
        "header": False,
        "row_id": "c1",
        "ids": [{"column": "c2", "namespace": "mobile", "algorithm": "sha256"}],
        "observed_at": "c3",
        "label": "c4",
    }
    with run_jobs():
        answer = door.api.post(f"{door.base}/samples", {"upload": upload, "plan": plan}, format="json")
    assert answer.status_code == 202, answer.content
    assert Sample.objects.get().summary["n_rows"] == 40


@pytest.fixture
def finished(door, run_jobs):
    """A ready sample of one month."""
    with run_jobs():
        body = {"upload": door.send(csv_bytes()), "plan": PLAN | {"outcomes_as_of": "2024-12-31"}, "name": "May"}
        door.api.post(f"{door.base}/samples", body, format="json")
    sample = Sample.objects.get()
    assert sample.state == "ready"
    return sample


def test_a_profile_is_saved_offered_applied_and_deleted(door, browser, finished, project):
    saved = browser.post(f"/projects/{project.slug}/samples/{finished.number}/profile/", {"name": "Monthly file"})
    assert saved.status_code == 302
    profile = ImportProfile.objects.get()
    assert "outcomes_as_of" not in profile.plan
    assert profile.columns == list(COLUMNS)
    upload = door.send(csv_bytes(clean_rows(60)))
    url = f"{door.page}/{upload}/"
    assert "Monthly file" in browser.get(url).content.decode()
    applied = browser.post(f"{url}sniff/", {"profile": profile.pk, "name": "June"}).content.decode()
    assert '<option value="bad" selected>' in applied
    other = door.send(csv_bytes([["x", hashed(1)], ["y", hashed(2)]], columns=("a", "b")))
    assert "Monthly file" not in browser.get(f"{door.page}/{other}/").content.decode()
    assert "Monthly file" in browser.get(f"{door.page}/").content.decode()
    browser.post(f"/projects/{project.slug}/import-profiles/{profile.pk}/delete/")
    assert not ImportProfile.objects.exists()
    actions = set(AuditEvent.objects.values_list("action", flat=True))
    assert {"import_profile.saved", "import_profile.deleted"} <= actions


def test_profiles_over_the_api_belong_to_their_institution(door, finished, people, api_of):
    made = door.api.post(f"{door.base}/import-profiles", {"name": "Monthly", "sample": finished.number}, format="json")
    assert made.status_code == 201
    again = door.api.post(f"{door.base}/import-profiles", {"name": "Monthly", "sample": finished.number}, format="json")
    assert (again.status_code, ImportProfile.objects.count()) == (201, 1)
    listed = door.api.get(f"{door.base}/import-profiles").json()["results"]
    assert [row["name"] for row in listed] == ["Monthly"]
    assert json.loads(json.dumps(listed[0]["plan"]))["label"] == "bad"
    modeler = api_of(people.modeler)
    assert modeler.get(f"{door.base}/import-profiles").status_code == 403
    assert modeler.delete(f"{door.base}/import-profiles/{listed[0]['id']}").status_code == 403
    assert api_of(people.stranger).get(f"{door.base}/import-profiles").status_code == 404
    assert door.api.delete(f"{door.base}/import-profiles/{listed[0]['id']}").status_code == 204
    assert door.api.delete(f"{door.base}/import-profiles/{listed[0]['id']}").status_code == 404
