"""Figures of a match: rates overall, by month, label, id type and source, and whether the matched are a different
population. Cells of few people are hidden, see :mod:`datafactory.engine.disclosure`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from datafactory.engine.disclosure import count_people, hidden_groups, people_by_group, rounded_rate, shown
from modeling.artifacts import Column
from modeling.splits import local_months

_DAY_US = 86_400_000_000
_Z95 = 1.959963984540054


@dataclass(frozen=True)
class Hits:
    """What one source found, per application."""

    slug: str
    hit: npt.NDArray[np.bool_]
    via: npt.NDArray[np.int8]
    latest: npt.NDArray[np.int64] | None


@dataclass(frozen=True)
class _Sample:
    rows: pa.Table
    person: npt.NDArray[np.int64]
    n_people: int
    matched: npt.NDArray[np.bool_]
    floor_ids: int
    cell_floor: int


def build_report(
    rows: pa.Table,
    columns: Sequence[Column],
    hits: Sequence[Hits],
    id_types: Sequence[str],
    floor_ids: int,
    cell_floor: int,
    zone: str,
    marks: Sequence[str],
) -> dict[str, Any]:
    """Everything that the page and the API show, plus ``exact`` for the ticket, which nobody is shown."""
    person, people = _codes(rows["person"])
    matched = np.logical_or.reduce([h.hit for h in hits])
    sample = _Sample(rows, person, people, matched, floor_ids, cell_floor)
    report = _overall(sample) | {
        "id_types": list(id_types),
        "marks": list(marks),
        "floor_ids": floor_ids,
        "cell_floor": cell_floor,
        "sources": [_source(sample, h) for h in hits],
        "by_id_type": _by_id_type(sample, hits, id_types),
        "months": [],
        "labels": [],
    }
    if "observed_at" in rows.column_names:
        report["months"] = _groups(sample, *month_codes(rows["observed_at"], zone), key="month")
    if "y" in rows.column_names:
        report["labels"] = _groups(sample, *_label_codes(rows["y"]), key="label")
    report["population"] = _population(sample, columns)
    return report


def month_codes(observed_at: pa.ChunkedArray, zone: str) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Group number of each row and the months' names, for example ``2023-04``; months begin in ``zone``."""
    import pandas as pd  # heavy: loaded by the job that matches, not by who orders it

    months = local_months(observed_at.combine_chunks().to_numpy(zero_copy_only=False), zone)
    codes, names = pd.factorize(months, sort=True)
    return codes.astype(np.int64), [str(name) for name in names]


def _codes(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.int64], int]:
    encoded = column.combine_chunks().dictionary_encode()
    return encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64), len(encoded.dictionary)


def _label_codes(y: pa.ChunkedArray) -> tuple[npt.NDArray[np.int64], list[str]]:
    return pc.fill_null(y.cast(pa.int64()), 2).to_numpy(), ["good", "bad", "unknown"]


def _people(sample: _Sample, rows: npt.NDArray[np.bool_]) -> int:
    return count_people(sample.person[rows])


def _overall(sample: _Sample) -> dict[str, Any]:
    n_rows, n_matched = len(sample.matched), int(sample.matched.sum())
    matched_people = _people(sample, sample.matched)
    missed_people = _people(sample, ~sample.matched)
    hide = 0 < missed_people < sample.cell_floor or matched_people < sample.cell_floor
    exact = {"n_ids": sample.n_people, "n_matched_rows": n_matched, "n_matched_ids": matched_people}
    return {
        "n_rows": n_rows,
        "n_ids": sample.n_people,
        "n_duplicate_rows": n_rows - sample.n_people,
        "match_rate": round(n_matched / n_rows, 2 if hide else 4),
        "id_match_rate": round(matched_people / sample.n_people, 2 if hide else 4),
        "n_matched_rows": None if hide else n_matched,
        "n_matched_ids": None if hide else matched_people,
        "exact": exact,
    }


