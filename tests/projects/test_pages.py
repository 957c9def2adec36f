"""Every page of this floor: who sees it, what posting does."""

import re

import pytest
from django.urls import reverse

from projects.models import AuditEvent, Invitation, Membership, Project, User
from projects.services.institutions import invite
from tests.conftest import PASSWORD

PAGES = {
    "project-list": [],
    "institution-list": [],
    "job-list": [],
    "audit-list": [],
    "profile": [],
    "password-change": [],
    "token-list": [],
    "project-settings": ["auto-loan"],
    "authorisation-list": ["auto-loan"],
    "member-list": ["auto-loan"],
}


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("persona", ["modeler", "partner", "approver", "integrator", "administrator"])
def test_members_see_every_page(project, people, client_of, name, persona):
    answer = client_of(getattr(people, persona)).get(reverse(f"projects:{name}", args=PAGES[name]))
    assert answer.status_code == 200, answer.content[:2000]


def test_sign_in_and_out(client, people, project):
    page = reverse("projects:sign-in")
    assert client.post(page, {"email": "Partner@example.com", "password": "wrong"}).status_code == 422
    answer = client.post(page, {"email": "Partner@example.com", "password": PASSWORD, "next": "/projects/"})
    assert answer.url == "/projects/"
    assert b"Auto loan" in client.get("/projects/").content
    client.post(reverse("projects:sign-out"))
    assert client.get("/projects/").status_code == 302


def test_sign_in_leads_nowhere_else(client, people):
    data = {"email": "partner@example.com", "password": PASSWORD, "next": "https://evil.example/"}
    assert client.post(reverse("projects:sign-in"), data).url == "/"


def test_guessing_is_stopped(client, people, settings):
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "guess"}}
    page = reverse("projects:sign-in")
    for _ in range(10):
        client.post(page, {"email": "partner@example.com", "password": "wrong"})
    answer = client.post(page, {"email": "partner@example.com", "password": PASSWORD})
    assert answer.status_code == 422
    assert "_auth_user_id" not in client.session


def test_demo_people_are_refused_outside_the_demo(client, people, project, settings, client_of):
    User.objects.filter(pk=people.partner.pk).update(is_demo=True)
    settings.DEMO = False
    answer = client.post(reverse("projects:sign-in"), {"email": "partner@example.com", "password": PASSWORD})
    assert answer.status_code == 422
    assert client_of(people.partner).get("/projects/auto-loan/settings/").status_code == 401


def test_language_follows_the_person(client_of, client, people):
    browser = client_of(people.modeler)
    browser.post(reverse("set_language"), {"language": "zh-hans", "next": "/projects/"})
    people.modeler.refresh_from_db()
    assert people.modeler.language == "zh-hans"
    assert b'lang="zh-CN"' in client_of(people.modeler).get("/projects/").content
    client.post(reverse("set_language"), {"language": "zh-hans"})
    assert b'lang="zh-CN"' in client.get(reverse("projects:sign-in")).content
    assert client.post(reverse("set_language"), {"language": "xx"}).status_code == 302


def test_password_change_keeps_this_browser_only(client_of, people):
    here, there = client_of(people.modeler), client_of(people.modeler)
    page = reverse("projects:password-change")
    assert here.post(page, {"old": "no", "new": "a-new-secret-word", "again": "a-new-secret-word"}).status_code == 422
    assert here.post(page, {"old": PASSWORD, "new": "1234567890", "again": "1234567890"}).status_code == 422
    assert here.post(page, {"old": PASSWORD, "new": "a-new-secret-word", "again": "other"}).status_code == 422
    good = {"old": PASSWORD, "new": "a-new-secret-word", "again": "a-new-secret-word"}
    assert here.post(page, good).status_code == 302
    assert here.get("/projects/").status_code == 200
    assert there.get("/projects/").status_code == 302


def test_a_token_is_shown_once_works_and_ends(client_of, people, client):
    browser, page = client_of(people.modeler), reverse("projects:token-list")
    shown = browser.post(page, {"name": "nightly", "days": 30}).content.decode()
    token = re.search(r'id="token">([0-9a-f]{64})<', shown)
    assert token
    assert token[1] not in browser.get(page).content.decode()
    headers = {"Authorization": f"Token {token[1]}"}
    assert client.get("/api/v1/me", headers=headers).json()["email"] == "modeler@example.com"
    row = people.modeler.api_tokens.get()
    assert client_of(people.stranger).post(reverse("projects:token-revoke", args=[row.pk])).status_code == 404
    browser.post(reverse("projects:token-revoke", args=[row.pk]))
    assert client.get("/api/v1/me", headers=headers).status_code == 401


def test_a_project_from_proposal_to_open(people, partner_bank, client_of):
    modeler, partner = client_of(people.modeler), client_of(people.partner)
    data = {"name": "Card limit", "purpose": "Limit score", "institutions": [partner_bank.pk], "description": ""}
    assert modeler.post("/projects/new/", {**data, "institutions": []}).status_code == 422
    assert modeler.post("/projects/new/", data).status_code == 302
    project = Project.objects.get(slug="card-limit")
    assert project.status == "reviewing"
    decide = reverse("projects:participation-decide", args=["card-limit"])
    assert modeler.post(decide, {"decision": "approve"}).status_code == 403
    assert partner.post(decide, {"decision": "refuse", "note": "not yet"}).status_code == 302
    assert partner.post(decide, {"decision": "approve"}).status_code == 302
    project.refresh_from_db()
    assert project.status == "open"
    assert partner.post(decide, {"decision": "refuse"}).status_code == 422


