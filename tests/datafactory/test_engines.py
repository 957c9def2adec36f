"""One suite for all table engines: the same rows whoever computes them, and nothing read outside the artifact root."""

from __future__ import annotations

import os
from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datafactory.engine import sorted_rows
from datafactory.engine.engines import ENGINES, open_engine
from datafactory.engine.features import FeaturePlan
from datafactory.engine.windows import halves
from modeling.artifacts import Column, hash_folder
from modeling.errors import DataError
from tests.datafactory.test_matching_property import FIELDS, NAMES, TYPES, WINDOWS, random_case, spread
from tests.datafactory.worlds import MOBILE, World, at, hashed

STRICT = os.environ.get("ETRON_TEST_STRICT") == "1"
GRADE = Column("grade", "category", "platform", "people", "grade")
LIMIT = Column("limit", "decimal", "platform", "people", "limit")
OPENED = Column("opened", "date", "platform", "people", "opened")


def need(name):
    if name == "spark" and find_spec("pyspark") is None:
        if STRICT:
            pytest.fail("pyspark is not installed (make setup-spark)")
        pytest.skip("pyspark is not installed (make setup-spark)")


@pytest.fixture(params=[pytest.param(name, marks=[pytest.mark.slow] if name == "spark" else []) for name in ENGINES])
def name(request):
    need(request.param)
    return request.param


@pytest.fixture
def engine(name, tmp_path):
    root = tmp_path / "artifacts"
    root.mkdir()
    with closing(open_engine(name, root, memory_mb=1024)) as opened:
        yield opened


def fill(world):
    """Applications and events of 600 random cases, and a snapshot with a date, a flag and money."""
    rng = np.random.default_rng(11)
    sample, source = spread([random_case(rng) for _ in range(600)])
    world.add_sample(sample, id_types=TYPES)
    world.add_source("loans", source, FIELDS, id_types=TYPES)
    people = []
    for row in {row[MOBILE]: row for row in sample if row[MOBILE]}.values():
        for day in (-40, 3, 25):
            people.append(
                {
                    MOBILE: row[MOBILE],
                    "event_time": at(day),
                    "known_at": at(day + 1),
                    "grade": [None, "A", "B"][rng.integers(3)],
                    "limit": Decimal(int(rng.integers(0, 10**6))) / 100,
                    "mark": int(rng.integers(0, 9)),
                    "opened": None if rng.random() < 0.2 else at(float(rng.integers(-900, 900)) / 7),
                }
            )
    mark = FIELDS[0]
    world.add_source("people", people, (GRADE, LIMIT, mark, OPENED), kind="snapshot", valid_days=30)
    return world


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """What DuckDB makes of it, on one thread."""
    world = fill(World(tmp_path_factory.mktemp("reference"), engine="duckdb"))
    world.build(PLAN)
    return world


PLAN = FeaturePlan({"loans": NAMES, "people": ("grade", "limit", "mark", "opened")}, WINDOWS, grids={"loans": NAMES})


def test_every_engine_makes_the_same_bytes(name, tmp_path, reference):
    world = fill(World(tmp_path, engine=name))
    ticket, _ = world.build(PLAN, threads=2)
    for folder in ("features-match", "features"):
        file = {"features-match": "matched.parquet", "features": "rows.parquet"}[folder]
        ours, theirs = (pq.read_table(one.root / folder / file) for one in (world, reference))
        assert ours.schema == theirs.schema
        for column in theirs.column_names:
            assert ours[column].equals(theirs[column]) or _same_with_nan(ours[column], theirs[column]), column
        assert hash_folder(world.root / folder) == hash_folder(reference.root / folder)
    assert ticket.n_rows > 600 < ticket.n_matched_rows


def _same_with_nan(ours, theirs):
    return pa.types.is_floating(theirs.type) and np.array_equal(ours.to_numpy(), theirs.to_numpy(), equal_nan=True)


