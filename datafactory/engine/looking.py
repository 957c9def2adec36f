"""One look at a column of a block: its numbers, its few distinct values or its text, whichever is cheapest to have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from datafactory.engine import column_loops, cutting
from modeling.artifacts import Kind

FEW = 2_048  # distinct values of a block up to which they are looked at instead of all
_SLOTS = 8_192
_TILE_BYTES = 256 * 1024
_POWERS = 10.0 ** np.arange(23)
_NUMERIC = {"int", "float", None}


def tidy(column: pa.Array, nulls: tuple[str, ...]) -> pa.Array:
    """Text without blanks around it, and null where it is one of the markers for "missing"."""
    text = pc.utf8_trim_whitespace(column)
    return pc.if_else(pc.is_in(text, pa.array(list(nulls), pa.string())), None, text)


def numeric_text(text: pa.Array, decimal: str) -> pa.Array:
    """Numbers with the point as decimal mark and no leading plus."""
    if decimal != ".":
        text = pc.replace_substring(text, decimal, ".")
    return pc.utf8_ltrim(text, "+") if pc.any(pc.starts_with(text, "+")).as_py() else text


def as_numbers(values: pa.Array, decimal: str) -> pa.Array | None:
    """Text as int64 or, failing that, float64; None when a value is not a number. NaN and infinities are numbers."""
    head = values.slice(0, 100)  # a cast that fails costs as much as one that does not
    if _cast(head, pa.int64()) is not None and (whole := _cast(values, pa.int64())) is not None:
        return whole
    if _cast(numeric_text(head, decimal), pa.float64()) is None:
        return None
    return _cast(numeric_text(values, decimal), pa.float64())


def _cast(values: pa.Array, type_: pa.DataType) -> pa.Array | None:
    try:
        return values.cast(type_)
    except pa.ArrowInvalid:
        return None


@dataclass(frozen=True)
class Reading:
    """How text is read: the markers for "missing" and the decimal mark."""

    nulls: tuple[str, ...]
    decimal: str

    @cached_property
    def markers(self) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
        """All markers one after the other, and where each ends."""
        parts = [marker.encode() for marker in self.nulls]
        ends = np.cumsum([len(part) for part in parts], dtype=np.int32) if parts else np.zeros(0, np.int32)
        return np.frombuffer(b"".join(parts) or b"\0", np.uint8), ends


@dataclass(frozen=True)
class RawRows:
    """Rows of a text file where they stand in its bytes; ``places`` is (rows, columns, start and length)."""

    data: npt.NDArray[np.uint8]
    places: npt.NDArray[np.int32]

    def column(self, n: int) -> RawColumn:
        return RawColumn(self.data, self.places[:, n, 0], self.places[:, n, 1])


@dataclass(frozen=True)
class RawColumn:
    """Values of one column where they stand in the bytes of a file."""

    data: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.int32]
    lengths: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.starts)

    def text(self, rows: npt.NDArray[Any] | None = None, there: npt.NDArray[np.uint8] | None = None) -> pa.Array:
        """Values of the given rows, or of all, as strings; null where ``there`` is 0."""
        rows = np.arange(len(self.starts)) if rows is None else rows
        offsets = np.empty(len(rows) + 1, np.int32)
        cutting.text_offsets(self.data, self.starts, self.lengths, rows, offsets)
        target = np.empty(int(offsets[-1]), np.uint8)
        cutting.text_bytes(self.data, self.starts, self.lengths, rows, offsets, target)
        mask = None if there is None else _bitmap(there)
        return pa.StringArray.from_buffers(len(rows), pa.py_buffer(offsets), pa.py_buffer(target), mask)

    def hex_length(self) -> int:
        return cutting.hex_length(self.data, self.starts, self.lengths)

    def suspects(self) -> npt.NDArray[np.int32]:
        """Rows whose value could be personal."""
        found = np.empty(len(self), np.int32)
        return found[: cutting.suspicious(self.data, self.starts, self.lengths, found)]

    def plain(self, reading: Reading) -> pa.Array | None:
        """Text with null for the markers, if no value has anything to trim."""
        there = np.empty(len(self), np.uint8)
        missing = column_loops.plain_text(self.data, self.starts, self.lengths, *reading.markers, there)
        return None if missing < 0 else self.text(there=there if missing else None)


@dataclass
class _Round:
    """One way through all columns of some rows: what each is tried as, and what came of it."""

    rows: RawRows
    reading: Reading
    modes: npt.NDArray[np.int8]

    def __post_init__(self) -> None:
        n_rows, n_columns = self.rows.places.shape[:2]
        numeric = np.isin(self.modes, (column_loops.WHOLE, column_loops.REAL))
        few = self.modes == column_loops.FEW
        self.nth = np.where(numeric, np.cumsum(numeric), np.cumsum(few)) - 1
        self.whole = np.empty((int(numeric.sum()), n_rows), np.int64)
        self.there = np.empty(self.whole.shape, np.uint8)
        self.codes = np.empty((int(few.sum()), n_rows), np.int32)
        self.firsts = np.empty((len(self.codes), FEW), np.int32)
        self.found = np.zeros(n_columns, np.int64)
        tile = max(32, _TILE_BYTES * n_rows // max(1, len(self.rows.data)))
        column_loops.read_columns(
            self.rows.data, self.rows.places, n_rows, tile, self.modes, self.nth, ord(self.reading.decimal),
            *self.reading.markers, _POWERS, self.whole, self.whole.view(np.float64), self.there,
            self.codes, self.firsts, np.empty((len(self.codes), FEW, 3), np.uint64),
            np.full((len(self.codes), _SLOTS), -1, np.int32), self.found,
        )  # fmt: skip

    def numbers(self, column: int) -> pa.Array | None:
        """The numbers of a column; None where one of them is too large to be finite."""
        values, there = self.whole[self.nth[column]], self.there[self.nth[column]]
        if self.modes[column] == column_loops.WHOLE:
            return _numbers(values, there, int(self.found[column]), pa.int64())
        reals = values.view(np.float64)
        hard = np.flatnonzero(there == 2)
        if len(hard):
            text = self.rows.column(column).text(hard)
            text = text if self.reading.decimal == "." else pc.replace_substring(text, self.reading.decimal, ".")
            reals[hard] = np.asarray(text.cast(pa.float64()))
            there[hard] = 1
            if not np.isfinite(reals[hard]).all():
                return None
        return _numbers(reals, there, int(self.found[column]), pa.float64())

    def distinct(self, column: int) -> pa.DictionaryArray:
        firsts = self.firsts[self.nth[column], : self.found[column]]
        values = self.rows.column(column).text(firsts)
        return pa.DictionaryArray.from_arrays(pa.array(self.codes[self.nth[column]]), values)


def look_at_rows(rows: RawRows, reading: Reading, hints: list[Kind | None]) -> list[Look]:
    """A look at each column, given what each is thought to be: as whole numbers, else as numbers, else as text."""
    looks = [Look(rows.column(n), reading) for n in range(len(hints))]
    first = {None: column_loops.WHOLE, "int": column_loops.WHOLE, "float": column_loops.REAL}
    modes = np.array([first.get(hint, column_loops.FEW) for hint in hints], np.int8)
    while modes.any():
        tried = _Round(rows, reading, modes)
        following = np.zeros_like(modes)
        for n in np.flatnonzero(modes).tolist():
            if tried.found[n] < 0:
                following[n] = (modes[n] + 1) % (column_loops.FEW + 1)
            elif modes[n] == column_loops.FEW:
                looks[n].distinct = tried.distinct(n)
            else:
                looks[n].numbers = tried.numbers(n)
                looks[n].is_plain = looks[n].numbers is not None
        modes = following
    return [look.prepare(hint) for look, hint in zip(looks, hints, strict=True)]


def _bitmap(there: npt.NDArray[np.uint8]) -> pa.Buffer:
    return pa.py_buffer(np.packbits(there, bitorder="little"))


def _numbers(values: npt.NDArray[Any], there: npt.NDArray[np.uint8], missing: int, type_: pa.DataType) -> pa.Array:
    mask = _bitmap(there) if missing else None
    return pa.Array.from_buffers(type_, len(values), [mask, pa.py_buffer(values)])


def raw_of(column: pa.Array) -> RawColumn:
    """A string array as the bytes it stands in; null is an empty value."""
    offsets = np.frombuffer(column.buffers()[1], np.int32)[column.offset : column.offset + len(column) + 1]
    data = column.buffers()[2]
    lengths = np.diff(offsets).astype(np.int32)
    if column.null_count:
        lengths[np.asarray(pc.is_null(column))] = 0
    return RawColumn(np.frombuffer(data if data else b"\0", np.uint8), offsets[:-1], lengths)


class Look:
    """A column of a block. A thread of the pool makes what is known to be needed."""

    def __init__(self, column: RawColumn | pa.Array, reading: Reading) -> None:
        self.column = column
        self.reading = reading
        self.numbers: pa.Array | None = None  # when all values are numbers
        self.is_plain = False  # they came the compiled way: none is a code
        self.distinct: pa.DictionaryArray | None = None  # the raw values when they are few
        self.hex_length = 0
        self.suspects: npt.NDArray[np.int32] | None = None

    @property
    def is_text(self) -> bool:
        return isinstance(self.column, RawColumn) or pa.types.is_string(self.column.type)

    @property
    def native(self) -> pa.Array:
        """The typed values of a column that is not text."""
        assert not isinstance(self.column, RawColumn)
        return self.column

    def __len__(self) -> int:
        return len(self.column)

    def prepare(self, hint: Kind | None) -> Look:
        """Do what is slow and holds no lock, for a column that is thought to be of a kind."""
        if not self.is_text or self.is_plain:
            return self
        if isinstance(self.column, pa.Array):
            encoded = self.column.dictionary_encode()
            self.distinct = encoded if len(encoded.dictionary) <= FEW else None
        if hint in _NUMERIC:
            self.numbers = as_numbers(self.tidied, self.reading.decimal)
        if self.numbers is None and self.distinct is None:
            raw = self.column if isinstance(self.column, RawColumn) else raw_of(self.column)
            self.hex_length = raw.hex_length()
            self.suspects = raw.suspects() if not self.hex_length else None
        _ = self.tidied
        return self

    @cached_property
    def text(self) -> pa.Array:
        """The values as they came."""
        return self.column.text() if isinstance(self.column, RawColumn) else self.column

    @cached_property
    def tidied(self) -> pa.Array:
        """Text without blanks around it, null where it is missing."""
        if self.distinct is not None:
            return self.by_distinct(lambda values: tidy(values, self.reading.nulls))
        plain = self.column.plain(self.reading) if isinstance(self.column, RawColumn) else None
        return tidy(self.text, self.reading.nulls) if plain is None else plain

    @property
    def some_values(self) -> pa.Array:
        """Every value at least once, tidied."""
        return self.tidied if self.distinct is None else tidy(self.distinct.dictionary, self.reading.nulls)

    def by_distinct(self, convert: Callable[[pa.Array], pa.Array]) -> pa.Array:
        """All rows, from what ``convert`` makes of the distinct values."""
        assert self.distinct is not None
        return convert(self.distinct.dictionary).take(self.distinct.indices)
