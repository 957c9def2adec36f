"""The scoring door over HTTP: answers, named errors, idempotency, limits, who may ask."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from projects.services.authorisations import withdraw
from risk_products.models import Refusal, ScoreCall
from risk_products.selectors import standing
from risk_products.services.keys import revoke_key
from tests.risk_products import world


def test_a_score(call, good, product):
    response = call(request_id="a-1", **good)
    body = response.json()
    assert response.status_code == 200, body
    assert body["request_id"] == "a-1"
    assert body["version"] == "credit-score/v1"
    assert 0 < body["pd"] < 1
    assert body["band"] in "ABCDE"
    assert body["matched"] is False
    assert 0 < len(body["reasons"]) <= 5
    assert body["took_ms"] > 0
    recorded = ScoreCall.objects.get(request_id="a-1")
    assert recorded.answer.encode() == response.content
    assert (recorded.product, recorded.channel, recorded.score) == (product, "api", body["score"])


def test_equals_the_predictions_of_training(call, run):
    written, raw = world.predictions(run)
    for row_id in raw.index[:200]:
        body = call(request_id=row_id, features=world.features_of(raw.loc[row_id])).json()
        assert body["score"] == written.loc[row_id, "score"]
        assert body["pd"] == pytest.approx(written.loc[row_id, "pd"], abs=1e-6)


def test_same_id_and_body_is_the_same_answer_byte_for_byte(call, good):
    first = call(request_id="a", **good)
    again = call(json.dumps({"features": good["features"], "request_id": "a"}, indent=3))
    assert again.content == first.content
    assert ScoreCall.objects.count() == 1


def test_same_id_with_another_body_is_a_conflict(call, good):
    call(request_id="a", **good)
    other = call(request_id="a", features=good["features"] | {"age": 34})
    assert (other.status_code, other.json()["code"]) == (409, "request_id_reused")
    assert ScoreCall.objects.count() == 1


def test_a_newer_version_does_not_change_a_given_answer(call, good, run, people, product):
    first = call(request_id="a", **good)
    table = run.feature_table
    newer = world.run_of(table, algorithm="scorecard", column_set="partner", columns=["partner__income"])
    world.put_live(world.version_of(newer, product.model, people.approver), people.approver)
    standing.remembered.clear()
    assert call(request_id="b", features={"income": 1.0}).json()["version"] == "credit-score/v2"
    assert call(request_id="a", **good).content == first.content


ERRORS = {
    "not json": (b"{", 422, "bad_json", None),
    "not utf-8": (b'{"request_id": "\xff"}', 422, "bad_json", None),
    "a list": (b"[]", 422, "wrong_type", "body"),
    "no request id": (b"{}", 422, "missing_field", "request_id"),
    "number as request id": (b'{"request_id": 5}', 422, "wrong_type", "request_id"),
    "space in request id": (b'{"request_id": "a b"}', 422, "bad_request_id", "request_id"),
    "long request id": (b'{"request_id": "%s"}' % (b"a" * 65), 422, "bad_request_id", "request_id"),
    "NUL in request id": (b'{"request_id": "a\\u0000"}', 422, "bad_request_id", "request_id"),
    "unknown field": (b'{"request_id": "a", "scores": 1}', 422, "unknown_field", "scores"),
    "time without offset": (
        b'{"request_id": "a", "observed_at": "2026-01-01T00:00:00"}',
        422,
        "wrong_type",
        "observed_at",
    ),
    "future": (b'{"request_id": "a", "observed_at": "2999-01-01T00:00:00Z"}', 422, "observed_in_future", "observed_at"),
    "half an id": (b'{"request_id": "a", "id_type": "mobile__md5"}', 422, "missing_field", "id_hash"),
    "id as number": (b'{"request_id": "a", "ids": {"mobile__md5": 1}}', 422, "wrong_type", "mobile__md5"),
    "id type": (b'{"request_id": "a", "ids": {"mobile__md5": "0f"}}', 422, "unknown_id_type", "mobile__md5"),
    "unknown feature": (b'{"request_id": "a", "features": {"agee": 3}}', 422, "unknown_field", "agee"),
    "text for a number": (b'{"request_id": "a", "features": {"income": "8"}}', 422, "wrong_type", "income"),
    "fraction for an int": (b'{"request_id": "a", "features": {"age": 3.5}}', 422, "wrong_type", "age"),
    "number for a category": (b'{"request_id": "a", "features": {"city": 3}}', 422, "wrong_type", "city"),
    "true for a number": (b'{"request_id": "a", "features": {"income": true}}', 422, "wrong_type", "income"),
    "list for a number": (b'{"request_id": "a", "features": {"income": [1]}}', 422, "wrong_type", "income"),
    "huge number": (b'{"request_id": "a", "features": {"income": 1%s}}' % (b"0" * 400), 422, "wrong_type", "income"),
    "overflow": (b'{"request_id": "a", "features": {"income": 1e999}}', 422, "wrong_type", None),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_name_the_field(call, name):
    raw, status, code, column = ERRORS[name]
    response = call(raw)
    body = response.json()
    assert (response.status_code, body["code"]) == (status, code), body
    assert set(body) == {"code", "message", "detail"}
    assert body["message"]
    if column:
        assert body["detail"]["column"] == column
    assert not ScoreCall.objects.exists()
    assert Refusal.objects.get().code == code


def test_unknown_category_and_missing_value_are_scored_and_flagged(call):
    body = call(request_id="a", features={"income": None, "city": "atlantis"}).json()
    assert set(body["flags"]) == {"missing:income", "missing:age", "unknown_category:city"}


def test_large_bodies_are_refused(call):
    response = call(json.dumps({"request_id": "a", "features": {"city": "x" * 70_000}}))
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
    response = call(json.dumps({"rows": ["x" * 11_000_000]}), path="score/batch")
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")


def test_get_is_no_way_to_score(client, product):
    response = client.get(f"/api/v1/products/{product.slug}/score")
    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")


def test_no_or_bad_credentials(call, client, good, product):
    for key in ("", "pk_nonsense"):
        response = call(request_id="a", key=key, **good)
        assert response.status_code == 401
        assert response["WWW-Authenticate"] == "Bearer"
    url = f"/api/v1/products/{product.slug}/score"
    response = client.post(url, "{}", content_type="application/json", headers={"Authorization": "Token nonsense"})
    assert response.status_code == 401
    assert call(request_id="a", key="", slug="no-such", **good).status_code == 401


def test_a_key_opens_its_own_product_only(call, good, run, people):
    other = world.product_of(run, people.approver, slug="other-score")
    assert call(request_id="a", slug=other.slug, **good).status_code == 404
    assert call(request_id="a", slug="no-such", **good).status_code == 404


@pytest.fixture
def clock(monkeypatch):
    """The memory's clock: tests move it instead of sleeping."""
    now = [1000.0]
    monkeypatch.setattr(standing.remembered, "clock", lambda: now[0])
    return now