def _groups(sample: _Sample, codes: npt.NDArray[np.int64], names: Sequence[str], key: str) -> list[dict[str, Any]]:
    """One row a group: applications, people, and how many were matched unless that is hidden."""
    n = len(names)
    people = people_by_group(sample.person, codes, n)
    hit_people = people_by_group(sample.person, np.where(sample.matched, codes, -1), n)
    missed_people = people_by_group(sample.person, np.where(sample.matched, -1, codes), n)
    present = np.flatnonzero(people)
    hidden = hidden_groups(hit_people[present], (hit_people + missed_people)[present], sample.cell_floor)
    rows = np.bincount(codes[codes >= 0], minlength=n)
    hits = np.bincount(codes[sample.matched & (codes >= 0)], minlength=n)
    result = []
    for group, hide in zip(present.tolist(), hidden.tolist(), strict=True):
        coarse = people[group] < sample.floor_ids and 0 < hits[group] < rows[group]
        shown = {
            "n_matched": None if hide or coarse else int(hits[group]),
            "match_rate": None
            if hide
            else rounded_rate(hits[group] / rows[group], int(people[group]), sample.floor_ids),
        }
        result.append(
            {key: names[group], "n_rows": int(rows[group]), "n_ids": int(people[group]), "hidden": hide} | shown
        )
    return result


def _source(sample: _Sample, hits: Hits) -> dict[str, Any]:
    people, total = _people(sample, hits.hit), sample.n_people
    beside = _people(sample, sample.matched & ~hits.hit)  # found elsewhere: a difference that tables give away
    hide = shown(people, total, sample.cell_floor) is None or 0 < beside < sample.cell_floor
    rate = float(hits.hit.mean())
    found: dict[str, Any] = {
        "slug": hits.slug,
        "hidden": hide,
        "n_matched": None if hide else int(hits.hit.sum()),
        "match_rate": round(rate, 2) if hide else round(rate, 4),
        "freshness_days": None,
    }
    if hits.latest is not None and people >= 10 * sample.cell_floor:
        observed = sample.rows["observed_at"].cast(pa.int64()).to_numpy()
        age = (observed - hits.latest)[hits.hit] / _DAY_US
        quantiles = np.quantile(age, (0.1, 0.5, 0.9))
        found["freshness_days"] = dict(zip(("p10", "p50", "p90"), np.round(quantiles, 1).tolist(), strict=True))
    return found


def _by_id_type(sample: _Sample, hits: Sequence[Hits], id_types: Sequence[str]) -> list[dict[str, Any]]:
    """Applications whose first hit came through each id type, over all sources; the rest is unmatched."""
    best = np.full(len(sample.matched), len(id_types), np.int64)
    for h in hits:
        best = np.minimum(best, np.where(h.hit, h.via, len(id_types)))
    people = people_by_group(sample.person, best, len(id_types) + 1)
    others = [sample.n_people - count for count in people]
    hidden = (people < sample.cell_floor) | (np.asarray(others) < sample.cell_floor)
    hidden &= ~((people == 0) | (people == sample.n_people))
    if hidden.sum() == 1:
        rest = np.where(hidden | (people == 0), np.iinfo(np.int64).max, people)
        hidden[rest.argmin()] = True
    rows = np.bincount(best, minlength=len(id_types) + 1)
    return [
        {
            "id_type": id_type,
            "hidden": bool(hidden[index]),
            "n_matched": None if hidden[index] else int(rows[index]),
            "share": None if hidden[index] else round(float(rows[index] / len(best)), 4),
        }
        for index, id_type in enumerate(id_types)
    ]


def _population(sample: _Sample, columns: Sequence[Column]) -> dict[str, Any]:
    """Whether the matched differ from the unmatched: bad rates with a 95 % interval of the difference, and stability
    indices of the partner's numeric columns."""
    matched_people, missed_people = _people(sample, sample.matched), _people(sample, ~sample.matched)
    result: dict[str, Any] = {"possible": False, "bad_rate": None, "psi": []}
    if min(matched_people, missed_people) < 10 * sample.cell_floor:
        return result
    result["possible"] = True
    if "y" in sample.rows.column_names:
        result["bad_rate"] = _bad_rates(sample)
    numeric = [c for c in columns if c.name in sample.rows.column_names]
    result["psi"] = sorted(
        ({"column": c.name, "title": c.title or c.field or c.name, "psi": _column_psi(sample, c)} for c in numeric),
        key=lambda row: -row["psi"],
    )
    return result


