"""What single columns give away of the outcome: how well they rank it, and values that go with one outcome only."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datafactory.engine.disclosure import coarse, count_people
from modeling.artifacts import Column

Reason = Literal[
    "too_good",  # ranks the outcome better than a column known at the application can
    "one_class",  # a value that many people hold goes with one outcome only
    "missing_tells",  # whether it is filled says the outcome
    "after_application",  # dates later than the application
    "match_by_outcome",  # bads and goods are found at different rates
    "row_order",  # the order of the file says the outcome
]
_BINS = 20
_TOP_LEVELS = 200
_HALVES = 2


@dataclass(frozen=True)
class LeakLimits:
    """What counts as too good. Limits apply to the low end of a 95 % interval, so small tables accuse nobody."""

    auc: float = 0.85  # of one column alone
    auc_beside: float = 0.78  # of a column that also stands out from the table's other columns by
    outlying: float = 6.0  # so many robust standard deviations
    missing_auc: float = 0.7  # of "is it filled?"
    match_gap: float = 0.15  # difference of match rates of bads and goods
    order_auc: float = 0.05  # beyond 0.5, of the row's place in the file, within months
    chance: float = 1e-6  # of one class only, over all values looked at
    one_class_share: float = 0.005  # of the people looked at: rarer values win no comparison
    cell_floor: int = 10
    floor_ids: int = 1000


@dataclass(frozen=True)
class Strength:
    """How well one column alone ranks the outcome, whatever its direction, with a 95 % interval."""

    column: str
    auc: float
    low: float
    high: float


@dataclass(frozen=True)
class Finding:
    """One column and why it is suspected. ``figures`` are rounded and about at least a cell's floor of people."""

    column: str
    title: str
    party: str
    origin: str
    reason: Reason
    figures: dict[str, float]


@dataclass(frozen=True)
class LabelledRows:
    path: Path
    person: npt.NDArray[np.int64]
    y: npt.NDArray[np.int64]  # -1 = unknown
    used: npt.NDArray[np.bool_]  # labelled rows that may be looked at
    half: npt.NDArray[np.int64]
    limits: LeakLimits

    @property
    def base_rate(self) -> float:
        return float((self.y[self.used] == 1).mean())

    def people(self, rows: npt.NDArray[np.bool_]) -> int:
        return count_people(self.person[rows])


