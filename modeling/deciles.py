"""The gains table: ten rows, riskiest first, in the columns that a model-risk reviewer reads."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modeling.calibration import equal_count_groups
from modeling.floor import count_people, merge_small, people_codes

Floats = NDArray[np.float64]


class Decile(NamedTuple):
    """``n`` and ``n_people`` are plain counts, the others weighted; ``capture`` is the bin's own share of bads."""

    bin: int
    score_low: float
    score_high: float
    n: int
    n_people: int
    share: float
    n_bad: float
    n_good: float
    bad_rate: float
    cum_bad: float
    cum_good: float
    ks: float
    lift: float
    cum_lift: float
    capture: float
    odds: float | None  # goods to one bad; None without bads
    ln_odds: float | None
    avg_pd: float
    expected_bad: float
    rank_break: bool  # riskier than the bin before, which should be the riskier one


def decile_table(
    y: ArrayLike,
    pd: ArrayLike,
    score: ArrayLike,
    weight: ArrayLike | None = None,
    person: ArrayLike | None = None,
    *,
    bins: int = 10,
    cut: Literal["equal_count", "equal_width"] = "equal_count",
    floor: int = 1,
) -> list[Decile]:
    """Gains table over the score: about equal weight a bin, or equal steps of the score; equal scores stay together.

    Heavy ties, empty intervals and bins of fewer than ``floor`` people (merged with a neighbour) leave fewer rows.

    Parameters
    ----------
    y : shape (n,), 0 or 1
    pd : shape (n,), for the expected bads
    score : shape (n,), higher is safer
    weight, person : shape (n,); by default 1, and every row somebody else

    Source: Siddiqi, "Intelligent Credit Scoring" (2017), chapter 6.

    >>> table = decile_table([1, 0, 1, 0], [0.9, 0.6, 0.4, 0.1], [1, 2, 3, 4], bins=2)
    >>> [(row.score_low, row.score_high, row.n_bad, row.cum_bad, row.cum_good, row.ks) for row in table]
    [(1.0, 2.0, 1.0, 0.5, 0.5, 0.0), (3.0, 4.0, 1.0, 1.0, 1.0, 0.0)]
    """
    labels, scores = np.asarray(y, dtype=np.float64), np.asarray(score, dtype=np.float64)
    weights = np.ones(len(labels)) if weight is None else np.asarray(weight, dtype=np.float64)
    group = equal_count_groups(scores, weights, bins) if cut == "equal_count" else _equal_width(scores, bins)
    codes = people_codes(np.arange(len(labels)) if person is None else person)
    group = merge_small(group, codes, floor)
    k = int(group.max()) + 1
    sums = np.array([np.bincount(group, weights * part, k) for part in (labels, 1 - labels, np.asarray(pd))])
    rows = np.bincount(group, minlength=k)
    people = count_people(codes, group, k)
    low, high = np.full(k, np.inf), np.full(k, -np.inf)
    np.minimum.at(low, group, scores)
    np.maximum.at(high, group, scores)
    return _rows(sums, rows, people, low, high)


def decile_ks(table: list[Decile]) -> float:
    """The largest KS at the end of a row of the table: at most the KS over distinct scores."""
    return max(row.ks for row in table)


def _equal_width(score: Floats, bins: int) -> NDArray[np.int64]:
    edges = np.linspace(score.min(), score.max(), bins + 1)[1:-1]
    found = np.searchsorted(edges, score, side="right")
    return np.unique(found, return_inverse=True)[1].astype(np.int64)


def _rows(sums: Floats, n: NDArray[np.int64], people: NDArray[np.int64], low: Floats, high: Floats) -> list[Decile]:
    bads, goods, expected = sums
    size = bads + goods
    overall = bads.sum() / size.sum()
    cum_bad, cum_good = np.cumsum(bads) / _total(bads), np.cumsum(goods) / _total(goods)
    rate = bads / size
    cum_lift = np.cumsum(bads) / np.cumsum(size) / (overall or 1.0)
    return [
        Decile(
            bin=i + 1,
            score_low=float(low[i]),
            score_high=float(high[i]),
            n=int(n[i]),
            n_people=int(people[i]),
            share=float(size[i] / size.sum()),
            n_bad=float(bads[i]),
            n_good=float(goods[i]),
            bad_rate=float(rate[i]),
            cum_bad=float(cum_bad[i]),
            cum_good=float(cum_good[i]),
            ks=float(abs(cum_bad[i] - cum_good[i])),
            lift=float(rate[i] / (overall or 1.0)),
            cum_lift=float(cum_lift[i]),
            capture=float(bads[i] / _total(bads)),
            odds=float(goods[i] / bads[i]) if bads[i] else None,
            ln_odds=float(np.log(goods[i] / bads[i])) if bads[i] and goods[i] else None,
            avg_pd=float(expected[i] / size[i]),
            expected_bad=float(expected[i]),
            rank_break=bool(i and rate[i] > rate[i - 1]),
        )
        for i in range(len(n))
    ]


def _total(parts: Floats) -> float:
    return float(parts.sum()) or 1.0