def _bad_rates(sample: _Sample) -> dict[str, Any] | None:
    y = pc.fill_null(sample.rows["y"].cast(pa.int64()), -1).to_numpy()
    cells = [
        sample.matched & (y == 1),
        sample.matched & (y == 0),
        ~sample.matched & (y == 1),
        ~sample.matched & (y == 0),
    ]
    if min(_people(sample, cell) for cell in cells) < sample.cell_floor:
        return None
    first, second = cells[0].sum() / (cells[0] | cells[1]).sum(), cells[2].sum() / (cells[2] | cells[3]).sum()
    people = _people(sample, cells[0] | cells[1]), _people(sample, cells[2] | cells[3])
    low, high = rate_difference(float(first), people[0], float(second), people[1])
    return {
        "matched": round(float(first), 4),
        "unmatched": round(float(second), 4),
        "difference": round(float(first - second), 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "different": bool(low > 0 or high < 0),
    }


def rate_difference(p1: float, n1: int, p2: float, n2: int) -> tuple[float, float]:
    """95 % interval of ``p1 - p2`` from two independent groups of ``n1`` and ``n2`` people.

    Source
    ------
    Newcombe (1998), Statistics in Medicine 17, method 10: Wilson intervals combined.

    Examples
    --------
    >>> [round(x, 4) for x in rate_difference(56 / 70, 70, 48 / 80, 80)]
    [0.0524, 0.3339]
    """
    (low1, high1), (low2, high2) = _wilson(p1, n1), _wilson(p2, n2)
    below = np.hypot(p1 - low1, high2 - p2)
    above = np.hypot(high1 - p1, p2 - low2)
    return float(p1 - p2 - below), float(p1 - p2 + above)


def _wilson(p: float, n: int) -> tuple[float, float]:
    z2 = _Z95 * _Z95
    centre = (2 * n * p + z2) / (2 * (n + z2))
    half = _Z95 * np.sqrt(z2 + 4 * n * p * (1 - p)) / (2 * (n + z2))
    return float(centre - half), float(centre + half)


def _column_psi(sample: _Sample, column: Column) -> float:
    x = sample.rows[column.name].cast(pa.float64()).to_numpy()
    return round(population_psi(x[sample.matched], x[~sample.matched], column.specials), 4)


def population_psi(
    expected: npt.NDArray[np.float64], actual: npt.NDArray[np.float64], specials: Sequence[float] = ()
) -> float:
    """Stability index over the deciles of ``expected``; missing and each special code are bins of their own.

    ``sum((a - e) * ln(a / e))``; an empty share is replaced by 0.5 / n.

    Examples
    --------
    >>> x = np.arange(1000.0)
    >>> population_psi(x, x)
    0.0
    """
    edges = decile_edges(expected, specials)
    e, a = (
        np.bincount(bin_codes(x, edges, specials), minlength=len(edges) + 2 + len(specials)) for x in (expected, actual)
    )
    return shares_psi(e, a)


def decile_edges(x: npt.NDArray[np.float64], specials: Sequence[float] = ()) -> npt.NDArray[np.float64]:
    plain = x[~(np.isnan(x) | np.isin(x, specials))]
    return np.unique(np.quantile(plain, np.arange(1, 10) / 10)) if len(plain) else np.array([])


def bin_codes(
    x: npt.NDArray[np.float64], edges: npt.NDArray[np.float64], specials: Sequence[float] = ()
) -> npt.NDArray[np.int64]:
    """0 … len(edges) for values (a bin ends with its edge), then missing, then each special."""
    codes = np.searchsorted(edges, x, side="left")
    codes[np.isnan(x)] = len(edges) + 1
    for index, special in enumerate(specials):
        codes[x == special] = len(edges) + 2 + index
    return codes.astype(np.int64)


def shares_psi(expected: npt.NDArray[np.int64], actual: npt.NDArray[np.int64]) -> float:
    there = (expected + actual) > 0
    e, a = expected[there], actual[there]
    p, q = np.where(e > 0, e, 0.5) / expected.sum(), np.where(a > 0, a, 0.5) / actual.sum()
    return float(np.sum((q - p) * np.log(q / p)))
