# ruff: noqa: S608 - names and paths enter SQL through quoted() and literal() only
"""The validation report of an import: what was checked, what was found, with small cells hidden."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datafactory.engine import maturity, times
from datafactory.engine.disclosure import shown
from datafactory.engine.identifiers import IdColumn
from datafactory.engine.kinds import FeatureColumn
from datafactory.engine.plans import Limits, SamplePlan
from datafactory.engine.tables import literal, rows_of
from modeling.errors import DataError
from modeling.marks import IMMATURE_MONTHS, MATURITY_SUSPECTED

if TYPE_CHECKING:
    import duckdb

MOSTLY_NUMBERS = 0.9


@dataclass
class Checks:
    """Lines of a report. ``template`` is an English sentence with holes, translated where it is shown."""

    lines: list[dict[str, Any]] = field(default_factory=list)

    def passed(self, code: str, template: str, **params: Any) -> None:
        self._add("passed", code, template, params)

    def warned(
        self, code: str, template: str, *, row: int | None = None, column: str | None = None, **params: Any
    ) -> None:
        self._add("warned", code, template, params | {"row": row, "column": column})

    def _add(self, state: str, code: str, template: str, params: dict[str, Any]) -> None:
        self.lines.append({"state": state, "code": code, "template": template, "params": params})


def column_lines(columns: Sequence[FeatureColumn], pinned: set[str], n_rows: int, floor: int) -> list[dict[str, Any]]:
    """Kind and missing values of each column."""
    return [
        {
            "name": column.name,
            "kind": column.kind,
            "pinned": column.name in pinned,
            "n_missing": shown(column.n_missing, n_rows, floor),
            "missing": round(column.n_missing / n_rows, 4 if shown(column.n_missing, n_rows, floor) is not None else 1),
        }
        for column in columns
    ]


def check_columns(checks: Checks, columns: Sequence[FeatureColumn]) -> None:
    """Values that became missing, columns that are nearly numbers, columns that are empty or long in values."""
    for column in columns:
        if column.n_not_finite:
            checks.warned(
                "not_finite",
                "Column %(column)s: %(count)d values are NaN or infinite, first in row %(row)s; they count as missing.",
                row=column.first_not_finite,
                column=column.name,
                count=column.n_not_finite,
            )
        if not column.n_values:
            checks.warned("column_empty", "Column %(column)s has no values.", column=column.name)
        elif column.n_tested and column.n_numbers >= MOSTLY_NUMBERS * column.n_tested:
            checks.warned(
                "mostly_numbers",
                "Column %(column)s is kept as a category: %(count)d of its first %(total)d values are numbers, others"
                " are not (or they are codes). Pin its kind or name its markers for missing values.",
                column=column.name,
                count=column.n_numbers,
                total=column.n_tested,
            )


def check_ids(checks: Checks, ids: Sequence[IdColumn], n_rows: int) -> None:
    """Missing and re-cased ids."""
    for column in ids:
        if column.n_missing:
            checks.warned(
                "id_missing",
                "Column %(column)s: %(count)d of %(total)d ids are missing; these rows cannot be matched by it.",
                column=column.role.column,
                count=column.n_missing,
                total=n_rows,
            )
        if column.n_upper:
            checks.warned(
                "id_upper_case",
                "Column %(column)s: %(count)d hashes came in upper case and were lower-cased.",
                column=column.role.column,
                count=column.n_upper,
            )
        _check_placeholders(checks, column)
    checks.passed("id_format", "Every id has the format of its algorithm; no raw personal number was found.")


def _check_placeholders(checks: Checks, column: IdColumn) -> None:
    if column.nothings:
        checks.warned(
            "id_of_nothing",
            "Column %(column)s: %(count)d hashes are those of an empty value or of a word for it (%(values)s);"
            " they count as missing.",
            row=column.first_rows["nothing"],
            column=column.role.column,
            count=sum(column.nothings.values()),
            values=_quoted_counts(column.nothings),
        )
    if column.fillers:
        checks.warned(
            "id_of_filler",
            "Column %(column)s: %(count)d hashes are those of numbers that are typed to fill a field (%(values)s).",
            row=column.first_rows["filler"],
            column=column.role.column,
            count=sum(column.fillers.values()),
            values=_quoted_counts(column.fillers),
        )


def _quoted_counts(counts: dict[str, int]) -> str:
    return ", ".join(f"“{value}”: {n}" for value, n in sorted(counts.items(), key=lambda item: -item[1])[:6])


def check_specials(checks: Checks, columns: Sequence[FeatureColumn], declared: Collection[str]) -> None:
    """Codes such as -1 or -999 in columns that are otherwise not negative and that declare no specials."""
    for column in columns:
        if column.n_codes and not column.n_negative and column.name not in declared:
            checks.warned(
                "special_codes",
                "Column %(column)s holds codes such as -1 or -999 in %(count)d rows. Name them as special codes,"
                " or they are read as amounts.",
                column=column.name,
                count=column.n_codes,
            )


def check_duplicates(connection: duckdb.DuckDBPyConnection, rows: Path, plan: SamplePlan, checks: Checks) -> None:
    """Rows of one person at one time; refused when all rows are such, or all are one person's."""
    source = f"read_parquet({literal(str(rows))})"
    key = "person, observed_at" if plan.observed_at else "person"
    total, people, repeated, extra = connection.sql(
        f"SELECT sum(n), count(DISTINCT person), coalesce(sum(n) FILTER (n > 1), 0), sum(n - 1) FROM"
        f" (SELECT {key}, count(*) AS n FROM {source} GROUP BY {key})"
    ).fetchone() or (0, 0, 0, 0)
    column = plan.ids[0].column
    if total > 1 and people == 1:
        raise DataError("ids_all_same", "Column %(column)s holds the same id in every row.", column=column)
    distinguished = plan.row_id is not None and plan.observed_at is None
    if repeated == total and not distinguished:
        raise DataError(
            "ids_all_duplicate",
            "Column %(column)s: every id occurs more than once%(when)s. Was the file joined or appended twice?",
            column=column,
            when=" at the same time" if plan.observed_at else "",
        )
    if extra:
        template = "%(count)d of %(total)d rows repeat a person at the same application time."
        if not plan.observed_at:
            template = "%(count)d of %(total)d rows repeat a person."
        checks.warned("duplicates", template, count=int(extra), total=int(total), column=column)
    else:
        checks.passed("duplicates", "No person occurs twice at the same time.")


