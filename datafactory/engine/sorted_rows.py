"""What each application could know of a source, read off the rows as they lie: by first id, then in the total order.

The keyed ids of a source's first id say which rows are whose, so no id is read or compared again. Columns are read by
row groups, those without a row of the sample are left out, and compiled loops go over the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datafactory.engine import loops
from datafactory.engine.engines import TableEngine
from datafactory.engine.keying import FIRST_ROW, N_ROWS, keys_file
from datafactory.engine.windows import NUMERIC, Aggregate, raw_name
from modeling.artifacts import Column

Ints = npt.NDArray[np.int64]
_READERS = 2  # row groups that are read at a time
_READ_ROWS = 1_000_000  # at least so many rows are read at a time
_LONG_AGO = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Applications:
    """Applications that have rows, by their first row: position in the sample, rows, moments in microseconds."""

    pos: Ints
    first: Ints
    last: Ints
    observed: Ints
    oldest: Ints  # events from before do not count
    starts: Ints  # applications x windows, the shortest window first

    def part(self, mine: slice, offset: int) -> Applications:
        """Some of them, with rows counted from ``offset``."""
        names = ("pos", "first", "last", "observed", "oldest", "starts")
        pos, first, last, *moments = (getattr(self, name)[mine] for name in names)
        return Applications(pos, first - offset, last - offset, *moments)


def has_rows(keyed: Path, id_type: str) -> bool:
    """Whether the keyed ids of this type say which rows are whose."""
    return FIRST_ROW in pq.read_schema(keyed / keys_file(id_type)).names


def applications(
    pos: pa.Array, keys: pa.Array, moments: Sequence[pa.Array], keyed: Path, id_type: str, engine: TableEngine
) -> Applications:
    """Who of the sample is in the source, and with which rows.

    Parameters
    ----------
    pos : positions in the sample
    keys : their keyed ids; null is nobody
    moments : of the same applications: nothing for a source without time, else the application and, in this order, the
        first moment of validity or None, and the starts of the windows
    """
    asked = pa.table({"at": pa.array(np.arange(len(keys))), "key": keys})
    known = engine.table(keyed / keys_file(id_type)).select("key", FIRST_ROW, N_ROWS)
    found = engine.fetch(engine.lend(f"asked_{id_type}", asked).join(known, "key").select("at", FIRST_ROW, N_ROWS))
    found = found.sort_by([(FIRST_ROW, "ascending"), ("at", "ascending")])
    at, first, n = (found[name].to_numpy() for name in ("at", FIRST_ROW, N_ROWS))
    observed, oldest, *starts = [_micros(moment, at) for moment in (*moments, *[None] * (2 - len(moments)))]
    table = np.column_stack(starts) if starts else np.empty((len(at), 0), np.int64)
    if observed is None:
        observed = np.full(len(at), np.iinfo(np.int64).max)
    if oldest is None:
        oldest = np.full(len(at), _LONG_AGO)
    return Applications(pos.to_numpy()[at], first, first + n, observed, oldest, np.ascontiguousarray(table))


def _micros(moment: pa.Array | None, at: Ints) -> Any:
    return None if moment is None else moment.cast(pa.int64()).to_numpy()[at]


def pieces(
    rows: Path, wanted: Applications, columns: Sequence[str], categories: Sequence[str] = ()
) -> Iterator[tuple[Applications, pa.Table, int]]:
    """The source in pieces that cut nobody in two: applications with rows of the piece, its columns, its first row."""
    file = pq.ParquetFile(rows, read_dictionary=list(categories))
    held, start, stop, done = None, 0, 0, 0
    for groups, n in _reads(file):
        stop += n
        final = stop == file.metadata.num_rows
        end = int(np.searchsorted(wanted.first, stop))
        if end == done and held is None:
            start = stop
            continue
        piece = file.read_row_groups(groups, columns=list(columns))
        piece = piece if held is None else pa.concat_tables([held, piece])
        cut = stop
        if not final and end and wanted.last[end - 1] > stop:
            cut = int(wanted.first[end - 1])
            end = int(np.searchsorted(wanted.first, cut))
        if end > done:
            yield wanted.part(slice(done, end), start), piece.slice(0, cut - start), start
        held, start, done = (piece.slice(cut - start), cut, end) if cut < stop else (None, stop, end)


def _reads(file: pq.ParquetFile) -> Iterator[tuple[list[int], int]]:
    """Row groups to be read at a time, with their rows."""
    groups: list[int] = []
    n = 0
    for group in range(file.metadata.num_row_groups):
        groups.append(group)
        n += file.metadata.row_group(group).num_rows
        if n >= _READ_ROWS or group == file.metadata.num_row_groups - 1:
            yield groups, n
            groups, n = [], 0


def last_rows(rows: Path, wanted: Applications, timed: bool) -> tuple[Ints, Ints, Ints]:
    """Per application how many rows count, the position of the last one in the source (-1 for none), and its event."""
    if not timed:
        return wanted.last - wanted.first, wanted.last - 1, np.zeros(len(wanted.pos), np.int64)
    n, row, event_of = (np.zeros(len(wanted.pos), np.int64) for _ in range(3))
    row -= 1
    done = 0
    for mine, table, offset in pieces(rows, wanted, ["event_time", "known_at"]):
        event, known = (_ints(table[name]) for name in ("event_time", "known_at"))
        here = slice(done, done + len(mine.pos))
        loops.bounds(mine.first, mine.last, mine.observed, mine.oldest, event)
        loops.latest(mine.first, mine.last, mine.observed, known, n[here], row[here])
        hit = row[here] >= 0
        event_of[here][hit] = event[row[here][hit]]
        row[here][hit] += offset
        done = here.stop
    return n, row, event_of


def _ints(column: pa.ChunkedArray) -> Ints:
    result: Ints = column.cast(pa.int64()).combine_chunks().to_numpy(zero_copy_only=False)
    return result


def rows_at(rows: Path, at: Ints, columns: Sequence[str]) -> pa.Table:
    """Some columns of the rows at these ascending positions."""
    schema = pq.read_schema(rows)
    schema = pa.schema([schema.field(name).remove_metadata() for name in columns])
    texts = [field.name for field in schema if pa.types.is_string(field.type)]
    footer = pq.read_metadata(rows)

    def read(group: int, first: int, chosen: Ints) -> pa.Table:
        file = pq.ParquetFile(rows, metadata=footer, read_dictionary=texts)
        table = file.read_row_group(group, columns=list(columns), use_threads=False).select(list(columns))
        return table.take(pa.array(chosen - first)).replace_schema_metadata().cast(schema)

    asked, start = [], 0
    for group in range(footer.num_row_groups):
        stop = start + footer.row_group(group).num_rows
        chosen = at[slice(*np.searchsorted(at, (start, stop)))]
        if len(chosen):
            asked.append((group, start, chosen))
        start = stop
    with ThreadPoolExecutor(_READERS) as pool:
        return pa.concat_tables([schema.empty_table(), *pool.map(lambda one: read(*one), asked)])


def largest_by_statistics(rows: Path, column: Column) -> float | None:
    """The largest absolute value of a column as the file's footer tells it; None where it cannot."""
    footer = pq.read_metadata(rows)
    place = footer.schema.names.index(column.name)
    told = [footer.row_group(group).column(place).statistics for group in range(footer.num_row_groups)]
    if column.specials or not all(one is not None and one.has_min_max for one in told):
        return None
    largest = max(max(abs(one.min), abs(one.max)) for one in told)
    return float(largest) if np.isfinite(largest) else None


