"""What both sides of private matching agree on: elements, modes, and how a size-only answer is read."""

from __future__ import annotations

import math
from dataclasses import dataclass

TURNED = 0.25  # size only: the share of ids whose answer is the wrong one, chosen by the platform's secret
SIZE_STEP = 10  # a size is told in steps of so many people


def element(id_type: str, id_hash: str) -> str:
    """An id as both sides put it into private matching: two kinds of id with one hash are two elements.

    >>> element("mobile__md5", "d41d8cd98f00b204e9800998ecf8427e")
    'mobile__md5:d41d8cd98f00b204e9800998ecf8427e'
    """
    return f"{id_type}:{id_hash}"


@dataclass(frozen=True)
class Size:
    """How many ids are shared, as far as anybody may know."""

    n_shared: int
    margin: int  # half the width of a 95 % interval


def estimated_size(n_seen: int, n_asked: int) -> Size:
    """The size behind the number of ids that seem to be known when a quarter of the answers is turned around.

    ``n_seen = (1 - t) m + t (n - m)`` in the mean, so ``m = (n_seen - t n) / (1 - 2 t)``; its standard deviation is
    ``sqrt(n t (1 - t)) / (1 - 2 t)``. Source: Warner (1965), Randomized response.

    >>> estimated_size(5500, 10_000)
    Size(n_shared=6000, margin=170)
    """
    shared = (n_seen - TURNED * n_asked) / (1 - 2 * TURNED)
    margin = 1.96 * math.sqrt(n_asked * TURNED * (1 - TURNED)) / (1 - 2 * TURNED)
    return Size(_stepped(min(max(shared, 0), n_asked)), max(SIZE_STEP, _stepped(margin)))


def _stepped(value: float) -> int:
    return SIZE_STEP * round(value / SIZE_STEP)
