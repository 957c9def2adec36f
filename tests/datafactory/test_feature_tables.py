"""Feature tables through HTTP, and the same values for one person."""

import json
from datetime import UTC

import pyarrow.parquet as pq
import pytest
from django.urls import reverse

from datafactory.models import FeatureTable
from datafactory.services import features
from projects import storage
from tests.datafactory.files import hashed

pytestmark = pytest.mark.django_db


@pytest.fixture
def table(built):
    built.ready_match()
    answer = built.table(plan={"windows_days": [30, 180]})
    assert answer.status_code == 202, answer.content
    return FeatureTable.objects.get()


def rows_of(table):
    return pq.read_table(storage.folder(table.ticket["path"]) / "rows.parquet").to_pylist()


def test_a_table_is_built_over_the_api(built, table):
    body = built.modeler.get(f"{built.base}/feature-tables/1").json()
    assert (body["state"], body["match"], body["summary"]["n_rows"]) == ("ready", 1, 120)
    names = [column["name"] for column in body["columns"]]
    assert names[:3] == ["partner__income", "partner__city", "lending__count_d30"]
    assert body["summary"]["n_columns"] == len(names) == len(body["profile"]["features"])
    assert body["summary"]["n_partner"] == 2
    assert body["profile"]["basis"] == "descriptive"
    assert hashed(1) not in json.dumps(body)
    assert len(rows_of(table)) == 120


def test_the_same_recipe_gives_the_same_content(built, table):
    built.table(plan={"windows_days": [30, 180]})
    first, second = FeatureTable.objects.order_by("number")
    assert (first.fingerprint, first.content_hash) == (second.fingerprint, second.content_hash)


def test_one_person_looks_as_in_the_table(built, table):
    lookup = features.lookup_of(table, ["lending__count_d180", "lending__max_amount_d180"])
    sample = pq.read_table(storage.folder(table.match.sample.ticket["path"]) / "rows.parquet").to_pylist()
    for person, row in zip(sample, rows_of(table), strict=True):
        ids = {"mobile__sha256": person["id__mobile__sha256"]}
        values, matched = lookup(ids, person["observed_at"].astimezone(UTC))
        assert matched == row["matched"]
        assert values == {name: row[name] for name in values}
        assert len(values) == 2


@pytest.mark.parametrize(
    ("plan", "code"),
    [
        ({"grids": {"lending": ["nothing"]}}, "unknown_field"),
        ({"grids": {"other": ["amount"]}}, "unknown_source"),
        ({"window_days": [7]}, "plan_invalid"),
        ({"windows_days": ["x"]}, "plan_invalid"),
        ({"windows_days": [-3]}, "bad_windows"),
    ],
)
def test_a_plan_that_cannot_be_built_is_refused_at_once(built, plan, code):
    built.ready_match()
    answer = built.table(plan=plan)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert not FeatureTable.objects.exists()


@pytest.mark.parametrize(("who", "status"), [("partner", 403), ("approver", 403), ("stranger", 404)])
def test_only_modelers_may_build(built, people, api_of, who, status):
    built.ready_match()
    assert built.table(client=api_of(getattr(people, who))).status_code == status


def test_strangers_find_nothing(built, table, people, api_of, client_of):
    assert api_of(people.stranger).get(f"{built.base}/feature-tables/1").status_code == 404
    pages = client_of(people.stranger)
    for name, args in (("list", []), ("create", []), ("detail", [1]), ("column", [1, "lending__count_d30"])):
        assert pages.get(reverse(f"datafactory:feature-{name}", args=[built.project.slug, *args])).status_code == 404


def test_both_sides_see_the_statistics_and_no_rows(built, table, people, client_of):
    for who in (people.modeler, people.partner):
        client = client_of(who)
        page = client.get(reverse("datafactory:feature-detail", args=[built.project.slug, 1]))
        text = page.content.decode()
        assert page.status_code == 200
        assert "lending__count_d30" in text
        assert "descriptive" in text
        assert hashed(1) not in text
        assert client.get(reverse("datafactory:feature-list", args=[built.project.slug])).status_code == 200
        url = reverse("datafactory:feature-column", args=[built.project.slug, 1, "partner__income"])
        assert b"feature-histogram-figure" in client.get(url).content
        fragment = client.get(url, headers={"HX-Request": "true"}).content
        assert fragment.lstrip().startswith(b'<div class="stack" id="feature-table-column"')
    assert client.get(url.replace("income", "nothing")).status_code == 404


def test_a_table_is_ordered_in_the_browser_with_some_fields(built, people, client_of, run_jobs):
    match = built.ready_match()
    client = client_of(people.modeler)
    url = reverse("datafactory:feature-create", args=[built.project.slug])
    assert b"field-lending-amount" in client.get(f"{url}?match=1").content
    body = {"match": match.pk, "windows": "30", "aggregates": ["count", "max"], "shown": ["lending"]}
    bad = client.post(url, body | {"windows": "a week", "field": ["lending:amount"]})
    assert bad.status_code == 422
    with run_jobs():
        sent = client.post(url, body | {"field": ["lending:amount"]})
    assert sent.status_code == 302
    names = [column["name"] for column in FeatureTable.objects.get().ticket["columns"]]
    assert names == ["partner__income", "partner__city", "lending__count_d30", "lending__max_amount_d30"]
