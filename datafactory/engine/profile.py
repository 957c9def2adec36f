"""What each feature looks like: missing, distinct, quantiles, histogram, strength and stability by month.

IV and KS use the label, so they are computed on train rows wherever the table has a split; without one the profile
covers all rows, says "descriptive", and may feed no rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datafactory.engine.disclosure import coarse, count_people, hidden_cells, people_by_group
from datafactory.engine.match_report import month_codes
from datafactory.engine.population import bin_codes, decile_edges, shares_psi
from modeling.artifacts import Column, Kind
from modeling.bin_plan import BinPlan
from modeling.binning import bin_table
from modeling.errors import DataError
from modeling.woe import Bins

_QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
_HISTOGRAM_BINS = 20
_TOP_LEVELS = 15
_AT_ONCE = 32  # columns in memory
_FIRST_MONTHS = 3
_PSI_ROWS = 100  # fewer rows in a month say nothing about stability


@dataclass(frozen=True)
class _Rows:
    """What all features of a table share."""

    n: int
    person: npt.NDArray[np.int64]
    n_people: int
    month: npt.NDArray[np.int64] | None
    months: list[str]
    first: npt.NDArray[np.bool_] | None  # rows of the months that later ones are compared with
    y: npt.NDArray[np.bool_] | None  # of the rows in ``used``
    used: npt.NDArray[np.bool_]  # rows whose label may be looked at
    weight: npt.NDArray[np.float64]
    cell_floor: int
    floor_ids: int


def profile_features(
    rows: Path,
    columns: Sequence[Column],
    *,
    zone: str = "Asia/Shanghai",
    floor_ids: int = 1000,
    cell_floor: int = 10,
) -> dict[str, Any]:
    """Profile every feature of a table.

    Parameters
    ----------
    rows : ``rows.parquet`` of a feature table
    columns : its features
    zone : in which months begin
    floor_ids : people below which nothing about the label is given
    cell_floor : people below which a cell is hidden

    Returns
    -------
    ``{"n_rows", "n_people", "basis": "train" | "descriptive" | None, "months", "first_months", "features": [...]}``,
    a feature being ``name, title, party, origin, kind, missing, special, distinct, top_share, hit_rate, iv, ks, psi,
    psi_max, missing_by_month, quantiles, histogram``. Everything is small and fit for JSON.
    """
    shared = _shared(rows, zone, floor_ids, cell_floor)
    features: list[dict[str, Any]] = []
    for start in range(0, len(columns), _AT_ONCE):
        features += _describe_some(rows, columns[start : start + _AT_ONCE], shared)
    has_split = shared.used.sum() < shared.n
    return {
        "n_rows": shared.n,
        "n_people": shared.n_people,
        "basis": None if shared.y is None else "train" if has_split else "descriptive",
        "months": shared.months,
        "first_months": shared.months[:_FIRST_MONTHS] if shared.first is not None else [],
        "features": features,
    }


def _describe_some(rows: Path, columns: Sequence[Column], shared: _Rows) -> list[dict[str, Any]]:
    table = pq.read_table(rows, columns=[column.name for column in columns])
    values = {column.name: _values(table[column.name].combine_chunks(), column) for column in columns}
    features = [_describe(values[column.name], column, shared) for column in columns]
    if shared.y is not None:
        used = {name: x[shared.used] for name, x in values.items()}
        _add_strength(features, used, columns, shared)
    return features


def is_count(column: Column) -> bool:
    """Whether a column counts events, so that 0 means that there was nothing to find."""
    return column.party == "platform" and "__count_d" in column.name


def is_category(column: Column) -> bool:
    return column.kind in {"category", "date"}


def _shared(rows: Path, zone: str, floor_ids: int, cell_floor: int) -> _Rows:
    there = pq.ParquetFile(rows).schema_arrow.names
    wanted = [name for name in ("person", "observed_at", "y", "split", "weight") if name in there]
    table = pq.read_table(rows, columns=wanted)
    encoded = table["person"].combine_chunks().dictionary_encode()
    person = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    month, months = month_codes(table["observed_at"], zone) if "observed_at" in there else (None, [])
    used, y = _labelled(table)
    if y is not None and count_people(person[used]) < floor_ids:
        y = None
    return _Rows(
        n=table.num_rows,
        person=person,
        n_people=len(encoded.dictionary),
        month=month,
        months=months,
        first=None if month is None or len(months) < 2 else (month >= 0) & (month < _FIRST_MONTHS),
        y=y,
        used=used,
        weight=table["weight"].to_numpy() if "weight" in there else np.ones(table.num_rows),
        cell_floor=cell_floor,
        floor_ids=floor_ids,
    )


def _labelled(table: pa.Table) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_] | None]:
    """Rows whose label may be looked at, and their labels; None without both classes."""
    used = np.ones(table.num_rows, bool)
    if "split" in table.column_names:
        used = pc.fill_null(pc.equal(table["split"], "train"), False).to_numpy()
    if "y" not in table.column_names:
        return used, None
    label = pc.fill_null(table["y"].cast(pa.int64()), -1).to_numpy()
    used = used & (label >= 0)
    y = label[used] == 1
    return used, y if 0 < y.sum() < len(y) else None


def _values(values: pa.Array, column: Column) -> npt.NDArray[Any]:
    """Doubles with NaN, or texts with None."""
    if is_category(column):
        return np.asarray(values.cast(pa.string()).to_numpy(zero_copy_only=False), dtype=object)
    return np.array(values.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)


def _describe(x: npt.NDArray[Any], column: Column, shared: _Rows) -> dict[str, Any]:
    texts, missing = is_category(column), pd.isna(x)
    special = np.isin(x, column.specials) if column.specials and not texts else np.zeros(len(x), bool)
    plain = x[~missing & ~special]
    counts = pd.Series(plain).value_counts()
    few = np.sort(np.asarray(counts.index, dtype=np.float64)) if len(counts) <= _HISTOGRAM_BINS and not texts else None
    absent, coded = _safe_share(missing, shared), _safe_share(special, shared)
    hit = round(1 - absent - coded, 4)
    if is_count(column):
        hit = _safe_share(x > 0, shared)
    described = {
        "name": column.name,
        "title": column.title or column.field or column.name,
        "party": column.party,
        "origin": column.origin,
        "kind": column.kind,
        "missing": absent,
        "special": coded,
        "distinct": len(counts),
        "top_share": _safe_share(x == counts.index[0], shared) if len(counts) else 0.0,
        "hit_rate": hit,
        "iv": None,
        "ks": None,
    }
    codes, cells = _cells(x, missing, special, column, few)
    return (
        described
        | _by_month(x, missing, column, shared)
        | {
            "mean": _short(np.mean(plain)) if len(plain) >= shared.cell_floor and not texts else None,
            "quantiles": {} if texts else _quantiles(plain, shared.cell_floor),
            "histogram": _histogram(codes, cells, shared),
        }
    )


def _share(count: Any, n: int) -> float:
    return round(float(count) / float(n), 4) if n else 0.0


def _safe_share(rows: npt.NDArray[np.bool_], shared: _Rows) -> float:
    """Share of rows, coarse, and as 0 or 1 if these rows or the others belong to too few people to be told."""
    people = count_people(shared.person[rows])
    others = count_people(shared.person[~rows])
    if people < shared.cell_floor:
        return 0.0
    told = coarse(int(rows.sum()), shared.n, shared.cell_floor)
    return 1.0 if others < shared.cell_floor else _share(told, shared.n)


def _short(value: Any) -> float:
    """Four significant digits: enough to read, too few to point at one person's amount."""
    return float(f"{float(value):.4g}")


