"""Generated samples and sources for the benchmarks of matching, kept below ``var/benchmarks`` between runs."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from datafactory.engine import keying
from datafactory.engine.engines import LocalEngine
from datafactory.engine.keying import key_ids, keyed_column
from datafactory.engine.matching import MatchPlan, SourceInput, match_sample
from datafactory.engine.tables import writer
from modeling.artifacts import Column, MatchReport, SampleFile

HOME = Path(__file__).parents[1] / "var" / "benchmarks"
KEY = bytes(range(32))
ID_TYPE = "mobile__sha256"
ID = f"id__{ID_TYPE}"
THREADS = 2
MEMORY_MB = 1024
N_SAMPLE = 200_000
DAY_US = 86_400_000_000
TIME = pa.timestamp("us", tz="UTC")
SEED = 7
_BLOCK = 250_000
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Case:
    """A sample and one source below ``root``, and all that a match of them needs."""

    root: Path
    source: SourceInput

    @property
    def sample(self) -> SampleFile:
        n = pq.read_metadata(self.root / "sample" / "rows.parquet").num_rows
        return SampleFile("", (), "sample", "sample", (ID_TYPE,), (), n, n, None, True, False)

    @property
    def plan(self) -> MatchPlan:
        return MatchPlan((ID_TYPE,), (self.source,), floor_ids=1000)

    @property
    def keyed(self) -> dict[str, Path]:
        return {self.source.slug: self.root / "keyed"}

    @property
    def files(self) -> tuple[Path, Path, Path]:
        """The keyed sample, the source and its keyed ids, as the peers read them."""
        return (
            self.root / "spine.parquet",
            self.root / "source" / "rows.parquet",
            self.root / "keyed" / f"keys__{ID_TYPE}.parquet",
        )

    def match(self, out: Path) -> MatchReport:
        with LocalEngine(self.root, THREADS, MEMORY_MB) as engine:
            return match_sample(self.sample, self.root / "sample", self.plan, KEY, self.keyed, out, engine)[0]


def made(name: str, make: Callable[[Path], None]) -> Path:
    """The folder of a data set, made on first use."""
    code = Path(__file__).read_bytes() + Path(keying.__file__).read_bytes()
    recipe = hashlib.sha256(code).hexdigest()[:8]
    folder = HOME / f"{name}-{recipe}"
    if not folder.is_dir():
        aside = HOME / f".{folder.name}"
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        make(aside)
        aside.rename(folder)
    return folder


def snapshot(n_ids: int, n_columns: int, n_sample: int = N_SAMPLE) -> Case:
    """``n_ids`` people with ``n_columns`` fields, every 25th corrected once; 7 of 10 applicants are among them."""
    fields = [_field(n) for n in range(n_columns)]
    folder = made(
        f"snapshot-{n_ids}x{n_columns}-{n_sample}", lambda root: _write_snapshot(root, n_ids, fields, n_sample)
    )
    source = SourceInput("people", "snapshot", "source", (ID_TYPE,), True, True, "people", tuple(fields))
    return Case(folder, source)


def _field(n: int) -> Column:
    kind: Any = ("int", "float", "int", "float", "category")[n % 5]
    return Column(f"c{n:03d}", kind, "platform", "people", f"c{n:03d}")


def _write_snapshot(root: Path, n_ids: int, fields: list[Column], n_sample: int) -> None:
    rng = np.random.default_rng(SEED)
    ids = _sorted_hex(rng, n_ids)
    rows = np.sort(np.concatenate([np.arange(n_ids), np.arange(0, n_ids, 25)]))
    event = rng.integers(0, 730 * DAY_US, len(rows))
    event[1:][rows[1:] == rows[:-1]] = event[:-1][rows[1:] == rows[:-1]]
    known = event + rng.integers(0, 6, len(rows)) * DAY_US
    known[1:][rows[1:] == rows[:-1]] += 30 * DAY_US
    block = [_values(rng, field) for field in fields]
    names = [ID, "event_time", "known_at", *(field.name for field in fields), "row_hash"]

    def part(start: int) -> list[Any]:
        mine = slice(start, start + _BLOCK)
        size = len(rows[mine])
        times = [pa.array(values[mine]).cast(TIME) for values in (event, known)]
        return [
            ids.take(pa.array(rows[mine])),
            *times,
            *(values.slice(0, size) for values in block),
            _hex(rng, size, 16),
        ]

    _write(root, names, part, len(rows))
    _write_sample(root, rng, _mixed(rng, ids, n_sample), n_sample)


def _values(rng: np.random.Generator, field: Column) -> pa.Array:
    """One block of a field; it comes again every 250,000 rows."""
    if field.kind == "category":
        return pa.array([f"group {n:02d}" for n in range(12)]).take(pa.array(rng.integers(0, 12, _BLOCK)))
    if field.kind == "int":
        return pa.array(rng.integers(0, 1000, _BLOCK))
    return pa.array(np.round(rng.lognormal(6, 1, _BLOCK), 2))


def events(n_events: int, n_sample: int = N_SAMPLE) -> Case:
    """Events of twice as many people as there are applications, known up to 5 days later."""
    folder = made(f"events-{n_events}-{n_sample}", lambda root: _write_events(root, n_events, n_sample))
    fields = (
        Column("amount", "float", "platform", "lending", "amount"),
        Column("lender", "category", "platform", "lending", "lender"),
    )
    return Case(folder, SourceInput("lending", "events", "source", (ID_TYPE,), True, True, "lending", fields))


def _write_events(root: Path, n_events: int, n_sample: int) -> None:
    rng = np.random.default_rng(SEED)
    ids = _sorted_hex(rng, 2 * n_sample)
    people, event = rng.integers(0, 2 * n_sample, n_events), rng.integers(0, 730 * DAY_US, n_events)
    order = np.lexsort((event, people))
    people, event = people[order], event[order]
    known = event + rng.integers(0, 6, n_events) * DAY_US
    lenders = pa.array([f"L{n:02d}" for n in range(60)])

    def part(start: int) -> list[Any]:
        mine = slice(start, start + _BLOCK)
        size = len(people[mine])
        times = [pa.array(values[mine]).cast(TIME) for values in (event, known)]
        amount, lender = np.round(rng.lognormal(6, 1, size), 2), lenders.take(pa.array(rng.integers(0, 60, size)))
        return [ids.take(pa.array(people[mine])), *times, pa.array(amount), lender, _hex(rng, size, 16)]

    _write(root, [ID, "event_time", "known_at", "amount", "lender", "row_hash"], part, n_events)
    _write_sample(root, rng, ids.take(pa.array(rng.permutation(2 * n_sample)[:n_sample])), n_sample)


def _write(root: Path, names: list[str], part: Callable[[int], list[Any]], n_rows: int) -> None:
    """The source as an import writes it, and its keyed ids."""
    (root / "source").mkdir()
    schema = pa.RecordBatch.from_arrays(part(0), names).schema
    with writer(root / "source" / "rows.parquet", schema) as out:
        for start in range(0, n_rows, _BLOCK):
            out.write(pa.RecordBatch.from_arrays(part(start), schema=schema))
    (root / "keyed").mkdir()
    key_ids(root / "source" / "rows.parquet", [ID_TYPE], KEY, root / "keyed")


def _mixed(rng: np.random.Generator, ids: pa.Array, n_sample: int) -> pa.Array:
    known = ids.take(pa.array(rng.permutation(len(ids))[: n_sample * 7 // 10]))
    unknown = _sorted_hex(np.random.default_rng(SEED + 1), n_sample - len(known))
    return pa.concat_arrays([known, unknown]).take(pa.array(rng.permutation(n_sample)))


def _write_sample(root: Path, rng: np.random.Generator, ids: pa.Array, n_sample: int) -> None:
    """A sample as an import writes it, and the same with keyed ids for the peers."""
    (root / "sample").mkdir()
    observed = pa.array(rng.integers(365 * DAY_US, 730 * DAY_US, n_sample)).cast(TIME)
    rows = {
        "row_id": pa.array([f"{n:08d}" for n in range(n_sample)]),
        "person": ids,
        ID: ids,
        "observed_at": observed,
        "weight": np.ones(n_sample),
    }
    pq.write_table(pa.table(rows), root / "sample" / "rows.parquet")
    keys = keyed_column(pa.chunked_array([ids]), ID_TYPE, KEY)
    spine = {"pos": np.arange(n_sample), "row_id": rows["row_id"], "observed_at": observed, "key": keys}
    pq.write_table(pa.table(spine), root / "spine.parquet")


def _sorted_hex(rng: np.random.Generator, n: int) -> pa.Array:
    """``n`` ascending ids of 64 characters; 64 bits of each are enough to be distinct."""
    first = np.sort(rng.integers(0, 2**63, n, dtype=np.uint64))
    assert len(np.unique(first)) == n
    raw = np.concatenate([first.astype(">u8").view(np.uint8).reshape(n, 8), rng.integers(0, 256, (n, 24), np.uint8)], 1)
    return _text(raw)


def _hex(rng: np.random.Generator, n: int, n_bytes: int) -> pa.Array:
    return _text(rng.integers(0, 256, (n, n_bytes), np.uint8))


def _text(raw: npt.NDArray[np.uint8]) -> pa.Array:
    """Rows of bytes as hexadecimal text."""
    n, width = raw.shape
    digits = np.stack([_HEX[raw >> 4], _HEX[raw & 15]], axis=2).reshape(-1)
    offsets = np.arange(n + 1, dtype=np.int64) * (2 * width)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(digits)]
    return pa.Array.from_buffers(pa.large_string(), n, buffers).cast(pa.string())
