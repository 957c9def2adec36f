"""Compiled search for optimal bins on counts along a variable: CART pre-bins, exact dynamic programme."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from modeling.compiled import compiled

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NONE, ASCENDING, DESCENDING, PEAK, VALLEY = range(5)


@compiled
def _best_cut(weight: Floats, bad: Floats, start: int, stop: int, least: float) -> tuple[float, int]:
    """Largest fall of the Gini impurity, and where the right part of [start, stop) then begins (-1: nowhere)."""
    total = weight[stop] - weight[start]
    base_weight, base_bad = weight[start], bad[start]
    rate = (bad[stop] - base_bad) / total
    low = np.searchsorted(weight, base_weight + least)
    high = np.searchsorted(weight, weight[stop] - least, side="right") - 1
    best, at = 0.0, -1
    for cut in range(max(low, start + 1), min(high, stop - 1) + 1):
        left = weight[cut] - base_weight
        excess = bad[cut] - base_bad - left * rate
        gain = excess * excess / (left * (total - left))
        if gain > best:
            best, at = gain, cut
    return best * total, at


@compiled
def cart_cuts(weight: Floats, bad: Floats, max_leaves: int, least: float) -> Ints:
    """Best-first CART on one variable.

    ``weight`` and ``bad`` are running sums by distinct value. Returns the sorted positions at which a pre-bin begins;
    every pre-bin weighs at least ``least``.
    """
    starts = np.zeros(max_leaves, dtype=np.int64)
    stops = np.zeros(max_leaves, dtype=np.int64)
    gains = np.zeros(max_leaves)
    cuts = np.full(max_leaves, -1, dtype=np.int64)
    stops[0] = weight.size - 1
    if stops[0] > 0:
        gains[0], cuts[0] = _best_cut(weight, bad, 0, stops[0], least)
    n = 1
    while n < max_leaves:
        leaf = np.argmax(gains[:n])
        if cuts[leaf] < 0 or gains[leaf] <= 0.0:
            break
        starts[n], stops[n] = cuts[leaf], stops[leaf]
        stops[leaf] = cuts[leaf]
        gains[leaf], cuts[leaf] = _best_cut(weight, bad, starts[leaf], stops[leaf], least)
        gains[n], cuts[n] = _best_cut(weight, bad, starts[n], stops[n], least)
        n += 1
    return np.sort(starts[1:n])


@compiled
def _bin_figures(
    good: Floats, bad: Floats, total_good: float, total_bad: float, half: float
) -> tuple[Floats, Floats, Floats]:
    """Weight, bad rate and IV of every run of pre-bins [i, j], shape (n, n)."""
    n = good.size
    weight, rate, iv = np.zeros((n, n)), np.zeros((n, n)), np.zeros((n, n))
    for i in range(n):
        g = b = 0.0
        for j in range(i, n):
            g += good[j]
            b += bad[j]
            weight[i, j] = g + b
            rate[i, j] = b / (g + b)
            good_share = (g if g > 0 else half) / total_good
            bad_share = (b if b > 0 else half) / total_bad
            iv[i, j] = (good_share - bad_share) * np.log(good_share / bad_share)
    return weight, rate, iv


@compiled
def free_optimum(good: Floats, bad: Floats, totals: tuple[float, float, float], max_bins: int) -> float:
    """Largest sum of IV of at most ``max_bins`` contiguous bins with no other limit: a bound for every shape."""
    n = good.size
    iv = _bin_figures(good, bad, totals[0], totals[1], totals[2])[2]
    best = iv[0].copy()
    for _ in range(1, min(max_bins, n)):
        for j in range(n - 1, 0, -1):
            for i in range(1, j + 1):
                best[j] = max(best[j], best[i - 1] + iv[i, j])
    return float(best[n - 1])


@compiled
def _differ(w1: float, r1: float, w2: float, r2: float, z_least: float) -> bool:
    """Two-proportion z test of neighbouring bins."""
    if z_least <= 0.0:
        return True
    pooled = (w1 * r1 + w2 * r2) / (w1 + w2)
    variance = pooled * (1.0 - pooled) * (1.0 / w1 + 1.0 / w2)
    return bool((r1 - r2) * (r1 - r2) >= z_least * z_least * variance and r1 != r2)


@compiled
def _step(trend: int, phase: int, before: float, after: float) -> int:
    """Phase after a step of the bad rate, -1 if the trend forbids it; phase 1 is past the turn of a peak or valley."""
    up, down = after >= before, after <= before
    if trend == 0:
        return 0
    if trend == 1:
        return 0 if up else -1
    if trend == 2:
        return 0 if down else -1
    if trend == 4:
        up, down = down, up
    if phase == 0 and up:
        return 0
    return 1 if down else -1


@compiled
def best_partition(
    good: Floats,
    bad: Floats,
    people: Ints,
    totals: tuple[float, float, float],
    limits: tuple[float, float, int, int, int, float],
    trend: int,
) -> tuple[float, Ints]:
    """Exact optimum: the contiguous merge of pre-bins with the largest IV under all constraints.

    State (number of bins, last bin [i, j], phase); the previous bin ends at i - 1, so rules about neighbours are exact.

    Parameters
    ----------
    good, bad : shape (n,), weight by pre-bin, not both 0
    people : shape (n, n), distinct people in pre-bins i..j
    totals : goods and bads of the whole table (missing and specials too), weight that stands for an empty class
    limits : least and largest weight of a bin, least people, least and largest number of bins, least z of neighbours
    trend : NONE, ASCENDING, DESCENDING, PEAK or VALLEY (of the bad rate)

    Returns
    -------
    iv, cuts : the sum of IV (-1 if infeasible), and the pre-bins at which a new bin begins
    """
    n = good.size
    least, largest, least_people, min_bins, max_bins, z_least = limits
    max_bins = min(max_bins, n)
    weight, rate, iv = _bin_figures(good, bad, totals[0], totals[1], totals[2])
    value = np.full((n, n, 2, max_bins + 1), -1.0)
    back = np.full((n, n, 2, max_bins + 1, 2), -1, dtype=np.int16)
    reached = np.zeros((n, n, 2), dtype=np.bool_)
    for i in range(n):
        for j in range(i, n):
            if weight[i, j] < least or weight[i, j] > largest or people[i, j] < least_people:
                continue
            if i == 0:
                value[0, j, 0, 1] = iv[0, j]
                reached[0, j, 0] = True
            for h in range(i):
                for phase in range(2):
                    if not reached[h, i - 1, phase]:
                        continue
                    to = _step(trend, phase, rate[h, i - 1], rate[i, j])
                    if to < 0 or not _differ(weight[h, i - 1], rate[h, i - 1], weight[i, j], rate[i, j], z_least):
                        continue
                    reached[i, j, to] = True
                    for k in range(2, max_bins + 1):
                        so_far = value[h, i - 1, phase, k - 1]
                        if so_far >= 0.0 and so_far + iv[i, j] > value[i, j, to, k]:
                            value[i, j, to, k] = so_far + iv[i, j]
                            back[i, j, to, k, 0] = h
                            back[i, j, to, k, 1] = phase
    return _trace(value, back, min_bins, max_bins)


@compiled
def _trace(value: Floats, back: npt.NDArray[np.int16], min_bins: int, max_bins: int) -> tuple[float, Ints]:
    n = value.shape[0]
    best, bins, start, phase = -1.0, 0, 0, 0
    for k in range(min_bins, max_bins + 1):
        for i in range(n):
            for p in range(2):
                # fewer bins win unless more bins add something above rounding
                if value[i, n - 1, p, k] > best + 1e-12:
                    best, bins, start, phase = value[i, n - 1, p, k], k, i, p
    cuts = np.zeros(max(bins - 1, 0), dtype=np.int64)
    stop = n - 1
    for k in range(bins, 1, -1):
        cuts[k - 2] = start
        h, p = back[start, stop, phase, k]
        stop, start, phase = start - 1, h, p
    return best, cuts


@compiled
def people_of_runs(bin_of_row: Ints, person_of_row: Ints, n_bins: int, n_people: int) -> Ints:
    """Distinct people in every run of bins i..j, shape (n_bins, n_bins); rows with a bin of -1 do not count."""
    first = np.zeros((n_bins, n_bins + 1), dtype=np.int64)
    last = np.full(n_people, -1, dtype=np.int64)
    order = np.argsort(bin_of_row, kind="mergesort")
    for row in order:
        b, person = bin_of_row[row], person_of_row[row]
        if b >= 0 and last[person] != b:
            first[b, last[person] + 1] += 1
            last[person] = b
    counts = np.zeros((n_bins, n_bins), dtype=np.int64)
    for i in range(n_bins):
        total = 0
        for j in range(i, n_bins):
            # someone in bin j is new to the run if the bin before lies left of i
            total += first[j, : i + 1].sum()
            counts[i, j] = total
    return counts
