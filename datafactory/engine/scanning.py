"""First pass over a file: bounded, checked for raw personal numbers, kept raw in Arrow with the kinds it holds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from datafactory.engine.dialect import DELIMITERS, Dialect, find_dialect
from datafactory.engine.files import RawTable, open_table
from datafactory.engine.identifiers import PersonalScan, check_id_role
from datafactory.engine.kinds import KindScan
from datafactory.engine.plans import Limits, SamplePlan, SourcePlan, check_roles
from datafactory.engine.sniffing import looks_like_data
from datafactory.engine.tables import group_rows, writer
from modeling.artifacts import Kind, Progress
from modeling.errors import DataError

LOOK_BYTES = 64 * 1024**2


class Columns(Protocol):
    """The columns of a sample or a source, which turn raw rows into typed ones."""

    def convert(self, batch: pa.RecordBatch, first_row: int) -> pa.RecordBatch: ...

    def verify(self) -> None:
        """After the last row: raise for what only all rows together can tell."""


@dataclass(frozen=True)
class Scan:
    """What the first pass leaves: every value as it came, in Arrow, and what the columns are."""

    path: Path
    names: list[str]
    kinds: dict[str, Kind]
    n_rows: int
    dialect: Dialect
    sha256: str

    def batches(self) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Batches with the 1-based number of their first row."""
        first = 1
        rows = group_rows(len(self.names))
        with pa.memory_map(str(self.path)) as source:
            reader = pa.ipc.open_file(source)
            for position in range(reader.num_record_batches):
                batch = reader.get_batch(position)
                for start in range(0, batch.num_rows, rows):
                    part = batch.slice(start, rows)
                    yield first, part
                    first += part.num_rows

    def write_typed(self, columns: Columns, schema: pa.Schema, path: Path, progress: Progress) -> None:
        """Write the typed rows that ``columns`` makes of the raw ones, batch by batch."""
        with writer(path, schema) as table:
            for first, batch in self.batches():
                table.write(columns.convert(batch, first))
                progress(first - 1 + batch.num_rows, self.n_rows, "converting")
        columns.verify()


def file_sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def scan_file(path: Path, plan: SamplePlan | SourcePlan, limits: Limits, work: Path, progress: Progress) -> Scan:
    """Read the whole file once into ``work``; raises :class:`DataError` at the first thing that makes it unusable."""
    dialect = find_dialect(path, limits, plan.encoding, plan.delimiter)
    kinds, personal = KindScan(plan.nulls, plan.decimal), PersonalScan()
    target = work / "raw.arrow"
    with open_table(path, dialect.encoding, dialect.delimiter, limits) as table:
        _check_plan(plan, table.names)
        n_rows = _keep(table, target, personal, kinds, progress)
    personal.refuse()
    found = {name: plan.kinds.get(name, kinds.kind(name)) for name in table.names}
    return Scan(target, table.names, found, n_rows, dialect, file_sha256(path))


def _keep(table: RawTable, target: Path, personal: PersonalScan, kinds: KindScan, progress: Progress) -> int:
    """Write every batch as it came, and look at it on the way."""
    batches = iter(table.batches)
    first = next(batches)  # a file without rows was refused before
    done = 0
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.OSFile(str(target), "wb") as sink, pa.ipc.new_file(sink, first.schema, options=options) as out:
        for batch in _larger(chain([first], batches)):
            for name, column in zip(table.names, batch.columns, strict=True):
                numbers = kinds.look(name, column)
                personal.look(name, column, done + 1, numbers)
            out.write_batch(batch)
            done += batch.num_rows
            progress(done, table.n_rows or 0, "reading")
    return done


def _larger(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Batches of at least so many bytes: each column is looked at once a batch, which costs the same for few rows."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(one.nbytes for one in held) >= LOOK_BYTES:
            yield pa.Table.from_batches(held).combine_chunks().to_batches()[0]
            held = []
    if held:
        yield pa.Table.from_batches(held).combine_chunks().to_batches()[0]


def _check_plan(plan: SamplePlan | SourcePlan, names: list[str]) -> None:
    if len(names) == 1 and (other := next((mark for mark in DELIMITERS if mark in names[0]), None)):
        raise DataError(
            "wrong_delimiter",
            "The header holds one name only. The values seem to be separated by %(other)s.",
            other=repr(other),
        )
    if looks_like_data(names):
        raise DataError("no_header", "The first row holds values, not names of columns. Add a header.")
    check_roles(plan, names)
    for role in plan.ids:
        check_id_role(role)
