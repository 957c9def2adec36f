"""Processes of a running site killed at bad moments: nothing acknowledged is lost, nothing half-made is seen.

That a killed web server loses no acknowledged score call is shown in ``tests/risk_products/test_processes.py``.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from urllib.parse import urlparse

import numpy as np
import pytest
import requests

from examples.joint_model import Api, Journey, hash_file
from modeling.artifacts import hash_folder
from tests.running_site import ROOT, RunningSite, free_port

pytestmark = pytest.mark.slow
N_PEOPLE = 3000
SPLIT = {"kind": "random", "seed": 3}


def write_files(folder):
    """The partner's file with label and two columns, the platform's with two more."""
    rng = np.random.default_rng(9)
    x = rng.standard_normal((N_PEOPLE, 4)).round(4)
    y = (rng.random(N_PEOPLE) < 1 / (1 + np.exp(1.5 - x.sum(axis=1)))).astype(int)
    ids = np.arange(10_000, 10_000 + N_PEOPLE)
    guest = np.column_stack([ids, y, x[:, :2]])
    host = np.column_stack([ids, x[:, 2:]])
    np.savetxt(folder / "guest.csv", guest, "%d,%d,%.4f,%.4f", header="id,y,x0,x1", comments="")
    np.savetxt(folder / "host.csv", host, "%d,%.4f,%.4f", header="id,z0,z1", comments="")


class Desk:
    """A project with a ready feature table, and what the tests ask of it over HTTP."""

    def __init__(self, site: RunningSite, folder: Path) -> None:
        self.site = site
        write_files(folder)
        tokens = {
            "token": site.token("modeler"),
            "partner_token": site.token("partner"),
            "approver_token": site.token("approver"),
        }
        options = argparse.Namespace(
            url=site.url,
            sample=folder / "guest.csv",
            id="id",
            label="y",
            date="",
            split="",
            events=False,
            seed=7,
            **tokens,
        )
        journey = Journey(options)
        self.modeler, self.partner, self.journey = journey.modeler, journey.partner, journey
        self.guest = hash_file(folder / "guest.csv", "id", folder)
        self.project = journey.project()
        sample = journey.sample(self.project, self.guest)
        source = journey.source(hash_file(folder / "host.csv", "id", folder), {})
        base = f"projects/{self.project}"
        match = self.modeler.build(f"{base}/matches", {"sample": sample["number"], "sources": [source]})
        body = {"match": match["number"], "plan": {}}
        self.table = self.modeler.build(f"{base}/feature-tables", body)["number"]

    def order(self, trees: int, **plan):
        """Start a training; its answer holds number and job."""
        xgb = {"n_estimators": trees, "max_depth": 4, "early_stopping_rounds": None}
        plan = {"algorithm": "xgboost", "column_set": "joint", "split": SPLIT, "xgb": xgb} | plan
        body = {"feature_table": self.table, "name": f"{trees} trees", "plan": plan}
        return self.modeler.post(f"projects/{self.project}/runs", body)

    def run(self, number):
        return self.modeler.get(f"projects/{self.project}/runs/{number}")

    def job(self, ordered):
        return self.modeler.get(f"jobs/{ordered['job']}")

    @property
    def artifacts(self) -> Path:
        return self.site.home / "artifacts"

    def folders(self, number):
        """Run folders with this number, whole or not, of any project."""
        return sorted(self.artifacts.glob(f"runs/*/{number}-*"))

    def staged(self):
        """Folders in which something is being made, or was when its worker died."""
        return [path for path in self.artifacts.glob(".staging/*") if path.is_dir()]

    def uploads(self):
        """Every file of an upload on disk: received ones and those still arriving."""
        return sorted([*self.artifacts.glob("uploads/*/*"), *self.artifacts.glob(".staging/*.upload")])


@pytest.fixture(scope="module")
def desk(site, tmp_path_factory):
    return Desk(site, tmp_path_factory.mktemp("desk"))


@pytest.fixture(autouse=True)
def _ready(site):
    yield
    site.wait_until_ready()


def wait_for(found, timeout_s: float = 60):
    """The first true answer of ``found``, asked again and again."""
    limit = time.monotonic() + timeout_s
    while time.monotonic() < limit:
        answer = found()
        if answer:
            return answer
        time.sleep(0.1)
    raise AssertionError("It did not happen in time.")


def parent(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])


def pool_processes(site):
    """The worker's children that do the jobs, without their parent."""
    pids = site.children("celery")
    return [pid for pid in pids if parent(pid) in pids]


class Visitor:
    """Asks for one page five times a second and remembers every answer."""

    def __init__(self, api: Api, path: str) -> None:
        self.api, self.path = api, path
        self.answers: list[int | str] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def _ask(self):
        while not self._end.wait(0.2):
            try:
                self.answers.append(self.api.session.get(self.api.base + self.path, timeout=20).status_code)
            except requests.RequestException as error:
                self.answers.append(type(error).__name__)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc):
        self._end.set()
        self._thread.join()


def test_a_worker_killed_in_the_middle_of_training(site, desk):
    """The watchdog queues the job again, the second attempt makes one whole run, and the site answers all the time."""
    with Visitor(desk.modeler, f"projects/{desk.project}/runs") as visitor:
        ordered = desk.order(4000)
        wait_for(lambda: desk.staged() and desk.job(ordered)["state"] == "running")
        killed = pool_processes(site)
        assert killed
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        assert not desk.folders(ordered["number"])
        seen = desk.run(ordered["number"])
        assert seen["state"] != "ready"
        assert not seen["content_hash"]
        assert not seen["report"]
        run = wait_for(lambda: (r := desk.run(ordered["number"]))["state"] in {"ready", "failed"} and r, 150)
    job = desk.job(ordered)
    assert (run["state"], job["state"], job["attempt"]) == ("ready", "finished", 2), job
    assert "The worker stopped answering." in {line["text"] for line in job["log"]}
    (folder,) = desk.folders(ordered["number"])
    assert hash_folder(folder) == run["content_hash"]
    assert len(visitor.answers) > 10
    assert set(visitor.answers) == {200}


