"""Whether a PD of 4 % means that four in a hundred go bad."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc

from modeling.floor import count_people, merge_small, people_codes

Floats = NDArray[np.float64]


class CalibrationRow(NamedTuple):
    """Rows of alike PD. ``n`` and ``n_people`` are plain counts, the others weighted."""

    n: int
    n_people: int
    weight: float
    avg_pd: float
    bad_rate: float
    low: float  # 95 % Wilson interval of the bad rate
    high: float


class HosmerLemeshow(NamedTuple):
    statistic: float
    degrees: int
    p: float


def brier(y: ArrayLike, pd: ArrayLike, weight: ArrayLike | None = None) -> float:
    """``mean (pd - y)^2``; source: Brier (1950).

    >>> brier([0, 1], [0.5, 0.5])
    0.25
    """
    gap = np.asarray(pd, dtype=np.float64) - np.asarray(y, dtype=np.float64)
    return float(np.average(gap**2, weights=None if weight is None else np.asarray(weight, dtype=np.float64)))


def equal_count_groups(risk: ArrayLike, weight: ArrayLike, groups: int) -> NDArray[np.int64]:
    """The group, 0 the lowest, of every row: about equal weight, tied rows together, empty groups closed up.

    >>> equal_count_groups([1, 2, 2, 3], [1, 1, 1, 1], 4).tolist()
    [0, 1, 1, 2]
    """
    _, place = np.unique(np.asarray(risk, dtype=np.float64), return_inverse=True)
    size = np.bincount(place, np.asarray(weight, dtype=np.float64))
    middle = (np.cumsum(size) - size / 2) / size.sum()
    group = np.minimum((middle * groups + 1e-9).astype(np.int64), groups - 1)
    return np.unique(group, return_inverse=True)[1][place].astype(np.int64)


def calibration_table(
    y: ArrayLike,
    pd: ArrayLike,
    weight: ArrayLike | None = None,
    person: ArrayLike | None = None,
    *,
    groups: int = 10,
    floor: int = 1,
) -> list[CalibrationRow]:
    """Mean PD against bad rate in groups of about equal weight and ``floor`` people or more, lowest PD first.

    >>> [(row.avg_pd, row.bad_rate) for row in calibration_table([0, 0, 1, 1], [0.1, 0.1, 0.9, 0.9], groups=2)]
    [(0.1, 0.0), (0.9, 1.0)]
    """
    labels, pds = np.asarray(y, dtype=np.float64), np.asarray(pd, dtype=np.float64)
    weights = np.ones(len(labels)) if weight is None else np.asarray(weight, dtype=np.float64)
    codes = people_codes(np.arange(len(labels)) if person is None else person)
    group = merge_small(equal_count_groups(pds, weights, groups), codes, floor)
    k = int(group.max()) + 1
    size, rows = np.bincount(group, weights, k), np.bincount(group, minlength=k)
    bad_rate = np.bincount(group, weights * labels, k) / size
    avg_pd = np.bincount(group, weights * pds, k) / size
    people = count_people(codes, group, k)
    low, high = wilson(bad_rate, effective_size(weights, group, k))
    return [
        CalibrationRow(int(rows[i]), int(people[i]), *(float(c[i]) for c in (size, avg_pd, bad_rate, low, high)))
        for i in range(k)
    ]


def effective_size(weight: Floats, group: NDArray[np.int64], groups: int) -> Floats:
    """Kish's ``(sum w)^2 / sum w^2`` in each group: how many equal rows say as much."""
    return np.bincount(group, weight, groups) ** 2 / np.bincount(group, weight**2, groups)


def wilson(rate: Floats, n: Floats) -> tuple[Floats, Floats]:
    """95 % score interval of a rate; source: Wilson (1927)."""
    z2 = 1.959963984540054**2
    middle = (rate + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2 * (rate * (1 - rate) / n + z2 / (4 * n**2))) / (1 + z2 / n)
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)


def hosmer_lemeshow(
    y: ArrayLike, pd: ArrayLike, weight: ArrayLike | None = None, groups: int = 10, *, fitted: bool
) -> HosmerLemeshow:
    """``sum_g (observed - expected)^2 / (expected (1 - mean pd))``, chi-square under good calibration.

    ``fitted`` says whether the model was fitted on these rows: then groups - 2 degrees of freedom, else groups. Groups
    in which no bad or only bads are expected say nothing and are left out. Large samples refuse any model.

    Source: Hosmer and Lemeshow (1980); degrees for new data: Hosmer, Lemeshow and Sturdivant (2013), section 5.2.2.
    """
    table = calibration_table(y, pd, weight, groups=groups)
    usable = [row for row in table if 0 < row.avg_pd < 1]
    statistic = sum(row.weight * (row.bad_rate - row.avg_pd) ** 2 / (row.avg_pd * (1 - row.avg_pd)) for row in usable)
    degrees = len(usable) - 2 if fitted else len(usable)
    p = float(chdtrc(degrees, statistic)) if degrees > 0 else float("nan")
    return HosmerLemeshow(float(statistic), degrees, p)