def labelled_rows(path: Path, limits: LeakLimits) -> tuple[LabelledRows, Literal["train", "people"] | None]:
    there = pq.ParquetFile(path).schema_arrow.names
    table = pq.read_table(path, columns=[name for name in ("person", "y", "split") if name in there])
    encoded = table["person"].combine_chunks().dictionary_encode()
    person = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    drawn = np.array([zlib.crc32(str(one).encode()) for one in encoded.dictionary.to_pylist()], np.int64)[person]
    y = np.full(len(person), -1, np.int64)
    if "y" in there:
        y = pc.fill_null(table["y"].cast(pa.int64()), -1).to_numpy()
    split = "split" in there
    mine = pc.fill_null(pc.equal(table["split"], "train"), False).to_numpy() if split else drawn % 10 < 6
    rows = LabelledRows(path, person, y, mine & (y >= 0), (drawn // 10) % _HALVES, limits)
    bads, goods = rows.people(rows.used & (y == 1)), rows.people(rows.used & (y == 0))
    enough = min(bads, goods) >= limits.cell_floor and rows.people(y >= 0) >= limits.floor_ids
    return rows, ("train" if split else "people") if enough else None


def strength_of(column: Column, values: pa.ChunkedArray, rows: LabelledRows) -> Strength:
    """AUC of the bad rates of the column's bins, learned on one half of the people and tried on the other."""
    codes, n_bins = _bins(column, values, rows)
    used, codes = rows.used, codes[rows.used]
    places = (codes * _HALVES + rows.half[used]) * 2 + rows.y[used]
    counts = np.bincount(places, minlength=n_bins * _HALVES * 2).reshape(n_bins, _HALVES, 2).astype(np.float64)
    tried = [_auc_by_rates(counts[:, 1 - half], counts[:, half], rows.base_rate) for half in range(_HALVES)]
    auc = float(np.mean([one[0] for one in tried]))
    clustered = used.sum() / max(1, rows.people(used))  # rows of one person count once
    error = float(np.sqrt(sum(one[1] for one in tried) * clustered)) / _HALVES
    folded = max(auc, 1 - auc)
    low, high = max(0.0, folded - 1.96 * error), min(1.0, folded + 1.96 * error)
    return Strength(column.name, round(folded, 4), round(low, 4), round(high, 4))


def _bins(column: Column, values: pa.ChunkedArray, rows: LabelledRows) -> tuple[npt.NDArray[np.int64], int]:
    """Twentieths of numbers and the most frequent levels of categories; missing is a bin of its own, the last."""
    if column.kind in {"category", "bool"}:
        encoded = values.cast(pa.string()).combine_chunks().dictionary_encode()
        codes = pc.fill_null(encoded.indices.cast(pa.int64()), -1).to_numpy(zero_copy_only=False)
        counts = np.bincount(codes[codes >= 0], minlength=len(encoded.dictionary))
        top = np.argsort(-counts, kind="stable")[:_TOP_LEVELS]
        place = np.full(len(counts) + 1, len(top), np.int64)
        place[top], place[-1] = np.arange(len(top)), len(top) + 1
        return place[codes], len(top) + 2
    x = np.array(values.cast(pa.float64()).to_numpy(), dtype=np.float64)
    plain = x[rows.used & ~np.isnan(x)]
    edges = np.unique(np.quantile(plain, np.arange(1, _BINS) / _BINS)) if len(plain) else np.array([])
    codes = np.searchsorted(edges, x, side="left").astype(np.int64)
    codes[np.isnan(x)] = len(edges) + 1
    return codes, len(edges) + 2


def _auc_by_rates(
    learned: npt.NDArray[np.float64], tried: npt.NDArray[np.float64], base_rate: float
) -> tuple[float, float]:
    """AUC and its variance (DeLong, on counts) of bins ranked by the bad rates of the other half.

    Parameters
    ----------
    learned, tried : shape (bins, 2), goods and bads

    Source: DeLong, DeLong and Clarke-Pearson (1988).
    """
    n_good, n_bad = tried.sum(axis=0)
    if min(n_good, n_bad) < 2:
        return 0.5, 1.0
    rate = (learned[:, 1] + 5 * base_rate) / (learned.sum(axis=1) + 5)
    groups = np.unique(rate, return_inverse=True)[1].ravel()
    good, bad = (np.bincount(groups, weights=tried[:, label]) for label in (0, 1))
    below = (np.cumsum(good) - good / 2) / n_good  # of each bad: goods ranked safer
    above = (n_bad - np.cumsum(bad) + bad / 2) / n_bad  # of each good: bads ranked riskier
    auc = float((bad * below).sum() / n_bad)
    of_bads = float((bad * (below - auc) ** 2).sum() / (n_bad - 1)) / n_bad
    of_goods = float((good * (above - auc) ** 2).sum() / (n_good - 1)) / n_good
    return auc, of_bads + of_goods


def too_good(strengths: Sequence[Strength], columns: Sequence[Column], limits: LeakLimits) -> Iterator[Finding]:
    """Beyond any honest column, or good and far from what the table's other columns reach."""
    aucs = np.array([one.auc for one in strengths])
    middle = float(np.median(aucs))
    spread = max(0.01, 1.4826 * float(np.median(np.abs(aucs - middle))))
    for one, column in zip(strengths, columns, strict=True):
        beside = len(aucs) >= 10 and (one.low - middle) / spread > limits.outlying and one.low > limits.auc_beside
        if one.low > limits.auc or beside:
            figures = {"auc": one.auc, "low": one.low, "high": one.high, "median": round(middle, 4)}
            yield finding_on(column, "too_good", figures)


def value_findings(column: Column, values: pa.ChunkedArray, rows: LabelledRows, n_columns: int) -> Iterator[Finding]:
    empty = values.is_null().to_numpy()
    if column.kind not in {"category", "bool"}:
        empty = empty | np.isnan(np.array(values.cast(pa.float64()).to_numpy(), dtype=np.float64))
    missing = _missing_tells(empty, rows)
    if missing is not None:
        yield finding_on(column, "missing_tells", missing)
    alone = _one_class(values, empty, rows, n_columns)
    if alone is not None:
        yield finding_on(column, "one_class", alone)


def _missing_tells(empty: npt.NDArray[np.bool_], rows: LabelledRows) -> dict[str, float] | None:
    sides = [rows.used & empty, rows.used & ~empty]
    if min(rows.people(side) for side in sides) < rows.limits.cell_floor:
        return None
    counts = np.array([[(rows.y[side] == label).sum() for label in (0, 1)] for side in sides], np.float64)
    auc, variance = _auc_by_rates(counts, counts, rows.base_rate)
    low = auc - 1.96 * float(np.sqrt(variance * rows.used.sum() / rows.people(rows.used)))
    if low <= rows.limits.missing_auc:
        return None
    return {"auc": round(auc, 3), "low": round(low, 3), "missing": round(float(empty[rows.used].mean()), 2)}


def _one_class(
    values: pa.ChunkedArray, empty: npt.NDArray[np.bool_], rows: LabelledRows, n_columns: int
) -> dict[str, float] | None:
    """People who hold a value that goes with one outcome only, where chance would hardly give that."""
    encoded = values.combine_chunks().dictionary_encode()
    codes = pc.fill_null(encoded.indices.cast(pa.int64()), -1).to_numpy(zero_copy_only=False)
    codes = np.where(empty, -1, codes)[rows.used]
    counts = np.bincount(codes[codes >= 0] * 2 + rows.y[rows.used][codes >= 0], minlength=2 * len(encoded.dictionary))
    table = counts.reshape(-1, 2)
    looked = (table.sum(axis=1) >= rows.limits.cell_floor).sum()
    pure = np.flatnonzero((table.sum(axis=1) >= rows.limits.cell_floor) & (table.min(axis=1) == 0))
    found = np.zeros(2, np.int64)
    for code in pure.tolist():
        label = int(table[code, 1] > 0)
        people = count_people(rows.person[rows.used][codes == code])
        probability = (rows.base_rate if label else 1 - rows.base_rate) ** people
        if people >= rows.limits.cell_floor and probability * looked * n_columns < rows.limits.chance:
            found[label] += people
    share = float(found.sum() / rows.people(rows.used))
    if found.sum() == 0 or share < rows.limits.one_class_share:
        return None
    return {"good_people": in_tens(found[0]), "bad_people": in_tens(found[1]), "share": round(min(1.0, share), 2)}


def in_tens(people: int) -> float:
    return float(coarse(int(people), int(people) + 10**9, 10))


def finding_on(column: Column, reason: Reason, figures: dict[str, float]) -> Finding:
    title = column.title or column.field or column.name
    return Finding(column.name, title, column.party, column.origin, reason, figures)
