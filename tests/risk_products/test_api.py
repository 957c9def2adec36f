"""Products, keys, calls, replay and batches over REST, for each persona."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from models_registry.models import Release
from projects.services.authorisations import erase_values, withdraw
from risk_products.models import Product, ProductKey, ScoreCall
from tests.risk_products import world

URL = "/api/v1/products"
MEMBERS = ("modeler", "colleague", "partner", "integrator", "approver")


def test_products_are_seen_by_members_only(people, product, api_of):
    for name in MEMBERS:
        rows = api_of(getattr(people, name)).get(URL).json()["results"]
        assert [(row["slug"], row["live_version"]) for row in rows] == [("credit-score", 1)], name
        assert api_of(getattr(people, name)).get(f"{URL}/{product.slug}").status_code == 200
    stranger = api_of(people.stranger)
    assert stranger.get(URL).json()["results"] == []
    for path in ("", "/keys", "/calls", "/live", "/watch-lists"):
        assert stranger.get(f"{URL}/{product.slug}{path}").status_code == 404, path


def test_a_modeler_makes_products(people, product, project, api_of):
    order = {"name": "Late payers", "family": "collection", "project": project.slug, "model": product.model.slug}
    made = api_of(people.modeler).post(URL, order, format="json")
    assert (made.status_code, made.json()["slug"]) == (201, "late-payers")
    assert Product.objects.get(slug="late-payers").family == "collection"
    again = api_of(people.modeler).post(URL, order, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "slug_taken")
    assert api_of(people.partner).post(URL, order, format="json").status_code == 403
    assert api_of(people.stranger).post(URL, order, format="json").status_code == 404
    bad = api_of(people.modeler).post(URL, order | {"family": "toys"}, format="json")
    assert (bad.status_code, set(bad.json())) == (400, {"code", "message", "detail"})


def test_keys_over_rest(people, product, api_of, call, good):
    api = api_of(people.integrator)
    made = api.post(f"{URL}/{product.slug}/keys", {"name": "Origination", "daily_limit": 10}, format="json").json()
    assert made["key"].startswith("pk_")
    assert made["key"] in made["curl"]
    assert call(request_id="a", key=made["key"], **good).status_code == 200
    listed = api.get(f"{URL}/{product.slug}/keys").json()
    mine = next(row for row in listed if row["id"] == made["id"])
    assert "key" not in mine
    assert (mine["calls_today"], mine["state"]) == (1, "active")
    assert made["key"] not in json.dumps(listed)
    assert not ProductKey.objects.filter(key_hash=made["key"]).exists()
    for name, status in (("modeler", 403), ("approver", 403), ("stranger", 404)):
        other = api_of(getattr(people, name))
        assert other.post(f"{URL}/{product.slug}/keys", {"name": "x"}, format="json").status_code == status
        assert other.delete(f"{URL}/{product.slug}/keys/{made['id']}").status_code == status
    assert api.delete(f"{URL}/{product.slug}/keys/{made['id']}").status_code == 204
    assert ProductKey.objects.get(pk=made["id"]).revoked_at is not None


def test_expiry_is_checked(people, product, api_of):
    api = api_of(people.integrator)
    for expires_at in (timezone.now() - timedelta(days=1), timezone.now() + timedelta(days=2000)):
        order = {"name": "x", "expires_at": expires_at.isoformat()}
        answer = api.post(f"{URL}/{product.slug}/keys", order, format="json")
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_expiry")


def test_the_platform_sees_no_keys_of_the_partner(people, product, new_key, api_of):
    new_key()
    assert len(api_of(people.integrator).get(f"{URL}/{product.slug}/keys").json()) == 1
    assert api_of(people.modeler).get(f"{URL}/{product.slug}/keys").json() == []


def test_calls_and_replay(people, product, api_of, call, good):
    answer = call(request_id="c-1", **good).json()
    api = api_of(people.partner)
    rows = api.get(f"{URL}/{product.slug}/calls").json()["results"]
    assert [(row["request_id"], row["score"]) for row in rows] == [("c-1", answer["score"])]
    body = api.get(f"{URL}/{product.slug}/calls/c-1").json()
    assert body["answer"] == answer
    assert {line["name"]: line["value"] for line in body["values"]} == {
        "partner__income": 8200.5, "partner__age": 33, "partner__city": "south",
    }  # fmt: skip
    replay = api.post(f"{URL}/{product.slug}/calls/c-1/replay").json()
    assert replay["equal"] is True
    assert replay["recomputed"]["score"] == answer["score"]
    assert api.get(f"{URL}/{product.slug}/calls/none").status_code == 404


def test_replay_uses_the_version_of_the_call(people, product, run, api_of, call, good):
    call(request_id="c-1", **good)
    newer = world.run_of(run.feature_table, algorithm="scorecard", column_set="partner", columns=["partner__income"])
    world.put_live(world.version_of(newer, product.model, people.approver), people.approver)
    replay = api_of(people.modeler).post(f"{URL}/{product.slug}/calls/c-1/replay").json()
    assert (replay["equal"], replay["recomputed"]["version"]) == (True, "credit-score/v1")


def test_replay_tells_a_difference(people, product, api_of, call, good):
    call(request_id="c-1", **good)
    recorded = ScoreCall.objects.get()
    changed = json.loads(recorded.answer) | {"score": 1}
    ScoreCall.objects.update(answer=json.dumps(changed))
    assert api_of(people.modeler).post(f"{URL}/{product.slug}/calls/c-1/replay").json()["equal"] is False


def test_destroyed_values_cannot_be_replayed(people, product, authorisation, api_of, call, good):
    call(request_id="c-1", **good)
    withdraw(user=people.partner, authorisation=authorisation)
    erase_values(user=people.partner, authorisation=authorisation)
    api = api_of(people.partner)
    answer = api.post(f"{URL}/{product.slug}/calls/c-1/replay")
    assert (answer.status_code, answer.json()["code"]) == (409, "key_destroyed")
    body = api.get(f"{URL}/{product.slug}/calls/c-1").json()
    assert (body["values"], body["answer"]["request_id"]) == ([], "c-1")


def test_what_was_live(people, product, api_of):
    api = api_of(people.approver)
    rows = api.get(f"{URL}/{product.slug}/live").json()
    assert [(row["version"], row["live_to"]) for row in rows] == [(1, None)]
    assert api.get(f"{URL}/{product.slug}/live", {"at": "2020-01-01T00:00:00Z"}).json() == []
    assert api.get(f"{URL}/{product.slug}/live", {"at": timezone.now().isoformat()}).json()[0]["version"] == 1
    assert api.get(f"{URL}/{product.slug}/live", {"at": "yesterday"}).status_code == 422


@pytest.fixture
def batch(call):
    return lambda rows, **options: call({"rows": rows}, path="score/batch", **options)


def test_a_batch_answers_row_by_row(batch, call, good):
    single = call(request_id="s", **good).json()
    rows = [
        {"request_id": "b-1", **good},
        {"request_id": "b-2", "features": {"age": "old"}},
        {"request_id": "b-1", **good},
        {"request_id": "b-1", "features": {}},
        {"request_id": "s", **good},
        {"request_id": "b 3"},
        7,
    ]
    results = batch(rows).json()["results"]
    assert results[0]["score"] == single["score"]
    assert results[1]["error"]["code"] == "wrong_type"
    assert results[1]["request_id"] == "b-2"
    assert results[2] == results[0]
    assert results[3]["error"]["code"] == "request_id_reused"
    assert results[4] == single, "what a single call was answered"
    assert results[5]["error"]["code"] == "bad_request_id"
    assert results[6] == {"request_id": None, "error": results[6]["error"]}
    assert set(ScoreCall.objects.values_list("request_id", "channel")) == {("s", "api"), ("b-1", "batch")}
    assert batch(rows).json()["results"][0] == results[0]


def test_batch_sizes(batch, good):
    assert batch([]).json()["code"] == "batch_size"
    assert batch([{"request_id": f"r{i}", **good} for i in range(1001)]).json()["code"] == "batch_size"
    results = batch([{"request_id": f"r{i}", **good} for i in range(1000)]).json()["results"]
    assert len({row["request_id"] for row in results}) == 1000
    assert ScoreCall.objects.count() == 1000


def test_a_batch_stops_at_the_daily_limit(batch, good, new_key):
    key = new_key(daily_limit=3).secret
    results = batch([{"request_id": f"r{i}", **good} for i in range(5)], key=key).json()["results"]
    assert ["error" in row for row in results] == [False, False, False, True, True]
    assert results[3]["error"]["code"] == "over_limit"


def test_statements_of_a_batch(batch, good, django_assert_max_num_queries):
    batch([{"request_id": "warm", **good}])
    with django_assert_max_num_queries(4):  # known ids, insert (SQLite: two), what is on record
        batch([{"request_id": f"r{i}", **good} for i in range(100)])


def test_every_documented_request_is_accepted(people, product, api_of, project):
    """The examples of the schema, sent as they are where they name things that exist here."""
    schema = api_of(people.modeler).get("/api/schema/?format=json")
    if schema.status_code == 404:
        pytest.skip("the site has no schema page")
    paths = schema.json()["paths"]
    ours = {path: methods for path, methods in paths.items() if path.startswith("/api/v1/products")}
    for path in ("/score", "/score/batch", "/keys", "/calls", "/watch-lists"):
        assert f"/api/v1/products/{{slug}}{path}" in ours, path
    for path, methods in ours.items():
        for method, described in methods.items():
            assert described["description"], (path, method)
            if "requestBody" in described:
                content = described["requestBody"]["content"]["application/json"]
                assert content.get("examples"), (path, method)
    score = ours["/api/v1/products/{slug}/score"]["post"]
    assert {"200", "401", "409", "422", "429"} <= set(score["responses"])
    assert {"productKey": []} in score["security"]


def test_the_examples_work(people, product, api_of, project, client):
    """Each request example of this app, with the names of this test's world put in."""
    from risk_products.api import products as product_api
    from risk_products.api import schema, watch_lists

    modeler, integrator = api_of(people.modeler), api_of(people.integrator)
    order = product_api.PRODUCT | {"project": project.slug, "model": product.model.slug, "slug": "example"}
    assert modeler.post(URL, order, format="json").status_code == 201
    expires = {"expires_at": (timezone.now() + timedelta(days=90)).isoformat()}
    made = integrator.post(f"{URL}/example/keys", product_api.KEY | expires, format="json")
    assert made.status_code == 201, made.content
    headers = {"Authorization": f"Bearer {made.json()['key']}"}
    body = schema.BODY | {"features": {"age": 40}, "ids": {}}
    answer = client.post(f"{URL}/example/score", body, content_type="application/json", headers=headers)
    assert set(answer.json()) == set(schema.ANSWER)
    assert set(answer.json()["reasons"][0]) == {"code", "text", "contribution"}
    monitoring = order | {"slug": "watched", "family": "monitoring"}
    assert modeler.post(URL, monitoring, format="json").status_code == 201
    row = integrator.post(f"{URL}/watched/watch-lists", watch_lists.LIST, format="json").json()
    accounts = {"accounts": [watch_lists.ACCOUNTS["accounts"][0] | {"ids": {}}]}
    put = integrator.put(f"{URL}/watched/watch-lists/{row['id']}/accounts", accounts, format="json")
    assert put.json() == {"accounts": 1}


def test_nothing_live_means_no_curl(people, product, api_of):
    Release.objects.all().delete()
    made = api_of(people.integrator).post(f"{URL}/{product.slug}/keys", {"name": "x"}, format="json")
    assert (made.status_code, made.json()["curl"]) == (201, "")
