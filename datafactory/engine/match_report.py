"""Figures of a match: rates overall, by month, label, id type and source, duplicates, freshness, and whether the
matched are a different population.

Cells of few people are hidden and every count of matched rows is coarse, see :mod:`datafactory.engine.disclosure`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from datafactory.engine.disclosure import coarse, count_people, few, hidden_groups, people_by_group, rounded_rate, shown
from datafactory.engine.population import Groups, compare
from modeling.artifacts import Column
from modeling.marks import POPULATION_DIFFERS
from modeling.splits import local_months

_DAY_US = 86_400_000_000
_QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
Months = tuple[npt.NDArray[np.int64], list[str]]


@dataclass(frozen=True)
class Hits:
    """What one source found, per application: whether, through which id type, the latest event, how many rows."""

    slug: str
    hit: npt.NDArray[np.bool_]
    via: npt.NDArray[np.int8]
    latest: npt.NDArray[np.int64] | None
    rows: npt.NDArray[np.int64] | None = None


@dataclass(frozen=True)
class _Sample:
    rows: pa.Table
    person: npt.NDArray[np.int64]
    n_people: int
    matched: npt.NDArray[np.bool_]
    floor_ids: int
    cell_floor: int
    months: Months | None
    y: npt.NDArray[np.int64] | None

    def told(self, rows: npt.NDArray[np.bool_], total: int | None = None) -> int:
        """How many rows, as coarse as anybody is told."""
        return coarse(int(rows.sum()), len(rows) if total is None else total, self.cell_floor)

    def people(self, rows: npt.NDArray[np.bool_]) -> int:
        return count_people(self.person[rows])


def build_report(
    rows: pa.Table,
    columns: Sequence[Column],
    hits: Sequence[Hits],
    id_types: Sequence[str],
    floor_ids: int,
    cell_floor: int,
    zone: str,
    marks: Sequence[str],
    told_before: Sequence[str] = (),
) -> dict[str, Any]:
    """Everything that the page and the API show, plus ``exact`` for the ticket, which nobody is shown.

    ``told_before`` names groups (``month 2023-04``, ``label bad``) of which an earlier match told nearly the same
    people: they are hidden, because the difference of both figures would be about few people.
    """
    sample = _sample(rows, hits, floor_ids, cell_floor, zone)
    report = _overall(sample) | {
        "id_types": list(id_types),
        "floor_ids": floor_ids,
        "cell_floor": cell_floor,
        "sources": [_source(sample, h) for h in hits],
        "duplicates": _duplicates(sample),
        "by_id_type": _by_id_type(sample, hits, id_types),
        "months": [] if sample.months is None else _groups(sample, *sample.months, "month", told_before),
        "labels": [] if sample.y is None else _groups(sample, *_labels(sample.y), "label", told_before),
        "population": compare(Groups(sample.person, sample.matched, sample.y, cell_floor), rows, columns),
    }
    differs = report["population"]["verdict"] == "different"
    return report | {"marks": [*marks, POPULATION_DIFFERS] if differs else list(marks)}


def _sample(rows: pa.Table, hits: Sequence[Hits], floor_ids: int, cell_floor: int, zone: str) -> _Sample:
    person, people = _codes(rows["person"])
    timed, labelled = "observed_at" in rows.column_names, "y" in rows.column_names
    return _Sample(
        rows,
        person,
        people,
        np.logical_or.reduce([h.hit for h in hits]),
        floor_ids,
        cell_floor,
        month_codes(rows["observed_at"], zone) if timed else None,
        pc.fill_null(rows["y"].cast(pa.int64()), -1).to_numpy() if labelled else None,
    )


def month_codes(observed_at: pa.ChunkedArray, zone: str) -> Months:
    """Group number of each row and the months' names, for example ``2023-04``; months begin in ``zone``."""
    import pandas as pd  # heavy: loaded by the job that matches, not by who orders it

    months = local_months(observed_at.combine_chunks().to_numpy(zero_copy_only=False), zone)
    codes, names = pd.factorize(months, sort=True)
    return codes.astype(np.int64), [str(name) for name in names]


def _codes(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.int64], int]:
    encoded = column.combine_chunks().dictionary_encode()
    return encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64), len(encoded.dictionary)


def _labels(y: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], list[str]]:
    return np.where(y < 0, 2, y), ["good", "bad", "unknown"]


def _overall(sample: _Sample) -> dict[str, Any]:
    n_rows, n_matched = len(sample.matched), int(sample.matched.sum())
    matched, missed = sample.people(sample.matched), sample.people(~sample.matched)
    hide = few(matched, sample.n_people, sample.cell_floor) or missed < sample.cell_floor
    extreme = float(2 * matched > sample.n_people)  # nearly nobody or nearly everybody: told as nobody or everybody
    told_rows, told_people = sample.told(sample.matched), coarse(matched, sample.n_people, sample.cell_floor)
    return {
        "n_rows": n_rows,
        "n_ids": sample.n_people,
        "n_duplicate_rows": n_rows - sample.n_people,
        "match_rate": extreme if hide else round(told_rows / n_rows, 4),
        "id_match_rate": extreme if hide else round(told_people / sample.n_people, 4),
        "n_matched_rows": None if hide else told_rows,
        "n_matched_ids": None if hide else told_people,
        "exact": {"n_ids": sample.n_people, "n_matched_rows": n_matched, "n_matched_ids": matched},
    }


