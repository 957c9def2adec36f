"""Uploads are complete or not there at all."""

import hashlib
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import BOUNDARY, MULTIPART_CONTENT, FakePayload, encode_multipart

from datafactory.models import Upload
from tests.datafactory.files import clean_rows, csv_bytes

pytestmark = pytest.mark.django_db


@pytest.fixture
def door(project, people, api_of):
    return api_of(people.partner), f"/api/v1/projects/{project.slug}/uploads"


def files_of(settings):
    root = Path(settings.ARTIFACT_ROOT)
    return [path for path in root.rglob("*") if path.is_file()]


def test_the_bytes_on_disk_are_those_that_were_sent(door, settings):
    client, url = door
    content = csv_bytes(clean_rows(20_000))
    client.post(url, {"file": SimpleUploadedFile("../../etc/passwd.csv", content)}, format="multipart")
    upload = Upload.objects.get()
    assert upload.sha256 == hashlib.sha256(content).hexdigest()
    assert upload.filename == "passwd.csv"
    assert [path.read_bytes() for path in files_of(settings)] == [content]


@pytest.mark.parametrize("missing", [1, 20, 1000, 100_000])
def test_a_browser_closed_during_the_upload_leaves_nothing(project, people, client_of, api_of, settings, missing):
    """The announced length does not arrive: the site must not take the part for the whole."""
    body = encode_multipart(BOUNDARY, {"file": SimpleUploadedFile("a.csv", csv_bytes(clean_rows(5_000)))})
    cut = {"wsgi.input": FakePayload(body[:-missing]), "CONTENT_LENGTH": str(len(body))}
    options = {"data": b"", "content_type": MULTIPART_CONTENT, **cut}
    for client, url in (
        (client_of(people.partner), f"/projects/{project.slug}/samples/new/"),
        (api_of(people.partner), f"/api/v1/projects/{project.slug}/uploads"),
    ):
        client.raise_request_exception = False
        answer = client.generic("POST", url, **options)
        assert answer.status_code >= 400
    assert not Upload.objects.exists()
    assert files_of(settings) == []


def test_a_file_beyond_the_limit_is_refused_while_it_arrives(project, people, door, client_of, settings):
    settings.UPLOAD_MAX_BYTES = 100_000
    content = csv_bytes(clean_rows(5_000))
    client, url = door
    answer = client.post(url, {"file": SimpleUploadedFile("a.csv", content)}, format="multipart")
    assert (answer.status_code, answer.json()["code"]) == (422, "file_too_large")
    page = client_of(people.partner).post(
        f"/projects/{project.slug}/samples/new/", {"file": SimpleUploadedFile("a.csv", content)}
    )
    assert page.status_code == 422
    assert "larger than" in str(page.context["form"].errors["file"])
    assert not Upload.objects.exists()
    assert files_of(settings) == []


def test_a_fault_while_the_row_is_written_leaves_no_bytes(door, settings, monkeypatch):
    from projects import audit

    def fault(*args, **kwargs):
        raise RuntimeError("the database went away")

    monkeypatch.setattr(audit, "record", fault)
    client, url = door
    client.raise_request_exception = False
    answer = client.post(url, {"file": SimpleUploadedFile("a.csv", csv_bytes())}, format="multipart")
    assert answer.status_code == 500
    assert not Upload.objects.exists()
    assert files_of(settings) == []


def test_encoding_and_delimiter_can_be_told(door):
    client, url = door
    content = csv_bytes(encoding="latin-1", rows=[["A1", "é", "2024-01-01", "1", "2", "ü"]] * 3, delimiter="|")
    file = SimpleUploadedFile("a.csv", content)
    answer = client.post(url, {"file": file, "encoding": "latin-1", "delimiter": "|"}, format="multipart")
    assert answer.status_code == 201, answer.content
    assert answer.json()["sniff"]["preview"][0][1] == "é"
