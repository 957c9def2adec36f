"""The gate on a project that went the whole way: files, match, features, model; then its look-ups."""

import io
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from datafactory.services import features, matches, samples, sources, uploads
from modeling.marks import POPULATION_DIFFERS
from models_registry.engine import gate as checks
from models_registry.services import evaluation as evaluations
from models_registry.services import lookups, plans, releases, training, versions
from projects.errors import Conflict
from tests.datafactory.files import csv_bytes, hashed
from tests.models_registry.conftest import XGBOOST
from tests.models_registry.tables import job_of

MOBILE = [{"column": "mobile", "namespace": "mobile", "algorithm": "sha256"}]
N = 1300
START = datetime(2024, 1, 1, tzinfo=UTC)


def sample_rows(rng, risk):
    days = rng.integers(60, 300, N)
    bad = rng.random(N) < 1 / (1 + np.exp(1 - 1.5 * risk))
    return [
        [f"A{i:05d}", hashed(i), f"{START + timedelta(days=int(days[i])):%Y-%m-%d}", str(int(bad[i])), str(20 + i % 40)]
        for i in range(N)
    ]


def event_rows(rng, risk):
    """Loans elsewhere of nine people in ten: the riskier, the more; some known only later."""
    rows = []
    for i in range(N):
        if i % 10 == 0:
            continue
        for _ in range(1 + rng.poisson(np.exp(0.6 * risk[i]))):
            at = START + timedelta(days=int(rng.integers(0, 300)))
            rows.append([hashed(i), f"{at:%Y-%m-%d}", "", f"{1000 + 300 * risk[i] + rng.normal() * 100:.2f}"])
    return rows


@pytest.fixture
def table(project, people, run_jobs):
    rng = np.random.default_rng(1)
    risk = rng.normal(size=N)

    def upload(user, rows, columns, **where):
        return uploads.receive_upload(user=user, stream=io.BytesIO(csv_bytes(rows, columns)), filename="a.csv", **where)

    with run_jobs():
        source = sources.create_source(user=people.modeler, name="Lending", slug="lending", kind="events")
        file = upload(people.modeler, event_rows(rng, risk), ("mobile", "day", "known", "amount"), source=source)
        plan = {"ids": MOBILE, "event_time": "day", "delay_days": 1, "fields": ["amount"]}
        version = sources.import_source_version(user=people.modeler, source=source, upload=file, plan=plan)
        file = upload(people.partner, sample_rows(rng, risk), ("app", "mobile", "day", "bad", "age"), project=project)
        plan = {"row_id": "app", "ids": MOBILE, "observed_at": "day", "label": "bad"}
        sample = samples.import_sample(user=people.partner, project=project, upload=file, plan=plan)
    for row in (version, sample):
        row.refresh_from_db()
        assert row.state == "ready", job_of(row).error
    with run_jobs():
        match = matches.match_sample(user=people.modeler, sample=sample, source_versions=[version])
    match.refresh_from_db()
    with run_jobs():
        made = features.build_features(user=people.modeler, match=match)
    made.refresh_from_db()
    assert made.state == "ready", job_of(made).error
    return made


@pytest.fixture
def submitted(table, people, run_jobs):
    with run_jobs():
        plan = plans.read_training(XGBOOST)
        run = training.train_model(user=people.modeler, feature_table=table, plan=plan)
    run.refresh_from_db()
    with run_jobs():
        evaluations.evaluate_model(user=people.modeler, run=run, plan=plans.read_evaluation({"bootstrap": 20}))
    made = versions.create_version(user=people.modeler, run=run, model="Auto loan")
    return versions.submit(user=people.modeler, version=made)


def publish(people, version):
    """One person in ten is unknown, of another age than the others: the mark of that is accepted."""
    return releases.publish(user=people.approver, version=version, acknowledge=(POPULATION_DIFFERS,))


@pytest.fixture
def version(submitted, people):
    lookups.run_prepare(version=submitted)
    return versions.approve(user=people.approver, version=submitted)


def test_look_ups_are_held_against_the_table(version, people):
    assert version.signature["ids"] == ["mobile__sha256"]
    assert version.signature["sources"] == [{"slug": "lending", "version": 1}]
    publish(people, version)
    version.refresh_from_db()
    check = next(line for line in version.gate if line["check"] == "online_is_offline")
    assert (check["passed"], check["figure"]) == (True, 0)
    assert version.status == "live"


def test_a_version_goes_live_only_with_its_look_ups_built(submitted, people):
    version = versions.approve(user=people.approver, version=submitted)
    assert not lookups.is_prepared(version)
    job = lookups.last_job(version)
    assert job is not None
    with pytest.raises(Conflict) as refused:
        publish(people, version)
    assert refused.value.code == "lookup_not_ready"
    assert refused.value.detail == {"job": str(job.pk)}
    assert lookups.prepare(user=people.modeler, version=version) == job
    lookups.run_prepare(version=version)
    assert publish(people, version).live_to is None
    assert lookups.prepare(user=people.modeler, version=version) is None


def test_a_look_up_that_differs_refuses_and_names_the_column(version, people, monkeypatch):
    real = features.lookup_of

    def late(table, wanted, **how):
        """As if the store had learnt of events a day too early."""
        lookup = real(table, wanted)
        return lambda ids, moment: lookup(ids, moment + timedelta(days=2))

    monkeypatch.setattr(features, "lookup_of", late)
    with pytest.raises(Conflict) as refused:
        publish(people, version)
    (failed,) = refused.value.detail
    assert failed["check"] == "online_is_offline"
    assert all(name.startswith("lending__") for name in failed["about"])


def test_values_are_the_same_or_not():
    assert checks.same_value("a", "a")
    assert not checks.same_value("1", 1)
    assert not checks.same_value(0.0, 1e-9)
    assert checks.same_value(1e9, 1e9 * (1 + 1e-13))
