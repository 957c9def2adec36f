"""A partner's whole way with the command line alone, against a running site with its queue and worker."""

import csv
import json
import os
import subprocess
import sys

import pytest

from tests.datafactory.files import hashed
from tests.partner_world import IDS, PartnerWorld
from tests.running_site import ROOT

pytestmark = pytest.mark.slow
N_PEOPLE, N_KNOWN = 2500, 1500


@pytest.fixture(scope="module")
def world(site):
    return PartnerWorld(site)


@pytest.fixture
def partner(world, tmp_path):
    """``partner("check", …)``: exit code and JSON of the command in a process of its own."""
    environment = {**os.environ, "ETRON_URL": world.url, "ETRON_TOKEN": world.token}
    environment["ETRON_PARTNER_HOME"] = str(tmp_path / "home")

    def call(*words):
        command = [sys.executable, "-m", "etron_partner", "--json", *map(str, words)]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    return call


def number(i):
    return f"1380{i:07d}"


@pytest.fixture
def files(tmp_path):
    """Raw applications as a lender has them, and a plan."""
    raw = tmp_path / "raw.csv"
    with raw.open("w", newline="", encoding="gb18030") as out:
        writer = csv.writer(out)
        writer.writerow(["app", "mobile", "applied", "bad", "income", "name"])
        for i in range(N_PEOPLE):
            writer.writerow([f"A{i}", number(i), f"2024-{i % 6 + 1:02d}-15", int(i % 5 == 0), 1000 + i % 700, "王小明"])
    plan = tmp_path / "plan.json"
    roles = {"row_id": "app", "observed_at": "applied", "label": "bad"}
    plan.write_text(json.dumps({"ids": IDS, **roles}))
    return raw, plan


def test_from_raw_numbers_to_a_deleted_session(world, partner, files, tmp_path):
    raw, plan = files
    source = world.source([hashed(number(i)) for i in range(N_KNOWN)], tmp_path)

    status, body = partner("check", raw, "--plan", plan)
    codes = {problem["code"] for problem in body["problems"]}
    assert (status, codes) == (1, {"id_format", "raw_mobile", "raw_name"})

    status, body = partner("hash", raw, "--column", "mobile:mobile:sha256", "--drop", "name")
    assert (status, body["n_hashed"]) == (0, N_PEOPLE)
    clean = tmp_path / "raw.hashed.csv"
    assert partner("check", clean, "--plan", plan)[0] == 0

    asked = ["private-match", clean, "--project", world.project, "--column", "mobile", "--yes"]
    status, body = partner(*asked, "--source", source, "--id-type", "mobile__sha256")
    assert (status, body["error"]["code"]) == (1, "private_match_not_ready")
    session = body["error"]["detail"]["session"]
    path = f"projects/{world.project}/private-matches/{session}"
    world.modeler.call("POST", f"{path}/decision", json={"approve": True})

    status, body = partner(*asked, "--session", session, "--wait", "5", "--send", "--plan", plan)
    assert status == 0, body
    assert (body["n_ids"], body["n_known"], body["n_rows_kept"]) == (N_PEOPLE, N_KNOWN, N_KNOWN)
    assert body["sent"]["summary"]["n_rows"] == N_KNOWN
    assert world.partner.call("GET", path)["state"] == "closed"

    order = {"sample": body["sent"]["sample"], "sources": [{"slug": source}]}
    made = world.modeler.call("POST", f"projects/{world.project}/matches", json=order)
    world.built(world.modeler, made["url"].removeprefix("/api/v1/"))
    status, report = partner("report", "--project", world.project)
    assert (status, report["summary"]["match_rate"]) == (0, 1.0)

    status, body = partner("purge", "--local")
    assert (status, len(body["files"])) == (0, 2)
    assert not clean.exists()
    assert raw.exists()


def test_a_size_only_session_over_the_queue(world, partner, files, tmp_path):
    raw, _plan = files
    source = world.source([hashed(number(i)) for i in range(N_KNOWN)], tmp_path)
    partner("hash", raw, "--column", "mobile:mobile:sha256", "--drop", "name")
    session = world.session(source, N_PEOPLE, "size")["id"]
    words = ["--project", world.project, "--column", "mobile", "--yes", "--session", session]
    status, body = partner("private-match", tmp_path / "raw.hashed.csv", *words)
    assert status == 0, body
    assert abs(body["size"]["n_shared"] - N_KNOWN) <= 2.5 * body["size"]["margin"]
    told = world.modeler.call("GET", f"projects/{world.project}/private-matches/{session}")
    assert told["n_matched"] == body["size"]["n_shared"]
