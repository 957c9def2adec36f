"""The whole command against a running site: what it finds out, and every byte that it sends."""

import csv
import io
import json
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from datafactory.models import IdTrial, PrivateMatch, Sample
from datafactory.services import keyed_ids
from etron_partner import sessions
from projects.services.tokens import create_token
from tests.datafactory.files import COLUMNS, PLAN, clean_rows, csv_bytes, hashed

pytestmark = pytest.mark.django_db(transaction=True)
N_PEOPLE, N_KNOWN = 240, 90
KNOWN = {hashed(i) for i in range(N_KNOWN)}


@pytest.fixture
def wire(monkeypatch):
    """Every byte that leaves: the request line, the headers and the body of each request."""
    sent = []
    real = requests.adapters.HTTPAdapter.send

    def send(self, request, **options):
        head = "".join(f"{name}: {value}\n" for name, value in request.headers.items())
        body = request.body or b""
        sent.append(
            f"{request.method} {request.url}\n{head}".encode() + (body if isinstance(body, bytes) else body.encode())
        )
        return real(self, request, **options)

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    return sent


@pytest.fixture
def place(built, live_server, people, run, tmp_path, monkeypatch):
    """``place.match(…)`` runs the command; the sample has 240 people of whom the platform knows 90."""
    built.source()
    monkeypatch.setenv("ETRON_URL", live_server.url)
    monkeypatch.setenv("ETRON_TOKEN", create_token(people.partner, "command line"))

    @dataclass
    class Place:
        built: Any
        run: Any
        file = tmp_path / "applications.csv"
        plan = tmp_path / "plan.json"
        known = tmp_path / "applications.known.csv"

        def session(self, approve=True, **body):
            wanted = {"source": "lending", "id_type": "mobile__sha256", "max_ids": 300} | body
            answer = built.partner.post(f"{built.base}/private-matches", wanted, format="json").json()
            if approve:
                built.modeler.post(f"{answer['url']}/decision", {"approve": True}, format="json")
            return answer["id"]

        def match(self, session, *more):
            words = ["private-match", self.file, "--project", built.project.slug, "--column", "mobile", *more]
            return run(*words, *(["--session", session] if session else []), json_=True)

    place = Place(built, run)
    place.file.write_bytes(csv_bytes(clean_rows(N_PEOPLE)))
    place.plan.write_text(json.dumps(PLAN))
    return place


def test_the_known_rows_are_written_and_nothing_of_the_others_is_sent(place, wire):
    done = place.match(place.session(), "--yes")
    assert done.status == 0, done.out
    assert (done.body["n_ids"], done.body["n_known"], done.body["n_rows_kept"]) == (N_PEOPLE, N_KNOWN, N_KNOWN)
    rows = list(csv.DictReader(io.StringIO(place.known.read_text(encoding="utf-8"))))
    assert {row["mobile"] for row in rows} == KNOWN
    assert list(rows[0]) == list(COLUMNS)

    said = b"\n".join(wire)
    assert len(said) > 240 * 33, "the session was recorded"
    assert len(said) < 240 * 40 + 20_000, "and holds a point for each id and little else"
    for row in clean_rows(N_PEOPLE):
        value = row[1]
        forms = [value.encode(), value.upper().encode(), bytes.fromhex(value), value[:16].encode(), row[0].encode()]
        assert not any(form in said for form in forms), "no id, hash or row of the file in any form"
    body = PrivateMatch.objects.get()
    assert (body.state, body.n_partner, body.n_platform) == ("closed", N_PEOPLE, N_KNOWN)


def test_only_known_rows_arrive_as_the_sample(place, wire):
    done = place.match(place.session(), "--yes", "--send", "--plan", place.plan, "--name", "Known people")
    assert done.status == 0, done.out
    sample = Sample.objects.get()
    assert (sample.name, sample.state, sample.summary["n_rows"]) == ("Known people", "ready", N_KNOWN)
    said = b"\n".join(wire)
    for i in range(N_PEOPLE):
        assert (hashed(i).encode() in said) == (i < N_KNOWN)
        assert bytes.fromhex(hashed(i)) not in said


def test_a_size_only_session_tells_about_how_many(place, wire):
    done = place.match(place.session(reveal="size"), "--yes")
    assert done.status == 0, done.out
    size = done.body["size"]
    assert done.body["n_known"] is None
    assert not place.known.exists()
    assert abs(size["n_shared"] - N_KNOWN) <= 2.5 * size["margin"]
    assert PrivateMatch.objects.get().n_matched == size["n_shared"]
    said = b"\n".join(wire)
    assert not any(hashed(i).encode() in said or bytes.fromhex(hashed(i)) in said for i in range(N_PEOPLE))


