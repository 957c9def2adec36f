"""Edits of given bins: merges and splits of counted cells.

An edit is a small frozen word (:class:`Merge`, :class:`Split`, …); :func:`apply` turns bins and an edit into bins. What
the analyst sets is law: nothing else moves, and what cannot be is refused with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from modeling.bin_cells import VariableCells
from modeling.bin_given import GivenBins, check, tidy
from modeling.errors import DataError
from modeling.woe import Floats


@dataclass(frozen=True)
class Merge:
    """Join bins: of numbers a run of neighbours and any own bins, of categories any."""

    bins: tuple[int, ...]


@dataclass(frozen=True)
class Split:
    """Cut a bin of numbers at ``at``, or where the IV gains most; or take ``levels`` out of a group."""

    bin: int
    at: float | None = None
    levels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Move:
    """Put an edge elsewhere between its neighbours; ``snap``: to the nearest cut that is counted."""

    edge: int
    to: float
    snap: bool = False


@dataclass(frozen=True)
class Place:
    """Put missing, rare or a special code into a bin; -1: into a bin of its own."""

    place: str
    bin: int = -1


@dataclass(frozen=True)
class Levels:
    """Put categories into a group; -1: into a new one."""

    levels: tuple[str, ...]
    bin: int = -1


@dataclass(frozen=True)
class Rename:
    """Give a bin a name; empty: named by its values."""

    bin: int
    name: str = ""


Edit = Merge | Split | Move | Place | Levels | Rename


def apply(given: GivenBins, edit: Edit, cells: VariableCells, min_people: int = 30) -> GivenBins:
    """The bins after one edit, well formed; how many people they hold is another question (:func:`refuse_thin`)."""
    match edit:
        case Merge():
            made = _merge(given, edit)
        case Split():
            made = _split(given, edit, cells, min_people)
        case Move():
            made = _move(given, edit, cells)
        case Place():
            made = _put_place(given, edit)
        case Levels():
            made = _put_levels(given, edit.levels, edit.bin)
        case Rename():
            made = _rename(given, edit)
    return check(made, cells.name)


def _known(given: GivenBins, *bins: int) -> None:
    for i in bins:
        if not 0 <= i < given.n_bins:
            raise DataError("bin_unknown", "There is no bin %(bin)d.", bin=i)


def _names(given: GivenBins) -> list[str]:
    return list(given.names) if given.names else [""] * given.n_bins


def _merge(given: GivenBins, edit: Merge) -> GivenBins:
    bins = sorted(set(edit.bins))
    _known(given, *bins)
    if len(bins) < 2:
        raise DataError("merge_needs_two", "Choose at least two bins to merge.")
    k = given.n_ordinary
    ordinary = [i for i in bins if i < k]
    if given.kind == "numeric" and ordinary and ordinary[-1] - ordinary[0] >= len(ordinary):
        raise DataError("merge_not_neighbours", "Only neighbouring bins of a number can be merged.")
    target = bins[0]
    return _renumbered(given, dict.fromkeys(bins[1:], target))


def _renumbered(given: GivenBins, gone: dict[int, int]) -> GivenBins:
    """The bins once those in ``gone`` have joined their targets."""
    k = given.n_ordinary
    left = [i for i in range(given.n_bins) if i not in gone]
    new = {old: at for at, old in enumerate(left)}
    new |= {old: new[target] for old, target in gone.items()}
    names = _names(given)
    for target in gone.values():
        names[target] = ""
    edges = tuple(edge for i, edge in enumerate(given.edges) if i + 1 not in gone)
    groups = tuple(
        tuple(level for j in range(k) if new[j] == new[i] for level in given.groups[j])
        for i in left
        if i < k and given.kind == "category"
    )
    made = replace(given, edges=edges, groups=groups, names=())
    return tidy(made, tuple(new[home] for home in given.homes), tuple(names[i] for i in left))


def _split(given: GivenBins, edit: Split, cells: VariableCells, min_people: int) -> GivenBins:
    _known(given, edit.bin)
    if edit.bin >= given.n_ordinary:
        raise DataError("split_own_bin", "This bin holds codes only: take them out one by one.")
    if given.kind == "category":
        levels = edit.levels or _half(given, edit.bin, cells)
        return _put_levels(given, levels, -1)
    at = _best_cut(given, edit.bin, cells, min_people) if edit.at is None else float(edit.at)
    low, high = _ends(given, edit.bin)
    if not low < at < high:
        raise DataError("edge_outside", "The edge %(edge)s is not inside this bin.", edge=f"{at:.12g}")
    return _with_edge(given, edit.bin, at)


def _ends(given: GivenBins, i: int) -> tuple[float, float]:
    ends = (-np.inf, *given.edges, np.inf)
    return ends[i], ends[i + 1]


def _with_edge(given: GivenBins, i: int, at: float) -> GivenBins:
    """Bin ``i`` cut in two; both lose its name, its codes stay with the left part."""
    names = _names(given)
    names[i : i + 1] = ["", ""]
    homes = tuple(home + (home > i) for home in given.homes)
    made = replace(given, edges=(*given.edges[:i], at, *given.edges[i:]), names=())
    return tidy(made, homes, tuple(names))


def _best_cut(given: GivenBins, i: int, cells: VariableCells, min_people: int) -> float:
    """The cut inside bin ``i`` with the largest sum of both parts' IV, by train counts."""
    inside = np.flatnonzero(cells.bin_of_cell(given)[: cells.n_ordinary] == i)
    if len(inside) < 2:
        raise DataError("nothing_to_split", "This bin cannot be cut: it is one value, or its values are too few.")
    good, bad, people = (counts[0].sum(axis=0) for counts in (cells.good, cells.bad, cells.people))
    total = (float(good.sum()), float(bad.sum()))
    left = [np.cumsum(counts[inside])[:-1] for counts in (good, bad, people)]
    whole = [counts[inside].sum() for counts in (good, bad, people)]
    right = [all_ - part for all_, part in zip(whole, left, strict=True)]
    gain = _iv(left[0], left[1], total) + _iv(right[0], right[1], total)
    fit = np.minimum(left[2], right[2]) >= min_people
    return float(cells.cuts[int(inside[int(np.argmax(np.where(fit, gain, gain - 1e6)))])])