def test_pieces_of_a_source_cut_nobody_in_two(tmp_path, reference, monkeypatch):
    monkeypatch.setattr(sorted_rows, "_READ_ROWS", 10)
    world = fill(World(tmp_path))
    for source in world.sources:
        path = world.root / source.path / "rows.parquet"
        pq.write_table(pq.read_table(path), path, row_group_size=7)
    world.build(PLAN)
    for folder in ("features-match", "features"):
        assert hash_folder(world.root / folder) == hash_folder(reference.root / folder)


def numbers(engine, values):
    pq.write_table(pa.table({"x": values}), engine.scratch("numbers.parquet"))
    return engine.table(engine.scratch("numbers.parquet"))


def test_doubles_are_halved_into_the_same_whole_numbers(engine):
    rng = np.random.default_rng(4)
    ties = [0.5, 1.5, -0.5, -2.5, 2.0**41 + 0.5, -(2.0**42) - 0.5, 0.3, -0.3, 0.0, -0.0, 1e-300]
    x = np.concatenate([ties, rng.normal(size=500) * 2.0 ** rng.integers(-20, 84, 500)])
    table = numbers(engine, x)
    high, low = halves(table.x)
    found = engine.fetch(table.select(high=high, low=low)).to_pydict()
    assert [h * 2**42 + low for h, low in zip(found["high"], found["low"], strict=True)] == [round(v) for v in x]


def test_positions_are_those_of_the_file(engine):
    path = engine.root / "rows.parquet"
    pq.write_table(pa.table({"x": np.arange(10_000)}), path, row_group_size=1000)
    table = engine.table(path, row_no="__row")
    assert engine.fetch(table.filter(table["x"] != table["__row"]).count().name("n").as_table())["n"].to_pylist() == [0]
    kept = engine.keep("odd", table.filter(table["x"] % 2 == 1))
    batches = list(engine.batches(kept.order_by(kept["x"].desc()), rows=1000))
    assert pa.Table.from_batches(batches)["x"].to_pylist() == list(range(9999, 0, -2))


def test_what_is_lent_under_one_name_is_not_mixed_up(engine):
    tables = [engine.lend("asked", pa.table({"x": [n]})) for n in range(3)]
    assert [engine.fetch(table)["x"].to_pylist() for table in tables] == [[0], [1], [2]]


def test_sums_too_large_for_doubles_stay_exact(name, tmp_path):
    world = World(tmp_path, engine=name)
    world.add_sample([{"row_id": "1", MOBILE: hashed(1), "observed_at": at(50)}])
    amount = Column("amount", "float", "platform", "loans", "amount")
    values = [1e9, 3e-7, -1e9, 0.1] * 25
    rows = [{MOBILE: hashed(1), "event_time": at(49) + timedelta(seconds=i)} for i in range(100)]
    rows = [row | {"known_at": row["event_time"], "amount": v} for row, v in zip(rows, values, strict=True)]
    world.add_source("loans", rows, (amount,))
    world.build(FeaturePlan(windows_days=(7,)))
    assert world.rows()[0]["loans__sum_amount_d7"] == pytest.approx(25 * (0.1 + 3e-7), rel=1e-12)


# What must not be read


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret.parquet"
    pq.write_table(pa.table({"x": [918273645]}), path)
    (tmp_path / "secret.csv").write_text("x\n918273645\n")
    return path


def outside(error):
    return getattr(error.value, "code", "") in {"path_outside", "expression_foreign"}


def test_paths_stay_in_the_root(engine, secret):
    inner = engine.root / "inner.parquet"
    pq.write_table(pa.table({"x": [1]}), inner)
    (engine.root / "link.parquet").symlink_to(secret)
    (engine.root / "folder").symlink_to(secret.parent)
    (engine.root / "star*.parquet").write_bytes(inner.read_bytes())
    for path in (
        secret,
        engine.root / ".." / "secret.parquet",
        engine.root / "link.parquet",
        engine.root / "folder" / "secret.parquet",
        engine.root / "star*.parquet",
        engine.root,
        Path("/etc/passwd"),
    ):
        with pytest.raises(DataError) as error:
            engine.table(path)
        assert outside(error), path
    for file in ("../x", "a/b", "..", ""):
        with pytest.raises(DataError) as error:
            engine.scratch(file)
        assert outside(error), file
    assert engine.fetch(engine.table(inner))["x"].to_pylist() == [1]


