"""What one look at a wide table leaves behind: figures by column and their correlations, as JSON and Parquet."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from modeling.artifacts import Kind, from_json, to_json
from modeling.woe import Bins, Floats


@dataclass(frozen=True)
class Measure:
    """Figures of one column on the rows that were measured; None where there is nothing to say."""

    name: str
    kind: Kind
    missing: float | None = None  # share of rows
    special: float | None = None
    distinct: int | None = None
    top: float | str | None = None  # the commonest value
    top_share: float | None = None
    iv: float | None = None
    ks: float | None = None  # of the bins' WOE
    auc: float | None = None
    psi: tuple[float | None, ...] = ()  # by month, None for a month of too few rows
    psi_max: float | None = None
    agreement: tuple[float | None, ...] = ()  # by month: share of neighbouring bins in the order of all rows
    trend: float | None = None  # mean of the agreement
    bins: Bins | None = None
    reason: str = ""  # why there are no bins

    @property
    def usable(self) -> bool:
        """Whether two bins at least say something."""
        return self.bins is not None and sum(not row.neutral for row in self.bins.rows) > 1


def _no_matrix() -> Floats:
    return np.zeros((0, 0))


@dataclass(frozen=True, eq=False)
class Measures:
    """All columns, in the order of the table, and the correlation of the WOE of those named in ``correlated``."""

    n_rows: int
    n_bad: float
    months: tuple[str, ...]
    month_rows: tuple[int, ...]
    columns: tuple[Measure, ...]
    correlated: tuple[str, ...] = ()
    correlation: Floats = field(default_factory=_no_matrix)

    def save(self, folder: Path) -> None:
        """``measures.json`` and ``correlation.parquet`` (one column a variable)."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        told = {name: to_json(getattr(self, name)) for name in _TOLD}
        (folder / "measures.json").write_bytes(msgspec.json.encode(told))
        columns: dict[str, Any] = dict(zip(self.correlated, self.correlation, strict=True))
        pq.write_table(pa.table(columns), folder / "correlation.parquet", compression="zstd")

    @classmethod
    def load(cls, folder: Path) -> Measures:
        """The inverse of :meth:`save`."""
        import pyarrow.parquet as pq

        told = msgspec.json.decode((folder / "measures.json").read_bytes())
        table = pq.read_table(folder / "correlation.parquet")
        matrix = np.array([column.to_numpy() for column in table.columns]).reshape(table.num_columns, -1)
        return cls(
            told["n_rows"], told["n_bad"], tuple(told["months"]), tuple(told["month_rows"]),
            tuple(from_json(Measure, one) for one in told["columns"]), tuple(table.column_names), matrix,
        )  # fmt: skip


_TOLD = ("n_rows", "n_bad", "months", "month_rows", "columns")


def measure_bins(measure: Measure, bins: Bins) -> Measure:
    """The measure with its bins and how well their WOE ranks.

    ``KS = max_t |share of bads below t - share of goods below t|`` and ``AUC = P(good > bad) + P(equal) / 2`` over the
    WOE, so missing values and special codes count as they would in a scorecard.
    """
    order = np.argsort(bins.woe, kind="stable")
    good, bad = (np.array([getattr(row, side) for row in bins.rows])[order] for side in ("n_good", "n_bad"))
    woe = bins.woe[order]
    ends = np.append(np.flatnonzero(np.diff(woe)), len(woe) - 1)
    goods, bads = (np.append(0.0, np.cumsum(side)[ends]) / side.sum() for side in (good, bad))
    return replace(
        measure,
        bins=bins,
        iv=bins.iv,
        ks=float(np.abs(bads - goods).max()),
        auc=float(np.trapezoid(bads, goods)),
    )


def steady(bins: Bins, good: Floats, bad: Floats) -> float | None:
    """Share of neighbouring bins whose bad rates stand in the same order as in the table.

    Parameters
    ----------
    good, bad : shape (rows of the table,), the counts of another time; pairs with an empty bin do not count
    """
    n = bins.n_ordinary
    rate = np.array([row.bad_rate for row in bins.rows[:n]])
    weight = good[:n] + bad[:n]
    filled = weight > 0
    now = np.divide(bad[:n], weight, out=np.zeros(n), where=filled)
    pairs = filled[1:] & filled[:-1]
    if not pairs.any():
        return None
    return float((np.sign(np.diff(now)) == np.sign(np.diff(rate)))[pairs].mean())