def _groups(
    sample: _Sample, codes: npt.NDArray[np.int64], names: Sequence[str], key: str, told_before: Sequence[str]
) -> list[dict[str, Any]]:
    """One row a group: applications, people, and how many were matched unless that is hidden."""
    n = len(names)
    people = people_by_group(sample.person, codes, n)
    hit_people = people_by_group(sample.person, np.where(sample.matched, codes, -1), n)
    missed_people = people_by_group(sample.person, np.where(sample.matched, -1, codes), n)
    present = np.flatnonzero(people)
    already = [f"{key} {names[group]}" in told_before for group in present.tolist()]
    both = (hit_people + missed_people)[present]
    hidden = hidden_groups(hit_people[present], both, sample.cell_floor, already)
    result = []
    for group, hide in zip(present.tolist(), hidden.tolist(), strict=True):
        n_rows, told = int((codes == group).sum()), None
        if not hide:
            told = sample.told(sample.matched & (codes == group), n_rows)
        rate = None if told is None else rounded_rate(told / n_rows, int(people[group]), sample.floor_ids)
        sizes = {"n_rows": n_rows, "n_ids": int(people[group]), "hidden": hide}
        result.append({key: names[group]} | sizes | {"n_matched": told, "match_rate": rate})
    return result


def _source(sample: _Sample, hits: Hits) -> dict[str, Any]:
    people, missed = sample.people(hits.hit), sample.people(~hits.hit)
    beside = sample.people(sample.matched & ~hits.hit)  # found elsewhere: a difference that tables give away
    hide = few(people, sample.n_people, sample.cell_floor) or missed < sample.cell_floor
    hide = hide or 0 < beside < sample.cell_floor
    told = None if hide else sample.told(hits.hit)
    enough = not hide and people >= 10 * sample.cell_floor
    return {
        "slug": hits.slug,
        "hidden": hide,
        "n_matched": told,
        "match_rate": None if told is None else round(told / len(hits.hit), 4),
        "freshness_days": _freshness(sample, hits) if enough else None,
        "freshness_months": _freshness_by_month(sample, hits) if enough else [],
        "rows_per_hit": _rows_per_hit(sample, hits) if enough else None,
    }


def _ages(sample: _Sample, hits: Hits) -> npt.NDArray[np.float64] | None:
    """Days from the newest row used to the application, for every row of the sample."""
    if hits.latest is None:
        return None
    observed = sample.rows["observed_at"].cast(pa.int64()).to_numpy()
    return np.asarray((observed - hits.latest) / _DAY_US, dtype=np.float64)


def _freshness(sample: _Sample, hits: Hits) -> dict[str, int] | None:
    """Quantiles of the age in whole days: single people do not stand out in them."""
    ages = _ages(sample, hits)
    return None if ages is None else _whole_quantiles(ages[hits.hit])


def _whole_quantiles(values: npt.NDArray[Any]) -> dict[str, int]:
    found = np.quantile(values, _QUANTILES)
    return {f"p{round(100 * q)}": round(float(value)) for q, value in zip(_QUANTILES, found, strict=True)}


def _freshness_by_month(sample: _Sample, hits: Hits) -> list[dict[str, Any]]:
    """Median age of each month with at least ten times the floor of people who were found."""
    ages = _ages(sample, hits)
    if ages is None or sample.months is None:
        return []
    codes, names = sample.months
    people = people_by_group(sample.person, np.where(hits.hit, codes, -1), len(names))
    return [
        {
            "month": name,
            "p50": round(float(np.median(ages[hits.hit & (codes == month)])))
            if people[month] >= 10 * sample.cell_floor
            else None,
        }
        for month, name in enumerate(names)
    ]


def _rows_per_hit(sample: _Sample, hits: Hits) -> dict[str, Any] | None:
    """How many rows of the source stood behind an application that was found, and how often more than one."""
    if hits.rows is None:
        return None
    several = hits.hit & (hits.rows > 1)
    hide = few(sample.people(several), sample.people(hits.hit), sample.cell_floor)
    return {
        "n_several": None if hide else sample.told(several, int(hits.hit.sum())),
        **{key: value for key, value in _whole_quantiles(hits.rows[hits.hit]).items() if key in {"p50", "p90"}},
    }


def _duplicates(sample: _Sample) -> dict[str, Any]:
    """People with more than one application in the sample: each application is matched as of its own moment."""
    applications = np.bincount(sample.person, minlength=sample.n_people)
    repeated = applications > 1
    n_people = shown(int(repeated.sum()), sample.n_people, sample.cell_floor)
    return {
        "n_people": n_people,
        "n_rows": None if n_people is None else int(applications[repeated].sum()),
        "most": "2" if applications.max() == 2 else "3 to 5" if applications.max() <= 5 else "more than 5",
    }


def _by_id_type(sample: _Sample, hits: Sequence[Hits], id_types: Sequence[str]) -> list[dict[str, Any]]:
    """Applications whose first hit came through each id type, over all sources; the rest is unmatched."""
    best = np.full(len(sample.matched), len(id_types), np.int64)
    for h in hits:
        best = np.minimum(best, np.where(h.hit, h.via, len(id_types)))
    people = people_by_group(sample.person, best, len(id_types) + 1)
    others = [sample.n_people - count for count in people]
    hidden = (people < sample.cell_floor) | (np.asarray(others) < sample.cell_floor)
    if hidden.sum() == 1:
        rest = np.where(hidden, np.iinfo(np.int64).max, people)
        hidden[rest.argmin()] = True
    told = [None if hidden[index] else sample.told(best == index) for index in range(len(id_types))]
    return [
        {
            "id_type": id_type,
            "hidden": bool(hidden[index]),
            "n_matched": told[index],
            "share": None if told[index] is None else round((told[index] or 0) / len(best), 4),
        }
        for index, id_type in enumerate(id_types)
    ]
