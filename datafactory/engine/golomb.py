"""Golomb-coded sets: whole numbers in 1.5 bits more than they must take each, bit for bit as openmined-psi does it."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]
_BLOCK = 1_000_000  # numbers whose bits are spread out at a time: some 40 MB


def divisor(last: int, n: int) -> int:
    """The number of low bits that each difference keeps as they are.

    With differences of a geometric distribution of mean ``(last + 1) / n``, half of the quotients are zero.

    Source: Golomb (1966), Run-length encodings; parameter as in openmined-psi.

    >>> divisor(999_999, 1000)
    9
    """
    share = n / (last + 1)
    if share >= 1:
        return 0
    return max(0, math.floor(0.5 - math.log2(-math.log2(1.0 - share))))


def encode(numbers: Numbers) -> tuple[int, bytes]:
    """The divisor and the bits of a set of non-negative numbers, in any order and with repeats.

    Each difference to the number before is ``quotient`` zeros, a one, and ``divisor`` low bits, lowest first; bytes
    fill from their lowest bit.

    >>> encode(np.array([3, 3, 10]))
    (1, b'\\xc6')
    """
    if not len(numbers):
        return 0, b""
    distinct = np.unique(numbers)
    low = divisor(int(distinct[-1]), len(numbers))
    steps = np.diff(distinct, prepend=0)
    parts, rest = [], np.zeros(0, np.uint8)
    for start in range(0, len(steps), _BLOCK):
        bits = np.concatenate([rest, _bits(steps[start : start + _BLOCK], low)])
        whole = len(bits) // 8 * 8 if start + _BLOCK < len(steps) else len(bits)
        parts.append(np.packbits(bits[:whole], bitorder="little").tobytes())
        rest = bits[whole:]
    return low, b"".join(parts)


def _bits(steps: Numbers, low: int) -> npt.NDArray[np.uint8]:
    """One byte a bit."""
    quotients = steps >> low
    ends = np.cumsum(quotients + 1 + low)
    bits = np.zeros(int(ends[-1]), np.uint8)
    ones = ends - low - 1
    bits[ones] = 1
    for place in range(low):
        bits[ones + 1 + place] = (steps >> place) & 1
    return bits
