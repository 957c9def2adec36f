# ruff: noqa: S608 - names and paths enter SQL through quoted() and literal() only
"""The design of a sample: who is left out and why, who was rejected, and whose outcome says neither good nor bad.

Every row of the file ends in one step of a waterfall: the first exclusion that takes it, rejected, indeterminate,
without outcome, or kept for modeling. Excluded rows are not written; the others are, with ``y`` for the kept ones only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from datafactory.engine.disclosure import hidden_cells, hidden_outcomes
from datafactory.engine.looking import Look, as_numbers
from datafactory.engine.plans import Exclusion, SamplePlan
from datafactory.engine.roles import as_text, plain_values
from datafactory.engine.tables import TableWriter, literal, rows_of
from modeling.errors import DataError

if TYPE_CHECKING:
    import duckdb

REJECTED, INDETERMINATE, NO_OUTCOME, KEPT = "rejected", "indeterminate", "no_outcome", "kept"
AFTER = (REJECTED, INDETERMINATE, NO_OUTCOME, KEPT)
_COMPARE = {"lt": pc.less, "le": pc.less_equal, "gt": pc.greater, "ge": pc.greater_equal}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}.*")
_SCHEMA = pa.schema([("step", pa.int16()), ("bad", pa.int8()), ("person", pa.string())])
Steps = npt.NDArray[np.int16]


def matches(rule: Exclusion, look: Look, first_row: int) -> pa.Array:
    """Which rows an exclusion takes. A missing value is taken by ``missing`` alone."""
    text = as_text(look)
    if rule.operator in {"missing", "present"}:
        missing = pc.is_null(text)
        return missing if rule.operator == "missing" else pc.invert(missing)
    if rule.operator in {"in", "not_in"}:
        inside = pc.is_in(pc.utf8_lower(text), plain_values(rule.values))
        return pc.and_(pc.is_valid(text), inside if rule.operator == "in" else pc.invert(inside))
    return pc.fill_null(_compared(rule, look, text, first_row), False)


def _compared(rule: Exclusion, look: Look, text: pa.Array, first_row: int) -> pa.Array:
    """Numbers by size; days written year first by their text."""
    limit, compare = rule.values[0], _COMPARE[rule.operator]
    if _DAY.fullmatch(limit):
        return compare(text, pa.scalar(limit))
    numbers = look.numbers if look.numbers is not None else as_numbers(text, look.reading.decimal)
    if numbers is None:
        wrong = next((n for n in range(len(text)) if as_numbers(text[n : n + 1], look.reading.decimal) is None), 0)
        raise DataError(
            "exclusion_not_number",
            "Row %(row)s, column %(column)s: the value is not a number, and an exclusion compares it with %(limit)s.",
            row=first_row + wrong,
            column=rule.column,
            limit=limit,
        )
    return compare(numbers.cast(pa.float64()), pa.scalar(float(limit)))


@dataclass
class Design:
    """Places the rows of a file, block by block, and keeps what the waterfall is counted from."""

    plan: SamplePlan
    path: Path
    n_rows: int = 0
    n_excluded: int = 0
    _table: TableWriter | None = field(default=None)

    @property
    def is_plain(self) -> bool:
        """Whether rows can only be kept or lack an outcome."""
        plan = self.plan
        return not (plan.exclusions or plan.approved or plan.indeterminate_values or plan.bad_from is not None)

    def excluded(self, looks: dict[str, Look], first_row: int, n_rows: int) -> Steps:
        """For each row the number of the first exclusion that takes it, or -1."""
        self.n_rows += n_rows
        steps = np.full(n_rows, -1, np.int16)
        for number, rule in reversed(list(enumerate(self.plan.exclusions))):
            steps[np.asarray(matches(rule, looks[rule.column], first_row))] = number
        self.n_excluded += int((steps >= 0).sum())
        return steps

    def keep(self, steps: Steps, after: Steps, bad: pa.Array, person: pa.Array) -> None:
        """Note where every row went: ``after`` is a position in :data:`AFTER`, for rows that no exclusion takes."""
        n = len(self.plan.exclusions)
        step = np.where(steps >= 0, steps, n + after).astype(np.int16)
        self._table = self._table or TableWriter(self.path, _SCHEMA)
        self._table.write(pa.RecordBatch.from_arrays([pa.array(step), bad, person], schema=_SCHEMA))

    def close(self) -> None:
        if self._table:
            self._table.close()
            self._table = None

    def waterfall(self, connection: duckdb.DuckDBPyConnection, rows: Path, floor: int) -> list[dict[str, Any]]:
        """The steps in order, each with its rows and the bad rate that goes with them; small cells are None."""
        n = len(self.plan.exclusions)
        source = f"SELECT step, bad, person FROM read_parquet({literal(str(self.path))})"
        if self.is_plain:
            step = f"CASE WHEN y IS NULL THEN {n + AFTER.index(NO_OUTCOME)} ELSE {n + AFTER.index(KEPT)} END"
            y = "y" if self.plan.label else "NULL"
            source = f"SELECT {step if self.plan.label else n + AFTER.index(KEPT)} AS step, {y} AS bad, person"
            source += f" FROM read_parquet({literal(str(rows))})"
        return _shown(_counted(connection, source, n + len(AFTER)), self.plan, floor)


def _counted(connection: duckdb.DuckDBPyConnection, source: str, n_steps: int) -> list[dict[str, int]]:
    """Rows and people of each step, and how many bad and good rows and people are among them."""
    found = rows_of(
        connection,
        "SELECT step, sum(n) AS n, count(*) AS people, sum(bad) AS n_bad, sum(good) AS n_good,"
        " count(*) FILTER (bad > 0) AS bad_people, count(*) FILTER (good > 0) AS good_people FROM"
        " (SELECT step, person, count(*) AS n, count(*) FILTER (bad = 1) AS bad, count(*) FILTER (bad = 0) AS good"
        f" FROM ({source}) GROUP BY step, person) GROUP BY step",
    )
    empty = dict.fromkeys(("n", "people", "n_bad", "n_good", "bad_people", "good_people"), 0)
    by_step = {row["step"]: {name: int(value) for name, value in row.items() if name != "step"} for row in found}
    return [by_step.get(step, empty) for step in range(n_steps)]


def _shown(counts: list[dict[str, int]], plan: SamplePlan, floor: int) -> list[dict[str, Any]]:
    """Steps as the report gives them. Empty steps have nothing to hide; the others must not tell each other's cells."""
    there = [row for row in counts if row["n"]]
    people = [row["people"] for row in there]
    few = hidden_cells(people, floor)
    secret = hidden_outcomes(people, [row["bad_people"] for row in there], [row["good_people"] for row in there], floor)
    hidden = {id(row): flags for row, *flags in zip(there, few, secret, strict=True)}
    out = []
    for name, row in zip(_steps(plan), counts, strict=True):
        few_here, secret_here = hidden.get(id(row), (False, True)) if row["n"] else (False, True)
        labelled = row["n_bad"] + row["n_good"]
        tells = bool(labelled) and not secret_here and not few_here
        out.append(
            name
            | {"n": None if few_here else row["n"], "n_bad": row["n_bad"] if tells else None}
            | {"bad_rate": round(row["n_bad"] / labelled, 4) if tells else None}
        )
    return out


def _steps(plan: SamplePlan) -> list[dict[str, Any]]:
    rules = [
        {"step": "exclusion", "column": rule.column, "operator": rule.operator, "values": list(rule.values)}
        | {"reason": rule.reason}
        for rule in plan.exclusions
    ]
    return [*rules, *({"step": step} for step in AFTER)]