def test_a_session_is_asked_for_and_waits_for_approval(place):
    words = ["--source", "lending", "--id-type", "mobile__sha256", "--yes"]
    done = place.match(None, *words)
    assert (done.status, done.body["error"]["code"]) == (1, "private_match_not_ready")
    session = PrivateMatch.objects.get()
    assert str(session.pk) in done.body["error"]["message"]
    assert (session.max_ids, session.state) == (N_PEOPLE, "requested")
    place.built.modeler.post(
        f"{place.built.base}/private-matches/{session.pk}/decision", {"approve": True}, format="json"
    )
    assert place.match(str(session.pk), "--yes").status == 0


def test_nothing_is_sent_before_somebody_agrees(place, wire):
    done = place.match(place.session())
    assert (done.status, done.body["error"]["code"]) == (2, "not_agreed")
    assert not any(b"POST" in one[:4] for one in wire)


def test_what_each_side_learns_is_said_first(place, capsys):
    words = ["private-match", place.file, "--project", place.built.project.slug, "--column", "mobile", "--yes"]
    done = place.run(*words, "--session", place.session())
    assert "You learn, for each id of your file, whether the platform holds it" in done.err
    assert "The platform learns how many ids you ask for" in done.err
    assert f"{N_KNOWN} of {N_PEOPLE} ids are known" in done.out


def test_too_many_ids_for_the_session_are_not_even_sent(place, wire):
    done = place.match(place.session(max_ids=200), "--yes")
    assert (done.status, done.body["error"]["code"]) == (1, "private_match_too_many")
    assert not IdTrial.objects.exists()
    assert not any(b"/request" in one for one in wire)


def test_a_column_that_is_not_hashed_as_the_session_needs_is_refused_here(place, wire):
    session = place.session()
    place.file.write_bytes(
        csv_bytes([[*row[:1], f"1380013{i:04d}", *row[2:]] for i, row in enumerate(clean_rows(200))])
    )
    done = place.match(session, "--yes")
    assert (done.status, done.body["error"]["code"]) == (1, "id_format")
    assert "1380013" not in done.out


def test_the_platforms_refusals_come_in_its_words(place, settings):
    settings.PRIVACY_FLOOR_IDS = 300
    session = PrivateMatch.objects.get(pk=place.session())
    done = place.match(str(session.pk), "--yes")
    assert (done.status, done.body["error"]["code"]) == (1, "below_floor")


def test_upload_report_and_purge(place, wire):
    place.file.write_bytes(csv_bytes(clean_rows(120)))
    slug = place.built.project.slug
    done = place.run("upload", place.file, "--project", slug, "--plan", place.plan, json_=True)
    assert done.status == 0, done.out
    assert (done.body["sample"], done.body["summary"]["n_rows"]) == (1, 120)
    assert any(one.startswith(b"PATCH") for one in wire)
    assert place.run("report", "--project", slug, json_=True).body["error"]["code"] == "no_match"
    place.built.match()
    told = place.run("report", "--project", slug)
    assert told.status == 0
    assert "rows 120, people 120" in told.out
    assert "lending" in told.out
    session = place.session()
    assert place.run("purge", "--project", slug, "--session", session).status == 0
    assert PrivateMatch.objects.get(pk=session).state == "closed"


def test_a_set_up_that_was_made_anew_in_between_is_noticed(place, monkeypatch):
    """Else every id would look unknown."""
    session = place.session()
    real = sessions._exchange

    def exchange(*arguments):
        keyed_ids.forget(place.built.project)
        place.session()
        return real(*arguments)

    monkeypatch.setattr(sessions, "_exchange", exchange)
    done = place.match(session, "--yes")
    assert (done.status, done.body["error"]["code"]) == (1, "private_setup_changed")
    assert not place.known.exists()


def test_a_sample_is_deleted_with_a_certificate(place):
    place.file.write_bytes(csv_bytes(clean_rows(120)))
    where = ["--project", place.built.project.slug]
    place.run("upload", place.file, *where, "--plan", place.plan)
    done = place.run("purge", *where, "--sample", 1, "--reason", "The pilot has ended.", json_=True)
    assert done.status == 0, done.out
    certificate = done.body["certificate"]
    assert (certificate["state"], certificate["reason"]) == ("done", "The pilot has ended.")
    assert "sample" in {line["noun"] for line in certificate["artifacts"]}
    assert Sample.objects.get().deleted_at


def test_a_wrong_token_ends_with_two(place):
    done = place.run("--token", "nobody", "report", "--project", place.built.project.slug, json_=True)
    assert done.status == 2
