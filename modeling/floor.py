"""The privacy floor inside tables and curves: no group, and no step between two points, speaks of too few people.

Small groups are merged with a neighbour, never blanked out: a blank could be had back as total minus the rest.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from modeling.compiled import compiled

Indices = NDArray[np.int64]


def people_codes(person: ArrayLike) -> Indices:
    """A number from 0 on for every distinct person."""
    return np.unique(np.asarray(person), return_inverse=True)[1].astype(np.int64)


def count_people(codes: Indices, group: Indices, groups: int) -> Indices:
    """Distinct people in each of ``groups`` groups.

    >>> count_people(np.array([0, 0, 1]), np.array([0, 0, 1]), 2).tolist()
    [1, 1]
    """
    pairs = np.unique(group.astype(np.int64) * (codes.max(initial=0) + 1) + codes)
    return np.bincount(pairs // (codes.max(initial=0) + 1), minlength=groups).astype(np.int64)


def merge_small(group: Indices, codes: Indices, floor: int) -> Indices:
    """Join neighbouring groups (0, 1, 2 … in order) until each holds ``floor`` people; one is left if none can.

    >>> merge_small(np.array([0, 0, 1, 2, 2]), np.arange(5), 2).tolist()
    [0, 0, 1, 1, 1]
    """
    while True:
        people = count_people(codes, group, int(group.max(initial=0)) + 1)
        if len(people) < 2 or people.min() >= floor:
            return group
        small = int(people.argmin())
        after = small + 1 < len(people) and (small == 0 or people[small + 1] <= people[small - 1])
        upper = small + 1 if after else small
        group = np.where(group >= upper, group - 1, group)


def thin_steps(codes: Indices, ends: Indices, floor: int, points: int, keep: int) -> Indices:
    """Which steps of a curve to show: at most about ``points``, ``floor`` people or more between neighbours.

    Parameters
    ----------
    codes : shape (n,), the person of every row in the order of the curve
    ends : shape (steps,), rows up to and including each step
    keep : a step that is shown exactly, unless fewer than ``floor`` people lie on a side of it

    Returns
    -------
    Rising step numbers; the last step is always among them.
    """
    rows = max(1, int(np.ceil(len(codes) / max(points - 2, 1))))
    before = _cut(codes, ends[: keep + 1], 0, floor, rows)
    after = _cut(codes, ends[keep + 1 :], ends[keep], floor, rows)
    last_side = keep + 1 == len(ends)
    if len(before) and (len(after) or last_side):
        return np.concatenate([before, after + keep + 1])
    whole = _cut(codes, ends, 0, floor, rows)
    return whole if len(whole) else np.array([len(ends) - 1], dtype=np.int64)


@compiled
def _cut(codes: Indices, ends: Indices, start: int, floor: int, rows: int) -> Indices:
    """Steps that end a cell of at least ``floor`` people and ``rows`` rows; what is left over joins the last cell."""
    last_seen = np.full(codes.max() + 1, -1, dtype=np.int64)
    cuts = np.empty(len(ends), dtype=np.int64)
    found, people, size, row = 0, 0, 0, start
    for step in range(len(ends)):
        while row < ends[step]:
            size += 1
            if last_seen[codes[row]] != found:
                last_seen[codes[row]] = found
                people += 1
            row += 1
        if people >= floor and size >= rows:
            cuts[found] = step
            found, people, size = found + 1, 0, 0
    if people and people < floor and found:
        cuts[found - 1] = len(ends) - 1
    elif people >= floor:
        cuts[found] = len(ends) - 1
        found += 1
    return cuts[:found]