def test_a_killed_queue_loses_no_job(site, desk):
    """One job runs, two wait, one is ordered while the queue is gone: all are finished in the end."""
    ordered = [desk.order(3000 + n) for n in range(3)]
    wait_for(lambda: any(desk.job(one)["state"] == "running" for one in ordered))
    (queue,) = site.children("valkey-server")
    os.kill(queue, signal.SIGKILL)
    assert any(desk.job(one)["state"] != "finished" for one in ordered)
    ordered.append(desk.order(50))
    wait_for(lambda: all(desk.job(one)["state"] == "finished" for one in ordered), 200)
    assert all(desk.run(one["number"])["state"] == "ready" for one in ordered)
    assert site.children("valkey-server") != [queue]


def half_an_upload(site, path, token, content):
    """Send a multipart body, announced in full, up to its middle; then the browser is closed."""
    boundary = uuid.uuid4().hex
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="half.csv"\r\n'
        "Content-Type: text/csv\r\n\r\n"
    ).encode()
    body = head + content + f"\r\n--{boundary}--\r\n".encode()
    address = urlparse(site.url)
    request = (
        f"POST {path} HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Token {token}\r\n"
        f"Content-Type: multipart/form-data; boundary={boundary}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    with socket.create_connection((address.hostname, address.port), timeout=20) as line:
        line.sendall(request + body[: len(body) // 2])
        time.sleep(1)


@pytest.mark.parametrize("repeat", [1, 60])
def test_a_browser_closed_during_an_upload(site, desk, repeat):
    """Half of a body of 0.3 MB and of 18 MB: no row, no file, and the door works for the next one."""
    token = desk.partner.session.headers["Authorization"].removeprefix("Token ")
    path = f"/api/v1/projects/{desk.project}/uploads"
    head, rows = desk.guest.read_bytes().split(b"\n", 1)
    content = head + b"\n" + rows * repeat
    before = listed(site, desk)
    half_an_upload(site, path, token, content)
    wait_for(lambda: not list(desk.artifacts.glob(".staging/*.upload")), 20)
    time.sleep(1)
    assert listed(site, desk) == before
    assert not desk.uploads()
    upload = desk.partner.upload(f"projects/{desk.project}/uploads", desk.guest)
    assert upload in listed(site, desk)
    assert [file.name for file in desk.uploads()] == [upload]
    desk.uploads()[0].unlink()


def listed(site, desk):
    """What the database and the list of samples know."""
    code = (
        "from datafactory.models import Upload; from projects.models import AuditEvent\n"
        "received = AuditEvent.objects.filter(action='upload.received').count()\n"
        "print(*Upload.objects.values_list('id', flat=True), received)"
    )
    rows = set(site.manage("shell", "--no-imports", "-c", code).split())
    samples = desk.partner.get(f"projects/{desk.project}/samples")["results"]
    return rows | {f"sample {sample['number']}" for sample in samples}


def test_everything_killed_at_once_and_started_again(site, desk):
    """Supervisor killed, its children gone with it: what was acknowledged before is there and is worked on after."""
    ordered = desk.order(1501)
    upload = desk.partner.upload(f"projects/{desk.project}/uploads", desk.guest)
    wait_for(lambda: desk.job(ordered)["state"] == "running")
    site.process.kill()
    site.process.wait()
    wait_for(lambda: not site.children("granian") and not site.children("valkey-server"), 30)
    site.serve()
    assert [file.name for file in desk.uploads()] == [upload]
    plan = {"ids": [{"column": "id", "namespace": "person", "algorithm": "sha256"}], "label": "y"}
    body = {"upload": upload, "name": "After the crash", "plan": plan}
    sample = desk.partner.build(f"projects/{desk.project}/samples", body)
    assert sample["summary"]["n_rows"] == N_PEOPLE
    wait_for(lambda: desk.job(ordered)["state"] == "finished", 120)
    assert desk.run(ordered["number"])["state"] == "ready"


def serve(site, *arguments, **environment):
    command = [sys.executable, str(ROOT / "manage.py"), "serve", *arguments]
    given = site.environment | environment
    return subprocess.run(command, env=given, cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_a_second_start_says_so(site, desk, tmp_path):
    """On the same folder, and on the same port from another folder; the running site does not notice."""
    running = {name: site.children(name) for name in ("valkey-server", "granian")}
    again = serve(site, "--port", str(free_port()))
    assert again.returncode == 1
    assert f"already runs from {site.home} (process {site.process.pid})" in again.stderr
    elsewhere = serve(site, "--port", str(site.port), ETRON_HOME=str(tmp_path))
    assert elsewhere.returncode == 1
    assert f"Port {site.port} on 127.0.0.1 cannot be used: Address already in use" in elsewhere.stderr
    assert {name: site.children(name) for name in running} == running
    ordered = desk.order(20)
    wait_for(lambda: desk.job(ordered)["state"] == "finished")


def test_a_killed_web_server_is_started_again_without_leftovers(site, desk):
    """Its master process alone is killed: the orphaned workers must not go on answering beside the new ones."""
    before = site.children("granian")
    (master,) = [pid for pid in before if parent(pid) == site.process.pid]
    os.kill(master, signal.SIGKILL)
    wait_for(lambda: not set(before) & set(site.children("granian")), 30)
    site.wait_until_ready()
    assert desk.run(desk.order(21)["number"])["state"] in {"queued", "running", "ready"}
