"""Fixtures that every test room may use: data sets, personas, projects and clients."""

import os
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test import Client, TransactionTestCase
from django.utils import timezone
from rest_framework.test import APIClient

from projects import audit_triggers


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the public data sets that lie beside the repository, or skip."""
    folder = Path(os.environ.get("ETRON_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"public data sets not found at {folder} (set ETRON_SHARED_DATA)")
    return folder


@pytest.fixture(autouse=True)
def _own_rooms(settings, tmp_path):
    """Artifacts of a test lie in its own folder; jobs run where they are started, without a queue."""
    settings.ARTIFACT_ROOT = tmp_path / "artifacts"
    settings.CELERY_TASK_ALWAYS_EAGER = True
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory, django_db_modify_db_settings_parallel_suffix):
    """SQLite in a file, not in memory: threads and worker processes of a test open it as those of a site would."""
    if connection.vendor == "sqlite":
        connection.settings_dict["TEST"]["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")


@pytest.fixture(autouse=True, scope="session")
def _emptied_with_triggers_off():
    """Transactional tests empty the tables at their end, which the audit log's triggers rightly refuse."""
    empty = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]

    def teardown(case):
        audit_triggers.remove(connection)
        try:
            empty(case)
        finally:
            audit_triggers.install(connection)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", teardown)
        yield


@pytest.fixture
def run_jobs(django_capture_on_commit_callbacks):
    """``with run_jobs(): service(...)`` runs the jobs that the block starts, as its commit would."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


PASSWORD = "walk-the-long-way-home"


@pytest.fixture
def make_user(db):
    """``make_user("modeler", (institution, "modeler"), ...)``: a person with these roles."""
    from projects.models import Membership, User

    def make(name, *memberships, **fields):
        email = f"{name}@example.com"
        user = User.objects.create_user(email, email, PASSWORD, first_name=name.capitalize(), **fields)
        for institution, role in memberships:
            Membership.objects.create(user=user, institution=institution, role=role)
        return user

    return make


@pytest.fixture
def platform(db):
    from projects.models import Institution

    return Institution.objects.create(slug="panshi", name="Panshi", kind="platform")


@pytest.fixture
def partner_bank(db):
    from projects.models import Institution

    return Institution.objects.create(slug="huaxin", name="Huaxin Bank", kind="partner")


@pytest.fixture
def other_bank(db):
    from projects.models import Institution

    return Institution.objects.create(slug="dongling", name="Dongling Bank", kind="partner")


@pytest.fixture
def modeler(make_user, platform):
    return make_user("modeler", (platform, "modeler"))


@pytest.fixture
def colleague(make_user, platform):
    """Another modeler of the platform, in the same project."""
    return make_user("colleague", (platform, "modeler"))


@pytest.fixture
def partner(make_user, partner_bank):
    """The partner's analyst: approves, grants, uploads."""
    return make_user("partner", (partner_bank, "analyst"))


@pytest.fixture
def approver(make_user, platform):
    return make_user("approver", (platform, "approver"))


@pytest.fixture
def integrator(make_user, partner_bank):
    return make_user("integrator", (partner_bank, "integrator"))


@pytest.fixture
def administrator(make_user, platform):
    return make_user("administrator", (platform, "administrator"))


@pytest.fixture
def stranger(make_user, other_bank):
    """Works for another bank, in no project: must see nothing."""
    return make_user("stranger", *((other_bank, role) for role in ("modeler", "analyst", "approver", "integrator")))


@pytest.fixture
def people(modeler, colleague, partner, approver, integrator, administrator, stranger):
    """All personas by name."""
    names = ["modeler", "colleague", "partner", "approver", "integrator", "administrator", "stranger"]
    values = (modeler, colleague, partner, approver, integrator, administrator, stranger)
    return SimpleNamespace(**dict(zip(names, values, strict=True)))


@pytest.fixture
def reviewing_project(people, partner_bank):
    """Proposed by the modeler, not yet approved by the partner; the colleague was added."""
    from projects.services.members import add_member
    from projects.services.projects import create_project, home_of

    project = create_project(user=people.modeler, name="Auto loan", purpose="Admission", institutions=[partner_bank])
    home = home_of(people.modeler)
    add_member(user=people.modeler, project=project, member=people.colleague, institution=home, role="modeler")
    return project


@pytest.fixture
def project(reviewing_project, people):
    """Open, with an authorisation of the partner in force."""
    from projects.services.authorisations import grant
    from projects.services.projects import decide_participation

    decide_participation(user=people.partner, project=reviewing_project, approve=True, note="fine")
    reviewing_project.refresh_from_db()
    grant(
        user=people.partner,
        project=reviewing_project,
        basis="Separate consent, PIPL art. 23",
        purpose="Admission score for auto loans",
        data_categories=["applications", "outcomes"],
        expires_at=timezone.now() + timedelta(days=365),
    )
    return reviewing_project


@pytest.fixture
def authorisation(project):
    return project.authorisations.get()


@pytest.fixture
def client_of():
    """``client_of(user)``: a browser in which this person is signed in."""

    def sign_in(user):
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return sign_in


@pytest.fixture
def api_of():
    """``api_of(user)``: an API client with a token of this person."""
    from projects.services.tokens import create_token

    def with_token(user):
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Token {create_token(user, 'test')}")
        return client

    return with_token
