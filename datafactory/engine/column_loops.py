"""Compiled loops over the values of columns, where :mod:`datafactory.engine.cutting` found them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from modeling.compiled import compiled

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int32]
NOT_NUMBER = -1
SKIP, WHOLE, REAL, FEW = 0, 1, 2, 3
_MINUS, _ZERO = 45, 48


@compiled
def is_marker(data: Bytes, start: int, length: int, markers: Bytes, ends: Places) -> bool:
    """Whether a value is one of the markers for "missing", which stand one after the other in ``markers``."""
    begin = 0
    for end in ends:
        if end - begin == length:
            same = True
            for i in range(length):
                if data[start + i] != markers[begin + i]:
                    same = False
                    break
            if same:
                return True
        begin = end
    return False


@compiled
def plain_text(data: Bytes, starts: Places, lengths: Places, markers: Bytes, ends: Places, there: Any) -> int:
    """How many values are missing, when no other has a blank or a sign beyond ASCII at its ends; -1 otherwise."""
    n_missing = 0
    for row in range(len(starts)):
        start, length = starts[row], lengths[row]
        there[row] = 1
        if length < 0:
            return -1
        if length > 0:
            first, last = data[start], data[start + length - 1]
            if first <= 32 or last <= 32 or first >= 128 or last >= 128:
                return -1
        if is_marker(data, start, length, markers, ends):
            there[row] = 0
            n_missing += 1
    return n_missing


@compiled
def whole_rows(
    data: Bytes, places: Any, column: int, low: int, high: int, markers: Bytes, ends: Places, values: Any, there: Any
) -> int:
    """Values as int64; returns how many are missing, or ``NOT_NUMBER`` at the first that is not plainly whole.

    Leading zeros and 16 or more digits are codes, and so not numbers; signs other than minus, blanks and points are
    left to the careful way.
    """
    n_missing = 0
    for row in range(low, high):
        start, length = places[row, column, 0], places[row, column, 1]
        position, stop = start, start + length
        negative = length > 0 and data[position] == _MINUS
        if negative:
            position += 1
        digits = stop - position
        plain = 0 < digits <= 15 and (digits == 1 or data[position] != _ZERO)
        number = np.int64(0)
        if plain:
            for i in range(position, stop):
                digit = np.int64(data[i]) - _ZERO
                if digit < 0 or digit > 9:
                    plain = False
                    break
                number = number * 10 + digit
        values[row], there[row] = -number if negative else number, 1
        if not plain:
            if not is_marker(data, start, length, markers, ends):
                return NOT_NUMBER
            values[row], there[row] = 0, 0
            n_missing += 1
    return n_missing


@compiled
def real_rows(
    data: Bytes,
    places: Any,
    column: int,
    low: int,
    high: int,
    point: int,
    markers: Bytes,
    ends: Places,
    powers: Any,
    values: Any,
    there: Any,
) -> int:
    """Values as float64, correctly rounded; returns how many are missing or ``NOT_NUMBER``.

    Digits that fit 53 bits, divided or multiplied by a power of ten up to 22, round correctly (Clinger 1990). Others
    get ``there == 2`` and are left to a slower way.
    """
    n_missing = 0
    for row in range(low, high):
        start, length = places[row, column, 0], places[row, column, 1]
        position, stop = start, start + length
        negative = length > 0 and data[position] == _MINUS
        if negative:
            position += 1
        first = position
        number = np.int64(0)
        while position < stop:
            digit = np.int64(data[position]) - _ZERO
            if digit < 0 or digit > 9:
                break
            number = number * 10 + digit
            position += 1
        before, behind = position - first, 0
        if position < stop and data[position] == point:
            position += 1
            behind = position
            while position < stop:
                digit = np.int64(data[position]) - _ZERO
                if digit < 0 or digit > 9:
                    break
                number = number * 10 + digit
                position += 1
            behind = position - behind
        exponent = 0
        if position < stop and before + behind > 0 and (data[position] == 101 or data[position] == 69):
            position, exponent = power_of(data, position + 1, stop)
        code = before > 15 or (before > 1 and data[first] == _ZERO)
        if position == stop and before + behind > 0 and not code:
            power = exponent - behind
            if before + behind > 15 or power < -22 or power > 22:
                there[row] = 2
            else:
                value = number / powers[-power] if power < 0 else number * powers[power]
                values[row], there[row] = -value if negative else value, 1
        elif is_marker(data, start, length, markers, ends):
            values[row], there[row] = 0.0, 0
            n_missing += 1
        else:
            return NOT_NUMBER
    return n_missing


@compiled
def power_of(data: Bytes, position: int, stop: int) -> Any:
    """The exponent that stands at a position and where it ends; not at ``stop`` if it is none."""
    down = position < stop and data[position] == _MINUS
    if position < stop and (down or data[position] == 43):
        position += 1
    if position >= stop or stop - position > 3:
        return -1, 0
    exponent = np.int64(0)
    while position < stop:
        digit = np.int64(data[position]) - _ZERO
        if digit < 0 or digit > 9:
            return -1, 0
        exponent = exponent * 10 + digit
        position += 1
    return position, -exponent if down else exponent


@compiled
def distinct_rows(
    data: Bytes,
    places: Any,
    column: int,
    low: int,
    high: int,
    known: int,
    codes: Any,
    firsts: Any,
    packed: Any,
    slots: Any,
) -> int:
    """Number the distinct values in order of appearance, ``known`` of them so far; -1 when there are too many.

    ``slots`` is a table of a power of two filled with -1, at least twice as long as ``firsts``. ``packed`` keeps the
    first 16 bytes and the length of each distinct value, so that most comparisons need not go back to the text.
    """
    n, mask, limit = known, len(slots) - 1, len(firsts)
    for row in range(low, high):
        start, length = places[row, column, 0], places[row, column, 1]
        if length < 0:
            return -1
        head, tail, mixed = np.uint64(0), np.uint64(0), np.uint64(length)
        for i in range(start, start + min(length, 8)):
            head = (head << np.uint64(8)) | np.uint64(data[i])
        for i in range(start + 8, start + min(length, 16)):
            tail = (tail << np.uint64(8)) | np.uint64(data[i])
        for i in range(start + 16, start + length):
            mixed = (mixed << np.uint64(5)) - mixed + np.uint64(data[i])
        mixed = (mixed ^ (head * np.uint64(0x9E3779B97F4A7C15)) ^ (tail >> np.uint64(3))) * np.uint64(
            0xD6E8FEB86659FD93
        )
        slot = np.int64((mixed >> np.uint64(32)) & np.uint64(mask))
        while True:
            code = slots[slot]
            if code < 0:
                if n == limit:
                    return -1
                slots[slot], firsts[n], codes[row] = n, row, n
                packed[n, 0], packed[n, 1], packed[n, 2] = head, tail, np.uint64(length)
                n += 1
                break
            same = packed[code, 0] == head and packed[code, 1] == tail and packed[code, 2] == np.uint64(length)
            if same and length > 16:
                other = places[firsts[code], column, 0]
                for i in range(16, length):
                    if data[start + i] != data[other + i]:
                        same = False
                        break
            if same:
                codes[row] = code
                break
            slot = (slot + 1) & mask
    return n


@compiled
def read_columns(
    data: Bytes,
    places: Any,
    n_rows: int,
    tile: int,
    modes: Any,
    nth: Any,
    point: int,
    markers: Bytes,
    ends: Places,
    powers: Any,
    whole: Any,
    real: Any,
    there: Any,
    codes: Any,
    firsts: Any,
    packed: Any,
    slots: Any,
    found: Any,
) -> None:
    """Read every column the way its mode says, some rows of all columns at a time so that they stay in the cache.

    ``nth`` is a column's place in what its mode fills: numbers in ``whole`` and ``real`` (two views of one memory) and
    ``there``, distinct values in ``codes``, ``firsts``, ``packed`` and ``slots``. ``found`` becomes how many values are
    missing or how many are distinct, or a negative number where the column is not of the kind.
    """
    for low in range(0, n_rows, tile):
        high = min(n_rows, low + tile)
        for column in range(len(modes)):
            if found[column] < 0 or modes[column] == SKIP:
                continue
            place = nth[column]
            if modes[column] == WHOLE:
                n = whole_rows(data, places, column, low, high, markers, ends, whole[place], there[place])
                found[column] = found[column] + n if n >= 0 else n
            elif modes[column] == REAL:
                n = real_rows(data, places, column, low, high, point, markers, ends, powers, real[place], there[place])
                found[column] = found[column] + n if n >= 0 else n
            else:
                known = found[column]
                found[column] = distinct_rows(
                    data, places, column, low, high, known, codes[place], firsts[place], packed[place], slots[place]
                )
