import json

import pytest

from risk_products.selectors import loaded, standing
from risk_products.services import keys
from risk_products.services.allowance import allowance
from tests.risk_products import world


@pytest.fixture(autouse=True)
def _fresh_memory():
    """Each test starts with a process that remembers nothing."""
    for memory in (standing.remembered, allowance):
        memory.clear()
    loaded.forget()
    yield
    loaded.forget()


@pytest.fixture
def run(project, people, authorisation):
    """A scorecard on the partner's own columns."""
    table = world.feature_table(project, people.modeler, authorisation)
    return world.run_of(table, algorithm="scorecard", column_set="partner")


@pytest.fixture
def product(run, people):
    return world.product_of(run, people.approver)


@pytest.fixture
def new_key(product, people, partner_bank):
    """``new_key(daily_limit=3)``: a key of the partner; ``.row`` and ``.secret``."""

    def issue(**options):
        options = {"name": "Origination"} | options
        return keys.issue_key(user=people.integrator, product=product, institution=partner_bank, **options)

    return issue


@pytest.fixture
def key(new_key):
    return new_key().secret


@pytest.fixture
def call(client, product, key):
    """``call(request_id="a", features={...})`` posts to the door with the key and returns the response."""

    def post(body=None, *, key=key, slug=product.slug, path="score", **fields):
        raw = body if isinstance(body, bytes | str) else json.dumps(body or fields)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        url = f"/api/v1/products/{slug}/{path}"
        return client.post(url, raw, content_type="application/json", headers=headers)

    return post


@pytest.fixture
def good():
    """The fields of a request that the partner-only model accepts."""
    return {"features": {"income": 8200.5, "age": 33, "city": "south"}}
