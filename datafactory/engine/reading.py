"""A partner's sample file becomes a table of a known shape: ``read_sample``, the first stage of the spine.

``sniff_file``, ``read_source`` and the plans are offered here as well, so that a caller needs one import.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datafactory.engine import times
from datafactory.engine.design import AFTER, INDETERMINATE, KEPT, NO_OUTCOME, REJECTED, Design, Steps
from datafactory.engine.identifiers import IdColumn
from datafactory.engine.kinds import STORED, FeatureColumn
from datafactory.engine.looking import Look
from datafactory.engine.plans import (
    ColumnGuess,
    IdRole,
    Limits,
    SamplePlan,
    Sniff,
    SourcePlan,
    feature_columns,
)
from datafactory.engine.roles import (
    Booleans,
    LabelColumn,
    TimeColumn,
    approved_values,
    as_text,
    split_values,
    weight_values,
)
from datafactory.engine.row_order import RowOrder
from datafactory.engine.sample_report import Told, report_on
from datafactory.engine.scanning import FileReading, Looks, Scan, read_file
from datafactory.engine.sniffing import sniff_file
from datafactory.engine.sorting import BlockFile
from datafactory.engine.sources import read_source
from datafactory.engine.tables import TableWriter, engine
from modeling.artifacts import Column, Kind, Progress, SampleFile, fingerprint, hash_folder, no_progress
from modeling.errors import DataError

if TYPE_CHECKING:
    pass

__all__ = [
    "ColumnGuess",
    "IdRole",
    "Limits",
    "SamplePlan",
    "Sniff",
    "SourcePlan",
    "read_sample",
    "read_source",
    "sniff_file",
]

READER = 2  # raised when the same file and plan would give another table
PREFIX = "partner__"
WIDE = 20  # columns; narrower rows are many, and their order is left to DuckDB, which needs no list of all ids


@dataclass
class _Target:
    """A column to write: its type and how a raw column becomes it."""

    name: str
    type: pa.DataType
    source: str
    convert: Callable[[Look, int], pa.Array]


class _SampleColumns:
    """All columns of one sample, converted batch by batch; keeps what the report needs."""

    def __init__(
        self, plan: SamplePlan, names: list[str], kinds: dict[str, Kind], now: dt.datetime, work: Path
    ) -> None:
        self.plan = plan
        self.order = RowOrder(plan.row_id)
        self.design = Design(plan, work / "design.parquet")
        self.ids = [IdColumn(role) for role in plan.ids]
        self.label = LabelColumn(plan)
        self.time = TimeColumn(plan.observed_at or "", plan, "start", now, required=True)
        self.features = [
            FeatureColumn(name, kinds[name], plan.nulls, plan.decimal, plan.zone)
            for name in feature_columns(plan, names)
        ]
        self.targets = [*self._role_targets(), *self._feature_targets()]

    def _role_targets(self) -> list[_Target]:
        plan, text = self.plan, pa.string()
        out = [_Target(column.role.target, text, column.role.column, column.convert) for column in self.ids]
        if plan.observed_at:
            out.append(_Target("observed_at", times.UTC_US, plan.observed_at, self.time.convert))
        if plan.weight:
            out.append(_Target("weight", pa.float64(), plan.weight, lambda c, row: weight_values(c, plan, row)))
        if plan.split:
            out.append(_Target("split", text, plan.split, lambda c, row: split_values(c, plan, row)))
        if plan.approved:
            out.append(_Target("approved", pa.bool_(), plan.approved, lambda c, row: approved_values(c, plan)))
        return out

    def _feature_targets(self) -> list[_Target]:
        return [_Target(PREFIX + one.name, STORED[one.kind], one.name, one.convert) for one in self.features]

    @cached_property
    def schema(self) -> pa.Schema:
        fields = [("row_id", pa.string()), ("person", pa.string())]
        fields += [(target.name, target.type) for target in self.targets]
        fields += [("y", pa.int8())] if self.plan.label else []
        if not self.plan.weight:
            fields.append(("weight", pa.float64()))
        return pa.schema(_in_order(fields))

    def convert(self, looks: Looks, first_row: int, n_rows: int) -> pa.RecordBatch:
        """A block as typed rows, without those that are excluded."""
        done = {target.name: target.convert(looks[target.source], first_row) for target in self.targets}
        if self.plan.row_id:
            done["row_id"] = as_text(looks[self.plan.row_id])
        else:
            done["row_id"] = pa.array(np.arange(first_row, first_row + n_rows)).cast(pa.string())
        done["person"] = pc.coalesce(*(done[role.target] for role in self.plan.ids), done["row_id"])
        done.setdefault("weight", pa.array(np.ones(n_rows)))
        excluded = self._place(looks, first_row, n_rows, done)
        rows = pa.RecordBatch.from_arrays([done[name] for name in self.schema.names], schema=self.schema)
        if excluded.any():
            rows = rows.filter(pa.array(~excluded))
        self.order.see(rows.column("row_id"), first_row, excluded)
        return rows

    def _place(self, looks: Looks, first_row: int, n_rows: int, done: dict[str, pa.Array]) -> Booleans:
        """Which rows are excluded; adds ``y`` and counts outcomes of those that are neither excluded nor rejected."""
        steps = self.design.excluded(looks, first_row, n_rows)
        excluded, rejected = steps >= 0, np.zeros(n_rows, np.bool_)
        if "approved" in done:
            rejected = np.asarray(pc.equal(done["approved"], False).fill_null(False))
        y, between = pa.nulls(n_rows, pa.int8()), pa.array(np.zeros(n_rows, np.bool_))
        if self.plan.label:
            y, between = self.label.convert(looks[self.plan.label], first_row, rejected)
            done["y"] = y
            counted = pa.array(~(excluded | rejected))
            self.label.count(y.filter(counted), between.filter(counted))
        if not self.design.is_plain:
            self.design.keep(steps, _after(rejected, between, y), y, done["person"])
        return excluded

    def open(self, path: Path) -> TableWriter | BlockFile:
        """A table, or blocks where wide rows are to be put in order afterwards."""
        self.order.keeps_blocks = not self.order.rises and len(self.schema) >= WIDE
        return BlockFile(path, self.schema) if self.order.keeps_blocks else TableWriter(path, self.schema)

    @property
    def told(self) -> Told:
        return Told(self.plan, self.ids, self.label, self.features, self.design, self.time.time_format)

    def close(self) -> None:
        self.design.close()

    def verify(self) -> None:
        """What can only be said once all rows are seen."""
        if self.design.n_excluded == self.design.n_rows:
            raise DataError("all_excluded", "The exclusions leave no row of the file.")
        for column in self.ids:
            column.verify()
        if self.plan.label:
            self.label.verify()


def _after(rejected: Booleans, between: pa.Array, y: pa.Array) -> Steps:
    """Where a row goes that no exclusion takes, as positions in :data:`AFTER`."""
    kept = np.where(np.asarray(pc.is_null(y)), AFTER.index(NO_OUTCOME), AFTER.index(KEPT))
    kept = np.where(np.asarray(between), AFTER.index(INDETERMINATE), kept)
    return np.where(rejected, AFTER.index(REJECTED), kept).astype(np.int16)


def _in_order(fields: list[tuple[str, pa.DataType]]) -> list[tuple[str, pa.DataType]]:
    first = ["row_id", "person"]
    last = ["observed_at", "y", "weight", "split", "approved"]

    def rank(field: tuple[str, pa.DataType]) -> tuple[int, int]:
        name = field[0]
        if name in first:
            return 0, first.index(name)
        if name.startswith("id__"):
            return 1, 0
        return (2, last.index(name)) if name in last else (3, 0)

    return sorted(fields, key=rank)


def read_sample(
    path: Path,
    plan: SamplePlan,
    out: Path,
    limits: Limits,
    now: dt.datetime,
    progress: Progress = no_progress,
    sha256: str | None = None,
) -> tuple[SampleFile, dict[str, Any]]:
    """Read a partner's file into ``out/rows.parquet``, sorted by row id.

    The file is read once (kinds and raw personal data are looked for in all rows) and converted strictly column by
    column; it is read again if its first block told the wrong kinds, and sorted by DuckDB if its rows are not in order.
    Memory is bounded by ``limits.memory_mb`` and a few blocks.

    Parameters
    ----------
    path : Path
        CSV (plain or gzip), Parquet or Excel.
    plan : SamplePlan
        Roles of the columns and how text is read.
    out : Path
        An empty folder; it holds ``rows.parquet`` afterwards, or is left without it when something is wrong.
    limits : Limits
        Bounds of the file, and the floor of people under which a cell of the report is hidden.
    now : datetime
        Aware; application times after it are refused. It does not enter the content.
    sha256 : str, optional
        Of the file, where it is known already.

    Returns
    -------
    SampleFile, dict
        The ticket (``path`` empty) and the validation report.

    Raises
    ------
    DataError
        With ``code``, ``row`` and ``column`` of the first thing that makes the file unusable.
    """
    with tempfile.TemporaryDirectory(prefix=".work", dir=out) as folder:
        work, rows = Path(folder), out / "rows.parquet"
        reading, typed = FileReading(path, plan, limits, progress), work / "typed.parquet"
        scan, columns = read_file(
            reading, lambda names, kinds: _SampleColumns(plan, names, kinds, now, work), typed, sha256
        )
        with engine(out, limits) as connection:
            columns.order.settle(connection, typed, rows, columns.schema, scan.n_rows, progress)
            try:
                report, marks = report_on(connection, rows, scan, columns.told, limits, now)
            except BaseException:
                rows.unlink()
                raise
    return _ticket(plan, scan, columns, report, marks, out), report


def _ticket(
    plan: SamplePlan, scan: Scan, columns: _SampleColumns, report: dict[str, Any], marks: list[str], out: Path
) -> SampleFile:
    return SampleFile(
        fingerprint=fingerprint({"stage": "read_sample", "reader": READER, "file": scan.sha256, "plan": asdict(plan)}),
        parents=(scan.sha256,),
        path="",
        content_hash=hash_folder(out),
        id_types=tuple(role.id_type for role in plan.ids),
        columns=tuple(
            Column(PREFIX + one.name, one.kind, "partner", "sample", one.name, "", plan.specials.get(one.name, ()))
            for one in columns.features
        ),
        n_rows=report["n_rows"],
        n_ids=report["ids"][0]["n_distinct"],
        n_bad=columns.label.n_bad if plan.label else None,
        has_time=plan.observed_at is not None,
        has_split=plan.split is not None,
        marks=tuple(marks),
    )
