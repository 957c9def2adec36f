"""Checks that a model passes before it may answer: one score, whoever asks and however odd the row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isclose, isfinite
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from modeling.encoding import Input, read_column
from modeling.parity import probe_rows
from modeling.scoring import Scorer, TreeKernel

SAME_PD = 1e-6
SAME_MARGIN = 1e-5
CHECK_ROWS = 1000

Columns = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Check:
    """One line of the gate. ``figure`` must not pass ``limit``; ``about`` names what is at fault."""

    check: str
    passed: bool
    figure: float | None = None
    limit: float | None = None
    about: tuple[str, ...] = ()


@dataclass(frozen=True)
class StoredRows:
    """Some of a table's rows with the scores that training stored for them."""

    columns: Columns
    pd: npt.NDArray[np.float64]
    score: npt.NDArray[np.int64]


def stored_rows(table: Path, predictions: Path, inputs: Sequence[Input], n: int = CHECK_ROWS) -> StoredRows:
    """``n`` rows spread over the predictions (or all, if fewer), with the raw values of the model's inputs.

    Both files are sorted by row id; only the inputs' columns are read.
    """
    scored = pq.read_table(predictions, columns=["row_id", "pd", "score"])
    places = np.unique(np.linspace(0, len(scored) - 1, min(n, len(scored))).astype(int))
    scored = scored.take(places)
    rows = pq.read_table(table, columns=["row_id", *(entry.name for entry in inputs)])
    at = np.searchsorted(rows["row_id"].to_numpy(zero_copy_only=False), scored["row_id"].to_numpy(zero_copy_only=False))
    rows = rows.take(at)
    columns = {entry.name: values_of(rows[entry.name], entry) for entry in inputs}
    return StoredRows(columns, scored["pd"].to_numpy(), scored["score"].to_numpy())


def values_of(column: Any, entry: Input) -> npt.NDArray[Any]:
    """A Parquet column as the scorer takes it: strings with None, or floats with NaN."""
    if entry.is_category:
        return np.array(column.to_pylist(), dtype=object)
    return np.array([np.nan if value is None else float(value) for value in column.to_pylist()])


def check_stored_scores(scorer: Scorer, rows: StoredRows) -> Check:
    """Rows of the table, scored anew, give the PD of training to 1e-6 and its very score."""
    pd, score = scorer.score_rows(rows.columns)
    gap = float(np.abs(pd - rows.pd).max(initial=0.0))
    return Check("stored_scores", gap <= SAME_PD and bool((score == rows.score).all()), gap, SAME_PD)


def check_reasons_add_up(scorer: Scorer, columns: Columns) -> Check:
    """A scorecard's points add up to the PD that is answered, the trees' contributions to its log-odds."""
    pd = scorer.score_rows(columns).pd
    if isinstance(scorer.kernel, TreeKernel):
        margin = scorer.kernel.forest.contributions(scorer.kernel.encoding.matrix(columns)).sum(axis=1)
        gap = np.abs(margin - np.log(pd / (1 - pd)))
        return _within("contributions_add_up", gap, SAME_MARGIN)
    return _within("points_add_up", np.abs(pd_of_points(scorer, columns) - pd), SAME_PD)


def pd_of_points(scorer: Scorer, columns: Columns) -> npt.NDArray[np.float64]:
    """The PD that the published points table gives: ``odds = exp((sum of points - offset) / factor)``."""
    card, scaling = scorer.model.scorecard, scorer.model.scaling
    assert card is not None
    read = [read_column(columns[bins.name], entry) for bins, entry in zip(card.bins, scorer.signature, strict=True)]
    points = sum(
        card.points(i)[bins.index(values)] for i, (bins, values) in enumerate(zip(card.bins, read, strict=True))
    )
    return np.asarray(1 / (1 + np.exp((points - scaling.offset) / scaling.factor)))


def _within(name: str, gaps: npt.NDArray[np.float64], limit: float) -> Check:
    worst = float(gaps.max(initial=0.0))
    return Check(name, worst <= limit, worst, limit)


