"""One score: the door, the batch, the scorer and what training wrote agree on real rows, matched and unmatched."""

import hashlib
import io
import json

import numpy as np
import pandas as pd
import pytest

from datafactory.services import features, matches, samples, sources, uploads
from projects import storage
from risk_products.models import ScoreCall
from risk_products.selectors.loaded import loaded
from risk_products.services import keys
from tests.risk_products import world

N = 3000
ID = {"ids": [{"column": "id", "namespace": "mobile", "algorithm": "sha256"}]}


def hashed(ids) -> list[str]:
    return [hashlib.sha256(str(value).encode()).hexdigest() for value in ids]


def csv_of(table: pd.DataFrame) -> io.BytesIO:
    return io.BytesIO(table.to_csv(index=False).encode())


@pytest.fixture
def load(project, people, run_jobs):
    """``load(sample, plan, source=(table, plan, kind))``: the feature table of a sample matched with a source."""

    def through(sample, sample_plan, source, source_plan, kind):
        made = sources.create_source(user=people.modeler, name="Host", kind=kind)
        with run_jobs():
            upload = uploads.receive_upload(user=people.modeler, filename="h.csv", stream=csv_of(source), source=made)
            version = sources.import_source_version(user=people.modeler, source=made, upload=upload, plan=source_plan)
        with run_jobs():
            upload = uploads.receive_upload(
                user=people.partner, filename="g.csv", stream=csv_of(sample), project=project
            )
            brought = samples.import_sample(user=people.partner, project=project, upload=upload, plan=sample_plan)
        version.refresh_from_db()
        brought.refresh_from_db()
        with run_jobs():
            match = matches.match_sample(user=people.modeler, sample=brought, source_versions=[version])
        match.refresh_from_db()
        with run_jobs():
            table = features.build_features(user=people.modeler, match=match)
        table.refresh_from_db()
        assert table.state == "ready", table.job
        return table

    return through


@pytest.fixture
def real(load, shared_data):
    """A lender's and a host's columns of the same people, 30 in 100 of them unknown to the host."""
    guest = pd.read_csv(shared_data / "fate_default_credit_hetero_guest.csv.gz", nrows=N)
    host = pd.read_csv(shared_data / "fate_default_credit_hetero_host.csv.gz")
    host = host[host["id"].isin(guest["id"])]
    host = host[np.random.default_rng(5).random(len(host)) > 0.3]
    for table in (guest, host):
        table["id"] = hashed(table["id"])
    return load(guest, ID | {"label": "y"}, host, ID, "snapshot")


@pytest.fixture
def timed(load):
    """Applications over a year, and a year and a half of events, some known late."""
    rng = np.random.default_rng(7)
    people = hashed(range(1500))
    events = pd.DataFrame({"id": rng.choice(people[:1200], 9000)})
    start = pd.Timestamp("2024-01-01", tz="UTC")
    events["event_time"] = start + pd.to_timedelta(rng.integers(0, 540 * 86_400, len(events)), unit="s")
    events["known_at"] = events["event_time"] + pd.to_timedelta(rng.integers(0, 5 * 86_400, len(events)), unit="s")
    events["amount"] = rng.normal(5000, 1500, len(events)).round(3)
    events["lender"] = rng.choice(["a", "b", "c"], len(events))
    sample = pd.DataFrame({"id": people, "income": rng.normal(8000, 2000, len(people)).round(2)})
    sample["at"] = start + pd.to_timedelta(rng.integers(180 * 86_400, 540 * 86_400, len(sample)), unit="s")
    busy = sample["id"].map(events["id"].value_counts()).fillna(0)
    chance = 1 / (1 + np.exp(2.0 - 0.15 * busy + (sample["income"] - 8000) / 3000))
    sample["y"] = (rng.random(len(sample)) < chance).astype(int)
    plan = ID | {"event_time": "event_time", "known_at": "known_at"}
    return load(sample, ID | {"label": "y", "observed_at": "at"}, events, plan, "events")


def product_and_key(table, people, partner_bank, algorithm):
    run = world.run_of(table, algorithm=algorithm, column_set="joint", xgb={"n_estimators": 30, "max_depth": 3})
    product = world.product_of(run, people.approver)
    key = keys.issue_key(user=people.integrator, product=product, institution=partner_bank, name="Parity")
    return run, product, key.secret


