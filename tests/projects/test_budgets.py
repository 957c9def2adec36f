"""SQL per page does not grow with what is listed."""

import math

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from projects import audit, jobs
from projects.models import Job
from projects.services.projects import create_project


def many(people, project, partner_bank, n):
    for number in range(n):
        create_project(user=people.modeler, name=f"More {number}", purpose="x", institutions=[partner_bank])
        fields = {"project": project, "institution": partner_bank, "created_by": people.partner, "state": "failed"}
        Job.objects.create(name="x.y", title=f"Job {number}", **fields)
        audit.record("test.line", actor=people.modeler, project=project, target=str(number))


@pytest.fixture(autouse=True)
def _no_round_is_due(monkeypatch):
    """Lists of jobs look for lost ones now and then: a matter of the clock, not of the list."""
    monkeypatch.setattr(jobs, "_last_reap", math.inf)


def queries(browser, address):
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert browser.get(address).status_code == 200
    return len(captured)


@pytest.mark.parametrize("name", ["project-list", "job-list", "audit-list"])
@pytest.mark.parametrize("persona", ["modeler", "partner"])
def test_lists(project, people, partner_bank, client_of, name, persona):
    browser, address = client_of(getattr(people, persona)), reverse(f"projects:{name}")
    many(people, project, partner_bank, 2)
    few = queries(browser, address)
    many(people, project, partner_bank, 10)
    assert queries(browser, address) <= few
    assert few <= 30


@pytest.mark.parametrize("address", ["/api/v1/projects", "/api/v1/jobs", "/api/v1/audit"])
def test_api_lists(project, people, partner_bank, api_of, address):
    client = api_of(people.modeler)
    many(people, project, partner_bank, 2)
    few = queries(client, address)
    many(people, project, partner_bank, 10)
    assert queries(client, address) <= few
