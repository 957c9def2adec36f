"""Every endpoint of this floor, with its example, over HTTP."""

import pytest

from projects.api import NEW_AUTHORISATION, NEW_PROJECT


def test_me(project, people, api_of):
    body = api_of(people.partner).get("/api/v1/me").json()
    assert body["institutions"] == [
        {"slug": "huaxin", "name": "Huaxin Bank", "kind": "partner", "roles": ["analyst"]},
    ]


def test_institutions_by_whom(project, people, other_bank, api_of):
    def seen(user):
        return {row["slug"] for row in api_of(user).get("/api/v1/institutions").json()["results"]}

    assert seen(people.modeler) == {"panshi", "huaxin", "dongling"}
    assert seen(people.partner) == {"panshi", "huaxin"}


def test_project_to_open(people, partner_bank, api_of):
    modeler, partner = api_of(people.modeler), api_of(people.partner)
    made = modeler.post("/api/v1/projects", NEW_PROJECT | {"institutions": ["huaxin"]}, format="json")
    assert made.status_code == 201, made.json()
    assert made.json()["status"] == "reviewing"
    assert modeler.post("/api/v1/projects/auto-loan/approve", {}).status_code == 403
    assert partner.post("/api/v1/projects/auto-loan/refuse", {"note": "no"}).json()["status"] == "reviewing"
    assert partner.post("/api/v1/projects/auto-loan/approve", {"note": "fine"}).json()["status"] == "open"
    again = partner.post("/api/v1/projects/auto-loan/approve", {})
    assert (again.status_code, again.json()["code"]) == (409, "already_decided")
    assert partner.post("/api/v1/projects", NEW_PROJECT, format="json").json()["code"] == "not_a_platform_modeler"
    assert [row["slug"] for row in partner.get("/api/v1/projects").json()["results"]] == ["auto-loan"]


@pytest.mark.parametrize("institutions", [[], ["panshi"], ["nowhere"]])
def test_a_project_needs_partners(people, partner_bank, api_of, institutions):
    answer = api_of(people.modeler).post(
        "/api/v1/projects", NEW_PROJECT | {"institutions": institutions}, format="json"
    )
    assert answer.status_code in {400, 422}
    assert set(answer.json()) == {"code", "message", "detail"}


def test_authorisations(project, people, api_of):
    url = "/api/v1/projects/auto-loan/authorisations"
    order = NEW_AUTHORISATION | {"expires_at": "2099-01-01T00:00:00Z"}
    refused = api_of(people.modeler).post(url, order, format="json")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_a_grantor")
    assert api_of(people.modeler).post(url, {}, format="json").status_code == 403
    granted = api_of(people.partner).post(url, order, format="json").json()
    assert (granted["grantor"], granted["recipient"]) == ("huaxin", "panshi")
    withdraw = f"{url}/{granted['id']}/withdraw"
    assert api_of(people.modeler).post(withdraw).status_code == 403
    assert api_of(people.partner).post(withdraw).json()["withdrawn_at"]
    assert len(api_of(people.modeler).get(url).json()["results"]) == 2


def test_members(project, people, make_user, platform, api_of):
    make_user("new", (platform, "modeler"))
    url = "/api/v1/projects/auto-loan/members"
    order = {"email": "new@example.com", "institution": "panshi", "role": "modeler"}
    assert api_of(people.colleague).post(url, order, format="json").status_code == 403
    made = api_of(people.modeler).post(url, order, format="json")
    assert made.status_code == 201
    assert api_of(people.modeler).post(url, order | {"email": "no@example.com"}, format="json").status_code == 422
    assert api_of(people.modeler).delete(f"{url}/{made.json()['id']}").status_code == 204
    assert api_of(people.modeler).delete(f"{url}/{made.json()['id']}").status_code == 404


def test_audit(project, people, api_of):
    rows = api_of(people.partner).get("/api/v1/audit?text=granted").json()["results"]
    assert rows[0]["actor_roles"] == "Huaxin Bank: analyst"
    assert api_of(people.partner).get("/api/v1/audit?since=x").json()["code"] == "bad_filter"
    assert {row["project"] for row in api_of(people.stranger).get("/api/v1/audit").json()["results"]} == {None}


def test_errors_have_one_shape(project, people, api_of, client):
    nobody = client.get("/api/v1/me")
    assert (nobody.status_code, nobody.json()["code"]) == (401, "not_authenticated")
    assert nobody["WWW-Authenticate"] == "Token"
    assert client.get("/api/v1/me", headers={"Authorization": "Token bad"}).status_code == 401
    missing = api_of(people.stranger).get("/api/v1/projects/auto-loan")
    assert (missing.status_code, missing.json()["code"]) == (404, "project_not_found")
    wrong = api_of(people.modeler).put("/api/v1/projects/auto-loan", {})
    assert (wrong.status_code, wrong.json()["code"]) == (405, "method_not_allowed")
    assert api_of(people.modeler).post("/api/v1/projects", {}, format="json").json()["code"] == "invalid"
