"""A web server killed again and again while a file arrives: every acknowledged byte stays, the file ends whole."""

import argparse
import base64
import hashlib
import os
import random
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import requests

from examples.joint_model import Journey
from tests.flows.test_crashes import parent

pytestmark = pytest.mark.slow
KILLS = 12
N_ROWS = 2_000_000
PIECES = [2**20, 4 * 2**20, 24 * 2**20]
BYTES_PER_S = 12 * 2**20
TUS = {"Tus-Resumable": "1.0.0"}


@pytest.fixture(scope="module")
def content():
    """A clean file of about 150 MB whose every line is another."""
    ids = np.random.default_rng(3).bytes(N_ROWS * 32).hex()
    lines = (f"{ids[64 * i : 64 * i + 64]},{i % 7},{i}" for i in range(N_ROWS))
    return ("id,x,row\n" + "\n".join(lines) + "\n").encode()


@pytest.fixture(scope="module")
def partner(site):
    tokens = {
        "token": site.token("modeler"),
        "partner_token": site.token("partner"),
        "approver_token": site.token("approver"),
    }
    journey = Journey(argparse.Namespace(url=site.url, sample=Path("big.csv"), **tokens))
    return journey.partner, journey.project()


class SlowLine:
    """A body of known length that leaves at the pace of a slow line, so that a kill finds it under way."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def __len__(self):
        return len(self.data)

    def read(self, size=-1):
        del size
        block = self.data[self.at : self.at + 65536]
        self.at += len(block)
        time.sleep(len(block) / BYTES_PER_S)
        return block


class Sender:
    def __init__(self, site, partner, content, **told):
        (api, project), self.site, self.content = partner, site, content
        self.session = api.session
        words = {"filename": "big.csv", "sha256": hashlib.sha256(content).hexdigest()} | told
        text = ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in words.items())
        headers = TUS | {"Upload-Length": str(len(content)), "Upload-Metadata": text}
        answer = self.session.post(f"{api.base}projects/{project}/incoming", headers=headers, timeout=60)
        assert answer.status_code == 201, answer.text
        self.url = site.url + answer.headers["Location"]
        self.id = self.url.rsplit("/", 1)[1]
        self.acknowledged = 0

    @property
    def file(self):
        (path,) = self.site.home.glob(f"artifacts/uploads/*/{self.id}")
        return path

    def offset(self):
        """What the site says is kept, asked until it is up again; never less than it said before."""
        limit = time.monotonic() + 90
        while time.monotonic() < limit:
            try:
                answer = self.session.head(self.url, headers=TUS, timeout=20)
            except requests.RequestException:
                time.sleep(0.2)
                continue
            assert answer.status_code == 200, answer.status_code
            at = int(answer.headers["Upload-Offset"])
            assert at >= self.acknowledged, f"{self.acknowledged} bytes were acknowledged, {at} are there"
            with self.file.open("rb") as file:
                assert file.read(at) == self.content[:at]
            return at
        raise AssertionError("The site did not come back.")

    def append(self, at, size, pace=True):
        """The status of one piece, or the name of what broke."""
        data = self.content[at : at + size]
        headers = TUS | {"Upload-Offset": str(at), "Content-Type": "application/offset+octet-stream"}
        try:
            body = SlowLine(data) if pace else data
            answer = self.session.patch(self.url, data=body, headers=headers, timeout=60)
        except requests.RequestException as error:
            return type(error).__name__
        if answer.status_code == 204:
            self.acknowledged = int(answer.headers["Upload-Offset"])
        return answer.status_code


def web_processes(site):
    """The server's master process and the ones that answer."""
    pids = site.children("granian")
    masters = [pid for pid in pids if parent(pid) not in pids]
    return masters, [pid for pid in pids if pid not in masters]


def kill(site, everything):
    masters, answering = web_processes(site)
    for pid in [*masters, *answering] if everything else answering:
        os.kill(pid, signal.SIGKILL)


class Killer:
    """Kills the processes that answer at random moments, now and then the master too, as soon as the site is up."""

    def __init__(self, site, chance):
        self.site, self.chance, self.done = site, chance, 0
        self.thread = threading.Thread(target=self._kill, daemon=True)
        self.thread.start()

    def _kill(self):
        while self.done < KILLS:
            self.site.wait_until_ready()
            time.sleep(self.chance.uniform(0.05, 1.5))
            kill(self.site, everything=self.done % 6 == 5)
            self.done += 1


def test_an_upload_survives_a_server_that_is_killed_again_and_again(site, partner, content):
    chance = random.Random(20)
    sender, killer = Sender(site, partner, content), Killer(site, chance)
    outcomes = []
    while (at := sender.offset()) < len(content):
        outcomes.append(sender.append(at, chance.choice(PIECES)))
        if outcomes[-1] == 423:
            time.sleep(1)
    assert killer.done >= 10, f"the file was there after {killer.done} kills"
    killer.thread.join()
    broken = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert len(broken) >= 5, outcomes
    assert set(outcomes) - set(broken) <= {204, 409, 423}
    site.wait_until_ready()
    standing = wait_until_looked_at(sender)
    assert standing["state"] == "ready", standing
    assert hashlib.sha256(sender.file.read_bytes()).digest() == hashlib.sha256(content).digest()
    sender.file.unlink()


def wait_until_looked_at(sender):
    limit = time.monotonic() + 90
    while time.monotonic() < limit:
        standing = sender.session.get(sender.url, timeout=30).json()
        if standing["state"] != "checking":
            return standing
        time.sleep(0.5)
    raise AssertionError(standing)


def test_memory_stays_bounded(site, partner, content):
    """A process that answers hardly grows while 280 MB arrive in one piece; a job looks at them afterwards."""
    large = content + content[content.index(b"\n") + 1 :]
    sender = Sender(site, partner, large)
    sender.append(0, 2**20, pace=False)  # what the first request loads does not count
    _masters, answering = web_processes(site)
    before = {pid: peak_mb(pid) for pid in answering}
    assert sender.append(sender.acknowledged, len(large), pace=False) == 204
    standing = wait_until_looked_at(sender)
    assert standing["state"] == "ready", standing
    assert standing["job"]
    assert len(large) > 280 * 2**20
    grown = [peak_mb(pid) - mb for pid, mb in before.items()]
    assert max(grown) < 50, f"{max(grown):.0f} MB more"
    sender.file.unlink()


def peak_mb(pid):
    """The most memory that a process ever held."""
    (line,) = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024
