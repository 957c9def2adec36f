"""What tests of matches and feature tables start from: a ready sample and a ready source, brought over the API."""

from dataclasses import replace
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from datafactory.engine.reading import SamplePlan, read_sample
from datafactory.models import Match, Sample
from modeling.artifacts import from_json
from modeling.errors import DataError
from tests.datafactory.files import LIMITS, NOW, PLAN, clean_rows, csv_bytes, hashed, write

N_PEOPLE = 120
EVENTS = {
    "ids": [{"column": "mobile", "namespace": "mobile", "algorithm": "sha256"}],
    "event_time": "happened_on",
    "delay_days": 1,
    "titles": {"amount": "Amount asked for"},
}


def event_rows(n_people=90):
    """Four events a person of the sample's first people, before the months of the applications and among them."""
    return [
        [hashed(i), f"202{3 + k // 3}-0{(i + k) % 5 + 1}-2{k}", str(100 * k + i), f"L{(i + k) % 4}"]
        for i in range(n_people)
        for k in range(4)
    ]


@pytest.fixture
def built(settings, project, people, api_of, run_jobs):
    """``built.sample()``, ``.source()``, ``.match()``, ``.table()``: each over the API, jobs run at once."""
    settings.PRIVACY_FLOOR_IDS = 100

    class Built(SimpleNamespace):
        base = f"/api/v1/projects/{project.slug}"

        def post(self, path, body, client=None):
            with run_jobs():
                return (client or self.modeler).post(path, body, format="json")

        def upload(self, client, path, content):
            file = SimpleUploadedFile("file.csv", content)
            answer = client.post(path, {"file": file}, format="multipart")
            assert answer.status_code == 201, answer.content
            return answer.json()["id"]

        def sample(self, rows=None, plan=PLAN):
            upload = self.upload(self.partner, f"{self.base}/uploads", csv_bytes(rows or clean_rows(N_PEOPLE)))
            body = {"upload": upload, "name": "Applications", "plan": plan}
            answer = self.post(f"{self.base}/samples", body, self.partner)
            assert answer.status_code == 202, answer.content
            return Sample.objects.get(number=answer.json()["number"])

        def source(self, slug="lending", rows=None, kind="events", plan=EVENTS):
            self.modeler.post("/api/v1/sources", {"slug": slug, "name": slug.title(), "kind": kind}, format="json")
            columns = ("mobile", "happened_on", "amount", "lender")
            upload = self.upload(
                self.modeler, f"/api/v1/sources/{slug}/uploads", csv_bytes(rows or event_rows(), columns)
            )
            answer = self.post(f"/api/v1/sources/{slug}/versions", {"upload": upload, "plan": plan})
            assert answer.status_code == 202, answer.content

        def match(self, sources=("lending",), client=None, **body):
            wanted = {"sample": 1, "sources": [{"slug": slug} for slug in sources]} | body
            return self.post(f"{self.base}/matches", wanted, client)

        def table(self, client=None, **body):
            return self.post(f"{self.base}/feature-tables", {"match": 1, "plan": {}} | body, client)

        def ready_match(self):
            self.sample()
            self.source()
            answer = self.match()
            assert answer.status_code == 202, answer.content
            return Match.objects.get(number=answer.json()["number"])

    return Built(partner=api_of(people.partner), modeler=api_of(people.modeler), project=project)


@pytest.fixture
def read(tmp_path):
    """``read(content, **changes of the plan)`` -> ticket, report, table; the folder is new each time."""
    count = iter(range(1000))

    def run(content, limits=LIMITS, **changes):
        plan = replace(from_json(SamplePlan, PLAN), **changes)
        folder = tmp_path / f"out{next(count)}"
        folder.mkdir()
        try:
            ticket, report = read_sample(write(tmp_path, content), plan, folder, limits, NOW)
        except DataError:
            assert list(folder.iterdir()) == [], "a refused file must leave nothing behind"
            raise
        assert [path.name for path in folder.iterdir()] == ["rows.parquet"]
        return ticket, report, pq.read_table(folder / "rows.parquet")

    return run
