"""The synthetic world: the same seed gives the same bytes, and what it promises holds."""

import pandas as pd
import pyarrow.parquet as pq
import pytest

from modeling.artifacts import hash_folder
from sandbox.people import Plan
from sandbox.tables import make_world


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    make_world(folder, Plan(people=3_000))
    return folder


def test_same_seed_same_bytes(world, tmp_path):
    make_world(tmp_path / "again", Plan(people=3_000))
    assert hash_folder(tmp_path / "again") == hash_folder(world)


def test_other_seed_other_bytes(world, tmp_path):
    make_world(tmp_path / "other", Plan(people=3_000, seed=8))
    assert hash_folder(tmp_path / "other") != hash_folder(world)


def test_events_are_known_after_they_happen(world):
    lending = pq.read_table(world / "platform/lending.parquet").to_pandas()
    assert (lending.known_at > lending.event_time).all()
    assert (lending.known_at - lending.event_time).max() > pd.Timedelta(days=5), (
        "late corrections are part of the world"
    )


def test_nothing_is_known_after_the_worlds_end(world):
    for name in ("lending", "repayment", "behaviour", "profile"):
        table = pq.read_table(world / f"platform/{name}.parquet").to_pandas()
        known = table["known_at" if "known_at" in table else "event_time"]
        assert known.max() < pd.Timestamp(Plan().until, tz="UTC"), name


def test_ids_are_hashes_and_the_two_sides_meet(world):
    sample = pd.read_csv(world / "partner/applications.csv")
    profile = pq.read_table(world / "platform/profile.parquet").to_pandas()
    assert sample.mobile_sha256.str.fullmatch("[0-9a-f]{64}").all()
    rate = sample.mobile_sha256.isin(profile.mobile_sha256).mean()
    assert 0.7 < rate < 0.9


def test_bad_rate_is_a_lenders(world):
    sample = pd.read_csv(world / "partner/applications.csv")
    assert 0.05 < sample.bad_30dpd_6mob.mean() < 0.14
    assert sample.application_no.is_unique


def test_gangs_share_devices(world):
    gangs = pq.read_table(world / "truth/gangs.parquet").to_pandas()
    links = pq.read_table(world / "platform/links.parquet").to_pandas()
    shared = gangs.merge(links, on="mobile_sha256").groupby("gang").device_sha256.nunique()
    assert (shared <= 2).all()


def test_truth_is_not_in_what_models_read(world):
    for path in [*(world / "platform").iterdir()]:
        assert not {"gang", "intermediary", "risk", "stress"} & set(pq.read_schema(path).names)
