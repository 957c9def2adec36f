"""Wide rows in the order of their ids, in bounded memory.

The blocks of a file are kept as they are. Once all ids are known each row has its place; every block is sorted by place
and dealt into ranges of places, and each range is put together and written. A row is moved twice whatever the size.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from datafactory.engine.looking import raw_of
from datafactory.engine.tables import TableWriter, group_rows
from modeling.artifacts import Progress

RANGE_BYTES = 96 * 1024**2  # of rows put together at once
Places = npt.NDArray[np.int64]


class BlockFile:
    """Batches as they come, not compressed, for one more reading."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._sink = pa.OSFile(str(path), "wb")
        self._file = pa.ipc.new_file(self._sink, schema)

    def write(self, batch: pa.RecordBatch) -> None:
        self._file.write_batch(batch)

    def close(self) -> None:
        self._file.close()
        self._sink.close()


def batches_of(path: Path) -> Iterator[pa.RecordBatch]:
    """The batches of a :class:`BlockFile`, read one after the other."""
    with pa.OSFile(str(path), "rb") as source:
        file = pa.ipc.open_file(source)
        for number in range(file.num_record_batches):
            yield file.get_batch(number)


def ids_of(path: Path) -> pa.ChunkedArray:
    """The row ids of a :class:`BlockFile`, in the order of the file; no other column is read."""
    with pa.memory_map(str(path)) as source:
        file = pa.ipc.open_file(source)
        chunks = (file.get_batch(number).column("row_id") for number in range(file.num_record_batches))
        return pa.chunked_array([pa.concat_arrays([chunk, chunk[:0]]) for chunk in chunks], pa.string())


def repeated(ids: pa.ChunkedArray, order: Places) -> tuple[int, int, int] | None:
    """First and last position of the id that repeats first, and how many ids repeat; positions from 0."""
    same = np.zeros(len(order) + 1, np.bool_)
    ordered = ids.take(pa.array(order)).combine_chunks()
    same[1:-1] = np.asarray(pc.equal(ordered[1:], ordered[:-1]))
    starts, ends = np.flatnonzero(~same[:-1] & same[1:]), np.flatnonzero(same[:-1] & ~same[1:])
    if not len(starts):
        return None
    first = int(np.argmin(order[starts]))
    return int(order[starts[first]]), int(order[ends[first]]), len(starts)


def order_of(ids: pa.ChunkedArray) -> Places:
    """Positions of the rows in the order of their ids; equal ids stay as they are."""
    return np.asarray(pc.sort_indices(ids), dtype=np.int64)


def write_ordered(path: Path, order: Places, schema: pa.Schema, rows: Path, progress: Progress) -> None:
    """Write the rows of a :class:`BlockFile` in the given order."""
    places = np.empty(len(order), np.int64)
    places[order] = np.arange(len(order))
    group = group_rows(len(schema))
    per_range = max(group, int(len(order) * RANGE_BYTES / path.stat().st_size) // group * group)
    bounds = [*range(0, len(order), per_range), len(order)]
    parts = [path.with_suffix(f".{number}") for number in range(len(bounds) - 1)]
    _deal(path, places, bounds, schema, parts)
    path.unlink()
    table, done = TableWriter(rows, schema), 0
    with ThreadPoolExecutor(1) as pool:
        writing = None
        for part, (low, high) in zip(parts, pairwise(bounds), strict=True):
            batch = _put_together(part, low)
            if writing:
                writing.result()
            writing = pool.submit(_write, table, batch, group)
            done += high - low
            progress(done, len(order), "writing")
        if writing:
            writing.result()
    table.close()


def _write(table: TableWriter, batch: pa.RecordBatch, group: int) -> None:
    for start in range(0, batch.num_rows, group):
        table.write(batch.slice(start, group))


def _deal(path: Path, places: Places, bounds: list[int], schema: pa.Schema, parts: list[Path]) -> None:
    """Sort each block by place and append what falls into each range to its file."""
    wider = schema.append(pa.field("place", pa.int64()))
    files, first = [BlockFile(part, wider) for part in parts], 0
    for batch in batches_of(path):
        own = places[first : first + batch.num_rows]
        first += batch.num_rows
        turn = np.argsort(own)
        ordered = own[turn]
        columns = [*(gathered(column, turn) for column in batch.columns), pa.array(ordered)]
        whole = pa.RecordBatch.from_arrays(columns, schema=wider)
        cuts = np.searchsorted(ordered, bounds)
        for file, (low, high) in zip(files, pairwise(cuts.tolist()), strict=True):
            if high > low:
                file.write(whole.slice(low, high - low))
    for file in files:
        file.close()


def _put_together(part: Path, low: int) -> pa.RecordBatch:
    """All rows of one range, in order."""
    pieces = pa.Table.from_batches(list(batches_of(part))).combine_chunks().to_batches()[0]
    part.unlink()
    turn = np.empty(pieces.num_rows, np.int64)
    turn[np.asarray(pieces.column("place")) - low] = np.arange(pieces.num_rows)
    names = pieces.schema.names[:-1]
    return pa.RecordBatch.from_arrays([gathered(pieces.column(name), turn) for name in names], names=names)


def gathered(column: pa.Array, rows: Places) -> pa.Array:
    """Values of the given rows; a compiled loop for text, which is several times faster than a general take."""
    if not pa.types.is_string(column.type):
        return column.take(pa.array(rows))
    there = np.asarray(column.is_valid()).astype(np.uint8)[rows] if column.null_count else None
    return raw_of(column).text(rows, there)