def asked(run, rows: pd.DataFrame) -> list[dict]:
    """Requests as the partner would send them: own columns that the model takes, hashed ids, the time if any."""
    sample = pd.read_parquet(storage.folder(run.feature_table.match.sample.ticket["path"]) / "rows.parquet")
    sample = sample.set_index("row_id").loc[rows.index]
    taken = {c["name"] for c in run.ticket["columns"] if c["party"] == "partner"}
    bodies = []
    for row_id, row in sample.iterrows():
        own = {k: v for k, v in world.features_of(row).items() if f"partner__{k}" in taken}
        body = {"request_id": row_id, "ids": {"mobile__sha256": row["id__mobile__sha256"]}, "features": own}
        bodies.append(body | ({"observed_at": row["observed_at"].isoformat()} if "observed_at" in sample else {}))
    return bodies


@pytest.mark.parametrize("algorithm", ["scorecard", "xgboost"])
@pytest.mark.parametrize("kind", ["real", "timed"])
def test_door_batch_scorer_and_training_agree(request, people, partner_bank, client, algorithm, kind):
    table = request.getfixturevalue(kind)
    run, product, key = product_and_key(table, people, partner_bank, algorithm)
    written, raw = world.predictions(run)
    rows = raw.sample(150, random_state=1)
    assert 0 < rows["matched"].mean() < 1
    bodies = asked(run, rows)
    post = {"content_type": "application/json", "headers": {"Authorization": f"Bearer {key}"}}
    url = f"/api/v1/products/{product.slug}/score"
    singles = [client.post(url, json.dumps(body), **post).json() for body in bodies]
    again = [body | {"request_id": f"b-{body['request_id']}"} for body in bodies]
    batch = client.post(f"{url}/batch", json.dumps({"rows": again}), **post).json()["results"]
    scorer = loaded(product.model.versions.get().pk).scorer
    for body, single, row in zip(bodies, singles, batch, strict=True):
        name = body["request_id"]
        values = {c: None if pd.isna(v) else v for c, v in raw.loc[name].items()}
        direct = scorer.score_row(values)
        assert single["matched"] == raw.loc[name, "matched"], name
        assert single["score"] == written.loc[name, "score"] == direct.score == row["score"], name
        assert single["pd"] == pytest.approx(written.loc[name, "pd"], abs=1e-6)
        assert row["pd"] == single["pd"] == pytest.approx(direct.pd, abs=1e-9)
        assert row["reasons"] == single["reasons"]
        assert row["band"] == single["band"]
    assert ScoreCall.objects.count() == 300


def test_nobody_known_is_unmatched_with_missing_features(real, people, partner_bank, client):
    _run, product, key = product_and_key(real, people, partner_bank, "scorecard")
    body = {"request_id": "a", "ids": {"mobile__sha256": "0" * 64}, "features": {}}
    post = {"content_type": "application/json", "headers": {"Authorization": f"Bearer {key}"}}
    answer = client.post(f"/api/v1/products/{product.slug}/score", json.dumps(body), **post)
    assert answer.status_code == 200, answer.content
    assert answer.json()["matched"] is False
    for ids, code in (
        ({}, "missing_id"),
        ({"mobile__sha256": "13800138000"}, "bad_hash"),
        ({"mobile__sha256": "A" * 64}, "bad_hash"),
        ({"mobile__md5": "0" * 32}, "unknown_id_type"),
    ):
        wrong = client.post(
            f"/api/v1/products/{product.slug}/score", json.dumps(body | {"ids": ids, "request_id": code}), **post
        )
        assert (wrong.status_code, wrong.json()["code"]) == (422, code)
        assert "13800138000" not in wrong.content.decode()


def test_each_side_reads_only_its_own_values(real, people, partner_bank, client, api_of):
    run, product, key = product_and_key(real, people, partner_bank, "scorecard")
    _, raw = world.predictions(run)
    body = asked(run, raw[raw["matched"]].head(1))[0]
    post = {"content_type": "application/json", "headers": {"Authorization": f"Bearer {key}"}}
    client.post(f"/api/v1/products/{product.slug}/score", json.dumps(body), **post)
    url = f"/api/v1/products/{product.slug}/calls/{body['request_id']}"
    for person, own in ((people.partner, "partner"), (people.modeler, "platform")):
        lines = api_of(person).get(url).json()["values"]
        assert {line["owner"] for line in lines} == {"partner", "platform"}
        for line in lines:
            assert line["hidden"] == (line["owner"] != own)
            assert (line["value"] is None) == line["hidden"]
    replayed = api_of(people.modeler).post(f"{url}/replay").json()
    assert replayed["equal"] is True
    assert api_of(people.stranger).get(url).status_code == 404
