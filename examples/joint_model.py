"""A joint-modeling project over HTTP alone: from two files with plain ids to ten scores.

The script stands for both sides. It hashes plain ids before anything is sent (sha256, as a partner would), creates the
project and the authorisation, uploads both files, matches, builds features, trains a scorecard and XGBoost on the
partner's columns, the platform's columns and both, evaluates, has the version approved by a second person, publishes,
and scores ten rows. It prints one JSON object.

    python examples/joint_model.py --url http://127.0.0.1:8000 --token … --approver-token … --partner-token … \\
        --sample guest.csv --source host.csv --id id --label y
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import gzip
import hashlib
import json
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import requests

ID_TYPE = ("person", "sha256")
HASHED = re.compile(r"[0-9a-f]{64}")
COLUMN_SETS = ("partner", "platform", "joint")


class Api:
    """One user's view of the site. Errors end the script with the site's own sentence."""

    def __init__(self, url: str, token: str) -> None:
        self.base = url.rstrip("/") + "/api/v1/"
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Token {token}"

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        return self.session.request(method, self.base + path, timeout=600, **options)

    def call(self, method: str, path: str, **options: Any) -> Any:
        return self.content(self.send(method, path, **options))

    def content(self, answer: requests.Response) -> Any:
        if not answer.ok:
            where = f"{answer.request.method} {answer.request.path_url}"
            raise SystemExit(f"{where}: {answer.status_code} {answer.text[:2000]}")
        return answer.json() if answer.content else None

    def get(self, path: str) -> Any:
        return self.call("GET", path)

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        return self.call("POST", path, json=body or {})

    def post_when_ready(self, path: str, body: dict[str, Any], not_yet: str) -> Any:
        """Ask again as long as the site answers 409 with this code."""
        while True:
            answer = self.send("POST", path, json=body)
            if answer.status_code != 409 or answer.json()["code"] != not_yet:
                return self.content(answer)
            time.sleep(0.3)

    def upload(self, path: str, file: Path) -> str:
        with file.open("rb") as stream:
            return str(self.call("POST", path, files={"file": (file.name, stream)})["id"])

    def build(self, path: str, body: dict[str, Any]) -> Any:
        """Start long work and wait until what it makes is ready."""
        noun = self.post(path, body)
        where = f"{path}/{noun['number']}"
        while True:
            noun = self.get(where)
            if noun["state"] == "ready":
                return noun
            if noun["state"] == "failed":
                raise SystemExit(f"{where} failed: {json.dumps(noun.get('error') or noun, ensure_ascii=False)[:2000]}")
            time.sleep(0.3)


def open_text(path: Path) -> IO[str]:
    opener = gzip.open if path.suffix == ".gz" else open
    return opener(path, "rt", encoding="utf-8-sig", newline="")


def hashed(value: str) -> str:
    value = value.strip()
    return value if HASHED.fullmatch(value) else hashlib.sha256(value.upper().encode()).hexdigest()


def hash_file(path: Path, column: str, folder: Path) -> Path:
    """A copy of a CSV file with the id column hashed; what leaves this machine holds no plain id."""
    out = folder / (path.name.removesuffix(".gz").removesuffix(".csv") + ".hashed.csv")
    with open_text(path) as source, out.open("w", newline="", encoding="utf-8") as target:
        reader = csv.reader(source)
        head = next(reader)
        if column not in head:
            raise SystemExit(f"{path.name} has no column {column!r}; it has {', '.join(head)}.")
        at = head.index(column)
        writer = csv.writer(target)
        writer.writerow(head)
        for row in reader:
            row[at] = hashed(row[at])
            writer.writerow(row)
    return out


def source_option(text: str) -> tuple[Path, dict[str, str]]:
    """``HOST.csv:event_time=COL:known_at=COL``"""
    name, *settings = text.split(":")
    return Path(name), dict(setting.split("=", 1) for setting in settings)


def slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40]


class Journey:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.modeler = Api(options.url, options.token)
        self.partner = Api(options.url, options.partner_token or options.token)
        self.approver = Api(options.url, options.approver_token)
        self.stamp = f"{time.time_ns() // 1_000_000:x}"
        self.timings: dict[str, float] = {}

    @contextlib.contextmanager
    def timed(self, step: str) -> Iterator[None]:
        started = time.monotonic()
        print(f"{step} …", file=sys.stderr, flush=True)
        yield
        self.timings[step] = round(time.monotonic() - started, 3)

    def run(self) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder:
            with self.timed("project"):
                project = self.project()
            with self.timed("hash"):
                sample_file = hash_file(self.options.sample, self.options.id, Path(folder))
                source_files = [
                    (hash_file(path, self.options.id, Path(folder)), times) for path, times in self.options.source
                ]
            with self.timed("sample"):
                sample = self.sample(project, sample_file)
            with self.timed("sources"):
                sources = [self.source(path, times) for path, times in source_files]
            ten_rows = self.ten_rows(sample_file)
        with self.timed("match"):
            match = self.modeler.build(f"projects/{project}/matches", {"sample": sample["number"], "sources": sources})
        with self.timed("features"):
            table = self.modeler.build(f"projects/{project}/feature-tables", {"match": match["number"], "plan": {}})
        runs = self.train(project, table["number"])
        with self.timed("evaluate"):
            figures = {name: self.evaluate(project, run["number"]) for name, run in runs.items()}
        with self.timed("value_of_data"):
            value = self.modeler.build(
                f"projects/{project}/values", {"feature_table": table["number"], "plan": self.plan("xgboost", "joint")}
            )
        with self.timed("publish"):
            version = self.publish(project, runs["xgboost/joint"]["number"])
        with self.timed("score"):
            scores = self.score(project, version, ten_rows)
        return {
            "project": project,
            "match_rate": match["summary"]["match_rate"],
            "auc": {name: figure["auc"] for name, figure in figures.items()},
            "ks": {name: figure["ks"] for name, figure in figures.items()},
            "value_of_data": value["result"],
            "marks": version["marks"],
            "version": f"{version['model']}/v{version['number']}",
            "scores": scores,
            "timings": self.timings,
        }

    def project(self) -> str:
        """Create, approve for both institutions, authorise."""
        mine = {row["slug"] for row in self.modeler.get("me")["institutions"]}
        institutions = self.partner.get("me")["institutions"]
        partner = next((row["slug"] for row in institutions if row["kind"] == "partner"), None)
        if partner is None:
            raise SystemExit("The partner's token (or --token) must belong to a member of a partner institution.")
        if not self.options.partner_token and partner not in mine:
            raise SystemExit("Without --partner-token, --token must belong to a member of both institutions.")
        body = {
            "name": f"{self.options.sample.name} {self.stamp}",
            "purpose": "Credit decision",
            "description": "Made by examples/joint_model.py",
            "institutions": [partner],
        }
        project = str(self.modeler.post("projects", body)["slug"])
        self.partner.post(f"projects/{project}/approve", {"note": "Sample and purpose agreed."})
        grant = {
            "basis": "Separate consent of the applicant",
            "purpose": "Credit decision",
            "data_categories": ["application", "outcome"],
            "expires_at": time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(time.time() + 365 * 86_400)),
        }
        self.partner.post(f"projects/{project}/authorisations", grant)
        return project

    def sample(self, project: str, file: Path) -> Any:
        plan: dict[str, Any] = {
            "ids": [{"column": self.options.id, "namespace": ID_TYPE[0], "algorithm": ID_TYPE[1]}],
            "label": self.options.label,
        }
        if self.options.date:
            plan["observed_at"] = self.options.date
        if self.options.split:
            plan["split"] = self.options.split
        upload = self.partner.upload(f"projects/{project}/uploads", file)
        return self.partner.build(
            f"projects/{project}/samples", {"upload": upload, "name": self.options.sample.name, "plan": plan}
        )

    def source(self, file: Path, times: dict[str, str]) -> dict[str, Any]:
        name = f"{slug(file.name.split('.')[0])}-{self.stamp}"
        kind = "events" if self.options.events else "snapshot"
        self.modeler.post("sources", {"slug": name, "name": name, "kind": kind, "description": ""})
        upload = self.modeler.upload(f"sources/{name}/uploads", file)
        ids = [{"column": self.options.id, "namespace": ID_TYPE[0], "algorithm": ID_TYPE[1]}]
        version = self.modeler.build(f"sources/{name}/versions", {"upload": upload, "plan": {"ids": ids, **times}})
        return {"slug": name, "version": version["number"]}

    def plan(self, algorithm: str, column_set: str) -> dict[str, Any]:
        plan: dict[str, Any] = {"algorithm": algorithm, "column_set": column_set, "seed": self.options.seed}
        if self.options.split:
            plan["split"] = {"kind": "column"}
        elif self.options.date:
            plan["split"] = {"kind": "time", "seed": self.options.seed, "oot_months": 3}
        else:
            plan["split"] = {"kind": "folds", "seed": self.options.seed, "folds": 5}
        return plan

    def train(self, project: str, table: int) -> dict[str, Any]:
        runs = {}
        for algorithm in ("scorecard", "xgboost"):
            for column_set in COLUMN_SETS:
                name = f"{algorithm}/{column_set}"
                with self.timed(f"train {name}"):
                    body = {"feature_table": table, "name": name, "plan": self.plan(algorithm, column_set)}
                    runs[name] = self.modeler.build(f"projects/{project}/runs", body)
        return runs

    def evaluate(self, project: str, run: int) -> dict[str, dict[str, float]]:
        result = self.modeler.build(f"projects/{project}/evaluations", {"run": run, "plan": {}})["result"]
        splits = result["splits"]
        return {
            figure: {split: round(values[figure]["value"], 6) for split, values in splits.items()}
            for figure in ("auc", "ks")
        }

    def publish(self, project: str, run: int) -> Any:
        version = self.modeler.post(f"projects/{project}/versions", {"run": run, "model": "Joint credit score"})
        path = f"projects/{project}/versions/{version['model']}/{version['number']}"
        self.modeler.post(f"{path}/submit", {"note": "Joint columns beat both sides alone."})
        self.approver.post(f"{path}/approve", {"note": "Figures and marks read."})
        return self.approver.post_when_ready(f"{path}/publish", {"acknowledge": version["marks"]}, "lookup_not_ready")

    def ten_rows(self, file: Path) -> list[dict[str, str]]:
        with file.open(encoding="utf-8", newline="") as stream:
            return [row for _, row in zip(range(10), csv.DictReader(stream), strict=False)]

    def score(self, project: str, version: Any, rows: list[dict[str, str]]) -> list[Any]:
        name = f"joint-{self.stamp}"
        body = {"slug": name, "name": name, "family": "credit", "project": project, "model": version["model"]}
        self.modeler.post("products", body)
        key = self.partner.post(f"products/{name}/keys", {"name": "example"})["key"]
        wanted = {column["field"]: column["kind"] for column in version["signature"]["request"]}
        headers = {"Authorization": f"Bearer {key}"}
        answers = []
        for number, row in enumerate(rows):
            features = {field: typed(row[field], kind) for field, kind in wanted.items()}
            request = {
                "request_id": f"{self.stamp}-{number}",
                "ids": {"__".join(ID_TYPE): row[self.options.id]},
                "features": features,
            }
            url = f"{self.modeler.base}products/{name}/score"
            answer = requests.post(url, json=request, headers=headers, timeout=30)
            if not answer.ok:
                raise SystemExit(f"score: {answer.status_code} {answer.text[:2000]}")
            answers.append(answer.json())
        return answers


def typed(text: str, kind: str) -> str | float | None:
    if text == "":
        return None
    return text if kind in {"category", "date"} else float(text)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--token", required=True, help="the modeler's")
    parser.add_argument("--approver-token", required=True)
    parser.add_argument("--partner-token", default="", help="without it, --token must belong to both institutions")
    parser.add_argument("--sample", required=True, type=Path, help="the partner's CSV, plain or .gz")
    parser.add_argument("--source", required=True, action="append", type=source_option, metavar="CSV[:event_time=COL]")
    parser.add_argument("--id", required=True, help="name of the id column in all files")
    parser.add_argument("--label", required=True, help="column with 1 = bad, 0 = good")
    parser.add_argument("--date", default="", help="column with the time of the application")
    parser.add_argument("--split", default="", help="column with train, valid, test or oot")
    parser.add_argument("--events", action="store_true", help="sources are event streams, not snapshots")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, help="write the JSON here as well")
    options = parser.parse_args()
    result = json.dumps(Journey(options).run(), ensure_ascii=False, indent=1)
    print(result)
    if options.out:
        options.out.write_text(result + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
