"""The same expressions on polars: one process, all in memory, no inequality joins and no window functions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from datafactory.engine.engines import BATCH_ROWS, GuardedEngine, Table


class PolarsEngine(GuardedEngine):
    """Ibis on polars' streaming engine. Threads are those of the process; nothing spills.

    Parameters
    ----------
    root, temp : as in :class:`~datafactory.engine.engines.GuardedEngine`
    """

    name = "polars"

    def __init__(self, root: Path, temp: Path | None = None) -> None:
        import ibis  # heavy: only processes that run queries load it

        super().__init__(root, temp)
        self._connection = ibis.polars.connect()

    def _read(self, file: Path, row_no: str | None) -> Table:
        numbered: dict[str, Any] = {"row_index_name": row_no} if row_no else {}
        table = self._connection.read_parquet(str(file), glob=False, **numbered)
        return table.mutate(**{row_no: table[row_no].cast("int64")}) if row_no else table

    def keep(self, name: str, expression: Table) -> Table:
        frame = self._connection.to_polars(self.checked(expression), engine="streaming")
        return self._owned(self._connection.create_table(name, frame, overwrite=True))

    def fetch(self, expression: Table) -> pa.Table:
        return self._connection.to_pyarrow(self.checked(expression), engine="streaming")

    def batches(self, expression: Table, rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        yield from self.fetch(expression).to_batches(max_chunksize=rows)
