"""Fields of a source may be called as its owner calls them, whatever the engine calls its own columns."""

from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from datafactory.engine.features import FeaturePlan, choose_features
from datafactory.engine.online import FeatureLookup, OnlineStore, build_online_store
from datafactory.engine.plans import IdRole, Limits, SourcePlan
from datafactory.engine.sources import read_source
from modeling.artifacts import Column
from modeling.errors import DataError
from tests.datafactory.worlds import KEY, MOBILE, START, World, at, hashed

ODD = (
    *("row_id", "person", "observed_at", "y", "weight", "split", "approved", "matched", "partner", "sample"),
    *("id", "key", "pos", "n", "latest", "by", "having", "self", "metrics", "count", "where", "select", "rows"),
    *("a|b", 'say "x"', "it's", "收入", "count_d30 ", "x_right", "rank", "bucket"),
)


def built(folder, names):
    """The same data under the given names: table, features and what is looked up for each application."""
    rng = np.random.default_rng(5)
    world = World(folder)
    rows: list[dict[str, Any]] = [
        {"row_id": f"{i:03d}", MOBILE: hashed(i % 40), "observed_at": at(200 + i % 9)} for i in range(60)
    ]
    world.add_sample(rows)
    columns = [Column(name, "float", "platform", "loans", name) for name in names]
    lookups = []
    for slug, kind in (("loans", "events"), ("people", "snapshot")):
        events = [
            {MOBILE: hashed(int(rng.integers(0, 30))), "event_time": at(day), "known_at": at(day + 1)}
            | dict(zip(names, rng.normal(size=len(names)).round(3).tolist(), strict=True))
            for day in rng.integers(0, 210, 300).tolist()
        ]
        source = world.add_source(slug, events, columns, kind=kind)
        build_online_store(source, world.root / slug, world.keyed[slug], world.folder(f"online-{slug}"))
        lookups.append((choose_features(source, FeaturePlan()), OnlineStore(world.root / f"online-{slug}")))
    world.build()
    lookup = FeatureLookup((MOBILE,), KEY, lookups)
    return world.rows(), [lookup({MOBILE: row[MOBILE]}, row["observed_at"]) for row in rows]


def test_names_change_no_value_in_matching_windows_and_look_ups(tmp_path):
    table, online = built(tmp_path / "odd", ODD)
    plain_table, plain_online = built(tmp_path / "plain", tuple(f"f{i}" for i in range(len(ODD))))
    for row, plain in zip(table, plain_table, strict=True):
        assert list(row.values()) == list(plain.values())
    for (values, matched), (plain, also) in zip(online, plain_online, strict=True):
        assert (list(values.values()), matched) == (list(plain.values()), also)
    assert {f"people__{name}" for name in ODD} < set(table[0])
    assert sum(row["people__y"] is not None for row in table) > 10
    for row, (values, _) in zip(table, online, strict=True):
        assert {name: row[name] for name in values} == values


def read(tmp_path, names):
    file, out = tmp_path / "file.csv", tmp_path / "out"
    out.mkdir()
    quoted = ",".join('"' + name.replace('"', '""') + '"' for name in ("mobile", "day", *names))
    lines = [",".join([hashed(i), "2023-01-01", *(str(i + j) for j in range(len(names)))]) for i in range(30)]
    file.write_text("\n".join([quoted, *lines]) + "\n")
    plan = SourcePlan(slug="loans", ids=(IdRole("mobile", "mobile", "sha256"),), event_time="day", delay_days=1)
    ticket, _ = read_source(file, plan, out, Limits(), at(900))
    return ticket, pq.read_table(out / "rows.parquet")


def test_a_lenders_file_is_read_as_it_is(tmp_path):
    names = tuple(name for name in ODD if name == name.strip())
    ticket, table = read(tmp_path, names)
    assert tuple(column.name for column in ticket.columns) == names
    assert sorted(table["approved"].to_pylist()) == [6 + i for i in range(30)]
    assert table["event_time"].to_pylist()[0] > START - (at(1) - at(0))


@pytest.mark.parametrize("name", ["event_time", "Known_At", "row_hash", "id__mobile__md5", "__pos", "file_row_number"])
def test_what_the_engine_needs_for_itself_is_refused_by_name(tmp_path, name):
    with pytest.raises(DataError) as refused:
        read(tmp_path, (name,))
    assert refused.value.code == "field_reserved"
