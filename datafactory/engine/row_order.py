# ruff: noqa: S608 - names and paths enter SQL through quoted() and literal() only
"""Rows are written in the order of their ids: whether a file has it already, and the sort if it has not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from datafactory.engine.sorting import ids_of, order_of, repeated, write_ordered
from datafactory.engine.tables import literal, quoted, write_sorted
from modeling.artifacts import Progress
from modeling.errors import DataError

if TYPE_CHECKING:
    import duckdb


class RowOrder:
    """Sees the row ids go by; ids that only rise are present, in order and given once."""

    def __init__(self, column: str | None) -> None:
        self.column = column
        self.rises = True
        self.keeps_blocks = False  # wide rows out of order from the start: kept as they come and put in order here
        self._last: str | None = None
        self._first_missing = 0
        self._skipped: list[npt.NDArray[np.int64]] = []

    def see(self, ids: pa.Array, first_row: int, excluded: npt.NDArray[np.bool_]) -> None:
        """The ids of a block, without the rows of it that are excluded."""
        if excluded.any():
            self._skipped.append(np.flatnonzero(excluded) + first_row - 1)
        if ids.null_count and not self._first_missing:
            kept = np.flatnonzero(~excluded)
            self._first_missing = first_row + int(kept[pc.index(pc.is_null(ids), True).as_py()])
        if not self.rises or not len(ids):
            return
        rises = ids.null_count == 0 and pc.all(pc.greater(ids[1:], ids[:-1])).as_py() is not False
        self.rises = rises and (self._last is None or ids[0].as_py() > self._last)
        self._last = ids[-1].as_py()

    def settle(
        self,
        connection: duckdb.DuckDBPyConnection,
        typed: Path,
        rows: Path,
        schema: pa.Schema,
        n_rows: int,
        progress: Progress,
    ) -> None:
        """Make ``rows`` of ``typed``; raises :class:`DataError` when a row id is missing or given twice."""
        if self.rises:
            typed.rename(rows)
            return
        if self.column:
            self._check_missing()
        if self.keeps_blocks:
            self._settle_blocks(typed, rows, schema, progress)
            return
        if self.column:
            self._check_twice(connection, typed)
        names = ", ".join(quoted(name) for name in schema.names)
        query = f"SELECT {names} FROM read_parquet({literal(str(typed))}) ORDER BY row_id"
        for _, done in write_sorted(connection, query, schema, rows):
            progress(done, n_rows, "writing")

    def _settle_blocks(self, typed: Path, rows: Path, schema: pa.Schema, progress: Progress) -> None:
        ids = ids_of(typed)
        order = order_of(ids)
        if self.column and (found := repeated(ids, order)):
            raise self._twice(*found)
        del ids
        write_ordered(typed, order, schema, rows, progress)

    def _check_missing(self) -> None:
        if self._first_missing:
            raise DataError(
                "row_id_missing",
                "Row %(row)s, column %(column)s: the row id is missing.",
                row=self._first_missing,
                column=self.column,
            )

    def _check_twice(self, connection: duckdb.DuckDBPyConnection, typed: Path) -> None:
        twice = connection.sql(
            "SELECT min(file_row_number) AS first, max(file_row_number) AS row, count(*) OVER () AS n"
            f" FROM read_parquet({literal(str(typed))}, file_row_number = true)"
            " GROUP BY row_id HAVING count(*) > 1 ORDER BY first LIMIT 1"
        ).fetchone()
        if twice:
            raise self._twice(*twice)

    def _twice(self, first: int, last: int, count: int) -> DataError:
        return DataError(
            "row_id_twice",
            "Column %(column)s: %(count)d row ids occur more than once; rows %(first)d and %(row)s have the same.",
            row=self._in_file(last),
            column=self.column,
            first=self._in_file(first),
            count=count,
        )

    def _in_file(self, written: int) -> int:
        """The 1-based row of the file that was written as the row with this number, from 0."""
        if not self._skipped:
            return written + 1
        skipped = np.concatenate(self._skipped)
        return written + 1 + int(np.searchsorted(skipped - np.arange(len(skipped)), written, side="right"))
