"""Table engines: one Ibis definition of a query, run by whoever stands behind :class:`TableEngine`."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import pyarrow as pa

Table = Any  # ibis.Table: the library ships no types
BATCH_ROWS = 131_072


class TableEngine(Protocol):
    """What matching and features ask of an engine. Paths are files below the artifact root."""

    root: Path

    def table(self, path: Path, row_no: str | None = None) -> Table:
        """A Parquet file as a table; ``row_no`` names a column with the 0-based position of each row in the file."""
        ...

    def keep(self, name: str, expression: Table) -> Table:
        """Compute once; later uses read the result."""
        ...

    def fetch(self, expression: Table) -> pa.Table: ...

    def batches(self, expression: Table, rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]: ...

    def scratch(self, name: str) -> Path:
        """A file name in the engine's temporary folder, which is removed on close."""
        ...


class DuckDBEngine:
    """Ibis on an in-memory DuckDB that spills to a temporary folder and can touch nothing outside the artifact root.

    Parameters
    ----------
    root : folder that holds all artifacts; the only one whose files can be read or written
    threads : threads of one query
    memory_mb : memory above which DuckDB spills
    temp : parent of the temporary folder; must lie in ``root`` (default ``root/.engine``)
    """

    def __init__(self, root: Path, threads: int = 2, memory_mb: int = 4096, temp: Path | None = None) -> None:
        import ibis  # a second of CPU: only processes that run queries load it

        self.root = root.resolve()
        parent = temp or self.root / ".engine"
        parent.mkdir(parents=True, exist_ok=True)
        self.temp = Path(tempfile.mkdtemp(dir=parent))
        self._connection = ibis.duckdb.connect(
            threads=threads, memory_limit=f"{memory_mb}MB", temp_directory=str(self.temp)
        )
        self._tables: dict[tuple[str, int, str | None], Table] = {}
        self._lock_down()

    def _lock_down(self) -> None:
        folder = str(self.root).replace("'", "''")
        for statement in (
            "SET autoinstall_known_extensions = false",
            "SET autoload_known_extensions = false",
            f"SET allowed_directories = ['{folder}']",
            "SET enable_external_access = false",
            "SET lock_configuration = true",
        ):
            self._connection.raw_sql(statement)

    def table(self, path: Path, row_no: str | None = None) -> Table:
        known = (str(path), path.stat().st_mtime_ns, row_no)
        if known not in self._tables:
            self._tables[known] = self._read(path, row_no)
        return self._tables[known]

    def _read(self, path: Path, row_no: str | None) -> Table:
        if row_no is None:
            return self._connection.read_parquet(str(path))
        table = self._connection.read_parquet(str(path), file_row_number=True)
        return table.rename({row_no: "file_row_number"})

    def keep(self, name: str, expression: Table) -> Table:
        return self._connection.create_table(name, expression, temp=True, overwrite=True)

    def fetch(self, expression: Table) -> pa.Table:
        return self._connection.to_pyarrow(expression)

    def batches(self, expression: Table, rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        yield from self._connection.to_pyarrow_batches(expression, chunk_size=rows)

    def scratch(self, name: str) -> Path:
        return self.temp / name

    def close(self) -> None:
        self._connection.disconnect()
        shutil.rmtree(self.temp, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