def _quantiles(plain: npt.NDArray[np.float64], cell_floor: int) -> dict[str, float]:
    """Quantiles with at least ``cell_floor`` rows beyond them; minimum and maximum belong to single people."""
    kept = [q for q in _QUANTILES if min(q, 1 - q) * len(plain) >= cell_floor]
    return (
        {f"p{round(q * 100)}": _short(v) for q, v in zip(kept, np.quantile(plain, kept), strict=True)} if kept else {}
    )


def _cells(
    x: npt.NDArray[Any],
    missing: npt.NDArray[np.bool_],
    special: npt.NDArray[np.bool_],
    column: Column,
    few: npt.NDArray[np.float64] | None,
) -> tuple[npt.NDArray[np.int64], list[dict[str, Any]]]:
    """Cell of each row and what the cells are: levels or equal steps between the 1st and 99th percentile, then missing
    and each special code."""
    if is_category(column):
        codes, cells = _level_cells(x, missing)
    else:
        codes, cells = _step_cells(x, ~missing & ~special, few)
        for code in column.specials:
            codes[x == code] = len(cells)
            cells.append({"special": code})
    codes[missing] = len(cells)
    cells.append({"missing": True})
    return codes, cells


def _level_cells(
    x: npt.NDArray[Any], missing: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.int64], list[dict[str, Any]]]:
    counts = pd.Series(x[~missing]).value_counts()
    ordered = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))[:_TOP_LEVELS]
    levels = [str(level) for level, _ in ordered]
    codes = pd.Index(levels).get_indexer(pd.Index(x)).astype(np.int64)
    cells: list[dict[str, Any]] = [{"level": level} for level in levels]
    if len(counts) > len(levels):
        codes[codes < 0] = len(levels)
        cells.append({"other": len(counts) - len(levels)})
    return codes, cells


