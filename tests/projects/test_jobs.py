"""Jobs: states, progress, causes of failure, cancel, retry, and what happens when a worker dies."""

import os
import signal
import subprocess
import sys
import time
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.conf import settings as django_settings
from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone
from kombu import Connection

from datafactory.models import Sample
from modeling.errors import Cancelled
from projects import job_rows, job_run, jobs
from projects.errors import Conflict
from projects.job_run import JobRun
from projects.models import Job
from tests.projects import tasks_for_tests  # noqa: F401 - registers the tasks

ROOT = Path(__file__).parents[2]


@pytest.fixture
def started(db, run_jobs):
    """``started(name, **ids)`` starts a job, lets it run and returns its row."""

    def start(name, **ids):
        with run_jobs():
            row = jobs.start(name, title=name, **ids)
            assert row.state == "queued"
        row.refresh_from_db()
        return row

    return start


def test_a_job_runs_to_its_end(started):
    row = started("tests.count", n=3)
    assert (row.state, row.rows_done, row.rows_total, row.step) == ("finished", 3, 3, "Counting")
    assert row.log[-1]["text"] == "counted"
    assert row.attempt == 1
    assert row.finished_at >= row.started_at


def test_an_unknown_job_is_refused_at_once(db):
    with pytest.raises(LookupError, match="nowhere"):
        jobs.start("tests.nowhere", title="?")


@pytest.mark.parametrize("wrapped", [False, True])
def test_the_first_cause_in_plain_words(started, wrapped):
    row = started("tests.bad_row", wrapped=wrapped)
    assert (row.state, row.error_code) == ("failed", "date_in_future")
    assert row.error == "2027 is later than today."
    assert (row.error_detail["row"], row.error_detail["column"]) == (20417, "observed_at")
    assert row.error_detail["template"] == "%(value)s is later than today."


def test_a_refusal_of_the_domain_is_told(started):
    row = started("tests.conflict")
    assert (row.error_code, row.error) == ("not_now", "Not now.")


def test_an_internal_error_gives_an_id_and_no_secrets(started, caplog):
    row = started("tests.broken")
    assert row.error_code == "internal_error"
    assert row.error_detail["params"]["id"] in caplog.text
    assert "secret value 42" in caplog.text
    assert "secret value 42" not in row.error + str(row.log)
    assert (row.rows_done, row.step) == (1, "Half way")


@pytest.mark.parametrize(("error", "code"), [(MemoryError(), "no_memory"), (OSError(28, "full"), "disk_full")])
def test_faults_of_the_machine_in_plain_words(error, code):
    assert job_run.first_cause(error).code == code


def test_a_rolled_back_request_starts_nothing(db, run_jobs):
    with run_jobs() as callbacks, transaction.atomic():
        jobs.start("tests.count", title="x", n=1)
        transaction.set_rollback(True)
    assert callbacks == []
    assert not Job.objects.exists()


def test_a_second_message_finds_nothing_to_do(started):
    row = started("tests.count", n=1)
    before = Job.objects.get(pk=row.pk).finished_at
    job_run.run(str(row.pk), lambda *_args, **_kwargs: pytest.fail("ran twice"), heartbeat=False)
    assert Job.objects.get(pk=row.pk).finished_at == before


def test_cancel_before_and_while_running(db):
    waiting = jobs.start("tests.count", title="x", n=1)
    assert jobs.cancel(waiting).state == "cancelled"
    running = jobs.start("tests.count", title="x", n=1)
    row = job_run._claim(str(running.pk))
    assert row
    held = JobRun(row, heartbeat=False)
    held.progress(1, 10, "Working")
    assert jobs.cancel(row).state == "running"
    held._write()
    with pytest.raises(Cancelled):
        held.progress(2, 10, "Working")
    assert held.finish("cancelled")
    assert jobs.cancel(row).state == "cancelled"


def test_retry(started, run_jobs):
    row = started("tests.broken")
    with run_jobs():
        jobs.retry(row)
    row.refresh_from_db()
    assert (row.state, row.error_code, row.attempt) == ("failed", "internal_error", 1)
    assert "Queued again." in [line["text"] for line in row.log]
    finished = started("tests.count", n=1)
    with pytest.raises(Conflict):
        jobs.retry(finished)


def running_job(**fields):
    row = jobs.start("tests.count", title="x", n=1)
    claimed = job_run._claim(str(row.pk))
    assert claimed
    if fields:
        Job.objects.filter(pk=row.pk).update(**fields)
    return claimed


