"""Wide tables, one column at a time: arrays in memory, or Parquet files that need not fit there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from modeling.artifacts import Kind
from modeling.bin_levels import Levels
from modeling.errors import DataError
from modeling.woe import Floats

if TYPE_CHECKING:
    import pyarrow as pa

Mask = npt.NDArray[np.bool_]
Values = Floats | Levels


class WideTable(Protocol):
    """Columns by name. A number is float64 with NaN, a category is :class:`Levels`."""

    @property
    def n_rows(self) -> int: ...

    @property
    def kinds(self) -> Mapping[str, Kind]: ...

    def read(self, name: str, rows: Mask | None) -> Values:
        """The values of one column, of the chosen rows; safe in threads."""
        ...


@dataclass(frozen=True)
class Arrays:
    """A table in memory; kinds that are not given follow from the arrays."""

    columns: Mapping[str, npt.NDArray[Any]]
    given: Mapping[str, Kind] | None = None

    @property
    def n_rows(self) -> int:
        return max((len(column) for column in self.columns.values()), default=0)

    @cached_property
    def kinds(self) -> Mapping[str, Kind]:
        known = self.given or {}
        return {name: known.get(name) or kind_of_array(values) for name, values in self.columns.items()}

    def read(self, name: str, rows: Mask | None) -> Values:
        values = np.asarray(self.columns[name])
        values = values if rows is None else values[rows]
        if self.kinds[name] == "category":
            return levels_of(values)
        if values.dtype.kind in "mM":
            return np.where(np.isnat(values), np.nan, values.astype(np.int64))
        return np.asarray(values, dtype=np.float64)


def kind_of_array(values: npt.NDArray[Any]) -> Kind:
    """
    >>> [kind_of_array(np.array(v)) for v in ([1], [0.5], [True], ["a"], ["2024-01-01"])]
    ['int', 'float', 'bool', 'category', 'category']
    """
    kinds: dict[str, Kind] = {"f": "float", "i": "int", "u": "int", "b": "bool", "M": "date", "m": "float"}
    return kinds.get(np.asarray(values).dtype.kind, "category")


def levels_of(values: npt.ArrayLike) -> Levels:
    """Distinct values by the text they are written as; None, NaN and NaT are missing.

    >>> levels = levels_of(np.array(["b", None, 1, "1"], dtype=object))
    >>> levels.codes.tolist(), levels.names
    ([1, -1, 0, 0], ['1', 'b'])
    """
    import pandas as pd

    codes, found = pd.factorize(np.asarray(values, dtype=object))
    names, place = np.unique(np.array([str(value) for value in found], dtype=object), return_inverse=True)
    return Levels(np.append(place, -1)[codes].astype(np.intp), names.tolist())


@dataclass(frozen=True)
class ParquetTable:
    """The columns of one Parquet file, or of all files of a folder in order of name."""

    path: Path
    names: tuple[str, ...] | None = None

    @cached_property
    def _files(self) -> list[tuple[Path, Any]]:
        import pyarrow.parquet as pq

        paths = sorted(self.path.glob("*.parquet")) if self.path.is_dir() else [self.path]
        if not paths:
            raise DataError("no_rows", "There is no Parquet file in %(name)s.", name=self.path.name)
        return [(path, pq.read_metadata(path)) for path in paths]

    @property
    def n_rows(self) -> int:
        return sum(metadata.num_rows for _, metadata in self._files)

    @cached_property
    def kinds(self) -> Mapping[str, Kind]:
        schema = self._files[0][1].schema.to_arrow_schema()
        chosen = schema.names if self.names is None else self.names
        return {name: kind_of_type(schema.field(name).type) for name in chosen}

    def read(self, name: str, rows: Mask | None) -> Values:
        category = self.kinds[name] == "category"
        parts, start = [], 0
        values = np.empty(0 if category else self.n_rows if rows is None else int(rows.sum()))
        at = 0
        for chunk in self._chunks(name):
            here = None if rows is None else rows[start : start + len(chunk)]
            start += len(chunk)
            if category:
                parts.append(_levels(chunk, here))
                continue
            numbers = _numbers(chunk)
            numbers = numbers if here is None else numbers[here]
            values[at : at + len(numbers)] = numbers
            at += len(numbers)
        return _joined(parts) if category else values

    def _chunks(self, name: str) -> Any:
        """The column by row group."""
        import pyarrow.parquet as pq

        for path, metadata in self._files:
            with pq.ParquetFile(path, metadata=metadata) as file:
                for group in range(metadata.num_row_groups):
                    yield file.read_row_group(group, columns=[name], use_threads=False).column(0)

    def column(self, name: str) -> npt.NDArray[Any]:
        """A column that all others share (label, weight, time), as it is."""
        import pyarrow as pa

        chunks = [chunk for part in self._chunks(name) for chunk in part.chunks]
        return np.asarray(pa.chunked_array(chunks).to_numpy(zero_copy_only=False))


def kind_of_type(kind: pa.DataType) -> Kind:
    """How a column of an Arrow type is measured."""
    import pyarrow as pa

    tests: tuple[tuple[Any, Kind], ...] = (
        (pa.types.is_boolean, "bool"),
        (pa.types.is_integer, "int"),
        (pa.types.is_floating, "float"),
        (pa.types.is_decimal, "decimal"),
        (pa.types.is_temporal, "date"),
    )
    return next((name for test, name in tests if test(kind)), "category")


def _numbers(chunk: pa.ChunkedArray) -> Floats:
    import pyarrow as pa

    if pa.types.is_boolean(chunk.type):
        chunk = chunk.cast(pa.int8())
    elif pa.types.is_temporal(chunk.type):
        chunk = chunk.cast(pa.timestamp("us")).cast(pa.int64())
    return np.asarray(chunk.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False))


def _levels(chunk: pa.ChunkedArray, rows: Mask | None) -> Levels:
    import pyarrow as pa

    text = chunk.cast(pa.string()).combine_chunks().dictionary_encode()
    if isinstance(text, pa.ChunkedArray):
        text = text.combine_chunks()
    codes = text.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.intp)
    return Levels(codes if rows is None else codes[rows], text.dictionary.to_pylist())


def _joined(parts: list[Levels]) -> Levels:
    """One list of levels for all parts, sorted, without those that no row has."""
    names = sorted({name for part in parts for name in part.names})
    place = {name: i for i, name in enumerate(names)}
    codes = [np.array([*(place[name] for name in part.names), -1], dtype=np.intp)[part.codes] for part in parts]
    joined = np.concatenate(codes) if codes else np.empty(0, dtype=np.intp)
    used = np.unique(joined[joined >= 0])
    new = np.full(len(names) + 1, -1, dtype=np.intp)
    new[used] = np.arange(len(used))
    return Levels(new[joined], [names[i] for i in used])
