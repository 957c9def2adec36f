"""A file is read once, by several threads: cut into blocks, looked at, checked, converted and written in order.

The kinds of the columns are known when the first block is; a later block may show that a column is of a wider kind, and
then the file is read again with the kinds that hold for all its rows.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

import pyarrow as pa

from datafactory.engine.blocks import Block, BlockTable, open_blocks
from datafactory.engine.dialect import DELIMITERS, find_dialect
from datafactory.engine.identifiers import check_id_role
from datafactory.engine.kinds import KindScan
from datafactory.engine.looking import Look, Reading
from datafactory.engine.personal import PersonalScan
from datafactory.engine.plans import Dialect, FilePlan, Limits, SamplePlan, SourcePlan, check_roles, feature_columns
from datafactory.engine.sniffing import looks_like_data
from datafactory.engine.sorting import BlockFile
from datafactory.engine.tables import TableWriter
from modeling.artifacts import Kind, Progress
from modeling.errors import DataError

LOOKS_AHEAD = 2  # blocks that are looked at while another is converted
Looks = dict[str, Look]


class Columns(Protocol):
    """The columns of a sample or a source, which turn looks at raw columns into typed rows."""

    @property
    def schema(self) -> pa.Schema: ...

    def open(self, path: Path) -> TableWriter | BlockFile:
        """Where typed rows go; called once the first are converted."""

    def convert(self, looks: Looks, first_row: int, n_rows: int) -> pa.RecordBatch: ...

    def close(self) -> None:
        """After the last row, or when the file is to be read again."""

    def verify(self) -> None:
        """Raise for what only all rows together can tell."""


C = TypeVar("C", bound=Columns)


@dataclass(frozen=True)
class Scan:
    """What is known of a file once it was read."""

    names: list[str]
    kinds: dict[str, Kind]
    n_rows: int
    dialect: Dialect
    sha256: str


def file_sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@dataclass
class FileReading:
    """One file, its plan, and what was found so far."""

    path: Path
    plan: SamplePlan | SourcePlan
    limits: Limits
    progress: Progress
    dialect: Dialect = field(init=False)
    reading: Reading = field(init=False)
    kinds: KindScan = field(init=False)
    personal: PersonalScan = field(default_factory=PersonalScan)

    def __post_init__(self) -> None:
        self.dialect = find_dialect(self.path, self.limits, self.plan)
        self.reading = Reading(self.plan.nulls, self.plan.decimal)
        self.kinds = KindScan(self.plan.nulls, self.plan.decimal)

    def hints(self, names: list[str]) -> dict[str, Kind | None]:
        """What each column is thought to be: pinned, found, or text for everything that is not kept as a feature."""
        kept = set(feature_columns(self.plan, names))
        found = {name: self.plan.kinds.get(name, self.kinds.kinds.get(name)) for name in names}
        return {name: found[name] if name in kept else "category" for name in names}

    def known(self, names: list[str]) -> dict[str, Kind]:
        return {name: self.plan.kinds.get(name, self.kinds.kind(name)) for name in names}


def read_file(
    reading: FileReading, build: Callable[[list[str], dict[str, Kind]], C], typed: Path, sha256: str | None = None
) -> tuple[Scan, C]:
    """Read, check and convert a whole file into ``typed``, in the order of the file.

    ``build`` makes the columns once names and kinds are known. Raises :class:`DataError` for the first thing that makes
    the file unusable; raw personal data anywhere comes before what is wrong in a row.
    """
    columns, names, n_rows, failed = _first_pass(reading, build, typed)
    reading.personal.refuse()
    if failed:
        raise failed
    if columns is None:
        columns, n_rows = _second_pass(reading, build, typed)
    columns.verify()
    return Scan(names, reading.known(names), n_rows, reading.dialect, sha256 or file_sha256(reading.path)), columns


def _first_pass(
    reading: FileReading, build: Callable[[list[str], dict[str, Kind]], C], typed: Path
) -> tuple[C | None, list[str], int, DataError | None]:
    """Look at everything, and write as long as the kinds of the first block hold and nothing is wrong."""
    columns: C | None = None
    writing: _Writing | None = None
    failed: DataError | None = None
    done, kinds = 0, {}
    with open_blocks(reading.path, reading.dialect, reading.limits) as table:
        _check_plan(reading.plan, table.names, reading.dialect)
        with ThreadPoolExecutor(reading.limits.threads + 1) as pool:
            for block, looks in _looked(table, reading, pool):
                _learn(reading, table.names, looks, block)
                now = reading.known(table.names)
                if not done:
                    kinds = now
                if failed is None and now == kinds:
                    try:
                        columns = columns or build(table.names, kinds)
                        writing = writing or _Writing(typed, columns, pool)
                        writing.convert(looks, block)
                    except DataError as error:
                        failed = error
                done += block.n_rows
                reading.progress(done, table.n_rows or 0, "reading")
            if writing:
                writing.close()
    return columns if reading.known(table.names) == kinds else None, table.names, done, failed


def _second_pass(reading: FileReading, build: Callable[[list[str], dict[str, Kind]], C], typed: Path) -> tuple[C, int]:
    """Write with the kinds that hold for all rows."""
    done = 0
    with open_blocks(reading.path, reading.dialect, reading.limits) as table:
        columns = build(table.names, reading.known(table.names))
        with ThreadPoolExecutor(reading.limits.threads + 1) as pool:
            writing = _Writing(typed, columns, pool)
            for block, looks in _looked(table, reading, pool):
                writing.convert(looks, block)
                done += block.n_rows
                reading.progress(done, table.n_rows or 0, "converting")
            writing.close()
    return columns, done


def _learn(reading: FileReading, names: list[str], looks: Looks, block: Block) -> None:
    hints = reading.hints(names)
    for name in names:
        if hints[name] != "category" and name not in reading.plan.kinds:
            reading.kinds.look(name, looks[name])
        reading.personal.look(name, looks[name], block.first)


def _looked(table: BlockTable, reading: FileReading, pool: ThreadPoolExecutor) -> Iterator[tuple[Block, Looks]]:
    """Blocks with a look at each column, in order; the next ones are looked at meanwhile."""
    waiting: deque[tuple[Block, Future[Looks]]] = deque()
    for block in table.blocks:
        waiting.append((block, pool.submit(_look, block, table.names, reading.reading, reading.hints(table.names))))
        if len(waiting) > LOOKS_AHEAD or block.first == 1:
            first, looks = waiting.popleft()
            yield first, looks.result()
    while waiting:
        first, looks = waiting.popleft()
        yield first, looks.result()


def _look(block: Block, names: list[str], reading: Reading, hints: dict[str, Kind | None]) -> Looks:
    return dict(zip(names, block.looks(reading, [hints[name] for name in names]), strict=True))


class _Writing:
    """Blocks converted here and written one after the other by a thread of the pool; at most one waits."""

    def __init__(self, path: Path, columns: Columns, pool: ThreadPoolExecutor) -> None:
        self._path, self._columns, self._pool = path, columns, pool
        self._table: TableWriter | BlockFile | None = None
        self._last: Future[None] | None = None

    def convert(self, looks: Looks, block: Block) -> None:
        rows = self._columns.convert(looks, block.first, block.n_rows)
        self._wait()
        if self._table is None:
            self._table = self._columns.open(self._path)
        self._last = self._pool.submit(self._table.write, rows)

    def close(self) -> None:
        self._wait()
        self._columns.close()
        if self._table:
            self._table.close()

    def _wait(self) -> None:
        if self._last:
            self._last.result()


def _check_plan(plan: FilePlan, names: list[str], dialect: Dialect) -> None:
    if len(names) == 1 and (other := next((mark for mark in DELIMITERS if mark in names[0]), None)):
        raise DataError(
            "wrong_delimiter",
            "The header holds one name only. The values seem to be separated by %(other)s.",
            other=repr(other),
        )
    if dialect.header and looks_like_data(names):
        raise DataError("no_header", "The first row holds values, not names of columns. Add a header.")
    assert isinstance(plan, SamplePlan | SourcePlan)
    check_roles(plan, names)
    for role in plan.ids:
        check_id_role(role)
