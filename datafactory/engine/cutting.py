"""Compiled loops over the bytes of a text file: rows and values are found once, and read where they stand.

A field is ``(start, length)`` in the bytes of a block. A quoted value whose bytes are not its text (a doubled quotation
mark, or characters behind the closing one) has length ``-1 - n``: its ``n`` bytes begin with the opening mark.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from modeling.compiled import compiled

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int32]
OK, RAGGED, UNCLOSED = 0, 1, 2
_QUOTE, _LF, _CR = 34, 10, 13


@compiled
def cut_rows(data: Bytes, size: int, delimiter: int, special: Any, is_last: bool, places: Any, told: Any) -> int:
    """Find the fields of all complete rows; returns how many rows there are.

    Parameters
    ----------
    data : uint8 array, of which ``size`` bytes count, beginning at the start of a row
    delimiter : code of the character between values
    special : bool array of 256: the delimiter and the ends of lines
    is_last : whether the file ends with these bytes
    places : int32 array (rows, columns, 2) to fill with starts and lengths
    told : int64 array of three to fill: bytes used, state (``OK``, ``RAGGED``, ``UNCLOSED``), values or column at fault
    """
    row, position = 0, 0
    n_columns = places.shape[1]
    told[0], told[1], told[2] = 0, OK, 0
    while position < size:
        if data[position] == _LF or data[position] == _CR:  # an empty line
            position += 1
            told[0] = position
            continue
        column, ended = 0, False
        while not ended:
            start = position
            if position < size and data[position] == _QUOTE:
                position, length = quoted(data, position, size, special)
                if position == size and not is_last:
                    return row
                if position < 0:
                    if is_last:
                        told[1], told[2] = UNCLOSED, column
                    return row
                start += length >= 0
            else:
                while position < size and not special[data[position]]:
                    position += 1
                length = position - start
                if position >= size and not is_last:
                    return row
            if column < n_columns:
                places[row, column, 0] = start
                places[row, column, 1] = length
            column += 1
            if position >= size:
                break
            ended = data[position] != delimiter
            if ended and data[position] == _CR and position + 1 < size and data[position + 1] == _LF:
                position += 1
            position += 1
        if column != n_columns:
            told[1], told[2] = RAGGED, column
            return row
        row += 1
        told[0] = position
    return row


@compiled
def quoted(data: Bytes, start: int, size: int, special: Any) -> Any:
    """Where a value that begins with a quotation mark ends, -1 if it does not, and its length."""
    position, irregular, closed = start + 1, False, False
    while position < size:
        if data[position] != _QUOTE:
            position += 1
        elif position + 1 < size and data[position + 1] == _QUOTE:
            irregular = True
            position += 2
        else:
            closed = True
            break
    if not closed:
        return -1, 0
    end = position
    position += 1
    while position < size and not special[data[position]]:
        position += 1
        irregular = True
    return position, -1 - (position - start) if irregular else end - start - 1


@compiled
def text_offsets(data: Bytes, starts: Places, lengths: Places, rows: Any, offsets: Any) -> None:
    """Where each value of ``rows`` ends in an Arrow string array."""
    total, nowhere = 0, np.empty(0, np.uint8)
    offsets[0] = 0
    for n in range(len(rows)):
        row = rows[n]
        length = lengths[row]
        if length < 0:
            length = unquoted(data, starts[row], -1 - length, nowhere, 0)
        total += length
        offsets[n + 1] = total


@compiled
def unquoted(data: Bytes, start: int, length: int, target: Bytes, at: int) -> int:
    """Write the text of an irregular quoted value; returns its length. An empty target only counts."""
    written, inside, i = 0, True, start + 1
    while i < start + length:
        if inside and data[i] == _QUOTE:
            if i + 1 < start + length and data[i + 1] == _QUOTE:
                i += 1
            else:
                inside = False
                i += 1
                continue
        if len(target):
            target[at + written] = data[i]
        written += 1
        i += 1
    return written


@compiled
def text_bytes(data: Bytes, starts: Places, lengths: Places, rows: Any, offsets: Any, target: Bytes) -> None:
    """The values of ``rows`` one after the other."""
    for n in range(len(rows)):
        row = rows[n]
        at, start, length = offsets[n], starts[row], lengths[row]
        if length < 0:
            unquoted(data, start, -1 - length, target, at)
        else:
            for i in range(length):
                target[at + i] = data[start + i]


@compiled
def hex_length(data: Bytes, starts: Places, lengths: Places) -> int:
    """The one length of values that are all lower-case hex, at least 32 long; 0 if they are not."""
    found = 0
    for row in range(len(starts)):
        length = lengths[row]
        if length == 0:
            continue
        if length < 32 or (found > 0 and length != found):
            return 0
        found = length
        wrong = 0
        for i in range(starts[row], starts[row] + length):
            code = data[i]
            wrong += not (48 <= code <= 57 or 97 <= code <= 102)
        if wrong:
            return 0
    return found


@compiled
def suspicious(data: Bytes, starts: Places, lengths: Places, found: Any) -> int:
    """Rows whose value could hold a long number, an address or a name, written to ``found``; returns how many.

    Eleven digits, full-width signs, an @, or two to four signs of three bytes and next to nothing else.
    """
    n = 0
    for row in range(len(starts)):
        start, length = starts[row], lengths[row]
        if length < 0:
            length = -1 - length
        digits, wide, odd = 0, 0, False
        for i in range(start, start + length):
            code = data[i]
            digits += 48 <= code <= 57
            odd = odd or code == 64 or code == 239
            wide += code >= 224
        if digits >= 11 or odd or (2 <= wide <= 4 and length <= 3 * wide + 4):
            found[n] = row
            n += 1
    return n
