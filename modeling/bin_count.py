"""Counts of every variable of a feature table, one column in memory at a time, with a first proposal of bins.

``FeatureTable, BinSetPlan -> BinCounts``: ``side.npz`` (the rows' side), one ``<i>.npz`` each, ``variables.json``.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec

from modeling.artifacts import (
    Column,
    FeatureTable,
    Kind,
    Party,
    Progress,
    Ticket,
    fingerprint,
    hash_folder,
    no_progress,
    to_json,
)
from modeling.bin_cells import MOST_CELLS, RowSide, VariableCells, count_variable, recut, row_side, with_edge
from modeling.bin_given import GivenBins
from modeling.bin_plan import BinPlan
from modeling.bin_wish import propose
from modeling.errors import DataError
from modeling.splits import SplitPlan, assign_splits, local_months
from modeling.training_rows import candidates, read_column, read_rows

CODE_VERSION = 1
SIDE = "side.npz"


@dataclass(frozen=True)
class BinSetPlan:
    """Which rows and columns are counted, and what the first proposal keeps to. Split as the training will split."""

    column_set: Literal["partner", "platform", "joint"] = "joint"
    columns: tuple[str, ...] | None = None
    split: SplitPlan = field(default_factory=SplitPlan)
    rows: Literal["all", "matched"] = "all"
    bins: BinPlan = field(default_factory=BinPlan)
    cell_floor: int = 10
    min_people: int = 30
    cells: int = MOST_CELLS


@dataclass(frozen=True)
class Counted:
    """One variable: where its counts are, or why it has none; and the bins first proposed."""

    name: str
    kind: Kind
    party: Party
    title: str = ""
    file: str = ""
    reason: str = ""
    bins: GivenBins | None = None


@dataclass(frozen=True)
class BinCounts(Ticket):
    """The folder of a bin set."""

    n_variables: int
    n_train: int


def count_table(
    table: FeatureTable, folder: Path, plan: BinSetPlan, out: Path, *, progress: Progress = no_progress
) -> BinCounts:
    """Count all candidates. A variable that cannot be binned is kept with its reason.

    Raises
    ------
    DataError
        ``no_labels``, ``one_class``, ``no_columns``, and those of splits
    """
    columns = candidates(table, plan.column_set, plan.columns)
    side = _side(table, folder, plan, columns[0].name)
    side.save(out / SIDE)
    counted = []
    for i, column in enumerate(columns):
        progress(i, len(columns), "count")
        counted.append(_count(folder, column, f"{i}.npz", plan, side, out))
    (out / "variables.json").write_bytes(msgspec.json.encode(to_json(counted), order="sorted"))
    progress(len(columns), len(columns), "written")
    recipe = fingerprint(table.content_hash, plan, CODE_VERSION)
    n_train = int(side.train.sum())
    return BinCounts(recipe, (table.content_hash,), "", hash_folder(out), len(counted), n_train)


def _side(table: FeatureTable, folder: Path, plan: BinSetPlan, some_column: str) -> RowSide:
    rows = read_rows(table, folder, "joint", (some_column,), plan.rows)
    split = assign_splits(rows.person, rows.observed_at, rows.split, plan.split)
    months = None if rows.observed_at is None else local_months(rows.observed_at, plan.split.zone)
    return row_side(rows.person, rows.y, rows.weight, split, months)


def _count(folder: Path, column: Column, file: str, plan: BinSetPlan, side: RowSide, out: Path) -> Counted:
    told: dict[str, Any] = {"name": column.name, "kind": column.kind, "party": column.party, "title": column.title}
    if column.kind == "date":
        return Counted(**told, reason="dates are not modelled")
    try:
        values = read_column(folder, column, plan.rows)
        cells = count_variable(values, column, side, plan.cell_floor, plan.min_people, plan.cells)
        if int((cells.n[0].sum(axis=0) > 0).sum()) < 2:
            return Counted(**told, reason="one value only")
        bins = propose(cells, plan.bins)
    except DataError as error:
        return Counted(**told, reason=str(error))
    cells.save(out / file)
    return Counted(**told, file=file, bins=bins)


def read_counted(folder: Path) -> list[Counted]:
    """What :func:`count_table` says of every variable, in the table's order."""
    return msgspec.json.decode((folder / "variables.json").read_bytes(), type=list[Counted])


def recount(
    cells: VariableCells, cuts: Collection[float], table: Path, counts: Path, column: Column, plan: BinSetPlan
) -> VariableCells:
    """The cells with exactly these cuts: one column is read again."""
    return recut(cells, read_column(table, column, plan.rows), sorted(cuts), RowSide.load(counts / SIDE))


def count_edge(
    cells: VariableCells,
    edge: float,
    shown: Collection[float],
    table: Path,
    counts: Path,
    column: Column,
    plan: BinSetPlan,
) -> VariableCells:
    """The cells with a cut at ``edge``, counted exactly: see :func:`modeling.bin_cells.with_edge`."""
    values = read_column(table, column, plan.rows)
    return with_edge(cells, values, edge, RowSide.load(counts / SIDE), plan.cell_floor, shown)