def _step_cells(
    x: npt.NDArray[np.float64], plain: npt.NDArray[np.bool_], few: npt.NDArray[np.float64] | None
) -> tuple[npt.NDArray[np.int64], list[dict[str, Any]]]:
    codes = np.full(len(x), -1, np.int64)
    if not plain.any():
        return codes, []
    if few is not None:
        codes[plain] = np.searchsorted(few, x[plain])
        return codes, [{"from": _short(v), "to": _short(v)} for v in few]
    low, high = (_short(v) for v in np.quantile(x[plain], (0.01, 0.99)))
    if high <= low:
        spread = max(abs(low) / 10, 1.0)  # not the ends themselves: they belong to single people
        low, high = low - spread, high + spread
    edges = np.linspace(low, high, _HISTOGRAM_BINS + 1)
    codes[plain] = np.clip(np.searchsorted(edges, x[plain], side="right") - 1, 0, _HISTOGRAM_BINS - 1)
    return codes, [{"from": _short(a), "to": _short(b)} for a, b in pairwise(edges)]


def _histogram(codes: npt.NDArray[np.int64], cells: list[dict[str, Any]], shared: _Rows) -> list[dict[str, Any]]:
    """Share of rows by cell; cells of too few people are hidden, never one alone. A hidden level or single
    value loses its name."""
    people = people_by_group(shared.person, codes, len(cells))
    rows = np.bincount(codes[codes >= 0], minlength=len(cells))
    hidden = hidden_cells(people.tolist(), shared.cell_floor)
    result = []
    for cell, n, hide in zip(cells, rows.tolist(), hidden, strict=True):
        if n == 0 and "missing" in cell:
            continue
        named = (
            {"level": None} if hide and ("level" in cell or ("from" in cell and cell["from"] == cell["to"])) else cell
        )
        result.append({**named, "share": None if hide else _share(coarse(n, shared.n, shared.cell_floor), shared.n)})
    return result


