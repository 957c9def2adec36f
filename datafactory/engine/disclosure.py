"""Cells too small to show: which counts of a table are hidden so that none can be worked out from the rest."""

from __future__ import annotations

from collections.abc import Sequence


def hidden_cells(counts: Sequence[int], floor: int, already: Sequence[bool] = ()) -> list[bool]:
    """Which cells of a row of counts with a known total are hidden.

    Cells of fewer than ``floor`` people are hidden. One hidden cell, or several that together hold fewer than
    ``floor``, could be rebuilt from the total, so the next smallest cells are hidden too until that is no longer so.

    Parameters
    ----------
    counts : sequence of int
        People in each cell.
    floor : int
        Smallest number of people that may be shown.
    already : sequence of bool, optional
        Cells hidden for another reason.

    Examples
    --------
    >>> hidden_cells([100, 4, 50, 30], 10)
    [False, True, False, True]
    >>> hidden_cells([100, 50], 10)
    [False, False]
    """
    hidden = [count < floor for count in counts]
    if already:
        hidden = [one or other for one, other in zip(hidden, already, strict=True)]
    if not any(hidden):
        return hidden
    for position in sorted(range(len(counts)), key=lambda i: (counts[i], i)):
        total = sum(count for count, is_hidden in zip(counts, hidden, strict=True) if is_hidden)
        if sum(hidden) >= 2 and total >= floor:
            break
        hidden[position] = True
    return hidden


def hidden_outcomes(people: Sequence[int], bads: Sequence[int], goods: Sequence[int], floor: int) -> list[bool]:
    """Which groups keep their outcomes hidden: bads and goods give each other away, so both must pass.

    >>> hidden_outcomes([500, 500, 500], [50, 3, 60], [450, 497, 440], 10)
    [True, True, False]
    """
    hidden = hidden_cells(people, floor)
    while True:
        wider = hidden_cells(goods, floor, hidden_cells(bads, floor, hidden))
        if wider == hidden:
            return hidden
        hidden = wider


def shown(count: int, total: int, floor: int) -> int | None:
    """A count out of a known total, or None when it or what it leaves is under the floor and not empty.

    >>> shown(3, 100, 10), shown(0, 100, 10), shown(95, 100, 10), shown(40, 100, 10)
    (None, 0, None, 40)
    """
    return None if 0 < count < floor or 0 < total - count < floor else count
