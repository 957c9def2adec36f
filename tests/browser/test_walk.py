"""A whole project in Chromium, from the proposal to a score, each step by the person whose step it is."""

import csv
import json
import secrets
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.cast import PASSWORD, PEOPLE
from sandbox.people import Plan
from sandbox.tables import make_world
from tests.browser.walking import Walker
from tests.running_site import RunningSite

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PROJECT = "Card limits"
HOME = "/projects/card-limits/"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    make_world(folder, Plan(people=4_000))
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    site = RunningSite(tmp_path_factory.mktemp("site"))
    yield site.start()
    site.stop()


@pytest.fixture
def people(chromium, bundle, site):
    roles = ("modeler", "partner", "approver", "integrator", "stranger")
    found = {role: Walker(chromium, site.url, PEOPLE[role].email, PASSWORD) for role in roles}
    yield found
    for walker in found.values():
        walker.page.context.close()
    assert not [fault for walker in found.values() for fault in walker.faults]


def propose(modeler):
    modeler.go("/")
    modeler.follow("New project")
    modeler.fill("Name", PROJECT)
    modeler.fill("Purpose", "Limits of credit cards")
    modeler.page.get_by_label("Huaxin Bank").check()
    modeler.press("Propose the project")
    modeler.go(f"{HOME}settings/")
    modeler.sees("The project is under review")


def approve_and_authorise(partner):
    partner.go("/")
    partner.sees(PROJECT)
    partner.go(f"{HOME}settings/")
    partner.fill("Note", "Purpose agreed")
    partner.press("Approve")
    partner.sees("Open")
    partner.go(f"{HOME}authorisations/")
    partner.fill("Legal ground", "Separate consent, PIPL art. 23")
    partner.fill("Purpose", "Limits of credit cards")
    for box in partner.page.locator("#grant [type=checkbox]").all():
        box.check()
    partner.fill("Last day", f"{datetime.now(UTC) + timedelta(days=90):%Y-%m-%d}")
    partner.press("Grant")
    partner.sees("In force")


def bring_sample(partner, file):
    partner.go(f"{HOME}samples/")
    partner.go(f"{HOME}samples/new/")
    partner.sees("the operator's administrators could read them")
    partner.uploads(file)
    assert partner.column_of("Row id") == "application_no"
    assert partner.column_of("Application time") == "applied_at"
    partner.choose("Outcome", "bad_30dpd_6mob")
    partner.fill("Name of the sample", "Applications")
    partner.fill("Performance window", "6")
    partner.fill("Outcomes as of", Plan().until)
    partner.page.get_by_role("row", name="income").get_by_role("textbox").first.fill("-1")
    partner.press("Check and import")
    partner.waits_until_ready()
    partner.sees("Bad rate", "mobile__sha256", "idno__sha256", "income")


def load_source(modeler, file):
    modeler.go("/sources/")
    modeler.follow("New source")
    modeler.fill("Name", "Consumer profile")
    modeler.fill("Short name", "profile")
    modeler.page.get_by_label("snapshot").first.check()
    modeler.press("Create")
    modeler.go("/sources/profile/versions/new/")
    modeler.uploads(file)
    assert modeler.column_of("Event time") == "snapshot_at"
    assert modeler.column_of("Known at") == "known_at"
    modeler.press("Check and import")
    modeler.waits_until_ready()


def match(modeler):
    modeler.go(f"{HOME}samples/1/")
    modeler.follow("Match")
    modeler.page.get_by_label("Consumer profile").check()
    modeler.press("Match")
    modeler.waits_until_ready()
    modeler.sees("Match rate")


def build_features(modeler):
    modeler.follow("Build features")
    modeler.press("Build")
    modeler.waits_until_ready()
    modeler.sees("profile__consumption_index", "partner__income")


def train(modeler):
    modeler.go(f"{HOME}runs/new/")
    modeler.fill("Name", "First card")
    modeler.press("Train")
    modeler.waits_until_ready()
    modeler.sees("First card", "Variable funnel", "profile__consumption_index")


def evaluate(modeler):
    modeler.press("Evaluate")
    modeler.page.get_by_role("heading", name="Discrimination").wait_for(timeout=180_000)
    modeler.sees("Gains table", "Calibration", "Reproduction")
    modeler.page.locator("#roc .scatterlayer .trace").first.wait_for()


