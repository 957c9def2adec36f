"""A file of any format as blocks: some rows of all columns, not yet typed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datafactory.engine import cutting, files
from datafactory.engine.files import RawTable
from datafactory.engine.looking import Look, RawRows, Reading, look_at_rows
from datafactory.engine.plans import Dialect, Limits
from datafactory.engine.text_stream import TextStream
from modeling.artifacts import Kind
from modeling.errors import DataError

WIDE = 500  # columns; blocks of wider files are larger, since every column costs the same for few rows
BATCH_BYTES = 64 * 1024**2


@dataclass(frozen=True)
class Block:
    """Rows ``first`` (1-based) and on."""

    first: int
    n_rows: int
    rows: RawRows | list[pa.Array]  # bytes of a text file, or typed columns

    def looks(self, reading: Reading, hints: list[Kind | None]) -> list[Look]:
        """A look at each column."""
        if isinstance(self.rows, RawRows):
            return look_at_rows(self.rows, reading, hints)
        return [Look(column, reading).prepare(hint) for column, hint in zip(self.rows, hints, strict=True)]


@dataclass
class BlockTable:
    names: list[str]
    blocks: Iterator[Block]
    n_rows: int | None = None  # where the format says it beforehand


@contextmanager
def open_blocks(path: Path, dialect: Dialect, limits: Limits) -> Iterator[BlockTable]:
    """The blocks of a file, its rows counted against the limit."""
    if dialect.format.startswith("csv"):
        with files.open_bytes(path, dialect.format) as raw:
            stream = TextStream(raw, dialect.encoding, path.stat().st_size, limits)
            names = files.names_of(stream, dialect, limits)
            yield BlockTable(names, _text_blocks(stream, names, dialect.delimiter, limits))
    else:
        with files.open_table(path, dialect, limits) as table:
            yield BlockTable(table.names, _batch_blocks(table), table.n_rows)


def _batch_blocks(table: RawTable) -> Iterator[Block]:
    """Batches put together to so many bytes: each column is looked at once a block."""
    first, held = 1, []
    for batch in table.batches:
        held.append(batch)
        if sum(one.nbytes for one in held) >= BATCH_BYTES:
            yield _joined(held, first)
            first += sum(one.num_rows for one in held)
            held = []
    if held:
        yield _joined(held, first)


def _joined(batches: list[pa.RecordBatch], first: int) -> Block:
    whole = pa.Table.from_batches(batches).combine_chunks()
    return Block(first, whole.num_rows, [column.combine_chunks() for column in whole.columns])


def _text_blocks(stream: TextStream, names: list[str], delimiter: str, limits: Limits) -> Iterator[Block]:
    size = files.BLOCK_BYTES * (3 if len(names) > WIDE else 1)
    done, rest = 0, b""
    while not stream.at_end:
        data = rest + stream.read(size)
        block, used = _cut(data, stream.at_end, names, delimiter, done)
        done += block.n_rows
        if done > limits.max_rows:
            raise DataError("too_many_rows", "The file has more than %(limit)d rows.", limit=limits.max_rows)
        if block.n_rows:
            yield block
        elif len(data) >= size:
            raise _too_long(done)
        rest = data[used:]
    if not done:
        raise DataError("no_rows", "The file has a header but no rows.")


def _too_long(rows: int) -> DataError:
    return DataError(
        "row_too_long",
        "A row after row %(row)s does not end within 16 MiB: a quotation mark may be missing.",
        row=rows,
    )


def _cut(data: bytes, is_last: bool, names: list[str], delimiter: str, done: int) -> tuple[Block, int]:
    """The complete rows at the start of ``data``, and how many bytes they take."""
    signs = np.frombuffer(data, np.uint8)
    places, told = np.empty((len(data) // len(names) + 2, len(names), 2), np.int32), np.zeros(3, np.int64)
    ends = _special(delimiter)
    n_rows = int(cutting.cut_rows(signs, len(data), ord(delimiter), ends, is_last, places, told))
    used, state, fault = (int(value) for value in told)
    if state:
        raise _fault(state, fault, done + n_rows + 1, names)
    return Block(done + 1, n_rows, RawRows(signs, places[:n_rows])), used


def _special(delimiter: str) -> npt.NDArray[np.bool_]:
    """Which bytes end a value."""
    ends = np.zeros(256, np.bool_)
    ends[[ord(delimiter), ord("\n"), ord("\r")]] = True
    return ends


def _fault(state: int, fault: int, row: int, names: list[str]) -> DataError:
    if state == cutting.UNCLOSED:
        return DataError(
            "unclosed_quote",
            "Row %(row)s, column %(column)s: a quotation mark opens a value and is never closed.",
            row=row,
            column=names[min(fault, len(names) - 1)],
        )
    return DataError(
        "ragged_row",
        "Row %(row)s has %(actual)d values; the header has %(expected)d names.",
        row=row,
        actual=fault,
        expected=len(names),
    )
