"""The same code in production: PostgreSQL, Redis, secrets from the environment, no demo."""

import os
import re
import secrets
import subprocess
import sys
from argparse import Namespace

import pytest
import requests

from examples.joint_model import Api, Journey
from tests.risk_products.site import database
from tests.running_site import ROOT, RunningSite

pytestmark = [pytest.mark.slow, pytest.mark.postgres]
PEOPLE = """
from projects.models import Institution, Membership, User
from projects.services.tokens import create_token
for slug, kind, role in (("panshi", "platform", "modeler"), ("huaxin", "partner", "analyst")):
    institution = Institution.objects.create(slug=slug, name=slug.title(), kind=kind)
    user = User.objects.create_user(f"{role}@{slug}.example", f"{role}@{slug}.example", "a long way home")
    Membership.objects.create(user=user, institution=institution, role=role)
    print(create_token(user, "test"))
"""
MAKE_DEMO_USER = "from projects.models import User; User.objects.create(username='demo', is_demo=True)"
DELETE_DEMO_USER = "from projects.models import User; User.objects.filter(is_demo=True).delete()"


def server(name):
    """The URL of a server that this test needs; without one it is skipped, or failed where nothing may be skipped."""
    url = os.environ.get(name, "")
    if not url and os.environ.get("ETRON_TEST_STRICT") == "1":
        pytest.fail(f"{name} is not set.")
    return url or pytest.skip(f"{name} is not set")


@pytest.fixture(scope="module")
def environment():
    return {
        "ETRON_PRODUCTION": "1",
        "ETRON_REDIS_URL": server("ETRON_TEST_REDIS_URL"),
        "ETRON_SECRET_KEY": secrets.token_urlsafe(48),
        "ETRON_MASTER_KEY": secrets.token_urlsafe(48),
        "ETRON_ALLOWED_HOSTS": "127.0.0.1",
        "ETRON_SSL_REDIRECT": "0",
    }


@pytest.fixture(scope="module")
def site(tmp_path_factory, environment):
    """Set up by the commands of ``make run-production``, in their order, and served."""
    home = tmp_path_factory.mktemp("production")
    with database(home, server("ETRON_TEST_POSTGRES_URL")) as url:
        made = RunningSite(home, ETRON_DATABASE_URL=url, **environment)
        assert "no issues" in made.manage("check", "--deploy", "--fail-level", "WARNING")
        made.manage("migrate", "--verbosity", "0")
        made.manage("collectstatic", "--noinput", "--verbosity", "0")
        try:
            yield made.serve()
        finally:
            made.stop()


def shell(site, code):
    return site.manage("shell", "--no-imports", "-c", code)


def refused(site, *arguments, leave_out="", **changes):
    """What a command says on its way out."""
    given = {name: value for name, value in (site.environment | changes).items() if name != leave_out}
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    done = subprocess.run(command, env=given, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0, done.stdout
    return done.stderr


def test_the_site_is_ready_on_postgresql_and_redis(site):
    answer = requests.get(f"{site.url}/readyz", timeout=10)
    assert answer.status_code == 200
    assert answer.json()["checks"] == dict.fromkeys(("database", "migrations", "queue", "artifacts"), "ok")
    assert shell(site, "from django.db import connection; print(connection.vendor)") == "postgresql"
    assert not site.children("valkey-server")
    assert not list(site.home.glob("*.sqlite3"))


def test_the_sign_in_page_has_hashed_static_files(site):
    page = requests.get(f"{site.url}/", headers={"X-Forwarded-Proto": "https"}, timeout=10)
    assert page.status_code == 200
    assert page.url.startswith(f"{site.url}/sign-in")
    assert "max-age=31536000" in page.headers["Strict-Transport-Security"]
    assert page.cookies or "Secure" in page.headers["Set-Cookie"]
    assert "panshi-demo" not in page.text
    files = re.findall(r'(?:href|src)="(/static/[^"]+\.(?:css|js))"', page.text)
    assert files
    for file in files:
        assert re.search(r"\.[0-9a-f]{12}\.(css|js)$", file), file
        answer = requests.get(site.url + file, timeout=10)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["Cache-Control"]


def test_a_partner_brings_a_sample(site, tmp_path):
    """Door, queue and worker together, on these servers."""
    modeler, partner = shell(site, PEOPLE).splitlines()
    journey = Journey.__new__(Journey)
    journey.modeler, journey.partner, journey.stamp = Api(site.url, modeler), Api(site.url, partner), "p"
    sample = tmp_path / "sample.csv"
    rows = [f"{secrets.token_hex(32)},{n % 4 == 0:d},{n}" for n in range(2000)]
    sample.write_text("\n".join(["id,y,x", *rows]))
    journey.options = Namespace(sample=sample, id="id", label="y", date="", split="", partner_token=partner)
    ready = journey.sample(journey.project(), sample)
    assert ready["summary"]["n_rows"] == 2000
    assert ready["summary"]["bad_rate"] == 0.25


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"ETRON_DEMO": "1"}, "ETRON_DEMO cannot be on when ETRON_PRODUCTION is on."),
        ({"leave_out": "ETRON_SECRET_KEY"}, "ETRON_SECRET_KEY must be set in production."),
        ({"leave_out": "ETRON_MASTER_KEY"}, "ETRON_MASTER_KEY must be set in production."),
    ],
    ids=["demo", "secret", "master"],
)
def test_it_refuses_to_start_without_what_it_needs(site, changes, sentence):
    assert sentence in refused(site, "serve", **changes)


def test_it_refuses_to_start_beside_demo_people(site):
    """Each command of ``make run-production`` that could bring the site up, and a bare ``serve``."""
    shell(site, MAKE_DEMO_USER)
    try:
        assert "1 demo people with known passwords" in refused(site, "check", "--deploy")
        assert "1 demo people with known passwords" in refused(site, "migrate")
        assert "demo people with known passwords" in refused(site, "serve", "--port", "1")
    finally:
        shell(site, DELETE_DEMO_USER)
    assert "Unknown command" in refused(site, "demo_token", "modeler")
