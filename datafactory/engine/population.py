"""Whether the matched are a different population from the unmatched: stability of the partner's columns and bad rates.

Everything is worked out from counts that were made coarse first (:func:`datafactory.engine.disclosure.coarse`), so no
figure says more than those counts do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from datafactory.engine.disclosure import coarse, count_people
from modeling.artifacts import Column

_Z95 = 1.959963984540054
_TOP_LEVELS = 15
_SOME, _STRONG = 0.1, 0.25  # limits of the stability index that practice reads it by
_MATERIAL = 0.1  # of the sample's bad rate: a difference below it moves no decision
State = Literal["same", "some", "different"]


@dataclass(frozen=True)
class Groups:
    """The matched and the rest of a sample; ``y`` is 1, 0 or -1 (unknown)."""

    person: npt.NDArray[np.int64]
    matched: npt.NDArray[np.bool_]
    y: npt.NDArray[np.int64] | None
    cell_floor: int


def compare(groups: Groups, rows: pa.Table, columns: Sequence[Column]) -> dict[str, Any]:
    """Test whether the matched differ from the unmatched.

    Returns
    -------
    ``{"possible", "verdict", "bad_rate", "psi": [...], "frozen_on": "matched"}``. ``verdict`` is "different" when the
    interval of the bad rates' difference leaves zero out and the difference is at least a tenth of the sample's bad
    rate, or when a column's index is at least 0.25; "some" when one is at least 0.1; both only beyond chance.
    """
    sizes = [count_people(groups.person[side]) for side in (groups.matched, ~groups.matched)]
    result: dict[str, Any] = {"possible": False, "verdict": None, "bad_rate": None, "psi": [], "frozen_on": "matched"}
    if min(sizes) < 10 * groups.cell_floor:
        return result
    there = [column for column in columns if column.name in rows.column_names]
    lines = [_line(groups, column, rows[column.name], len(there)) for column in there]
    rates = None if groups.y is None else _bad_rates(groups, groups.y)
    return result | {
        "possible": True,
        "verdict": _verdict(rates, [line["state"] for line in lines]),
        "bad_rate": rates,
        "psi": sorted(lines, key=lambda line: (-line["psi"], line["column"])),
    }


def _verdict(rates: dict[str, Any] | None, states: Sequence[State]) -> State:
    if (rates is not None and rates["material"]) or "different" in states:
        return "different"
    return "some" if "some" in states else "same"


def _bad_rates(groups: Groups, y: npt.NDArray[np.int64]) -> dict[str, Any] | None:
    """Bad rates of both groups and the interval of their difference; None if a cell holds too few people."""
    cells = [side & (y == label) for side in (groups.matched, ~groups.matched) for label in (1, 0)]
    people = [count_people(groups.person[cell]) for cell in cells]
    if min(people) < groups.cell_floor:
        return None
    n, n_bad = int((y >= 0).sum()), int((y == 1).sum())
    bad = coarse(int(cells[0].sum()), n_bad, groups.cell_floor)
    good = coarse(int(cells[1].sum()), n - n_bad, groups.cell_floor)
    first, second = bad / (bad + good), (n_bad - bad) / (n - bad - good)
    low, high = rate_difference(first, people[0] + people[1], second, people[2] + people[3])
    different = low > 0 or high < 0
    return {
        "matched": round(first, 4),
        "unmatched": round(second, 4),
        "difference": round(first - second, 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "different": different,
        "material": different and abs(first - second) >= _MATERIAL * n_bad / n,
    }


def _line(groups: Groups, column: Column, values: pa.ChunkedArray, n_columns: int) -> dict[str, Any]:
    codes, n_bins = _binned(groups, column, values)
    total = np.bincount(codes, minlength=n_bins)
    found = np.bincount(codes[groups.matched], minlength=n_bins)
    known = np.array([coarse(int(one), int(all_), groups.cell_floor) for one, all_ in zip(found, total, strict=True)])
    psi = shares_psi(known, total - known)
    return {
        "column": column.name,
        "title": column.title or column.field or column.name,
        "psi": round(psi, 3),
        "by_chance": round(chance_psi(int((total > 0).sum()), groups, n_columns), 3),
        "state": _state(psi, chance_psi(int((total > 0).sum()), groups, n_columns)),
    }


def _state(psi: float, by_chance: float) -> State:
    if psi <= by_chance or psi < _SOME:
        return "same"
    return "different" if psi >= _STRONG else "some"


def chance_psi(n_bins: int, groups: Groups, n_columns: int) -> float:
    """What the index of one of ``n_columns`` columns exceeds in 1 of 20 tables though the groups are alike.

    ``chi2(1 - 0.05 / n_columns, n_bins - 1) * (1 / n_matched + 1 / n_unmatched)``, in people: the rows of one person
    are not independent.

    Source
    ------
    Yurdakul and Naranjo (2020), Statistical properties of the population stability index, Journal of Risk Model
    Validation 14.
    """
    from scipy.special import chdtri  # for the job alone

    sizes = [count_people(groups.person[side]) for side in (groups.matched, ~groups.matched)]
    if n_bins < 2:
        return 0.0
    return float(chdtri(n_bins - 1, 0.05 / max(1, n_columns)) * sum(1 / size for size in sizes))


def _binned(groups: Groups, column: Column, values: pa.ChunkedArray) -> tuple[npt.NDArray[np.int64], int]:
    if column.kind in {"category", "bool"}:
        return _level_codes(groups, values)
    x = np.array(values.cast(pa.float64()).to_numpy(), dtype=np.float64)
    edges = decile_edges(x[groups.matched], column.specials)
    return bin_codes(x, edges, column.specials), len(edges) + 2 + len(column.specials)


def _level_codes(groups: Groups, values: pa.ChunkedArray) -> tuple[npt.NDArray[np.int64], int]:
    """The matched's most frequent levels, then all others, then missing."""
    encoded = values.cast(pa.string()).combine_chunks().dictionary_encode()
    codes = pc.fill_null(encoded.indices.cast(pa.int64()), -1).to_numpy(zero_copy_only=False)
    counts = np.bincount(codes[groups.matched & (codes >= 0)], minlength=len(encoded.dictionary))
    top = np.argsort(-counts, kind="stable")[:_TOP_LEVELS]
    place = np.full(len(counts) + 1, len(top), np.int64)
    place[top] = np.arange(len(top))
    place[-1] = len(top) + 1
    return place[codes], len(top) + 2


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
    (low1, high1), (low2, high2) = wilson(p1, n1), wilson(p2, n2)
    below = np.hypot(p1 - low1, high2 - p2)
    above = np.hypot(high1 - p1, p2 - low2)
    return float(p1 - p2 - below), float(p1 - p2 + above)


def wilson(p: float, n: int) -> tuple[float, float]:
    """95 % interval of a rate seen on ``n`` people.

    Source
    ------
    Wilson (1927), Journal of the American Statistical Association 22.

    Examples
    --------
    >>> [round(x, 4) for x in wilson(0.1, 100)]
    [0.0552, 0.1744]
    """
    z2 = _Z95 * _Z95
    centre = (2 * n * p + z2) / (2 * (n + z2))
    half = _Z95 * np.sqrt(z2 + 4 * n * p * (1 - p)) / (2 * (n + z2))
    return float(centre - half), float(centre + half)


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
