"""Home, find, jobs' strips, health, reference, error pages."""

import pytest
from django.urls import reverse

from projects.models import Job

pytestmark = pytest.mark.django_db

QUERIES_OF_HOME = 46


def test_home_shows_a_partner_the_project_to_decide_on(reviewing_project, people, client_of):
    html = client_of(people.partner).get("/").content.decode()
    assert "Auto loan asks for approval by Huaxin Bank" in html
    assert '<span class="count">1</span>' in html
    assert "asks for approval" not in client_of(people.modeler).get("/").content.decode()


def test_home_shows_the_approver_a_submitted_version(project, people, chain, client_of, approver_in_project):
    from projects import sharing

    chain.version.status = "submitted"
    chain.version.author = people.modeler
    chain.version.save()
    sharing.share(chain.version)
    assert "Credit score v3 asks to go live" in client_of(people.approver).get("/").content.decode()
    assert "asks to go live" not in client_of(people.modeler).get("/").content.decode()


def test_home_shows_running_and_failed_jobs_and_the_projects_figures(project, people, chain, client_of):
    html = client_of(people.modeler).get("/").content.decode()
    assert "Train run 4, XGBoost" in html
    assert "The label has one class only." in html
    assert "74.8" in html
    assert "0.371" in html


def test_home_shows_a_stranger_nothing(project, people, chain, client_of):
    html = client_of(people.stranger).get("/").content.decode()
    for secret in ("Auto loan", "Train run", "0.371"):
        assert secret not in html


def test_home_stays_within_its_budget(project, people, chain, client_of, django_assert_max_num_queries):
    client = client_of(people.modeler)
    client.get("/")
    with django_assert_max_num_queries(QUERIES_OF_HOME):
        client.get("/")


@pytest.mark.parametrize("text", ["auto", "Credit", "AUTO"])
def test_find_reaches_ones_own_things_only(project, people, chain, client_of, text):
    mine = client_of(people.modeler).get(reverse("find-json"), {"q": text}).json()["results"]
    assert mine
    assert client_of(people.stranger).get(reverse("find-json"), {"q": text}).json()["results"] == []
    assert client_of(people.modeler).get(reverse("find"), {"q": text}).status_code == 200


def test_a_jobs_strip_renews_itself_until_the_job_has_ended(project, people, chain, client_of):
    chain.training.refresh_from_db()
    job = chain.training.job
    url = reverse("job-strip", args=[job.pk])
    strip = client_of(people.modeler).get(url, {"reload": 1})
    assert "hx-get" in strip.content.decode()
    assert "HX-Refresh" not in strip
    Job.objects.filter(pk=job.pk).update(state="finished")
    assert client_of(people.modeler).get(url, {"reload": 1})["HX-Refresh"] == "true"
    assert "hx-get" not in client_of(people.modeler).get(url).content.decode()
    assert client_of(people.stranger).get(url).status_code == 404


def test_the_cause_of_a_failure_in_a_partners_file_is_told_to_its_people_only(project, people, partner_bank, client_of):
    job = Job.objects.create(
        name="datafactory.import_sample",
        title="Import sample 1",
        project=project,
        institution=partner_bank,
        state="failed",
        error="Row 7: mobile is 13912345678.",
    )
    url = reverse("job-strip", args=[job.pk])
    assert "13912345678" in client_of(people.partner).get(url).content.decode()
    assert "13912345678" not in client_of(people.modeler).get(url).content.decode()


def test_livez_and_readyz_answer_without_a_session(client):
    assert client.get("/livez").content == b"ok\n"
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert set(answer.json()["checks"]) == {"database", "migrations", "queue", "artifacts"}


def test_readyz_names_what_is_missing_and_tells_no_address(client, settings, tmp_path):
    settings.CELERY_TASK_ALWAYS_EAGER = False
    (tmp_path / "file").touch()
    settings.ARTIFACT_ROOT = tmp_path / "file" / "artifacts"
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["artifacts"].startswith("failed")
    assert str(tmp_path) not in answer.content.decode()


def test_the_reference_names_every_operation_of_the_schema(client_of, people):
    html = client_of(people.integrator).get(reverse("api-docs")).content.decode()
    schema = client_of(people.integrator).get(reverse("api-schema"), headers={"Accept": "application/json"}).json()
    assert schema["paths"]
    for path in schema["paths"]:
        assert path in html, path
    assert "https://cdn" not in html


def test_unknown_addresses_get_the_sites_own_page(client_of, people):
    answer = client_of(people.modeler).get("/nowhere/")
    assert answer.status_code == 404
    assert "not yours to see" in answer.content.decode()


def test_pages_run_no_scripts_but_the_sites_own(client):
    directives = dict(
        part.strip().split(" ", 1) for part in client.get("/sign-in/")["Content-Security-Policy"].split(";")
    )
    assert directives["default-src"] == "'self'"
    assert "unsafe-inline" not in directives["script-src"]
    assert "'unsafe-eval'" not in directives["script-src"]
    assert directives["frame-ancestors"] == "'none'"
