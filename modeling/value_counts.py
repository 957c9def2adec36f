"""Compiled counting of one column: ordered by value, told apart by label, gathered into groups of neighbouring values.

A value and its label travel together through the sort (the label in the sign bit, negative values in a stretch of their
own), so one scan afterwards finds runs of equal values, goods and bads. The work space is two columns.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from modeling.compiled import compiled

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Keys = npt.NDArray[np.uint64]
Groups = tuple[Floats, Floats, Floats, Floats, Floats]

DIGIT = 11  # bits of a radix pass
PASSES = 4  # 44 leading bits; what differs only below them is put right by insertion
MOVES = 4  # per key, before insertion gives way to passes over the bits below


@compiled
def _radix_pass(keys: Keys, other: Keys, shift: np.uint64) -> bool:
    """Stable scatter by one digit into ``other``; False where all keys share it and nothing was done."""
    mask = np.uint64((1 << DIGIT) - 1)
    if shift + np.uint64(DIGIT) > np.uint64(63):
        mask >>= shift + np.uint64(DIGIT) - np.uint64(63)  # the top bit is no part of the value
    place = np.zeros(1 << DIGIT, dtype=np.int64)
    for i in range(keys.size):
        place[(keys[i] >> shift) & mask] += 1
    if place.max() == keys.size:
        return False
    before = 0
    for j in range(place.size):
        before, place[j] = before + place[j], before
    for i in range(keys.size):
        j = (keys[i] >> shift) & mask
        other[place[j]] = keys[i]
        place[j] += 1
    return True


@compiled
def _insert(keys: Keys, budget: int) -> bool:
    """Insertion sort of what is nearly in order; False once it takes more than ``budget`` moves."""
    value = ~(np.uint64(1) << np.uint64(63))
    for i in range(1, keys.size):
        key = keys[i]
        own = key & value
        j = i
        while j > 0 and (keys[j - 1] & value) > own:
            keys[j] = keys[j - 1]
            j -= 1
            budget -= 1
        keys[j] = key
        if budget < 0:
            return False
    return True


@compiled
def sort_keys(keys: Keys, other: Keys, differing: np.uint64) -> Keys:
    """Keys in order of all bits but the top one; ``differing`` marks the bits in which they are not all alike.

    Returns one of the two buffers. Radix passes over the leading bits, insertion for what they leave, and passes over
    the bits below too where insertion would take long.
    """
    high = 0
    while high < 63 and (differing >> np.uint64(high)) != 0:
        high += 1
    low = max(high - PASSES * DIGIT, 0)
    for shift in range(low, high, DIGIT):
        if _radix_pass(keys, other, np.uint64(shift)):
            keys, other = other, keys
    below = differing & ((np.uint64(1) << np.uint64(low)) - np.uint64(1))
    if below == 0 or _insert(keys, MOVES * keys.size):
        return keys
    for shift in range(0, high, DIGIT):
        if _radix_pass(keys, other, np.uint64(shift)):
            keys, other = other, keys
    return keys


@compiled
def _fill(
    x: Floats, y: Bools, specials: Floats, keys: Keys, apart: Floats
) -> tuple[int, int, np.uint64, np.uint64, int]:
    """Negative keys from the front, others from the back, each with its label on top; specials and missing counted.

    Returns the ends of the two stretches, the bits that differ within each, and the number of infinities.
    """
    n, n_specials, infinite = x.size, specials.size, 0
    front, back = 0, n
    top, ones = np.uint64(1) << np.uint64(63), ~np.uint64(0)
    below, above, all_below, all_above = np.uint64(0), np.uint64(0), ones, ones
    raw = x.view(np.uint64)
    for i in range(n):
        bits = raw[i]
        if bits == top:
            bits = np.uint64(0)
        negative = bits >> np.uint64(63)
        bits &= ~top
        if bits >= np.uint64(0x7FF0000000000000):
            if bits > np.uint64(0x7FF0000000000000):
                apart[n_specials, np.int64(y[i])] += 1
                continue
            infinite += 1
        if n_specials > 0:
            special = -1
            for s in range(n_specials):
                if x[i] == specials[s]:
                    special = s
            if special >= 0:
                apart[special, np.int64(y[i])] += 1
                continue
        at = front if negative else back - 1
        keys[at] = bits | (np.uint64(y[i]) << np.uint64(63))
        front += int(negative)
        back -= 1 - int(negative)
        side = np.uint64(0) - negative
        below |= bits & side
        above |= bits & ~side
        all_below &= bits | ~side
        all_above &= bits | side
    return front, back, below & ~all_below, above & ~all_above, infinite


@compiled
def _scan(keys: Keys, backwards: bool, least_rows: float, groups: Groups, state: Floats, sign: np.uint64) -> None:
    """Add a sorted stretch to the groups; ``state``: groups, rows, bads, distinct values, longest run and its value."""
    low, high, rows, bad, _ = groups
    top = np.uint64(1) << np.uint64(63)
    m, at, bads = int(state[0]), state[1], state[2]
    distinct, longest, commonest = state[3], state[4], state[5]
    last, run = ~np.uint64(0), 0.0
    bits = np.empty(1, dtype=np.uint64)
    number = bits.view(np.float64)
    n = keys.size
    for i in range(n):
        key = keys[n - 1 - i] if backwards else keys[i]
        own = key & ~top
        if own != last:
            if run > longest:
                longest = run
                bits[0] = last | sign
                commonest = number[0]
            distinct += 1
            run = 0.0
            if m == 0 or at - rows[m - 1] >= least_rows:
                if m > 0:
                    rows[m], bad[m] = at, bads
                    if i > 0:
                        bits[0] = last | sign
                        high[m - 1] = number[0]
                bits[0] = own | sign
                low[m] = number[0]
                m += 1
            last = own
        run += 1.0
        at += 1.0
        bads += np.float64(key >> np.uint64(63))
    if n > 0:
        bits[0] = last | sign
        high[m - 1] = number[0]
        if run > longest:
            longest, commonest = run, number[0]
    rows[m], bad[m] = at, bads
    state[0], state[1], state[2] = m, at, bads
    state[3], state[4], state[5] = distinct, longest, commonest


@compiled
def plain_groups(
    x: Floats, y: Bools, specials: Floats, least_rows: float, space: Keys
) -> tuple[Groups, Floats, Floats, int]:
    """Groups of neighbouring values of one column, each but the last of at least ``least_rows`` rows.

    Parameters
    ----------
    x : shape (n,), NaN = missing
    y : shape (n,), True = bad
    specials : codes that are counted apart
    space : shape (2 n,) or more, work space

    Returns
    -------
    groups : first and last value of each group, running rows and bads with a leading zero, running weight (= rows)
    apart : shape (specials + 1, 2), goods and bads of every special code and, last, of missing
    figures : number of distinct ordinary values, rows of the commonest, the commonest
    infinite : how many values are
    """
    keys, other = space[: x.size], space[x.size : 2 * x.size]
    apart = np.zeros((specials.size + 1, 2))
    front, back, below, above, infinite = _fill(x, y, specials, keys, apart)
    negative = sort_keys(keys[:front], other[:front], below)
    positive = sort_keys(keys[back:], other[back:], above)
    ordinary = front + x.size - back
    room = min(ordinary, int(ordinary / max(least_rows, 1.0)) + 2)
    low, high = np.empty(room), np.empty(room)
    rows, bad = np.zeros(room + 1), np.zeros(room + 1)
    groups = low, high, rows, bad, rows
    state = np.zeros(6)
    _scan(negative, True, least_rows, groups, state, np.uint64(1) << np.uint64(63))
    _scan(positive, False, least_rows, groups, state, np.uint64(0))
    m = int(state[0])
    rows = rows[: m + 1].copy()
    return (low[:m].copy(), high[:m].copy(), rows, bad[: m + 1].copy(), rows), apart, state[3:6].copy(), infinite


@compiled
def weighted_groups(
    x: Floats, y: Bools, weight: Floats, order: npt.NDArray[np.intp], specials: Floats, least_rows: float
) -> tuple[Groups, Floats, Floats, int]:
    """The same for rows that do not weigh alike; ``order`` sorts ``x``, NaN last.

    ``apart`` has a third column, the rows, and ``groups`` hold weights beside rows.
    """
    n, n_specials = x.size, specials.size
    room = min(n, int(n / max(least_rows, 1.0)) + 2)
    low, high = np.empty(room), np.empty(room)
    rows, bad, total = np.zeros(room + 1), np.zeros(room + 1), np.zeros(room + 1)
    apart, figures = np.zeros((n_specials + 1, 3)), np.zeros(3)
    m, run, infinite = 0, 0.0, 0
    last = np.nan
    for i in range(n):
        row = order[i]
        value, w = x[row] + 0.0, weight[row]  # -0 and 0 are one value
        special = n_specials if value != value else -1
        for s in range(n_specials):
            if value == specials[s]:
                special = s
        if special >= 0:
            apart[special, np.int64(y[row])] += w
            apart[special, 2] += 1
            continue
        infinite += np.isinf(value)
        if value != last:
            figures[0] += 1
            run = 0.0
            if m == 0 or rows[m] - rows[m - 1] >= least_rows:
                m += 1
                rows[m], total[m], bad[m] = rows[m - 1], total[m - 1], bad[m - 1]
                low[m - 1] = value
            last = value
        high[m - 1] = value
        run += w
        rows[m] += 1
        total[m] += w
        bad[m] += w if y[row] else 0.0
        if run > figures[1]:
            figures[1], figures[2] = run, value
    groups = low[:m].copy(), high[:m].copy(), rows[: m + 1].copy(), bad[: m + 1].copy(), total[: m + 1].copy()
    return groups, apart, figures, infinite