def months_of(connection: duckdb.DuckDBPyConnection, rows: Path, zone: str, has_label: bool) -> list[maturity.Month]:
    """Counts by month of application in the zone of the import."""
    outcomes = (
        ", sum(n_bad) AS n_bad, count(*) FILTER (n_bad > 0) AS bad_people, count(*) FILTER (n_good > 0) AS good_people"
        ", sum(n_bad + n_good) AS n_labelled"
    )
    counted = ", count(*) FILTER (y = 1) AS n_bad, count(*) FILTER (y = 0) AS n_good"
    figures = rows_of(
        connection,
        f"SELECT month, sum(n) AS n, count(*) AS people{outcomes if has_label else ''} FROM"
        f" (SELECT strftime(observed_at AT TIME ZONE {literal(zone)}, '%Y-%m') AS month, count(*) AS n"
        f"{counted if has_label else ''} FROM read_parquet({literal(str(rows))}) GROUP BY month, person)"
        " GROUP BY month ORDER BY month",
    )
    figures = [row | {name: int(value) for name, value in row.items() if name != "month"} for row in figures]
    return [maturity.Month(**row) for row in figures]


def check_maturity(
    plan: SamplePlan, months: list[maturity.Month], checks: Checks, limits: Limits, now: dt.datetime
) -> tuple[dict[str, Any], list[str]]:
    """Maturity of the months: known from window and outcome date, else suspected from a falling bad rate.

    Without the date, months that have not had the window even today are known not to be mature.
    """
    marks: list[str] = []
    suspicion = None
    names, window = [month.month for month in months], plan.performance_window_months
    today = now.astimezone(times.zone_of(plan.zone)).date().isoformat()
    too_young = maturity.immature_months(names, window, plan.outcomes_as_of or today, plan.zone) if window else []
    if window and (plan.outcomes_as_of or too_young):
        marks += _known_maturity(too_young, len(months), checks)
    elif plan.label is not None and months:
        suspicion = maturity.falling_bad_rate(months)
        marks += _suspected_maturity(suspicion, checks)
    report = {
        "window_months": plan.performance_window_months,
        "outcomes_as_of": plan.outcomes_as_of,
        "immature": too_young,
        "suspicion": suspicion,
        "months": _months(months, too_young, plan, limits.cell_floor),
    }
    return report, marks


def _months(months: list[maturity.Month], too_young: list[str], plan: SamplePlan, floor: int) -> list[dict[str, Any]]:
    """The months of the report. Without the date of the outcomes a month that is old enough may still be immature."""
    known = plan.performance_window_months is not None and plan.outcomes_as_of is not None
    rows = maturity.shown_months(months, too_young if known or too_young else None, floor, plan.label is not None)
    return [row | {"mature": None if row["mature"] and not known else row["mature"]} for row in rows]


def _known_maturity(immature: list[str], n_months: int, checks: Checks) -> list[str]:
    if not immature:
        checks.passed("maturity", "All months had the whole performance window before the outcomes were read.")
        return []
    checks.warned(
        "immature_months",
        "%(count)d of %(total)d months are not mature: %(first)s and later had less than the performance window.",
        count=len(immature),
        total=n_months,
        first=immature[0],
    )
    return [IMMATURE_MONTHS]


def _suspected_maturity(suspicion: dict[str, Any] | None, checks: Checks) -> list[str]:
    if suspicion is None:
        checks.warned(
            "maturity_unknown",
            "Performance window or date of the outcomes is not given; the bad rate by month shows no fall at the end.",
        )
        return []
    checks.warned(
        "maturity_suspected",
        "The bad rate falls from %(early)s to %(last)s towards the end: the months from %(from_month)s may not be"
        " mature. Give the performance window and the date of the outcomes.",
        early=f"{suspicion['early_rate']:.1%}",
        last=f"{suspicion['last_rate']:.1%}",
        from_month=suspicion["from_month"],
    )
    return [MATURITY_SUSPECTED]