def _second_process(monkeypatch):
    """Another process: an empty memory of its own."""
    monkeypatch.setattr(standing, "remembered", standing.Remembered(clock=standing.remembered.clock))


def test_a_revoked_key_stops_within_two_seconds(call, good, new_key, people, clock):
    made = new_key()
    assert call(request_id="a", key=made.secret, **good).status_code == 200
    revoke_key(user=people.integrator, key=made.row)
    clock[0] += 1.01
    response = call(request_id="b", key=made.secret, **good)
    assert (response.status_code, response.json()["code"]) == (401, "key_revoked")


def test_an_expired_key_stops_at_once(call, good, new_key, monkeypatch):
    made = new_key(expires_at=timezone.now() + timedelta(hours=1))
    assert call(request_id="a", key=made.secret, **good).status_code == 200
    later = timezone.now() + timedelta(hours=1, seconds=1)
    monkeypatch.setattr("risk_products.services.scoring.timezone.now", lambda: later)
    response = call(request_id="b", key=made.secret, **good)
    assert (response.status_code, response.json()["code"]) == (401, "key_expired")


def test_a_withdrawn_authorisation_stops_the_product(call, good, authorisation, people, clock):
    assert call(request_id="a", **good).status_code == 200
    withdraw(user=people.partner, authorisation=authorisation)
    clock[0] += 1.01
    response = call(request_id="b", **good)
    assert (response.status_code, response.json()["code"]) == (403, "no_authorisation")


