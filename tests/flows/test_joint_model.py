"""The example script drives a running site over HTTP alone, on made and on real data."""

import csv
import gzip
import json
import random
import subprocess
import sys

import numpy as np
import pytest

from tests.running_site import ROOT

pytestmark = pytest.mark.slow


def drive(site, tmp_path, sample, *arguments, tokens=None):
    tokens = tokens or {"token": "modeler", "partner-token": "partner", "approver-token": "approver"}
    given = [part for name, role in tokens.items() for part in (f"--{name}", site.token(role))]
    out = tmp_path / "result.json"
    command = [sys.executable, str(ROOT / "examples" / "joint_model.py"), "--url", site.url, "--out", str(out)]
    done = subprocess.run([*command, *given, "--sample", str(sample), *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(out.read_text())


@pytest.fixture(scope="session")
def two_files(tmp_path_factory):
    """Guest with label and two columns, host with two more; each side knows half of the risk."""
    folder = tmp_path_factory.mktemp("two-files")
    rng = np.random.default_rng(5)
    x = rng.standard_normal((4000, 4))
    y = rng.random(4000) < 1 / (1 + np.exp(1.5 - x.sum(axis=1)))
    rows = [[10_000 + i, int(y[i]), *x[i].round(4).tolist()] for i in range(4000)]
    write(folder / "guest.csv", ["id", "y", "x0", "x1"], [row[:4] for row in rows])
    write(folder / "host.csv", ["id", "z0", "z1"], [[row[0], *row[4:]] for row in rows])
    return folder


def write(path, head, rows):
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([head, *rows])


def test_from_two_files_to_ten_scores(site, two_files, tmp_path):
    result = drive(
        site, tmp_path, two_files / "guest.csv", "--source", str(two_files / "host.csv"), "--id", "id", "--label", "y"
    )
    assert result["match_rate"] == 1
    auc = {name: figures["oof"] for name, figures in result["auc"].items()}
    assert auc["xgboost/joint"] > max(auc["xgboost/partner"], auc["xgboost/platform"]) + 0.02
    assert auc["scorecard/joint"] > max(auc["scorecard/partner"], auc["scorecard/platform"]) + 0.02
    assert len(result["scores"]) == 10
    assert all(score["matched"] and 0 < score["pd"] < 1 and len(score["reasons"]) <= 5 for score in result["scores"])
    assert "leakage_unknown" in result["marks"], "without times the product says that leakage cannot be excluded"


@pytest.mark.shared_data
def test_default_of_credit_cards(site, shared_data, tmp_path):
    """Real partner and platform files: figures of pooled local training are in the data's reference page (.782)."""
    result = drive(
        site,
        tmp_path,
        shared_data / "fate_default_credit_hetero_guest.csv.gz",
        *("--source", str(shared_data / "fate_default_credit_hetero_host.csv.gz"), "--id", "id", "--label", "y"),
    )
    assert result["match_rate"] == 1
    auc = {name: figures["oof"] for name, figures in result["auc"].items()}
    assert auc["xgboost/joint"] > auc["xgboost/platform"] > auc["xgboost/partner"]
    assert 0.775 <= auc["xgboost/joint"] <= 0.790


@pytest.mark.shared_data
def test_default_of_credit_cards_with_a_third_of_the_platform_gone(site, shared_data, tmp_path):
    host = tmp_path / "host.csv"
    rng = random.Random(11)
    with gzip.open(shared_data / "fate_default_credit_hetero_host.csv.gz", "rt") as stream:
        head, *rows = list(csv.reader(stream))
    write(host, head, [row for row in rows if rng.random() >= 0.3])
    result = drive(
        site,
        tmp_path,
        shared_data / "fate_default_credit_hetero_guest.csv.gz",
        *("--source", str(host), "--id", "id", "--label", "y"),
    )
    assert 0.68 < result["match_rate"] < 0.72
    value = result["value_of_data"]
    matched = {
        name: figures["auc"]["value"] for name, figures in value["views"]["matched"]["splits"]["oof"]["models"].items()
    }
    every = {
        name: figures["auc"]["value"] for name, figures in value["views"]["all"]["splits"]["oof"]["models"].items()
    }
    assert matched["joint"] > matched["platform"] > matched["partner"]
    assert 0.775 <= matched["joint"] <= 0.790
    assert every["joint"] > max(every["partner"], every["platform"])