def test_a_silent_job_is_queued_again_once_then_failed(db, settings):
    row = running_job()
    assert not jobs.reap(timezone.now())
    later = timezone.now() + timedelta(seconds=settings.JOB_SILENCE_S + 1)
    assert jobs.reap(later) == jobs.Reaped(requeued=1)
    row.refresh_from_db()
    assert row.state == "queued"
    again = job_run._claim(str(row.pk))
    assert again
    assert again.attempt == 2
    assert jobs.reap(timezone.now() + timedelta(seconds=settings.JOB_SILENCE_S + 1)) == jobs.Reaped(failed=1)
    row.refresh_from_db()
    assert (row.state, row.error_code, row.error) == ("failed", "worker_lost", "The worker stopped answering.")


def test_a_silent_job_that_was_to_stop_is_cancelled(db, settings):
    row = running_job(cancel_requested=True)
    assert jobs.reap(timezone.now() + timedelta(seconds=settings.JOB_SILENCE_S + 1)) == jobs.Reaped(cancelled=1)
    row.refresh_from_db()
    assert row.state == "cancelled"


def test_a_worker_taken_for_dead_cannot_touch_the_job(db, settings):
    row = running_job()
    late = JobRun(row, heartbeat=False)
    jobs.reap(timezone.now() + timedelta(seconds=settings.JOB_SILENCE_S + 1))
    job_run._claim(str(row.pk))
    late.progress(5, 5, "Too late")
    late._write()
    with pytest.raises(Cancelled):
        late.progress(5, 5, "Too late")
    assert not late.finish("finished")
    row.refresh_from_db()
    assert (row.state, row.attempt, row.rows_done) == ("running", 2, 0)


def test_a_lost_message_is_sent_again(db, settings, run_jobs):
    row = jobs.start("tests.count", title="x", n=2)  # its message is never sent: the test's transaction does not commit
    with run_jobs():
        assert jobs.reap(timezone.now() + timedelta(seconds=settings.JOB_SILENCE_S + 1)) == jobs.Reaped(requeued=1)
    row.refresh_from_db()
    assert row.state == "finished"


def test_a_broker_that_is_down_loses_nothing(db, settings, run_jobs, monkeypatch):
    settings.CELERY_TASK_ALWAYS_EAGER = False
    task = current_app.tasks["tests.count"]
    monkeypatch.setattr(task, "apply_async", lambda **_: (_ for _ in ()).throw(ConnectionError("no broker")))
    with run_jobs():
        row = jobs.start("tests.count", title="x", n=1)
    row.refresh_from_db()
    assert row.state == "queued"


def test_the_rows_of_a_job_follow_it(project, people, authorisation, partner_bank, run_jobs):
    from projects.services import artifacts

    def sample(**ids):
        with transaction.atomic():
            row = artifacts.new(
                Sample,
                project=project,
                created_by=people.partner,
                plan={},
                institution=partner_bank,
                authorisation=authorisation,
            )
            row.job = jobs.start(title="x", project=project, **ids)
            row.save()
        return row

    with run_jobs():
        failed = sample(name="tests.broken")
    waiting = sample(name="tests.count", n=1)
    failed.refresh_from_db()
    assert (failed.state, failed.number, waiting.number) == ("failed", 1, 2)
    jobs.cancel(waiting.job)
    waiting.refresh_from_db()
    assert waiting.state == "failed"
    jobs.retry(waiting.job)
    waiting.refresh_from_db()
    assert (waiting.state, waiting.finished_at) == ("queued", None)
    assert job_run._claim(str(waiting.job.pk))
    waiting.refresh_from_db()
    assert waiting.state == "running"


def test_the_log_is_bounded(db):
    row = running_job()
    held = JobRun(row, heartbeat=False)
    for n in range(job_rows.LOG_LINES + 50):
        held.log(f"line {n}")
    held.finish("finished")
    row.refresh_from_db()
    assert len(row.log) == job_rows.LOG_LINES
    assert row.log[-1]["text"] == "line 249"


def test_progress_is_throttled(db, django_assert_max_num_queries):
    held = JobRun(running_job(), heartbeat=False)
    with django_assert_max_num_queries(3):
        for n in range(10_000):
            held.progress(n, 10_000, "Working")


