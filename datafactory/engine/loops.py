"""Compiled loops over the rows of one person after another, rows lying in their total order.

An application ``i`` owns the rows ``first[i] … last[i] - 1`` of the arrays. Of these count the rows with
``oldest[i] <= event < observed[i]`` and ``known[row] <= observed[i]``. Windows are gone through from the newest row to
the oldest, so that each is the sum so far when its start is passed. All sums are exact.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from datafactory.engine.windows import LOW_BITS, ROUNDING
from modeling.compiled import compiled

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]
Doubles = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
_HIGH = 2.0**-LOW_BITS
_LOW = 2.0**LOW_BITS


@compiled
def before(event: Ints, first: int, last: int, moment: int) -> int:
    """The first row of ``first … last`` that is not before the moment."""
    while first < last:
        middle = (first + last) // 2
        if event[middle] < moment:
            first = middle + 1
        else:
            last = middle
    return first


@compiled
def bounds(first: Ints, last: Ints, observed: Ints, oldest: Ints, event: Ints) -> None:
    """Narrow ``first`` and ``last`` to the rows whose event counts."""
    for i in range(len(first)):
        last[i] = before(event, first[i], last[i], observed[i])
        first[i] = before(event, first[i], last[i], oldest[i])


@compiled
def latest(first: Ints, last: Ints, observed: Ints, known: Ints, n: Ints, row: Ints) -> None:
    """How many rows count, and the last of them (-1 for none)."""
    for i in range(len(first)):
        for r in range(last[i] - 1, first[i] - 1, -1):
            if known[r] <= observed[i]:
                n[i] += 1
                if row[i] < 0:
                    row[i] = r


@compiled
def count(first: Ints, last: Ints, observed: Ints, starts: Ints, event: Ints, known: Ints, n: Ints) -> None:
    """Events in each window: ``starts`` and ``n`` are applications x windows, the shortest window first."""
    for i in range(len(first)):
        window, so_far = 0, 0
        for r in range(last[i] - 1, first[i] - 1, -1):
            if known[r] > observed[i]:
                continue
            while event[r] < starts[i, window]:
                n[i, window] = so_far
                window += 1
            so_far += 1
        n[i, window:] = so_far


@compiled
def doubles(
    first: Ints, last: Ints, observed: Ints, starts: Ints, event: Ints, known: Ints,
    values: Doubles, usable: Bools, scale: float,
    n: Ints, high: Ints, low: Ints, most: Doubles,
) -> None:  # fmt: skip
    """Number, exact sum (``high * 2**42 + low``, scaled) and maximum of the usable values in each window."""
    for i in range(len(first)):
        window, number, largest = 0, 0, -np.inf
        highs, lows = np.int64(0), np.int64(0)
        for r in range(last[i] - 1, first[i] - 1, -1):
            if known[r] > observed[i] or not usable[r]:
                continue
            while event[r] < starts[i, window]:
                n[i, window], high[i, window], low[i, window], most[i, window] = number, highs, lows, largest
                window += 1
            scaled = values[r] * scale
            upper = scaled * _HIGH + ROUNDING - ROUNDING
            lower = scaled - upper * _LOW + ROUNDING - ROUNDING
            number += 1
            highs += np.int64(upper)
            lows += np.int64(lower)
            largest = max(largest, values[r])
        n[i, window:] = number
        high[i, window:] = highs
        low[i, window:] = lows
        most[i, window:] = largest


@compiled
def wholes(
    first: Ints, last: Ints, observed: Ints, starts: Ints, event: Ints, known: Ints,
    upper: Ints, lower: Words, usable: Bools,
    n: Ints, sum_upper: Ints, sum_lower: Words, most_upper: Ints, most_lower: Words,
) -> None:  # fmt: skip
    """The same for 128-bit whole numbers ``upper * 2**64 + lower``: integers and the digits of decimals."""
    for i in range(len(first)):
        window, number = 0, 0
        high, low, max_high, max_low = np.int64(0), np.uint64(0), np.int64(-(2**63)), np.uint64(0)
        for r in range(last[i] - 1, first[i] - 1, -1):
            if known[r] > observed[i] or not usable[r]:
                continue
            while event[r] < starts[i, window]:
                n[i, window], sum_upper[i, window], sum_lower[i, window] = number, high, low
                most_upper[i, window], most_lower[i, window] = max_high, max_low
                window += 1
            number += 1
            low += lower[r]
            high += upper[r] + (1 if low < lower[r] else 0)
            if upper[r] > max_high or (upper[r] == max_high and lower[r] > max_low):
                max_high, max_low = upper[r], lower[r]
        n[i, window:] = number
        sum_upper[i, window:], sum_lower[i, window:] = high, low
        most_upper[i, window:], most_lower[i, window:] = max_high, max_low


@compiled
def distinct(
    first: Ints, last: Ints, observed: Ints, starts: Ints, event: Ints, known: Ints,
    codes: Any, seen: Ints, n: Ints,
) -> None:  # fmt: skip
    """Different codes in each window; below 0 is no value. ``seen`` has a place for each code, all -1."""
    for i in range(len(first)):
        window, number = 0, 0
        for r in range(last[i] - 1, first[i] - 1, -1):
            if known[r] > observed[i] or codes[r] < 0:
                continue
            while event[r] < starts[i, window]:
                n[i, window] = number
                window += 1
            if seen[codes[r]] != i:
                seen[codes[r]] = i
                number += 1
        n[i, window:] = number
