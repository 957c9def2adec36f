# ruff: noqa: S608 - names and paths enter SQL through quoted() and literal() only
"""What is told of a sample once its rows are written: figures with small cells hidden, checks and marks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datafactory.engine import validation
from datafactory.engine.design import Design
from datafactory.engine.disclosure import shown
from datafactory.engine.identifiers import IdColumn
from datafactory.engine.kinds import FeatureColumn
from datafactory.engine.plans import Limits, SamplePlan
from datafactory.engine.roles import LabelColumn
from datafactory.engine.scanning import Scan
from datafactory.engine.tables import literal, quoted
from modeling.marks import LEAKAGE_UNKNOWN

if TYPE_CHECKING:
    import duckdb


@dataclass
class Told:
    """What the columns of a sample counted while it was read."""

    plan: SamplePlan
    ids: Sequence[IdColumn]
    label: LabelColumn
    features: Sequence[FeatureColumn]
    design: Design
    time_format: str | None


def report_on(
    connection: duckdb.DuckDBPyConnection,
    rows: Path,
    scan: Scan,
    told: Told,
    limits: Limits,
    now: dt.datetime,
) -> tuple[dict[str, Any], list[str]]:
    plan, checks = told.plan, validation.Checks()
    n_rows = scan.n_rows - told.design.n_excluded
    validation.check_ids(checks, told.ids, scan.n_rows)
    validation.check_duplicates(connection, rows, plan, checks)
    validation.check_columns(checks, told.features)
    validation.check_specials(checks, told.features, plan.specials)
    marks: list[str] = []
    maturity: dict[str, Any] = {"months": []}
    if plan.observed_at:
        months = validation.months_of(connection, rows, plan.zone, plan.label is not None)
        maturity, marks = validation.check_maturity(plan, months, checks, limits, now)
        checks.passed("time", "Every application has a time and none is in the future.")
    else:
        marks.append(LEAKAGE_UNKNOWN)
        checks.warned("leakage_unknown", "There is no application time: leakage cannot be excluded.")
    report = {
        "format": scan.dialect.format,
        "encoding": scan.dialect.encoding,
        "delimiter": scan.dialect.delimiter,
        "time_format": told.time_format,
        "zone": plan.zone,
        "n_rows": n_rows,
        "design": _design(connection, rows, scan, told, limits.cell_floor),
        "label": _label_figures(told, limits.cell_floor),
        "ids": _id_figures(connection, rows, told),
        "columns": validation.column_lines(told.features, set(plan.kinds), scan.n_rows, limits.cell_floor),
        "maturity": maturity,
        "checks": checks.lines,
        "marks": marks,
    }
    return report, marks


def _label_figures(told: Told, floor: int) -> dict[str, Any] | None:
    if not told.plan.label:
        return None
    label = told.label
    n = label.n_bad + label.n_good
    n_bad = shown(label.n_bad, n, floor)
    return {
        "n_bad": n_bad,
        "n_good": None if n_bad is None else label.n_good,
        "n_missing": label.n_missing,
        "n_indeterminate": label.n_indeterminate,
        "bad_rate": None if n_bad is None else round(label.n_bad / n, 4),
    }


def _design(connection: duckdb.DuckDBPyConnection, rows: Path, scan: Scan, told: Told, floor: int) -> dict[str, Any]:
    """How the rows of the file became the sample: the definition of the outcome and the waterfall."""
    plan = told.plan
    return {
        "n_file": scan.n_rows,
        "bad_values": list(plan.bad_values) if plan.bad_from is None else [],
        "good_values": list(plan.good_values) if plan.bad_from is None else [],
        "indeterminate_values": list(plan.indeterminate_values),
        "bad_from": plan.bad_from,
        "good_to": plan.good_to,
        "observation_window_months": plan.observation_window_months,
        "performance_window_months": plan.performance_window_months,
        "outcomes_as_of": plan.outcomes_as_of,
        "waterfall": told.design.waterfall(connection, rows, floor),
    }


def _id_figures(connection: duckdb.DuckDBPyConnection, rows: Path, told: Told) -> list[dict[str, Any]]:
    out = []
    for column in told.ids:
        query = f"SELECT count(DISTINCT {quoted(column.role.target)}) FROM read_parquet({literal(str(rows))})"
        n_distinct = (connection.sql(query).fetchone() or (0,))[0]
        out.append({
            "id_type": column.role.id_type,
            "column": column.role.column,
            "n_missing": column.n_missing,
            "n_distinct": n_distinct,
        })  # fmt: skip
    return out
