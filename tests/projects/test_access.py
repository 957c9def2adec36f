"""Who reaches a project, in which role, in which state."""

import pytest
from guardian.models import UserObjectPermission

from projects import access, sharing
from projects.errors import Conflict, DomainError, Forbidden, NotFound
from projects.models import Job, Project, ProjectMember
from projects.services import members
from projects.services.projects import archive_project, create_project, decide_participation

HELD = {
    "modeler": {"view_project", "build_project", "manage_project"},  # the creator looks after the members
    "colleague": {"view_project", "build_project"},
    "partner": {"view_project", "bring_sample", "decide_project", "integrate_project"},
    "approver": {"view_project", "decide_project", "release_project"},
    "integrator": {"view_project", "integrate_project"},
    "administrator": {"view_project", "manage_project", "decide_project"},
    "stranger": set(),
}


@pytest.mark.parametrize("name", HELD)
def test_roles_give_exactly_their_permissions(project, people, name):
    assert sharing.held(getattr(people, name), project) == HELD[name]


def test_strangers_and_superusers_find_nothing(project, people, make_user):
    root = make_user("root", is_superuser=True, is_staff=True)
    for user in (people.stranger, root):
        with pytest.raises(NotFound):
            access.project_for(user, project.slug)
        assert not sharing.objects_for(user, Project.objects.all(), "projects.view_project").exists()


def test_a_member_without_the_right_is_told_so(project, people):
    with pytest.raises(Forbidden):
        access.project_for(people.modeler, project.slug, "projects.bring_sample")
    assert access.project_for(people.partner, project.slug, "projects.bring_sample") == project


def test_building_waits_for_every_approval(reviewing_project, people):
    with pytest.raises(Conflict) as caught:
        access.project_for(people.modeler, reviewing_project.slug, "projects.build_project")
    assert caught.value.code == "project_not_open"
    decide_participation(user=people.partner, project=reviewing_project, approve=True)
    assert access.project_for(people.modeler, reviewing_project.slug, "projects.build_project")


def test_an_archived_project_is_only_read(project, people):
    archive_project(user=people.administrator, project=project)
    assert access.project_for(people.modeler, project.slug)
    for perm in ("build_project", "manage_project"):
        with pytest.raises(Conflict):
            access.project_for(people.modeler, project.slug, f"projects.{perm}")


def test_inactive_people_are_not_signed_in(project, people):
    people.modeler.is_active = False
    people.modeler.save()
    with pytest.raises(DomainError) as caught:
        access.project_for(people.modeler, project.slug)
    assert caught.value.status == 401


def test_removing_a_member_takes_every_row(project, people, platform):
    row = ProjectMember.objects.get(project=project, user=people.colleague)
    members.remove_member(user=people.modeler, project=project, row=row)
    assert not UserObjectPermission.objects.filter(user=people.colleague).exists()
    with pytest.raises(NotFound):
        access.project_for(people.colleague, project.slug)
    assert sharing.held(people.modeler, project) == HELD["modeler"]


def test_a_failed_removal_changes_nothing(project, people, monkeypatch):
    row = ProjectMember.objects.get(project=project, user=people.colleague)
    monkeypatch.setattr(sharing, "resync", lambda project: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        members.remove_member(user=people.modeler, project=project, row=row)
    assert sharing.held(people.colleague, project) == HELD["colleague"]
    assert ProjectMember.objects.filter(user=people.colleague).exists()


def test_leaving_the_institution_leaves_its_projects(project, people, partner_bank):
    left = members.forget_institution_member(user=people.partner, member=people.partner, institution=partner_bank)
    assert left == 1
    with pytest.raises(NotFound):
        access.project_for(people.partner, project.slug)


def test_nobody_adds_people_of_another_institution(project, people, partner_bank, make_user):
    new = make_user("new", (partner_bank, "analyst"))
    with pytest.raises(Forbidden):
        members.add_member(user=people.modeler, project=project, member=new, institution=partner_bank, role="analyst")


def test_nobody_gets_a_role_that_the_institution_did_not_give(project, people, platform):
    with pytest.raises(DomainError) as caught:
        members.add_member(
            user=people.modeler, project=project, member=people.colleague, institution=platform, role="approver"
        )
    assert caught.value.code == "role_not_held"


def test_sides(project, people):
    assert access.side(people.partner, project) == "partner"
    assert access.sides(people.modeler, project) == {"platform"}


def test_a_member_of_both_acts_for_each_by_role(platform, partner_bank, make_user):
    both = make_user("both", (platform, "modeler"), (partner_bank, "analyst"))
    project = create_project(user=both, name="Both", purpose="Test", institutions=[partner_bank])
    decide_participation(user=both, project=project, approve=True)
    assert access.sides(both, project) == {"partner", "platform"}
    assert access.institution_of(both, project, "projects.bring_sample") == partner_bank
    assert access.institution_of(both, project, "projects.build_project") == platform


def test_logs_in_bulk_are_those_one_by_one(project, people, platform, partner_bank):
    for institution in (None, platform, partner_bank):
        for where in (None, project):
            Job.objects.create(name="x.y", project=where, institution=institution, created_by=people.modeler)
    for user in vars(people).values():
        seen = [job for job in Job.objects.all() if access.may_see_job(user, job)]
        assert access.readable_logs(user, seen) == {job.pk for job in seen if access.may_read_log(user, job)}