def test_a_retired_version_stops_the_product(call, good, product, people, clock):
    from models_registry.services.releases import retire

    version = product.model.versions.get()
    assert call(request_id="a", **good).status_code == 200
    retire(user=people.approver, version=version)
    clock[0] += 1.01
    response = call(request_id="b", **good)
    assert (response.status_code, response.json()["code"]) == (503, "no_live_version")
    assert call(request_id="a", **good).status_code == 503


def test_daily_limit(call, good, new_key, product):
    key = new_key(daily_limit=3).secret
    answers = [call(request_id=f"r{i}", key=key, **good) for i in range(3)]
    assert [response.status_code for response in answers] == [200, 200, 200]
    over = call(request_id="r4", key=key, **good)
    assert (over.status_code, over.json()["code"]) == (429, "over_limit")
    assert 0 < int(over["Retry-After"]) <= 86_401
    assert call(request_id="r0", key=key, **good).content == answers[0].content, "a duplicate is charged once"
    assert call(request_id="r5", **good).status_code == 200, "another key has its own limit"


def test_errors_do_not_use_up_the_limit(call, good, new_key):
    key = new_key(daily_limit=1).secret
    assert call(request_id="a", key=key, features={"age": "x"}).status_code == 422
    assert call(request_id="a", key=key, **good).status_code == 200


def test_people_try_calls_by_token_and_session(people, product, api_of, client_of, good):
    url = f"/api/v1/products/{product.slug}/score"
    body = {"request_id": "try-1", **good}
    expected = {
        "modeler": 200, "colleague": 200, "partner": 200, "integrator": 200,
        "approver": 403, "administrator": 403, "stranger": 404,
    }  # fmt: skip
    for name, status in expected.items():
        response = api_of(getattr(people, name)).post(url, body | {"request_id": f"try-{name}"}, format="json")
        if name == "administrator":
            assert response.status_code in (403, 404)
        else:
            assert response.status_code == status, (name, response.content)
    response = client_of(people.modeler).post(url, body, content_type="application/json")
    assert response.status_code == 200
    call = ScoreCall.objects.get(request_id="try-1")
    assert (call.channel, call.user, call.key) == ("try", people.modeler, None)


def test_a_session_needs_its_csrf_token(people, product, good):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(people.modeler, backend="django.contrib.auth.backends.ModelBackend")
    body = {"request_id": "a", **good}
    response = client.post(f"/api/v1/products/{product.slug}/score", body, content_type="application/json")
    assert (response.status_code, response.json()["code"]) == (403, "csrf_failed")


def test_statements_of_a_call(call, good, django_assert_num_queries):
    """One insert a call while the memory is warm, one query more each second, one more for a duplicate."""
    call(request_id="a", **good)
    with django_assert_num_queries(1):
        call(request_id="b", **good)
    standing.remembered.clear()
    with django_assert_num_queries(2):
        call(request_id="c", **good)
    with django_assert_num_queries(2):
        call(request_id="c", **good)


def test_values_are_sealed(call, good, authorisation):
    from projects import keys

    call(request_id="a", **good)
    recorded = ScoreCall.objects.get()
    sealed = bytes(recorded.features)
    assert b"8200" not in sealed
    opened = json.loads(keys.decrypt(authorisation, sealed))
    assert opened == {"partner__income": 8200.5, "partner__age": 33, "partner__city": "south"}
    assert recorded.authorisation == authorisation


def test_a_process_warms_up_with_every_live_version(product, call, good, django_assert_num_queries):
    from risk_products.selectors import loaded
    from risk_products.services.warming import warm_up

    assert warm_up() == 1
    assert loaded._load.cache_info().currsize == 1
    assert call(request_id="a", **good).status_code == 200
    assert loaded._load.cache_info().misses == 1


def test_a_version_without_files_does_not_keep_a_process_from_starting(product, settings, tmp_path):
    from risk_products.services.warming import warm_up

    settings.ARTIFACT_ROOT = tmp_path / "elsewhere"
    assert warm_up() == 0