def _iv(good: Floats, bad: Floats, total: tuple[float, float]) -> Floats:
    good_share, bad_share = np.maximum(good, 0.5) / total[0], np.maximum(bad, 0.5) / total[1]
    return np.asarray((good_share - bad_share) * np.log(good_share / bad_share))


def _half(given: GivenBins, i: int, cells: VariableCells) -> tuple[str, ...]:
    """The categories of a group with the higher bad rates, half of them."""
    levels = [level for level in given.groups[i] if level in cells.levels]
    if len(levels) < 2:
        raise DataError("nothing_to_split", "This bin cannot be cut: it is one value, or its values are too few.")
    good, bad = (counts[0].sum(axis=0) for counts in (cells.good, cells.bad))
    at = {level: cells.levels.index(level) for level in levels}
    levels.sort(key=lambda level: bad[at[level]] / max(good[at[level]] + bad[at[level]], 1e-9))
    return tuple(levels[len(levels) // 2 :])


def _move(given: GivenBins, edit: Move, cells: VariableCells) -> GivenBins:
    if not 0 <= edit.edge < len(given.edges):
        raise DataError("edge_unknown", "There is no edge %(edge)d.", edge=edit.edge)
    low, high = _ends(given, edit.edge)[0], _ends(given, edit.edge + 1)[1]
    to = nearest(cells, low, high, edit.to) if edit.snap else float(edit.to)
    if not low < to < high:
        raise DataError("edge_crosses", "The edge %(edge)s would pass the edge beside it.", edge=f"{to:.12g}")
    edges = (*given.edges[: edit.edge], to, *given.edges[edit.edge + 1 :])
    return replace(given, edges=edges)


def nearest(cells: VariableCells, low: float, high: float, to: float) -> float:
    """The counted cut strictly between ``low`` and ``high`` that is nearest to ``to``."""
    free = [cut for cut in cells.cuts if low < cut < high]
    return min(free, key=lambda cut: abs(cut - to)) if free else to


def _put_place(given: GivenBins, edit: Place) -> GivenBins:
    if edit.place not in given.places:
        raise DataError("place_unknown", "There is nothing called %(place)s to move.", place=edit.place)
    own = edit.bin < 0
    if not own:
        _known(given, edit.bin)
    at = given.places.index(edit.place)
    homes = [*given.homes]
    homes[at] = given.n_bins if own else edit.bin
    return tidy(replace(given, names=()), tuple(homes), (*_names(given), ""))


def _put_levels(given: GivenBins, levels: Sequence[str], to: int) -> GivenBins:
    chosen = set(levels)
    known = {level for group in given.groups for level in group}
    if given.kind != "category" or not chosen or chosen - known:
        raise DataError("level_unknown", "These categories cannot be moved: one is not known or too rare.")
    if to >= 0 and to >= given.n_ordinary:
        return _levels_to_own(given, chosen, to)
    groups = [tuple(level for level in group if level not in chosen) for group in given.groups]
    moved = tuple(level for group in given.groups for level in group if level in chosen)
    names, homes = _names(given), [*given.homes]
    if to < 0:
        k = given.n_ordinary
        groups.append(moved)
        names.insert(k, "")
        homes = [home + (home >= k) for home in homes]
    else:
        groups[to] = (*groups[to], *moved)
    made = replace(given, groups=tuple(groups), homes=tuple(homes), names=tuple(names))
    return _without_empty(made)


def _levels_to_own(given: GivenBins, chosen: set[str], to: int) -> GivenBins:
    """Categories join a bin of missing or rare ones: it becomes an ordinary group."""
    made = _put_levels(given, [level for group in given.groups for level in group if level in chosen], -1)
    k = next(i for i, group in enumerate(made.groups) if set(group) <= chosen and group)
    joined = [i for i, home in enumerate(given.homes) if home == to]
    homes = tuple(k if i in joined else home for i, home in enumerate(made.homes))
    return tidy(replace(made, names=()), homes, tuple(_names(made)))


def _without_empty(given: GivenBins) -> GivenBins:
    """Groups that lost their last category go; what else stood in them gets a bin of its own."""
    left = [i for i, group in enumerate(given.groups) if group]
    if not left:
        return given
    new = {old: at for at, old in enumerate(left)}
    names, k, n = _names(given), given.n_ordinary, len(left)
    homes = tuple(new.get(home, n + home) if home < k else n + home for home in given.homes)
    titles = [names[i] for i in left] + [""] * n
    by_home = dict(enumerate(titles)) | {n + i: names[i] for i in range(k, given.n_bins)}
    full = tuple(by_home.get(i, "") for i in range(max(by_home) + 1))
    made = replace(given, groups=tuple(given.groups[i] for i in left), names=())
    return tidy(made, homes, full)


def _rename(given: GivenBins, edit: Rename) -> GivenBins:
    _known(given, edit.bin)
    names = _names(given)
    names[edit.bin] = " ".join(edit.name.split())[:60]
    return replace(given, names=tuple(names) if any(names) else ())


def refuse_thin(given: GivenBins, cells: VariableCells, min_people: int) -> None:
    """Refuse ordinary bins of too few people, by name; one bin that holds all ordinary values is let be."""
    people = cells.by_bin(given, "train").people[: given.n_ordinary]
    if len(people) < 2:
        return
    for label, count in zip(given.bin_labels(), people, strict=False):
        if count < min_people:
            raise DataError(
                "bin_thin",
                "The bin %(label)s would hold fewer than %(floor)d people in train. Merge it or move its edge.",
                label=label, floor=min_people, column=cells.name,
            )  # fmt: skip
