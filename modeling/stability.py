"""The population stability index, as credit risk means it: bins frozen on the training rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaincinv

from modeling.floor import count_people, people_codes

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PsiBins:
    """Deciles of the training rows, then one bin for each special code, then missing. ``edges[i]`` ends bin i, open."""

    edges: tuple[float, ...]
    specials: tuple[float, ...] = ()

    @property
    def size(self) -> int:
        return len(self.edges) + 1 + len(self.specials) + 1

    def index(self, x: ArrayLike) -> NDArray[np.int64]:
        values = np.asarray(x, dtype=np.float64)
        found = np.searchsorted(self.edges, values, side="right").astype(np.int64)
        for place, special in enumerate(self.specials):
            found[values == special] = len(self.edges) + 1 + place
        found[np.isnan(values)] = self.size - 1
        return found

    def count(self, x: ArrayLike, weight: ArrayLike | None = None) -> Floats:
        weights = None if weight is None else np.asarray(weight, dtype=np.float64)
        return np.bincount(self.index(x), weights, self.size).astype(np.float64)


class MonthPsi(NamedTuple):
    month: str
    n: int
    n_people: int
    psi: float
    noise: float  # the PSI that chance alone passes once in twenty months of this size


def psi(expected: ArrayLike, actual: ArrayLike) -> float:
    """``sum_i (a_i - e_i) ln(a_i / e_i)`` over shares of the same bins; 0 for equal shares.

    An empty share is replaced by ``0.5 / n``, n being its own side's count; bins empty on both sides say nothing.
    Below 0.1 is read as stable, above 0.25 as shifted.

    Parameters
    ----------
    expected, actual : shape (bins,), counts or sums of weights

    Source: Siddiqi, "Intelligent Credit Scoring" (2017), chapter 9; symmetrised Kullback-Leibler divergence.

    >>> round(psi([50, 50], [60, 40]), 6)
    0.040547
    """
    e, a = np.asarray(expected, dtype=np.float64), np.asarray(actual, dtype=np.float64)
    seen = (e > 0) | (a > 0)
    if not e.sum() or not a.sum():
        return float("nan")
    shares = [np.where(c > 0, c, 0.5)[seen] / c.sum() for c in (e, a)]
    return float(np.sum((shares[1] - shares[0]) * np.log(shares[1] / shares[0])))


def psi_bins(
    x: ArrayLike, weight: ArrayLike | None = None, specials: tuple[float, ...] = (), bins: int = 10
) -> PsiBins:
    """Quantile bins of the training rows; ties make fewer.

    >>> psi_bins([1, 2, 3, 4], bins=2).edges
    (3.0,)
    """
    values = np.asarray(x, dtype=np.float64)
    weights = np.ones(len(values)) if weight is None else np.asarray(weight, dtype=np.float64)
    ordinary = ~np.isnan(values) & ~np.isin(values, specials)
    distinct, place = np.unique(values[ordinary], return_inverse=True)
    if not len(distinct):
        return PsiBins((), specials)
    upto = np.cumsum(np.bincount(place, weights[ordinary]))
    wanted = np.arange(1, bins) / bins * upto[-1]
    ends = np.searchsorted(upto, wanted * (1 - 1e-12), side="left") + 1  # the first value of the next bin
    return PsiBins(tuple(float(v) for v in distinct[np.unique(ends[ends < len(distinct)])]), specials)


def psi_noise(expected: ArrayLike, actual: ArrayLike, level: float = 0.95) -> float:
    """The PSI that two samples of one population stay below with probability ``level``.

    ``chi2_(level, B - 1) (1/n + 1/m)`` with B bins in use.

    Source: Yurdakul and Naranjo, "Statistical properties of the population stability index" (2020).
    """
    e, a = np.asarray(expected, dtype=np.float64), np.asarray(actual, dtype=np.float64)
    used = int(((e > 0) | (a > 0)).sum())
    if used < 2 or not e.sum() or not a.sum():
        return 0.0
    quantile = 2 * float(gammaincinv((used - 1) / 2, level))  # of chi-square
    return quantile * float(1 / e.sum() + 1 / a.sum())


def psi_by_month(
    bins: PsiBins,
    expected: ArrayLike,
    x: ArrayLike,
    month: ArrayLike,
    weight: ArrayLike | None = None,
    person: ArrayLike | None = None,
) -> list[MonthPsi]:
    """PSI of each calendar month against the training counts ``expected``, in order of time.

    Parameters
    ----------
    x, weight, person : shape (n,)
    month : shape (n,), "2024-03"; None is left out
    """
    months = np.asarray(month, dtype=object)
    known = np.array([m is not None for m in months], dtype=bool)
    names, place = np.unique(months[known].astype(str), return_inverse=True)
    if not len(names):
        return []
    weights = np.ones(len(months)) if weight is None else np.asarray(weight, dtype=np.float64)
    people = np.arange(len(months)) if person is None else np.asarray(person)
    cell = place * bins.size + bins.index(np.asarray(x, dtype=np.float64)[known])
    counts = np.bincount(cell, weights[known], len(names) * bins.size).reshape(len(names), -1)
    n = np.bincount(place, minlength=len(names))
    who = count_people(people_codes(people[known]), place.astype(np.int64), len(names))
    return [
        MonthPsi(str(name), int(n[i]), int(who[i]), psi(expected, counts[i]), psi_noise(expected, counts[i]))
        for i, name in enumerate(names)
    ]
