"""Pages of products, keys, calls and watch lists, for each persona."""

import re

import pytest

from risk_products.models import ProductKey, ScoreCall

SEES = ("modeler", "colleague", "partner", "integrator")


@pytest.fixture
def page(product):
    return f"/products/{product.slug}/"


def test_lists_and_pages_open_for_members_and_not_for_strangers(people, product, page, client_of, call, good):
    call(request_id="c-1", **good)
    for url in ("/products/", page, f"{page}calls/", f"{page}calls/c-1/"):
        for name in SEES:
            assert client_of(getattr(people, name)).get(url).status_code == 200, (url, name)
    stranger = client_of(people.stranger)
    assert product.name not in stranger.get("/products/").content.decode()
    for url in (page, f"{page}calls/", f"{page}calls/c-1/"):
        assert stranger.get(url).status_code == 404, url


def test_product_page_shows_figures_code_and_answers(people, page, client_of, call, good):
    call(request_id="c-1", **good)
    call(request_id="c-2", features={"colour": 1})
    text = client_of(people.integrator).get(page).content.decode()
    assert "$ETRON_KEY" in text
    assert "c-1" in text
    assert "1 refused" in text
    assert "unknown_field" in text
    assert 'data-figure="calls-figure"' in text


def test_a_key_is_shown_once(people, page, client_of, call, good):
    client = client_of(people.integrator)
    made = client.post(f"{page}keys/", {"name": "Tablets", "daily_limit": "20"})
    secret = re.findall(r"pk_[\w-]{40,}", made.content.decode())[0]
    assert call(request_id="a", key=secret, **good).status_code == 200
    assert secret not in client.get(page).content.decode()
    assert secret[:7] in client.get(page).content.decode()
    assert client_of(people.modeler).post(f"{page}keys/", {"name": "x"}).status_code == 403
    assert client_of(people.stranger).post(f"{page}keys/", {"name": "x"}).status_code == 404


def test_a_wrong_key_form_says_where(people, page, client_of):
    answer = client_of(people.integrator).post(f"{page}keys/", {"name": "x", "expires_at": "2020-01-01T00:00"})
    assert answer.status_code == 422
    assert "A key expires after now" in answer.content.decode()
    assert not ProductKey.objects.filter(name="x").exists()


def test_revoking_on_the_page(people, page, client_of, new_key):
    made = new_key()
    url = f"{page}keys/{made.row.pk}/revoke/"
    assert client_of(people.modeler).post(url).status_code == 403
    assert client_of(people.integrator).post(url).status_code == 302
    assert ProductKey.objects.get(pk=made.row.pk).revoked_at is not None


def test_try_it(people, page, client_of):
    client = client_of(people.modeler)
    answer = client.post(f"{page}try/", {"body": '{"request_id": "t-1", "features": {"age": 40}}'})
    assert answer.status_code == 200
    assert "t-1" in answer.content.decode()
    assert ScoreCall.objects.get().channel == "try"
    wrong = client.post(f"{page}try/", {"body": '{"request_id": "t-2", "features": {"age": "old"}}'}).content.decode()
    assert "wrong_type" in wrong
    assert client_of(people.approver).post(f"{page}try/", {"body": "{}"}).status_code in (403, 404)


def test_call_page_shows_only_the_own_sides_values(people, page, client_of, call):
    call(request_id="c-1", features={"income": 7123.25})
    assert "7123.25" in client_of(people.partner).get(f"{page}calls/c-1/").content.decode()
    platform = client_of(people.modeler).get(f"{page}calls/c-1/").content.decode()
    assert "7123.25" not in platform


def test_replay_on_the_page(people, page, client_of, call, good):
    call(request_id="c-1", **good)
    answer = client_of(people.modeler).post(f"{page}calls/c-1/replay/")
    assert answer.status_code == 200
    assert "The same" in answer.content.decode()


def test_new_product_form(people, run, product, client_of):
    client = client_of(people.modeler)
    fields = {"model": product.model.pk, "name": "Second", "slug": "second", "family": "credit"}
    assert client.get("/products/new/").status_code == 200
    assert client.post("/products/new/", fields).status_code == 302
    again = client.post("/products/new/", fields)
    assert (again.status_code, "already a product" in again.content.decode()) == (422, True)
    assert client_of(people.partner).post("/products/new/", fields | {"slug": "third"}).status_code == 422


def test_what_was_live(people, page, client_of):
    text = client_of(people.approver).get(f"{page}?at=2020-01-01T00:00").content.decode()
    assert "nothing was live" in text


def test_page_without_a_live_version(people, product, page, client_of):
    from models_registry.models import Release

    Release.objects.all().delete()
    text = client_of(people.integrator).get(page).content.decode()
    assert "Nothing answers yet" in text


def test_statements_of_the_product_page(people, page, client_of, call, good, django_assert_max_num_queries):
    for i in range(10):
        call(request_id=f"c-{i}", **good)
    client = client_of(people.integrator)
    client.get(page)
    with django_assert_max_num_queries(45):
        client.get(page)