def test_pages_of_a_job(project, people, client_of, api_of, run_jobs, partner_bank):
    with run_jobs():
        row = jobs.start(
            "tests.bad_row", title="Import", project=project, institution=partner_bank, user=people.partner
        )
    page = reverse("projects:job-detail", args=[row.pk])
    owner, other = client_of(people.partner), client_of(people.modeler)
    assert b"2027 is later than today." in owner.get(page).content
    assert b"2027 is later" not in other.get(page).content
    assert b"2027 is later" not in other.get(reverse("projects:job-list")).content
    assert api_of(people.modeler).get(f"/api/v1/jobs/{row.pk}").json()["error"] == ""
    assert api_of(people.partner).get(f"/api/v1/jobs/{row.pk}").json()["error"] == "2027 is later than today."
    assert client_of(people.stranger).get(page).status_code == 404
    assert b"<html" not in owner.get(page, headers={"HX-Request": "true"}).content
    assert other.post(reverse("projects:job-retry", args=[row.pk])).status_code == 403
    assert owner.post(reverse("projects:job-retry", args=[row.pk])).status_code == 302
    assert api_of(people.partner).post(f"/api/v1/jobs/{row.pk}/cancel").json()["state"] == "cancelled"
    assert api_of(people.partner).post(f"/api/v1/jobs/{row.pk}/retry").status_code == 202
    assert [job["title"] for job in api_of(people.partner).get("/api/v1/jobs?state=queued").json()["results"]] == [
        "Import"
    ]


def redis_url():
    """A broker to test with, or skip."""
    import redis

    url = os.environ.get("ETRON_REDIS_URL") or "redis://127.0.0.1:6379/"
    try:
        redis.Redis.from_url(url, socket_connect_timeout=1).ping()
    except redis.RedisError:
        if os.environ.get("ETRON_TEST_STRICT") == "1":
            pytest.fail(f"No Redis at {url}.")
        pytest.skip(f"no Redis at {url}")
    return url


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.1)
    pytest.fail("waited in vain")


def database_url():
    values = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{values['NAME']}"
    where = f"{values['HOST']}:{values['PORT']}/{values['NAME']}"
    return f"postgres://{values['USER']}:{values['PASSWORD']}@{where}"


@pytest.fixture
def worker(transactional_db, settings, tmp_path, monkeypatch):
    """``worker()`` starts a real worker process on a queue of its own, on this test's database."""
    queue, url = f"test-{uuid.uuid4().hex}", redis_url()
    settings.CELERY_TASK_ALWAYS_EAGER = False
    settings.JOB_SILENCE_S = 2
    task = current_app.tasks["tests.slow"]
    publish = task.apply_async
    where: Any = {"connection": Connection(url), "queue": queue}
    monkeypatch.setattr(task, "apply_async", lambda **options: publish(**options, **where))
    processes = []

    def start():
        environment = os.environ | {
            "ETRON_DATABASE_URL": database_url(),
            "ETRON_REDIS_URL": url,
            "ETRON_HOME": str(tmp_path / "home"),
            "ETRON_MASTER_KEY": django_settings.MASTER_KEY,
            "ETRON_JOB_SILENCE_S": "2",
        }
        command = [sys.executable, "-m", "celery", "-A", "tests.projects.worker_for_tests", "worker"]
        command += ["-Q", queue, "-c", "1", "-l", "WARNING", "--without-mingle", "--without-gossip"]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.slow
def test_a_killed_worker_loses_no_job(worker, tmp_path):
    """Killed in the middle: the job is queued again once; killed again: it fails, in plain words."""
    marker = tmp_path / "started"
    first = worker()
    row = jobs.start("tests.slow", title="x", marker=str(marker))
    wait_for(lambda: Job.objects.get(pk=row.pk).step == "Working")
    os.killpg(first.pid, signal.SIGKILL)
    wait_for(lambda: jobs.reap().requeued == 1, 20)
    second = worker()
    wait_for(lambda: Job.objects.get(pk=row.pk).attempt == 2)
    wait_for(lambda: len(marker.read_text().split()) == 2)
    os.killpg(second.pid, signal.SIGKILL)
    wait_for(lambda: jobs.reap().failed == 1, 20)
    ended = Job.objects.get(pk=row.pk)
    assert (ended.state, ended.error) == ("failed", "The worker stopped answering.")
    assert len(marker.read_text().split()) == 2


@pytest.mark.slow
def test_a_running_job_stops_when_asked_and_stays_alive_until_then(worker, tmp_path):
    worker()
    row = jobs.start("tests.slow", title="x", marker=str(tmp_path / "started"))
    wait_for(lambda: Job.objects.get(pk=row.pk).step == "Working")
    time.sleep(3)  # longer than the silence limit: the heartbeat keeps it
    assert not jobs.reap()
    jobs.cancel(row)
    wait_for(lambda: Job.objects.get(pk=row.pk).state == "cancelled", 10)