def offer(modeler):
    modeler.follow("Offer as a version")
    modeler.fill("Model", "Limit score")
    modeler.press("Make a version")
    modeler.fill("Note for the approver", "First version")
    modeler.press("Send for approval")
    modeler.sees("Waiting for approval", "You are the author")
    assert "failed" not in modeler.page.locator("#gate").inner_text()


def release(approver):
    approver.go("/")
    approver.sees("Limit score")
    approver.go(f"{HOME}versions/limit-score/1/")
    approver.follow("Read the model report first")
    approver.sees("Credit model report")
    approver.go(f"{HOME}versions/limit-score/1/")
    approver.fill("Reasons", "Figures read")
    approver.press("Approve")
    approver.sees("Approved, not live")
    for box in approver.page.get_by_label("I have seen and accept").all():
        box.check()
    approver.press("Publish")
    approver.sees("Retire", within_ms=60_000)


def put_on_the_catalogue(modeler):
    modeler.go("/products/")
    modeler.follow("New product")
    modeler.field("Model").select_option(label="Limit score (Card limits)")
    modeler.fill("Name", "Limits")
    modeler.fill("Short name", "limits")
    modeler.choose("Family", "credit")
    modeler.press("Put on the catalogue")
    modeler.sees("Live", "live since", "curl")


def issue_key(integrator):
    integrator.go("/products/limits/")
    integrator.fill("Name", "Origination", "#key-form")
    integrator.press("Issue key")
    secret = integrator.page.locator("#new-key-secret").inner_text()
    assert secret.startswith("pk_")
    assert secret in integrator.page.locator("#new-key-curl").inner_text()
    integrator.go("/products/limits/")
    assert secret not in integrator.page.content(), "a key is shown once"
    return secret


def call(site, secret, body):
    """What the curl line on the page does."""
    request = urllib.request.Request(
        f"{site.url}/api/v1/products/limits/score",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {secret}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def known_person(world):
    with (world / "partner/applications.csv").open(encoding="utf-8") as stream:
        return next(csv.DictReader(stream))["mobile_sha256"]


def try_a_call(integrator, ids):
    form = integrator.page.locator("#try [name=body]")
    form.fill(json.dumps(json.loads(form.input_value()) | {"ids": ids}))
    integrator.press("Score")
    answer = integrator.page.locator("#try-answer")
    answer.wait_for()
    found = json.loads(answer.inner_text())
    assert integrator.page.locator("#product-answer .badge").first.inner_text() == "200"
    return found


def nodes_of_the_flow(modeler):
    modeler.go(HOME)
    modeler.page.wait_for_selector(".canvas-in.is-placed .edge")
    found = modeler.page.locator(".node-box")
    return {box.get_attribute("data-key").rpartition("-")[0] for box in found.all()}


def test_a_project_from_proposal_to_score(people, site, world):
    modeler, partner, approver, integrator = (people[role] for role in ("modeler", "partner", "approver", "integrator"))
    propose(modeler)
    approve_and_authorise(partner)
    bring_sample(partner, world / "partner/applications.csv")
    load_source(modeler, world / "platform/profile.parquet")
    match(modeler)
    build_features(modeler)
    train(modeler)
    evaluate(modeler)
    offer(modeler)
    release(approver)
    put_on_the_catalogue(modeler)
    secret = issue_key(integrator)

    body = json.loads(integrator.page.locator("#try [name=body]").input_value())
    body |= {"request_id": secrets.token_hex(8), "ids": {"mobile__sha256": known_person(world)}}
    status, answer = call(site, secret, body)
    assert status == 200, answer
    assert answer["matched"]
    assert call(site, secret, body) == (200, answer), "the same request id and body get the same answer"
    assert call(site, secret, body | {"features": {}})[0] == 409
    assert call(site, "pk_wrong", body)[0] == 401
    tried = try_a_call(integrator, body["ids"])
    assert (tried["score"], tried["pd"]) == (answer["score"], answer["pd"])

    assert nodes_of_the_flow(modeler) == {
        "sample",
        "source",
        "match",
        "features",
        "run",
        "evaluation",
        "version",
        "product",
    }
    assert people["stranger"].page.goto(site.url + HOME).status == 404
