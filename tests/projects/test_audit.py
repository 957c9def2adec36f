"""The log's chain: what a hand in the database leaves behind."""

import threading
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from projects import audit, audit_triggers
from projects.models import AuditEvent, AuditHead


@pytest.fixture
def lines(people):
    return [audit.record("test.line", actor=people.modeler, target=f"line {n}", n=n, share=1.0) for n in range(5)]


@pytest.fixture
def unlocked(db):
    """Somebody with the database's own powers: the triggers are gone."""
    audit_triggers.remove(connection)
    yield
    audit_triggers.install(connection)


def texts():
    return [(problem.seq, problem.text) for problem in audit.verify()]


def test_a_whole_log(lines):
    assert texts() == []
    assert [row.seq for row in AuditEvent.objects.all()] == [1, 2, 3, 4, 5]
    call_command("verify_audit")


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE projects_auditevent SET action = 'x' WHERE seq = 2",
        "DELETE FROM projects_auditevent WHERE seq = 2",
        "DELETE FROM projects_auditevent",
    ],
)
def test_the_database_refuses_changes(lines, sql):
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    assert texts() == []


def test_the_database_refuses_replacement_and_truncation(lines):
    sql = "TRUNCATE projects_auditevent CASCADE"
    connection.check_constraints()  # PostgreSQL truncates nothing while checks are pending
    if connection.vendor == "sqlite":
        columns = "id, seq, at, actor, actor_roles, action, target, detail, previous_hash, hash"
        sql = f"INSERT OR REPLACE INTO projects_auditevent ({columns}) SELECT {columns} FROM projects_auditevent"
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.parametrize("change", [{"action": "other"}, {"actor": ""}, {"detail": {"n": 9}}, {"target": "line 9"}])
def test_an_edit_is_found(lines, unlocked, change):
    AuditEvent.objects.filter(seq=3).update(**change)
    assert texts() == [(3, "was changed after it was written")]
    with pytest.raises(CommandError, match="not whole"):
        call_command("verify_audit")


def test_a_deletion_is_found(lines, unlocked):
    AuditEvent.objects.filter(seq=3).delete()
    assert texts() == [(3, "lines 3 to 3 are missing")]


def test_a_cut_off_end_is_found(lines, unlocked):
    AuditEvent.objects.filter(seq__gt=3).delete()
    assert texts() == [(4, "lines 4 to 5 are missing")]


def test_a_cut_off_end_with_a_forged_head_is_found(lines, unlocked):
    AuditEvent.objects.filter(seq__gt=3).delete()
    last = AuditEvent.objects.get(seq=3)
    AuditHead.objects.update(seq=3, hash=last.hash)
    assert texts() == [(3, "the seal of the log's end is broken")]


def test_a_removed_head_is_found_even_later(lines, unlocked, people):
    AuditEvent.objects.filter(seq__gt=3).delete()
    AuditHead.objects.all().delete()
    assert texts() == [(3, "the sealed end of the log was removed")]
    audit.record("test.line", actor=people.modeler)
    assert texts() == [(4, "the sealed end of the log had been removed before this line")]


def test_reordering_is_found(lines, unlocked):
    AuditEvent.objects.filter(seq=2).update(seq=99)
    AuditEvent.objects.filter(seq=3).update(seq=2)
    AuditEvent.objects.filter(seq=99).update(seq=3)
    assert {seq for seq, _ in texts()} >= {2, 3}


def test_a_line_added_by_hand_is_found(lines, unlocked):
    last = AuditEvent.objects.get(seq=5)
    AuditEvent.objects.create(seq=6, at=last.at, action="forged", previous_hash=last.hash, hash="f" * 64)
    assert (6, "was changed after it was written") in texts()


def test_the_same_value_hashes_alike_in_every_database(lines):
    detail: Any = {
        "big": 1e16,
        "small": 1e-9,
        "whole": 1.0,
        "text": "中文 \0",
        "list": [1, None, True],
        "nested": {"b": 1, "a": 2},
    }
    audit.record("test.values", actor=None, target="nul \0", **detail)
    assert texts() == []


def test_a_line_is_undone_with_its_transaction(lines):
    with transaction.atomic():
        audit.record("test.undone", actor=None)
        transaction.set_rollback(True)
    audit.record("test.kept", actor=None)
    assert texts() == []
    assert not AuditEvent.objects.filter(action="test.undone").exists()


@pytest.mark.django_db(transaction=True)
def test_writers_at_the_same_time_make_one_chain():
    def write(n):
        try:
            for _ in range(5):
                audit.record("test.parallel", actor=None, target=f"writer {n}")
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=[n]) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert AuditEvent.objects.count() == 20
    assert audit.verify() == []


def test_two_roles_are_both_shown(platform, partner_bank, make_user):
    from projects.services.projects import create_project, decide_participation

    both = make_user("both", (platform, "modeler"), (partner_bank, "analyst"))
    project = create_project(user=both, name="Both", purpose="Test", institutions=[partner_bank])
    decide_participation(user=both, project=project, approve=True)
    line = AuditEvent.objects.filter(action="project.approved").latest("seq")
    assert line.actor_roles == "Huaxin Bank: analyst; Panshi: modeler"
