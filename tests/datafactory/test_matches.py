"""Matches through HTTP: who may order one, what is refused, what each side sees."""

import json

import pytest
from django.urls import reverse

from datafactory.models import Match
from datafactory.services import keyed_ids
from projects import audit, storage
from projects.models import AuditEvent, Project
from projects.services.authorisations import withdraw
from tests.datafactory.files import clean_rows, hashed

pytestmark = pytest.mark.django_db


def test_a_match_is_made_over_the_api(built):
    match = built.ready_match()
    body = built.modeler.get(f"{built.base}/matches/1").json()
    assert (body["state"], body["sample"], body["sources"]) == ("ready", 1, [{"slug": "lending", "version": 1}])
    assert (body["summary"]["n_rows"], body["summary"]["match_rate"]) == (120, body["report"]["match_rate"])
    assert 0 < body["report"]["match_rate"] <= 0.75
    assert body["report"]["id_types"] == ["mobile__sha256"]
    assert {path.name for path in storage.folder(match.ticket["path"]).iterdir()} == {
        "matched.parquet",
        "report.json",
        "features.json",
    }
    text = json.dumps(body)
    assert hashed(1) not in text
    assert "n_matched_ids" not in body["summary"]
    assert "path" not in body


def test_the_audit_log_says_who_matched_what_and_holds_no_ids(built):
    built.ready_match()
    lines = AuditEvent.objects.filter(action__startswith="match.")
    assert [line.action for line in lines.order_by("seq")] == ["match.ordered", "match.finished"]
    assert hashed(1) not in json.dumps([line.detail for line in lines])
    assert not audit.verify()


def test_keyed_ids_are_made_once_and_removed_with_the_key(built, monkeypatch):
    built.ready_match()
    calls = []
    monkeypatch.setattr(keyed_ids, "key_ids", lambda *args, **kwargs: calls.append(args))
    assert built.match().status_code == 202
    assert Match.objects.get(number=2).state == Match.State.READY
    assert not calls
    folder = storage.folder(keyed_ids.project_folder(built.project))
    assert list(folder.iterdir())
    keyed_ids.forget(built.project)
    assert not folder.exists()


def test_the_same_inputs_give_the_same_content(built):
    built.ready_match()
    built.match()
    first, second = Match.objects.order_by("number")
    assert (first.fingerprint, first.content_hash) == (second.fingerprint, second.content_hash)


@pytest.mark.parametrize("who", ["partner", "approver", "integrator"])
def test_only_modelers_may_match(built, people, api_of, who):
    built.sample()
    built.source()
    answer = built.match(client=api_of(getattr(people, who)))
    assert answer.status_code == 403
    assert not Match.objects.exists()


def test_strangers_find_nothing(built, people, api_of, client_of):
    built.ready_match()
    client, pages = api_of(people.stranger), client_of(people.stranger)
    assert client.get(f"{built.base}/matches").status_code == 404
    assert client.get(f"{built.base}/matches/1").status_code == 404
    assert built.match(client=client).status_code == 404
    for name, args in (("list", []), ("create", []), ("detail", [1])):
        assert pages.get(reverse(f"datafactory:match-{name}", args=[built.project.slug, *args])).status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"sources": ["nothing"]}, 404, "source_not_found"),
        ({"sample": 9}, 404, "sample_not_found"),
        ({"id_types": ["idno__sha256"]}, 422, "sample_lacks_id_type"),
        ({"sources": []}, 400, "invalid"),
    ],
)
def test_what_cannot_be_matched_is_said_at_once(built, body, status, code):
    built.sample()
    built.source()
    answer = built.match(**body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not Match.objects.exists()


def test_fewer_people_than_the_floor_are_refused_in_the_job(built, settings):
    built.sample()
    built.source()
    settings.PRIVACY_FLOOR_IDS = 1000
    assert built.match().status_code == 202
    body = built.modeler.get(f"{built.base}/matches/1").json()
    assert (body["state"], body["error"]["code"]) == ("failed", "below_floor")
    assert "120 distinct ids" in body["error"]["message"]
    assert not (storage.folder("matches")).exists()


def test_nobody_found_is_a_failure_in_plain_words(built):
    built.sample([[*row[:1], hashed(f"x{row[1]}"), *row[2:]] for row in clean_rows(120)])
    built.source()
    built.match()
    body = built.modeler.get(f"{built.base}/matches/1").json()
    assert body["error"]["code"] == "no_match"


def test_a_withdrawn_authorisation_or_closed_project_stops_it(built, people, authorisation):
    built.sample()
    built.source()
    Project.objects.update(status=Project.Status.ARCHIVED)
    assert built.match().json()["code"] == "project_not_open"
    Project.objects.update(status=Project.Status.OPEN)
    withdraw(user=people.partner, authorisation=authorisation)
    answer = built.match()
    assert (answer.status_code, answer.json()["code"]) == (409, "no_authorisation")


def test_the_pages_show_the_report_to_both_sides(built, people, client_of):
    built.ready_match()
    for who in (people.modeler, people.partner):
        client = client_of(who)
        page = client.get(reverse("datafactory:match-detail", args=[built.project.slug, 1]))
        text = page.content.decode()
        assert page.status_code == 200
        assert "match-months-figure" in text
        assert "Are the matched a different population?" in text
        assert hashed(1) not in text
        assert client.get(reverse("datafactory:match-list", args=[built.project.slug])).status_code == 200
    assert "Build features" not in text, "the partner is not offered what it may not do"


def test_a_match_is_ordered_in_the_browser(built, people, client_of, run_jobs):
    built.sample()
    built.source()
    client = client_of(people.modeler)
    url = reverse("datafactory:match-create", args=[built.project.slug])
    page = client.get(url)
    assert b"source-lending" in page.content
    empty = client.post(url, {"sample": page.context["form"].initial["sample"].pk})
    assert empty.status_code == 422
    assert b"Choose at least one source." in empty.content
    with run_jobs():
        sent = client.post(url, {"sample": page.context["form"].initial["sample"].pk, "source": ["lending"]})
    assert sent.status_code == 302
    assert Match.objects.get().state == Match.State.READY


def test_a_source_without_times_carries_the_mark(built):
    built.sample()
    rows = [[hashed(i), "2023-01-01", str(i), "A"] for i in range(90)]
    plan = {"ids": [{"column": "mobile", "namespace": "mobile", "algorithm": "sha256"}]}
    built.source("people", rows, "snapshot", plan)
    assert built.match(sources=("people",)).status_code == 202
    body = built.modeler.get(f"{built.base}/matches/1").json()
    assert body["summary"]["marks"] == ["leakage_unknown"]
    assert body["report"]["match_rate"] == 0.75
