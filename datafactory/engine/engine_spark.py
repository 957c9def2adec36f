"""The same expressions on Apache Spark: for sources that one machine no longer holds."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds

from datafactory.engine.engines import BATCH_ROWS, GuardedEngine, Table


class SparkEngine(GuardedEngine):
    """Ibis on a Spark session, which is started once a process and kept.

    Results pass through Parquet in the temporary folder, so a driver never holds a table, and all workers must see the
    artifact root under the same path.

    Parameters
    ----------
    root, temp : as in :class:`~datafactory.engine.engines.GuardedEngine`
    master : ``local[2]``, ``spark://host:7077``, ``yarn``, ``k8s://…``, or ``sc://host:15002`` for Spark Connect
    memory_mb : memory of a local Spark
    """

    name = "spark"

    def __init__(
        self, root: Path, master: str = "local[2]", *, memory_mb: int = 4096, temp: Path | None = None
    ) -> None:
        import ibis  # heavy: only processes that run queries load it

        super().__init__(root, temp)
        self._session = session(master, memory_mb, self.root / ".engine" / "spark")
        self._connection = ibis.pyspark.connect(self._session)

    def _read(self, file: Path, row_no: str | None) -> Table:
        from pyspark.sql import functions

        frame = self._session.read.parquet(str(file))
        if row_no:
            frame = frame.select("*", functions.col("_metadata.row_index").alias(row_no))
        return self._view(frame)

    def _view(self, frame: Any) -> Table:
        name = f"view_{uuid.uuid4().hex}"
        frame.createOrReplaceTempView(name)
        return self._connection.table(name)

    def _written(self, expression: Table) -> Path:
        folder = self.scratch(uuid.uuid4().hex)
        sql = self._connection.compile(self.checked(expression))
        self._session.sql(sql).write.parquet(str(folder))
        return folder

    def keep(self, name: str, expression: Table) -> Table:
        folder = self._written(expression)
        return self._owned(self._view(self._session.read.parquet(str(folder))))

    def fetch(self, expression: Table) -> pa.Table:
        return _in_order(self._written(expression)).to_table()

    def batches(self, expression: Table, rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        yield from _in_order(self._written(expression)).to_batches(batch_size=rows)

    def close(self) -> None:
        for name in self._mine:
            self._session.catalog.dropTempView(name)
        super().close()


def _in_order(folder: Path) -> ds.Dataset:
    """What Spark wrote, in the order of its partitions, which is the order that a query asked for."""
    return ds.dataset([str(part) for part in sorted(folder.glob("part-*.parquet"))], format="parquet")


def session(master: str, memory_mb: int, spill: Path) -> Any:
    """The process's Spark session; SQL can name no file and times are UTC.

    ``local[…]`` masters keep every port on this machine and spill into ``spill``.
    """
    from pyspark.sql import SparkSession

    logging.getLogger("py4j").setLevel(logging.WARNING)  # it would tell of each closed connection after the end
    settings = {
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.runSQLOnFiles": "false",
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
        "spark.sql.ansi.enabled": "true",
    }
    if master.startswith("sc://"):
        builder = SparkSession.builder.remote(master)
    else:
        builder = SparkSession.builder.master(master).appName("etron")
        settings |= {
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.sql.catalogImplementation": "in-memory",
        }
    if master.startswith("local"):
        settings |= {
            "spark.driver.memory": f"{memory_mb}m",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.sql.shuffle.partitions": "8",
            "spark.local.dir": str(spill),
        }
    for key, value in settings.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()