def _by_month(x: npt.NDArray[Any], missing: npt.NDArray[np.bool_], column: Column, shared: _Rows) -> dict[str, Any]:
    """Stability index and missing share of each month; None where a month has too few rows."""
    if shared.month is None or shared.first is None:
        return {"psi": [], "psi_max": None, "missing_by_month": []}
    n = len(shared.months)
    codes, n_cells = _stability_codes(x, column, shared.first)
    dated = shared.month >= 0
    table = np.bincount((shared.month * n_cells + codes)[dated], minlength=n * n_cells).reshape(n, n_cells)
    rows = table.sum(axis=1)
    expected = table[:_FIRST_MONTHS].sum(axis=0)
    enough = (rows >= _PSI_ROWS) & (expected.sum() >= _PSI_ROWS)
    psi = [round(shares_psi(expected, table[m]), 4) if enough[m] else None for m in range(n)]
    empty = np.bincount(shared.month[missing & dated], minlength=n)
    people = people_by_group(shared.person, np.where(missing, shared.month, -1), n)
    empty[people < shared.cell_floor] = 0
    later = [value for value in psi[_FIRST_MONTHS:] if value is not None]
    return {
        "psi": psi,
        "psi_max": max(later) if later else None,
        "missing_by_month": [
            _share(coarse(int(empty[m]), int(rows[m]), shared.cell_floor), rows[m]) if enough[m] else None
            for m in range(n)
        ],
    }


def _stability_codes(
    x: npt.NDArray[Any], column: Column, first: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.int64], int]:
    if is_category(column):
        levels = pd.Series(x[first]).dropna().value_counts().index[:_TOP_LEVELS]
        codes = levels.get_indexer(pd.Index(x)).astype(np.int64)
        codes[codes < 0] = len(levels)
        codes[pd.isna(x)] = len(levels) + 1
        return codes, len(levels) + 2
    edges = decile_edges(x[first], column.specials)
    return bin_codes(x, edges, column.specials), len(edges) + 2 + len(column.specials)


def _add_strength(
    features: list[dict[str, Any]], values: dict[str, npt.NDArray[Any]], columns: Sequence[Column], shared: _Rows
) -> None:
    """IV of optimal bins and KS of the raw value; a feature that cannot be binned keeps None."""
    assert shared.y is not None
    y, weight, person = shared.y, shared.weight[shared.used], shared.person[shared.used]
    found = _bins(values, columns, y, weight, person)
    for column, feature in zip(columns, features, strict=True):
        bins, x = found.get(column.name), values[column.name]
        if bins is None:
            continue
        feature["iv"] = round(float(bins.iv), 4)
        order = bins.transform(x) if is_category(column) else np.where(np.isnan(x), -np.inf, x)
        feature["ks"] = round(rank_ks(order, y, weight), 4)


def _bins(
    values: dict[str, npt.NDArray[Any]],
    columns: Sequence[Column],
    y: npt.NDArray[np.bool_],
    weight: npt.NDArray[np.float64],
    person: npt.NDArray[np.int64],
) -> dict[str, Bins]:
    """Optimal bins of each column; if one of them cannot be binned, the others still are."""
    kinds: dict[str, Kind] = {c.name: "category" if is_category(c) else "float" for c in columns}
    plans = {c.name: BinPlan(specials=c.specials) for c in columns if not is_category(c)}
    try:
        return bin_table(values, kinds, y, weight, threads=2, plans=plans, person=person)
    except DataError:
        halves = (columns[: len(columns) // 2], columns[len(columns) // 2 :]) if len(columns) > 1 else ()
        parts = [_bins({c.name: values[c.name] for c in half}, half, y, weight, person) for half in halves]
        return {name: bins for part in parts for name, bins in part.items()}


def rank_ks(x: npt.NDArray[np.float64], y: npt.NDArray[np.bool_], weight: npt.NDArray[np.float64]) -> float:
    """Largest distance between the cumulative shares of goods and bads over distinct values; in [0, 1].

    Examples
    --------
    >>> rank_ks(np.array([1.0, 2.0, 3.0, 4.0]), np.array([True, True, False, False]), np.ones(4))
    1.0
    """
    order = np.argsort(x, kind="stable")
    bad = np.cumsum(np.where(y[order], weight[order], 0.0))
    good = np.cumsum(np.where(y[order], 0.0, weight[order]))
    last = np.r_[x[order][1:] != x[order][:-1], True]
    return float(np.max(np.abs(bad[last] / bad[-1] - good[last] / good[-1])))
