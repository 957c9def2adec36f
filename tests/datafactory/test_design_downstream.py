"""Rejected and indeterminate applications go along with a sample, and no later stage takes them for good or bad."""

import pyarrow.parquet as pq
import pytest

from datafactory.models import FeatureTable, Match, Sample
from modeling.artifacts import FeatureTable as Ticket
from modeling.artifacts import from_json
from modeling.training_rows import read_rows
from projects import storage
from tests.datafactory.files import COLUMNS, PLAN, clean_rows, csv_bytes

pytestmark = pytest.mark.django_db
N = 600
DECIDED = (*COLUMNS, "decision")
PLAN_OF_ALL = PLAN | {
    "approved": "decision",
    "bad_values": ["1"],
    "indeterminate_values": ["2"],
    "exclusions": [{"column": "income", "operator": "ge", "values": ["4500"]}],
}


def rows():
    """Every fifth was rejected, every seventh of the others is neither good nor bad."""
    return [
        [*row[:3], "" if i % 5 == 0 else "2" if i % 7 == 0 else row[3], *row[4:], "no" if i % 5 == 0 else "yes"]
        for i, row in enumerate(clean_rows(N))
    ]


def told():
    """Of the rows that are not excluded: how many in all, how many with an outcome, how many bad."""
    kept = [row for row in rows() if int(row[4]) < 4500]
    labelled = [row for row in kept if row[6] == "yes" and row[3] in {"0", "1"}]
    return len(kept), len(labelled), sum(row[3] == "1" for row in labelled)


@pytest.fixture
def finished(built):
    """Sample, match and feature table of such a file."""
    upload = built.upload(built.partner, f"{built.base}/uploads", csv_bytes(rows(), DECIDED))
    answer = built.post(f"{built.base}/samples", {"upload": upload, "plan": PLAN_OF_ALL, "name": "All"}, built.partner)
    assert answer.status_code == 202, answer.content
    built.source()
    assert built.match().status_code == 202
    assert built.table().status_code == 202
    return Sample.objects.get(), Match.objects.get(), FeatureTable.objects.get()


def test_only_rows_with_an_outcome_are_trained_on(finished):
    sample, _, table = finished
    n, labelled, bad = told()
    assert sample.summary["n_rows"] == n
    ticket = from_json(Ticket, table.ticket)
    folder = storage.folder(ticket.path)
    stored = pq.read_table(folder / "rows.parquet")
    assert stored.num_rows == n, "the others stay, for reject inference"
    assert stored.column("y").null_count == n - labelled
    assert set(stored.filter(stored["approved"]).column("approved").to_pylist()) == {True}
    trained = read_rows(ticket, folder, "joint", None, "all")
    assert (len(trained), int(trained.y.sum()), trained.n_unlabelled) == (labelled, bad, n - labelled)


def test_the_match_report_counts_labels_only_where_they_are(finished):
    _, match, _ = finished
    n, labelled, _bad = told()
    by_label = {row["label"]: row for row in match.report["labels"]}
    counted = sum(row["n_rows"] for name, row in by_label.items() if name in {"bad", "good"})
    assert counted == labelled
    assert match.report["n_rows"] == n
