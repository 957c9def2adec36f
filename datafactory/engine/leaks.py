"""Columns that may know the future: what each looks like, named, with figures.

A column that was filled after the outcome is the most expensive mistake of a joint model: it wins every comparison and
is worth nothing on the day of use. The scan looks at the label on train rows only (without a split: on the rows of 6 in
10 people), so that it spends nothing of what the model is later judged on. Cells of few people lead to no finding, and
no finding names a value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datafactory.engine.leak_columns import (
    Finding,
    LabelledRows,
    LeakLimits,
    Strength,
    finding_on,
    in_tens,
    labelled_rows,
    strength_of,
    too_good,
    value_findings,
)
from datafactory.engine.match_report import month_codes
from datafactory.engine.population import rate_difference
from modeling.artifacts import Column, Progress, no_progress

ROW_ID = "row_id"
MATCHED = "matched"
_STRONGEST = 20
_AT_ONCE = 32


@dataclass(frozen=True)
class LeakReport:
    """What a scan saw. ``basis`` is "train", "people" (6 in 10) or None, when too few outcomes are known."""

    basis: Literal["train", "people"] | None
    n_rows: int
    n_people: int
    n_columns: int
    median_auc: float | None
    strongest: tuple[Strength, ...]
    findings: tuple[Finding, ...]


def scan_table(
    rows: Path,
    columns: Sequence[Column],
    *,
    limits: LeakLimits | None = None,
    zone: str = "Asia/Shanghai",
    progress: Progress = no_progress,
) -> LeakReport:
    """Scan every column of a feature table.

    Parameters
    ----------
    rows : ``rows.parquet`` of the table, sorted by row id
    columns : its features
    zone : in which months begin

    Returns
    -------
    Findings by column; several reasons for one column are several findings.
    """
    shared, basis = labelled_rows(rows, limits or LeakLimits())
    findings = list(_after_application(shared, columns))
    strengths: list[Strength] = []
    if basis is not None:
        usable = [column for column in columns if column.kind != "date"]
        for start in range(0, len(usable), _AT_ONCE):
            progress(start, len(usable), "columns")
            some = usable[start : start + _AT_ONCE]
            table = pq.read_table(rows, columns=[column.name for column in some])
            for column in some:
                strengths.append(strength_of(column, table[column.name], shared))
                findings += value_findings(column, table[column.name], shared, len(usable))
        findings += too_good(strengths, usable, shared.limits)
        findings += [*_by_match(shared), *_by_order(shared, zone)]
    strengths.sort(key=lambda one: (-one.auc, one.column))
    return LeakReport(
        basis,
        int(shared.used.sum()),
        shared.people(shared.used),
        len(columns),
        round(float(np.median([one.auc for one in strengths])), 4) if strengths else None,
        tuple(strengths[:_STRONGEST]),
        tuple(sorted(findings, key=lambda one: (one.column, one.reason))),
    )


def _after_application(rows: LabelledRows, columns: Sequence[Column]) -> Iterator[Finding]:
    dates = [column for column in columns if column.kind == "date"]
    if not dates or "observed_at" not in pq.ParquetFile(rows.path).schema_arrow.names:
        return
    observed = pq.read_table(rows.path, columns=["observed_at"])["observed_at"]
    for column in dates:
        values = pq.read_table(rows.path, columns=[column.name])[column.name].cast(observed.type)
        later = pc.fill_null(pc.greater(values, observed), False).to_numpy()
        if rows.people(later) >= rows.limits.cell_floor:
            people = in_tens(rows.people(later))
            yield finding_on(column, "after_application", {"people": people, "share": round(float(later.mean()), 2)})


def _by_match(rows: LabelledRows) -> Iterator[Finding]:
    """Match rates of bads and goods: the bads of a source that was filled by collection are all there."""
    if MATCHED not in pq.ParquetFile(rows.path).schema_arrow.names:
        return
    matched = pc.fill_null(pq.read_table(rows.path, columns=[MATCHED])[MATCHED], False).to_numpy()
    cells = [rows.used & (rows.y == label) & side for label in (1, 0) for side in (matched, ~matched)]
    people = [rows.people(cell) for cell in cells]
    if people[0] < rows.limits.cell_floor or people[2] < rows.limits.cell_floor:
        return
    bad, good = (people[0] / (people[0] + people[1]), people[2] / (people[2] + people[3]))
    low, high = rate_difference(bad, people[0] + people[1], good, people[2] + people[3])
    if max(low, -high) > rows.limits.match_gap:
        figures = {"bad": round(bad, 2), "good": round(good, 2), "low": round(low, 3), "high": round(high, 3)}
        yield Finding(MATCHED, "", "platform", "", "match_by_outcome", figures)


def _by_order(rows: LabelledRows, zone: str) -> Iterator[Finding]:
    """AUC of the row's place in the file, within months: bad rates that drift over time are no leak."""
    place = _places(pq.read_table(rows.path, columns=[ROW_ID])[ROW_ID])[rows.used]
    y, month = rows.y[rows.used], _months(rows, zone)[rows.used]
    total, weight, variance = 0.0, 0.0, 0.0
    for one in np.unique(month):
        auc, error, pairs = _placed_auc(place[month == one], y[month == one])
        total, weight, variance = total + pairs * auc, weight + pairs, variance + (pairs * error) ** 2
    if weight == 0:
        return
    auc, error = total / weight, float(np.sqrt(variance)) / weight
    distance = abs(auc - 0.5)
    if distance - 1.96 * error > rows.limits.order_auc:
        folded = {"auc": 0.5 + distance, "low": 0.5 + distance - 1.96 * error, "high": 0.5 + distance + 1.96 * error}
        figures = {name: round(min(1.0, value), 3) for name, value in folded.items()}
        yield Finding(ROW_ID, "", "partner", "sample", "row_order", figures)


def _places(row_id: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    """Row ids as numbers where all are, else their place in the order of texts, in which the table lies."""
    texts = row_id.cast(pa.string())
    if pc.all(pc.match_substring_regex(texts, r"^\d{1,15}$")).as_py():
        return np.asarray(texts.cast(pa.float64()).to_numpy(), dtype=np.float64)
    return np.arange(len(row_id), dtype=np.float64)


def _months(rows: LabelledRows, zone: str) -> npt.NDArray[np.int64]:
    if "observed_at" not in pq.ParquetFile(rows.path).schema_arrow.names:
        return np.zeros(len(rows.y), np.int64)
    return month_codes(pq.read_table(rows.path, columns=["observed_at"])["observed_at"], zone)[0]


def _placed_auc(place: npt.NDArray[np.float64], y: npt.NDArray[np.int64]) -> tuple[float, float, float]:
    """AUC of a ranking without ties, its standard error under chance, and the number of pairs."""
    n_bad, n_good = int((y == 1).sum()), int((y == 0).sum())
    pairs = float(n_bad * n_good)
    if pairs == 0:
        return 0.5, 0.0, 0.0
    ranks = np.empty(len(place))
    ranks[np.argsort(place, kind="stable")] = np.arange(1, len(place) + 1)
    auc = float((ranks[y == 1].sum() - n_bad * (n_bad + 1) / 2) / pairs)
    return auc, float(np.sqrt((n_bad + n_good + 1) / (12 * pairs))), pairs
