"""Table engines: one Ibis definition of a query, run by whoever stands behind :class:`TableEngine`.

Whatever the engine, a query reads only Parquet files below the artifact root and what it kept itself: paths are
resolved and must stay inside, and an expression that brings tables, SQL or functions of its own is refused before it
runs.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import pyarrow as pa
import pyarrow.parquet as pq

from modeling.errors import DataError

Table = Any  # ibis.Table: the library ships no types
BATCH_ROWS = 131_072
ENGINES = ("local", "duckdb", "polars", "spark")
_GLOB = set("*?[]{}\\")  # characters that a reader may take for a pattern


class TableEngine(Protocol):
    """What matching and features ask of an engine. Paths are files below the artifact root."""

    name: str
    root: Path
    loops: bool  # whether sorted rows may be gone through in this process instead of being joined

    def table(self, path: Path, row_no: str | None = None) -> Table:
        """A Parquet file as a table; ``row_no`` names a column with the 0-based position of each row in the file."""
        ...

    def keep(self, name: str, expression: Table) -> Table:
        """Compute once; later uses read the result."""
        ...

    def lend(self, name: str, table: pa.Table) -> Table:
        """Rows of the caller as a table."""
        ...

    def fetch(self, expression: Table) -> pa.Table: ...

    def batches(self, expression: Table, rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]: ...

    def scratch(self, name: str) -> Path:
        """A file name in the engine's temporary folder, which is removed on close."""
        ...

    def close(self) -> None: ...


class GuardedEngine:
    """What all engines share: a temporary folder, resolved paths, and a look at each expression before it runs.

    Parameters
    ----------
    root : folder that holds all artifacts; the only one whose files can be read or written
    temp : parent of the temporary folder; must lie in ``root`` (default ``root/.engine``)
    """

    loops = False

    def __init__(self, root: Path, temp: Path | None = None) -> None:
        self.root = root.resolve()
        parent = (temp or self.root / ".engine").resolve()
        if not parent.is_relative_to(self.root):
            raise _outside()
        parent.mkdir(parents=True, exist_ok=True)
        self.temp = Path(tempfile.mkdtemp(dir=parent))
        self._connection: Any = None
        self._mine: set[str] = set()
        self._n_lent = 0
        self._tables: dict[tuple[str, int, str | None], Table] = {}

    def table(self, path: Path, row_no: str | None = None) -> Table:
        file = self.inside(path)
        known = (str(file), file.stat().st_mtime_ns, row_no)
        if known not in self._tables:
            self._tables[known] = self._owned(self._read(file, row_no))
        return self._tables[known]

    def lend(self, name: str, table: pa.Table) -> Table:
        self._n_lent += 1  # a file of its own: an engine may remember what it read of another
        path = self.scratch(f"{name}-{self._n_lent}.parquet")
        pq.write_table(table, path, compression="lz4")
        return self.table(path)

    def inside(self, path: Path) -> Path:
        """The file that ``path`` really is; refused unless it is one file below the root."""
        file = path.resolve()
        if not file.is_relative_to(self.root) or _GLOB & set(str(file.relative_to(self.root))) or not file.is_file():
            raise _outside()
        return file

    def checked(self, expression: Table) -> Table:
        """The expression, if all its leaves are tables of this engine."""
        import ibis.expr.operations as ops  # a second of CPU: only processes that run queries load it

        leaves = (ops.PhysicalTable, ops.SQLQueryResult, ops.SQLStringView, ops.ScalarUDF, ops.AggUDF)
        for node in expression.op().find(leaves):
            mine = isinstance(node, ops.DatabaseTable) and node.source is self._connection and node.name in self._mine
            if not mine:
                raise DataError("expression_foreign", "A query may only use tables that its engine has opened.")
        return expression

    def scratch(self, name: str) -> Path:
        path = self.temp / name
        if path.parent != self.temp or name in {"", ".", ".."}:
            raise _outside()
        return path

    def close(self) -> None:
        shutil.rmtree(self.temp, ignore_errors=True)

    def _read(self, file: Path, row_no: str | None) -> Table:
        raise NotImplementedError

    def _owned(self, table: Table) -> Table:
        """Remember the tables below ``table`` as opened by this engine."""
        import ibis.expr.operations as ops

        self._mine.update(node.name for node in table.op().find(ops.DatabaseTable))
        return table

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _outside() -> DataError:
    return DataError("path_outside", "The path leads outside the artifact folder.")


class DuckDBEngine(GuardedEngine):
    """Ibis on an in-memory DuckDB that spills to a temporary folder and can touch nothing outside the artifact root.

    Parameters
    ----------
    root, temp : as in :class:`GuardedEngine`
    threads : threads of one query
    memory_mb : memory above which DuckDB spills
    """

    name = "duckdb"

    def __init__(self, root: Path, threads: int = 2, memory_mb: int = 4096, temp: Path | None = None) -> None:
        import ibis  # a second of CPU: only processes that run queries load it

        super().__init__(root, temp)
        self._connection = ibis.duckdb.connect(
            threads=threads, memory_limit=f"{memory_mb}MB", temp_directory=str(self.temp)
        )
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

    def _read(self, file: Path, row_no: str | None) -> Table:
        if row_no is None:
            return self._connection.read_parquet(str(file))
        table = self._connection.read_parquet(str(file), file_row_number=True)
        return table.rename({row_no: "file_row_number"})

    def keep(self, name: str, expression: Table) -> Table:
        return self._owned(self._connection.create_table(name, self.checked(expression), temp=True, overwrite=True))

    def fetch(self, expression: Table) -> pa.Table:
        return self._connection.to_pyarrow(self.checked(expression))

    def batches(self, expression: Table, rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        yield from self._connection.to_pyarrow_batches(self.checked(expression), chunk_size=rows)

    def close(self) -> None:
        self._connection.disconnect()
        super().close()


class LocalEngine(DuckDBEngine):
    """DuckDB for joins and whole tables; what each application could know is read off the sorted rows of a source by
    compiled loops, wherever they lie sorted by the id that hit."""

    name = "local"
    loops = True


def require_engine(name: str) -> None:
    """Refuse what is no engine or is not installed here.

    Raises
    ------
    DataError
        ``engine_unknown``, ``engine_missing``
    """
    if name not in ENGINES:
        raise DataError(
            "engine_unknown",
            "There is no table engine called %(engine)s; there are %(known)s.",
            engine=name,
            known=", ".join(ENGINES),
        )
    if name == "spark" and find_spec("pyspark") is None:
        raise DataError("engine_missing", "The table engine %(engine)s is not installed here.", engine=name)


def open_engine(
    name: str,
    root: Path,
    *,
    threads: int = 2,
    memory_mb: int = 4096,
    temp: Path | None = None,
    spark_master: str = "local[2]",
) -> TableEngine:
    """The engine called ``name``; refused as in :func:`require_engine`."""
    require_engine(name)
    if name == "polars":
        from datafactory.engine.engine_polars import PolarsEngine

        return PolarsEngine(root, temp=temp)
    if name == "spark":
        from datafactory.engine.engine_spark import SparkEngine

        return SparkEngine(root, spark_master, memory_mb=memory_mb, temp=temp)
    local = LocalEngine if name == "local" else DuckDBEngine
    return local(root, threads, memory_mb, temp)