def check_single_is_batch(scorer: Scorer, columns: Columns, name: str = "single_is_batch") -> Check:
    """Each row alone gives the batch's PD to 1e-6 and its very score, and both are a PD."""
    pd, score = scorer.score_rows(columns)
    singles = [scorer.score_row(row, reasons=0) for row in as_rows(columns)]
    gap = max((abs(one.pd - many) for one, many in zip(singles, pd.tolist(), strict=True)), default=0.0)
    same = [one.score for one in singles] == score.tolist()
    sane = all(isfinite(one.pd) and 0 <= one.pd <= 1 for one in singles)
    return Check(name, same and sane and gap <= SAME_PD, float(gap), SAME_PD)


def as_rows(columns: Columns) -> list[dict[str, Any]]:
    names = list(columns)
    return [dict(zip(names, values, strict=True)) for values in zip(*(columns[n].tolist() for n in names), strict=True)]


def odd_rows(inputs: Sequence[Input]) -> Columns:
    """Rows on which careless scorers part: missing, special, unseen and extreme values, alone and mixed."""
    rows = probe_rows(tuple(inputs))
    return {entry.name: np.array([row.get(entry.name) for row in rows], dtype=object) for entry in inputs}


def check_people(people: Mapping[str, int], floor: int) -> Check:
    """No bin and no leaf speaks about fewer than ``floor`` people."""
    thin = tuple(name for name, n in people.items() if n < floor)
    return Check("people_floor", not thin, float(min(people.values(), default=floor)), float(floor), thin[:20])


Lookup = Callable[[Mapping[str, str], datetime], tuple[Mapping[str, Any], bool]]
SAME_DOUBLE = 1e-12  # relative


@dataclass(frozen=True)
class KnownPeople:
    """Some people of a table: their hashed ids and time of application, and what the table holds about them."""

    ids: list[dict[str, str]]
    observed_at: list[datetime]
    values: list[dict[str, Any]]


def known_people(sample: Path, table: Path, id_types: Sequence[str], wanted: Sequence[str], n: int) -> KnownPeople:
    """``n`` rows spread over the table (or all, if fewer). Both files are sorted by row id."""
    schema = set(pq.read_schema(table).names)
    time = ["observed_at"] if "observed_at" in schema else []
    rows = pq.read_table(table, columns=["row_id", *time, *wanted])
    rows = rows.take(np.unique(np.linspace(0, len(rows) - 1, min(n, len(rows))).astype(int)))
    keys = [f"id__{id_type}" for id_type in id_types if f"id__{id_type}" in pq.read_schema(sample).names]
    people = pq.read_table(sample, columns=["row_id", *keys])
    people = people.take(np.searchsorted(*(t["row_id"].to_numpy(zero_copy_only=False) for t in (people, rows))))
    ids = [{k.removeprefix("id__"): v for k, v in row.items() if v} for row in people.select(keys).to_pylist()]
    moments = rows["observed_at"].to_pylist() if time else [datetime.now(UTC)] * len(rows)
    return KnownPeople(ids, moments, rows.select(list(wanted)).to_pylist())


def check_lookup(lookup: Lookup, people: KnownPeople) -> Check:
    """What a call would look up is what the table holds: exact, doubles to 1e-12 of their size."""
    wrong: dict[str, int] = {}
    for ids, moment, held in zip(people.ids, people.observed_at, people.values, strict=True):
        found, _matched = lookup(ids, moment)
        for name, value in held.items():
            if not same_value(found.get(name), value):
                wrong[name] = wrong.get(name, 0) + 1
    return Check("online_is_offline", not wrong, float(sum(wrong.values())), 0.0, tuple(sorted(wrong))[:20])


def same_value(one: Any, other: Any) -> bool:
    """Equal, or two doubles within 1e-12 of their size; missing is only equal to missing.

    >>> same_value(None, None), same_value(1, 1.0), same_value(0.1 + 0.2, 0.3), same_value(None, 0)
    (True, True, True, False)
    """
    if one is None or other is None or isinstance(one, str) or isinstance(other, str):
        return bool(one == other)
    return isclose(float(one), float(other), rel_tol=SAME_DOUBLE, abs_tol=0.0)