def window_parts(
    rows: Path,
    wanted: Applications,
    fields: Sequence[Column],
    windows: Sequence[Aggregate],
    days: Sequence[int],
    exponents: dict[str, int],
) -> pa.Table | None:
    """``__pos`` and the exact parts of all windows, named as the expressions name them; None for nobody."""
    columns = ["event_time", "known_at", *(field.name for field in fields)]
    categories = [field.name for field in fields if field.kind == "category"]
    used = {(aggregate.field, part) for aggregate in windows for part in aggregate.parts}
    tables = []
    for mine, table, _ in pieces(rows, wanted, columns, categories):
        run = _Run(mine, _ints(table["event_time"]), _ints(table["known_at"]))
        parts = {("", "n"): pa.array(run.count().T.reshape(-1))}
        for field in fields:
            parts |= {(field.name, part): values for part, values in run.parts(field, table, exponents).items()}
        n = len(mine.pos)
        named = {
            raw_name(part, field, day): parts[field, part].slice(index * n, n)
            for field, part in sorted(used)
            for index, day in enumerate(days)
        }
        tables.append(pa.table({"__pos": pa.array(mine.pos)} | named))
    return pa.concat_tables(tables) if tables else None


class _Run:
    """The loops over one piece. Parts come out window after window, one array each."""

    def __init__(self, mine: Applications, event: Ints, known: Ints) -> None:
        loops.bounds(mine.first, mine.last, mine.observed, mine.oldest, event)
        self._given = (mine.first, mine.last, mine.observed, mine.starts, event, known)
        self._shape = mine.starts.shape

    def count(self) -> Ints:
        n = np.zeros(self._shape, np.int64)
        loops.count(*self._given, n)
        return n

    def parts(self, field: Column, table: pa.Table, exponents: dict[str, int]) -> dict[str, pa.Array]:
        column = table[field.name]
        if field.kind == "category":
            return {"distinct": self._distinct(column)}
        if field.kind == "float":
            return self._doubles(column, field, exponents[field.name])
        return self._wholes(column.combine_chunks(), field)

    def _distinct(self, column: pa.ChunkedArray) -> pa.Array:
        codes = column.unify_dictionaries().combine_chunks()
        codes = codes if isinstance(codes, pa.DictionaryArray) else codes.dictionary_encode()
        n = np.zeros(self._shape, np.int64)
        given = pc.fill_null(codes.indices.cast(pa.int64()), -1).to_numpy()
        loops.distinct(*self._given, given, np.full(len(codes.dictionary), -1, np.int64), n)
        return pa.array(n.T.reshape(-1))

    def _doubles(self, column: pa.ChunkedArray, field: Column, exponent: int) -> dict[str, pa.Array]:
        values = pc.fill_null(column.cast(pa.float64()).combine_chunks(), np.nan).to_numpy()
        usable = np.isfinite(values)
        if field.specials:
            usable &= ~np.isin(values, field.specials)
        n, high, low = (np.zeros(self._shape, np.int64) for _ in range(3))
        most = np.zeros(self._shape)
        loops.doubles(*self._given, values, usable, 2.0**exponent, n, high, low, most)
        empty = n.T.reshape(-1) == 0
        found = {"high": high, "low": low, "max": most, "n": n}
        return {name: pa.array(part.T.reshape(-1), mask=empty if name != "n" else None) for name, part in found.items()}

    def _wholes(self, column: pa.Array, field: Column) -> dict[str, pa.Array]:
        upper, lower = _words(column)
        usable = ~column.is_null().to_numpy(zero_copy_only=False)
        if field.specials and field.kind in NUMERIC:
            usable &= ~np.isin(pc.fill_null(column.cast(pa.float64()), np.nan).to_numpy(), field.specials)
        n = np.zeros(self._shape, np.int64)
        sums, most = ((np.zeros(self._shape, np.int64), np.zeros(self._shape, np.uint64)) for _ in range(2))
        loops.wholes(*self._given, upper, lower, usable, n, *sums, *most)
        scale = column.type.scale if pa.types.is_decimal(column.type) else 0
        empty = n.T.reshape(-1) == 0
        return {
            "n": pa.array(n.T.reshape(-1)),
            "sum": _decimal(*sums, scale, empty),
            "max": _decimal(*most, scale, empty).cast(column.type if scale else pa.int64()),
        }


def _words(column: pa.Array) -> tuple[Ints, npt.NDArray[np.uint64]]:
    """Whole numbers, or the digits of decimals, as upper and lower 64 bits."""
    if pa.types.is_decimal(column.type):
        words = np.frombuffer(column.buffers()[1], np.uint64).reshape(-1, 2)[column.offset :][: len(column)]
        return np.ascontiguousarray(words[:, 1]).view(np.int64), np.ascontiguousarray(words[:, 0])
    values = pc.fill_null(column.cast(pa.int64()), 0).to_numpy(zero_copy_only=False)
    return values >> 63, values.astype(np.uint64)


def _decimal(upper: Ints, lower: npt.NDArray[np.uint64], scale: int, empty: npt.NDArray[np.bool_]) -> pa.Array:
    words = np.column_stack([lower.T.reshape(-1), upper.T.reshape(-1).view(np.uint64)])
    words[empty] = 0
    valid = pa.py_buffer(np.packbits(~empty, bitorder="little"))
    return pa.Array.from_buffers(pa.decimal128(38, scale), len(words), [valid, pa.py_buffer(words)])