def test_the_temporary_folder_must_lie_in_the_root(name, tmp_path):
    (tmp_path / "artifacts").mkdir()
    with pytest.raises(DataError) as error:
        open_engine(name, tmp_path / "artifacts", temp=tmp_path / "elsewhere")
    assert outside(error)


@ibis.udf.scalar.builtin
def reflect(of: str, method: str, argument: str) -> str:
    raise NotImplementedError


def foreign(engine, secret):
    """Expressions that bring a table, SQL or a function of their own."""
    own = engine.table(engine.scratch("numbers.parquet"))
    there = f"'{secret}'"
    return {
        "another connection": ibis.duckdb.connect().read_parquet(str(secret)),
        "joined": own.join(ibis.duckdb.connect().read_parquet(str(secret)), "x"),
        "memory": ibis.memtable({"x": [1]}),
        "unbound": ibis.table({"x": "int64"}, name="secret"),
        "function": own.mutate(y=reflect("java.lang.System", "getenv", "HOME")),
        "sql": ibis.duckdb.connect().sql(f"SELECT * FROM read_parquet({there})"),
        "reader beside the engine": engine._connection.read_parquet(str(secret))
        if engine.name in {"polars", "spark"}
        else None,
    }


def test_expressions_use_only_tables_of_their_engine(engine, secret):
    numbers(engine, [1.0])
    for what, expression in foreign(engine, secret).items():
        for run in (engine.fetch, lambda e: engine.keep("stolen", e), lambda e: list(engine.batches(e))):
            if expression is not None:
                with pytest.raises(DataError) as error:
                    run(expression)
                assert outside(error), what


def test_sql_in_an_expression_is_refused(engine, secret):
    table = numbers(engine, [1.0])
    for query in (f"SELECT * FROM read_parquet('{secret}')", f"SELECT * FROM parquet.`{secret}`", "SELECT 1 AS x"):
        with pytest.raises(Exception) as error:  # noqa: PT011 - some engines refuse while it is put together
            engine.fetch(table.sql(query))
        assert "918273645" not in str(error.value)


def test_spark_and_duckdb_refuse_files_in_sql_themselves(name, engine, secret):
    if name == "polars":
        pytest.skip("nothing but the guard stands before polars' SQL, which no expression reaches")
    statements = {
        "duckdb": [f"SELECT * FROM read_parquet('{secret}')", f"SELECT * FROM '{secret.with_suffix('.csv')}'"],
        "local": [f"SELECT * FROM read_csv('{secret.with_suffix('.csv')}')"],
        "spark": [f"SELECT * FROM parquet.`{secret}`", f"SELECT * FROM csv.`{secret.with_suffix('.csv')}`"],
    }
    for statement in statements[name]:
        with pytest.raises(Exception, match=r"(?i)permission|unsupported|not found|disabled|cannot be found"):
            engine._connection.raw_sql(statement).fetchall()


def test_nothing_is_left_behind(engine):
    numbers(engine, [1.0])
    assert list(engine.temp.iterdir())
    engine.close()
    assert not engine.temp.exists()


def test_an_engine_that_is_not_there_is_named(tmp_path, monkeypatch):
    with pytest.raises(DataError, match="no table engine called dask; there are local, duckdb, polars, spark"):
        open_engine("dask", tmp_path)
    monkeypatch.setattr("datafactory.engine.engines.find_spec", lambda name: None)
    with pytest.raises(DataError, match="spark is not installed"):
        open_engine("spark", tmp_path)
