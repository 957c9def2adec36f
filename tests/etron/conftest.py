"""A project with a row at every stage, seen by all personas."""

import pytest

from tests.etron.chain import full_chain


@pytest.fixture
def approver_in_project(project, people, platform):
    from projects.services.members import add_member

    add_member(user=people.modeler, project=project, member=people.approver, institution=platform, role="approver")
    return people.approver


@pytest.fixture
def chain(project, people, partner_bank, platform, authorisation, approver_in_project):
    return full_chain(
        project=project,
        modeler=people.modeler,
        approver=people.approver,
        bank=partner_bank,
        platform=platform,
        authorisation=authorisation,
    )
