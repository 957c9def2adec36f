"""Worker and web server killed at twenty random moments of imports and matches: every job ends, whole or with a reason.

What a kill does to the bytes of an upload under way is shown in ``test_uploads.py``.
"""

import argparse
import json
import os
import random
import signal
import sqlite3
import time

import numpy as np
import pytest
import requests

from examples.joint_model import Journey, hash_file
from modeling.artifacts import hash_folder
from tests.flows.test_crashes import wait_for

pytestmark = pytest.mark.slow
KILLS = 20
N_PEOPLE = 40_000
KILLED = ("celery", "celery", "granian")  # the worker with its pool twice as often as the web server
SILENT = "The worker stopped answering."


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The partner's and the platform's file, ids hashed."""
    folder = tmp_path_factory.mktemp("files")
    rng = np.random.default_rng(5)
    ids = np.arange(10_000, 10_000 + N_PEOPLE)
    x = rng.standard_normal((N_PEOPLE, 6)).round(4)
    y = (rng.random(N_PEOPLE) < 0.2).astype(int)
    rows, number = ["%d"], ["%.4f"]
    np.savetxt(
        folder / "a.csv",
        np.column_stack([ids, y, x[:, :3]]),
        ",".join(rows * 2 + number * 3),
        header="id,y,x0,x1,x2",
        comments="",
    )
    np.savetxt(
        folder / "b.csv",
        np.column_stack([ids, x[:, 3:]]),
        ",".join(rows + number * 3),
        header="id,z0,z1,z2",
        comments="",
    )
    return hash_file(folder / "a.csv", "id", folder), hash_file(folder / "b.csv", "id", folder)


class Orders:
    """Imports and matches ordered over HTTP, again and again, whatever is up."""

    def __init__(self, site, files):
        self.site, self.file = site, files[0]
        tokens = {
            "token": site.token("modeler"),
            "partner_token": site.token("partner"),
            "approver_token": site.token("approver"),
        }
        self.journey = Journey(
            argparse.Namespace(
                url=site.url, sample=files[0], id="id", label="y", date="", split="", events=False, seed=7, **tokens
            )
        )
        self.project = self.journey.project()
        self.base = f"projects/{self.project}"
        self.source = self.journey.source(files[1], {})
        self.sample = self.journey.sample(self.project, files[0])["number"]
        self.acknowledged: list[tuple[str, int]] = []

    def one(self, rng):
        """Order an import or a match as soon as the site answers; remembered if it said yes."""
        self.site.wait_until_ready()
        try:
            if rng.random() < 0.5:
                self._import()
            else:
                body = {"sample": self.sample, "sources": [self.source]}
                self._remember("matches", self.journey.modeler.send("POST", f"{self.base}/matches", json=body))
        except requests.RequestException as broken:
            print(f"order lost: {type(broken).__name__}")

    def _import(self):
        with self.file.open("rb") as stream:
            sent = self.journey.partner.send("POST", f"{self.base}/uploads", files={"file": ("a.csv", stream)})
        if sent.status_code == 201:
            plan = {"ids": [{"column": "id", "namespace": "person", "algorithm": "sha256"}], "label": "y"}
            body = {"upload": sent.json()["id"], "name": "again", "plan": plan}
            self._remember("samples", self.journey.partner.send("POST", f"{self.base}/samples", json=body))

    def _remember(self, noun, answer):
        assert answer.status_code in {202, 500, 502, 503}, answer.text
        if answer.status_code == 202:
            self.acknowledged.append((noun, answer.json()["number"]))

    def read(self, noun, number):
        try:
            answer = self.journey.modeler.send("GET", f"{self.base}/{noun}/{number}")
        except requests.RequestException:
            return {"state": "unknown"}
        return answer.json() if answer.status_code == 200 else {"state": "unknown"}


def test_twenty_kills_at_random_moments(site, files):
    orders, rng = Orders(site, files), random.Random(20)
    for _ in range(KILLS):
        orders.one(rng)
        time.sleep(rng.uniform(0, 1.2))
        for pid in site.children(rng.choice(KILLED)):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
    site.wait_until_ready()
    assert len(orders.acknowledged) >= KILLS / 2, "too few orders came through to tell anything"
    ended = {"ready", "failed"}
    wait_for(lambda: all(orders.read(*one)["state"] in ended for one in set(orders.acknowledged)), 240)
    assert {orders.read(*one)["state"] for one in orders.acknowledged} <= ended
    rows = on_record(site, orders.project)
    for noun, state, ticket, error in rows:
        assert state in ended, (noun, state)
        if state == "ready":
            assert hash_folder(site.home / "artifacts" / ticket["path"]) == ticket["content_hash"]
        else:
            assert error == SILENT
    assert sum(state == "ready" for _, state, _, _ in rows) > 2
    ready = {ticket["path"] for _, state, ticket, _ in rows if state == "ready"}
    (number,) = {path.split("/")[1] for path in ready}
    assert published(site, number) == ready


def on_record(site, project):
    """Noun, state, ticket and cause of failure of the project's samples and matches, from the site's own database."""
    found = []
    with sqlite3.connect(f"file:{site.home / 'etron.sqlite3'}?mode=ro", uri=True) as database:
        for noun in ("sample", "match"):
            statement = (
                f"SELECT a.state, a.ticket, j.error FROM datafactory_{noun} a "
                "LEFT JOIN projects_job j ON j.id = a.job_id "
                "JOIN projects_project p ON p.id = a.project_id WHERE p.slug = ?"
            )
            found += [
                (noun, state, json.loads(ticket), error)
                for state, ticket, error in database.execute(statement, [project])
            ]
    return found


def published(site, number):
    """Folders of a project's samples and matches as anybody may see them."""
    root = site.home / "artifacts"
    return {str(path.relative_to(root)) for noun in ("samples", "matches") for path in root.glob(f"{noun}/{number}/*")}