def test_partners_do_not_start_projects(people, partner_bank, client_of):
    assert client_of(people.partner).get("/projects/new/").status_code == 403


def test_legal_basis_is_the_owners(project, people, client_of):
    page = reverse("projects:authorisation-list", args=["auto-loan"])
    data = {"basis": "Consent", "purpose": "Test", "data_categories": ["outcomes"], "expires_on": "2099-01-01"}
    assert client_of(people.modeler).post(page, data).status_code == 422
    assert client_of(people.partner).post(page, {**data, "expires_on": "2001-01-01"}).status_code == 422
    assert project.authorisations.count() == 1
    assert client_of(people.partner).post(page, data).status_code == 302
    row = project.authorisations.order_by("-pk").first()
    withdraw = reverse("projects:authorisation-withdraw", args=["auto-loan", row.pk])
    erase = reverse("projects:authorisation-erase", args=["auto-loan", row.pk])
    assert client_of(people.approver).post(withdraw).status_code == 403
    assert client_of(people.partner).post(erase).status_code == 409
    assert client_of(people.partner).post(withdraw).status_code == 302
    assert client_of(people.partner).post(erase).status_code == 302
    row.refresh_from_db()
    assert row.withdrawn_at
    assert bytes(row.data_key) == b""


def test_members_come_and_go(project, people, make_user, platform, client_of):
    new = make_user("new", (platform, "modeler"))
    page = reverse("projects:member-list", args=["auto-loan"])
    browser = client_of(people.modeler)
    choice = Membership.objects.get(user=new).pk
    assert client_of(people.partner).post(page, {"membership": choice}).status_code == 422
    assert browser.post(page, {"membership": choice}).status_code == 302
    assert client_of(new).get(page).status_code == 200
    row = project.members.get(user=new)
    assert browser.post(reverse("projects:member-remove", args=["auto-loan", row.pk])).status_code == 302
    assert client_of(new).get(page).status_code == 404


def test_an_invitation_works_once(people, platform, client_of, client):
    page = reverse("projects:institution-detail", args=["panshi"])
    assert client_of(people.modeler).post(page, {"email": "x@example.com", "role": "modeler"}).status_code == 422
    shown = client_of(people.administrator).post(page, {"email": "X@example.com", "role": "modeler"})
    link = re.search(r"(/invitations/[\w-]+/)", shown.content.decode())
    assert link
    assert link[1].split("/")[2] not in Invitation.objects.get().token_hash
    assert client.get(link[1]).status_code == 200
    assert client.post(link[1], {"name": "Xu", "password": "short"}).status_code == 422
    assert not User.objects.filter(email="x@example.com").exists()
    assert client.post(link[1], {"name": "Xu", "password": "a-long-enough-word"}).status_code == 302
    assert client.get("/projects/").status_code == 200
    assert client.get(link[1]).status_code == 404


def test_who_has_an_account_signs_in_to_accept(people, other_bank, client_of, client, make_user):
    admin = make_user("head", (other_bank, "administrator"))
    _row, token = invite(user=admin, institution=other_bank, email="modeler@example.com", role="analyst")
    link = reverse("projects:invitation-accept", args=[token])
    assert b"Sign in to accept" in client.get(link).content
    assert client.post(link).status_code == 422
    assert client_of(people.stranger).post(link).status_code == 422
    assert client_of(people.modeler).post(link).status_code == 302
    assert Membership.objects.filter(user=people.modeler, institution=other_bank, role="analyst").exists()


def test_audit_export_is_neutral_and_scoped(project, people, client_of):
    from projects import audit

    audit.record("test.formula", actor=people.partner, project=project, target='=HYPERLINK("http://x")')
    text = b"".join(client_of(people.modeler).get("/audit/export.csv").streaming_content).decode()
    assert "'=HYPERLINK" in text
    assert ",=HYPERLINK" not in text
    assert "project.created" in text
    other = b"".join(client_of(people.stranger).get("/audit/export.csv").streaming_content).decode()
    assert other.strip().count("\n") == 0


def test_audit_filter(project, people, client_of):
    browser = client_of(people.modeler)
    assert b"authorisation.granted" in browser.get("/audit/").content
    assert b"authorisation.granted" not in browser.get("/audit/?text=member").content
    assert b"member.added" in browser.get("/audit/?text=member&project=auto-loan&since=2020-01-01").content
    assert b"member.added" not in browser.get("/audit/?until=2020-01-01").content
    assert browser.get("/audit/?since=yesterday").status_code == 200
    assert AuditEvent.objects.filter(action="member.added").get().actor_roles == "Panshi: modeler"


def test_errors_are_pages(project, people, client_of):
    browser = client_of(people.stranger)
    answer = browser.get("/projects/auto-loan/settings/")
    assert answer.status_code == 404
    assert b"There is no such project" in answer.content
    fragment = browser.get("/projects/auto-loan/settings/", headers={"HX-Request": "true"})
    assert b"<html" not in fragment.content
