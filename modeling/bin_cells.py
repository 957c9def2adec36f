"""Fine counts of one variable: cell x month x split. Bins are merges of cells, so an edit never reads rows again.

A cell is a distinct value or a small run of them, a category, a special code, missing, or the rare categories. Every
cell of ordinary values holds ``floor`` people in train, and in each other split ``floor`` or nobody: moving an edge
from cell to cell never tells of fewer. A person counts in the cell of the first row that a split has of them, so people
of merged cells are the sum, and never more than there are.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from modeling.artifacts import Column
from modeling.bin_given import GivenBins
from modeling.errors import DataError
from modeling.woe import BinKind, Cells, Floats, check_two_classes, factorize

Ints = npt.NDArray[np.int64]
MOST_CELLS = 256
SHOWN = ("train", "valid", "oot")  # the test rows are touched once, by the evaluation


@dataclass(frozen=True)
class RowSide:
    """What all variables share about the rows: split, month, label, weight, and whether a person's first row."""

    split: npt.NDArray[np.int8]  # -1: not shown
    month: npt.NDArray[np.int16]
    bad: npt.NDArray[np.bool_]
    weight: npt.NDArray[np.float64]
    first: npt.NDArray[np.bool_]
    splits: tuple[str, ...]
    months: tuple[str, ...]

    @cached_property
    def train(self) -> npt.NDArray[np.bool_]:
        return np.asarray(self.split == 0)

    def save(self, path: Path) -> None:
        names: Any = {"splits": np.array(self.splits), "months": np.array(self.months)}
        arrays: Any = {name: getattr(self, name) for name in ("split", "month", "bad", "weight", "first")}
        np.savez(path, **arrays, **names)

    @classmethod
    def load(cls, path: Path) -> RowSide:
        with np.load(path, allow_pickle=False) as stored:
            parts = {name: stored[name] for name in ("split", "month", "bad", "weight", "first")}
            return cls(**parts, splits=_texts(stored["splits"]), months=_texts(stored["months"]))


def row_side(
    person: npt.ArrayLike,
    y: npt.ArrayLike,
    weight: npt.ArrayLike,
    split: npt.ArrayLike,
    month: npt.ArrayLike | None,
) -> RowSide:
    """The rows' side from columns of one length; ``month`` None: no time is known."""
    names = np.asarray(split, dtype=object)
    splits = tuple(name for name in SHOWN if (names == name).any())
    code = np.full(len(names), -1, dtype=np.int8)
    for i, name in enumerate(splits):
        code[names == name] = i
    bad = np.asarray(y) == 1
    check_two_classes(np.asarray(y)[code == 0])
    months, place = _months(month, len(names))
    people = factorize(person)[0]
    return RowSide(code, place, bad, np.asarray(weight, dtype=np.float64), _first(people, code), splits, months)


def _months(month: npt.ArrayLike | None, n: int) -> tuple[tuple[str, ...], npt.NDArray[np.int16]]:
    if month is None:
        return ("",), np.zeros(n, dtype=np.int16)
    codes, names = factorize(month)
    if (codes < 0).any():
        return ("", *names), (codes + 1).astype(np.int16)
    return tuple(names), codes.astype(np.int16)


def _first(people: npt.NDArray[np.intp], split: npt.NDArray[np.int8]) -> npt.NDArray[np.bool_]:
    """Whether a row is its person's first in its split."""
    pair = people.astype(np.int64) * (len(SHOWN) + 1) + split + 1
    first = np.zeros(len(people), dtype=bool)
    first[np.unique(pair, return_index=True)[1]] = True
    return first


@dataclass(frozen=True)
class VariableCells:
    """Counts by split, month and cell, shape (splits, months, cells). Cells: ordinary ones, then the places."""

    name: str
    kind: BinKind
    whole: bool  # every value is a whole number
    cuts: tuple[float, ...]  # cell i is [cuts[i-1], cuts[i])
    levels: tuple[str, ...]
    specials: tuple[float, ...]
    splits: tuple[str, ...]
    months: tuple[str, ...]
    n: Ints
    people: Ints
    good: Floats
    bad: Floats

    @property
    def n_ordinary(self) -> int:
        return len(self.cuts) + 1 if self.kind == "numeric" else len(self.levels)

    def bin_of_cell(self, given: GivenBins) -> npt.NDArray[np.intp]:
        """The bin of every cell. An edge inside a cell is refused: it needs a recount first."""
        if self.kind == "category":
            places = {level: i for i, group in enumerate(given.groups) for level in group}
            ordinary = [places.get(level, given.homes[-1]) for level in self.levels]
            return np.array([*ordinary, *given.homes], dtype=np.intp)
        if inside := self.inside(given.edges):
            raise DataError(
                "edge_inside", "%(column)s has no counts at %(edge)s yet.", column=self.name, edge=inside[0]
            )
        low = np.append(-np.inf, np.array(self.cuts))
        ordinary_bins = np.searchsorted(np.array(given.edges), low, side="right")
        return np.append(ordinary_bins, np.array(given.homes, dtype=np.intp)).astype(np.intp)

    def inside(self, edges: Sequence[float]) -> list[float]:
        """Edges that are no cut between cells."""
        known = set(self.cuts)
        return [edge for edge in edges if edge not in known]

    def too_near(self, edge: float, floor: int) -> list[bool]:
        """By split: whether fewer than ``floor`` people, but somebody, lie between a cut and the cut beside it."""
        at = self.cuts.index(float(edge))
        parts = self.people[:, :, at : at + 2].sum(axis=1)
        return [bool(((part > 0) & (part < floor)).any()) for part in parts]

    def by_bin(self, given: GivenBins, split: str | None = None) -> Cells:
        """Counts by bin over all months of one split, or of all."""
        chosen = slice(None) if split is None else slice(self.splits.index(split), self.splits.index(split) + 1)
        place, n = self.bin_of_cell(given), given.n_bins
        totals = (counts[chosen].sum(axis=(0, 1)) for counts in (self.n, self.people, self.good, self.bad))
        rows, people, good, bad = (np.bincount(place, counts, n) for counts in totals)
        return Cells(rows.astype(np.int64), people.astype(np.int64), good.astype(np.float64), bad.astype(np.float64))

    def by_month(self, given: GivenBins) -> Cells:
        """Counts by month and bin, shape (months, bins), of all splits together."""
        member = np.zeros((self.n.shape[2], given.n_bins))
        member[np.arange(len(member)), self.bin_of_cell(given)] = 1.0
        n, people, good, bad = (counts.sum(axis=0) @ member for counts in (self.n, self.people, self.good, self.bad))
        return Cells(n.astype(np.int64), people.astype(np.int64), good, bad)

    def save(self, path: Path) -> None:
        texts = {name: np.array(getattr(self, name), dtype=str) for name in ("levels", "splits", "months")}
        numbers = {name: np.array(getattr(self, name), dtype=np.float64) for name in ("cuts", "specials")}
        counts = {
            "n": self.n.astype(np.int32),
            "people": self.people.astype(np.int32),
            "bad": self.bad,
            "good": self.good,
        }
        head = np.array([self.name, self.kind, str(int(self.whole))])
        np.savez(path, head=head, **texts, **numbers, **counts)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: Path) -> VariableCells:
        with np.load(path, allow_pickle=False) as stored:
            name, kind, whole = _texts(stored["head"])
            texts = {key: _texts(stored[key]) for key in ("levels", "splits", "months")}
            numbers = {key: tuple(map(float, stored[key])) for key in ("cuts", "specials")}
            counts = {key: stored[key].astype(np.int64) for key in ("n", "people")}
            return cls(name, kind, whole == "1", **numbers, **texts, **counts, good=stored["good"], bad=stored["bad"])  # type: ignore[arg-type]


def _texts(values: npt.NDArray[Any]) -> tuple[str, ...]:
    return tuple(str(value) for value in values)


def count_variable(
    values: npt.NDArray[Any], column: Column, side: RowSide, floor: int, min_people: int, most: int = MOST_CELLS
) -> VariableCells:
    """The cells of one column.

    Parameters
    ----------
    values : shape (n,), floats with NaN, or strings with None
    floor : people that a cell holds at least
    min_people : people that a category needs to be named
    most : ordinary cells at most
    """
    if column.kind == "category":
        return _count_category(values, column, side, floor, min_people, most)
    x = np.asarray(values, dtype=np.float64)
    if np.isinf(x).any():
        row = int(np.flatnonzero(np.isinf(x))[0]) + 1
        raise DataError("not_finite", "Row %(row)d of %(column)s is infinite.", row=row, column=column.name)
    cuts = _cuts(x, column.specials, side, floor, most)
    seen = x[~np.isnan(x)]
    whole = bool((seen == np.floor(seen)).all())
    return _number_cells(x, column.name, whole, cuts, column.specials, side)


def _number_cells(
    x: Floats, name: str, whole: bool, cuts: tuple[float, ...], specials: tuple[float, ...], side: RowSide
) -> VariableCells:
    frame = GivenBins("numeric", edges=cuts, specials=specials).frame(name)
    counts = _counted(frame.index(x), len(cuts) + 2 + len(specials), side)
    return VariableCells(name, "numeric", whole, cuts, (), specials, side.splits, side.months, *counts)


def _cuts(x: Floats, specials: tuple[float, ...], side: RowSide, floor: int, most: int) -> tuple[float, ...]:
    ordinary = ~np.isnan(x) & ~np.isin(x, specials)
    train = np.sort(x[ordinary & side.train])
    if not len(train):
        return ()
    new = np.flatnonzero(np.append(True, train[1:] > train[:-1]))
    if len(new) > most:
        new = np.unique(new[np.searchsorted(new, np.linspace(0, len(train), most + 1)[:-1], side="right") - 1])
    cuts = np.array([between(train[at - 1], train[at]) for at in new[1:]])
    place = np.where(ordinary, np.searchsorted(cuts, x, side="right"), -1)
    people = _people(place, len(cuts) + 1, side)
    return tuple(float(cut) for cut in cuts[_keepable(people, floor)])


def _people(place: npt.NDArray[np.intp], n: int, side: RowSide) -> Ints:
    """People by split and cell; a place of -1 does not count."""
    chosen = (place >= 0) & (side.split >= 0) & side.first
    code = side.split[chosen].astype(np.int64) * n + place[chosen]
    return np.bincount(code, minlength=len(side.splits) * n).reshape(len(side.splits), n)


def _keepable(people: Ints, floor: int) -> list[int]:
    """Cuts to keep so that each cell has ``floor`` people in train, and elsewhere ``floor`` or nobody."""
    kept: list[int] = []
    running = np.zeros(len(people), dtype=np.int64)
    rest = people.sum(axis=1)
    for cell in range(people.shape[1] - 1):
        running += people[:, cell]
        rest -= people[:, cell]
        if _enough(running, floor) and _enough(rest, floor):
            kept.append(cell)
            running[:] = 0
    return kept


def _enough(people: Ints, floor: int) -> bool:
    return bool(people[0] >= floor and ((people[1:] >= floor) | (people[1:] == 0)).all())


def between(left: float, right: float) -> float:
    """The shortest decimal in (left, right], near the middle; of neighbouring whole numbers the upper one.

    >>> between(3.0, 4.0), between(0.1234, 0.1299), between(1000.0, 2000.0)
    (4.0, 0.127, 2000.0)
    """
    if right - left <= 1 and right == np.floor(right):
        return float(right)
    middle = left + (right - left) / 2
    found = (float(f"{middle:.{digits}g}") for digits in range(1, 18))
    return next((short for short in found if left < short <= right), float(right))


def _counted(place: npt.NDArray[np.intp], n: int, side: RowSide) -> tuple[Ints, Ints, Floats, Floats]:
    """Rows, people, goods and bads by split, month and cell."""
    shown = side.split >= 0
    shape = (len(side.splits), len(side.months), n)
    cell = (side.split[shown].astype(np.int64) * shape[1] + side.month[shown]) * n + place[shown]
    size = shape[0] * shape[1] * n
    bad = side.bad[shown]
    weight = side.weight[shown]

    def count(weights: Any = None) -> Any:
        return np.bincount(cell, weights, size).reshape(shape)

    people = np.bincount(cell[side.first[shown]], minlength=size).reshape(shape)
    return count().astype(np.int64), people.astype(np.int64), count(weight * ~bad), count(weight * bad)


def _count_category(
    values: npt.NDArray[Any], column: Column, side: RowSide, floor: int, min_people: int, most: int
) -> VariableCells:
    codes, seen = factorize(values)
    people = _people(codes, len(seen), side) if seen else np.zeros((len(side.splits), 0), dtype=np.int64)
    fit = [i for i in range(len(seen)) if people[0, i] >= min_people and _enough(people[:, i], floor)]
    kept = sorted(sorted(fit, key=lambda i: (-people[0, i], seen[i]))[:most])
    levels = tuple(seen[i] for i in kept)
    where = np.full(len(seen) + 1, len(levels) + 1, dtype=np.intp)
    where[kept] = np.arange(len(levels))
    where[-1] = len(levels)
    counts = _counted(where[codes], len(levels) + 2, side)
    return VariableCells(column.name, "category", False, (), levels, (), side.splits, side.months, *counts)


def recut(cells: VariableCells, values: npt.NDArray[Any], cuts: Sequence[float], side: RowSide) -> VariableCells:
    """The variable counted anew with exactly these cuts, from its column."""
    x = np.asarray(values, dtype=np.float64)
    return _number_cells(x, cells.name, cells.whole, tuple(sorted(map(float, cuts))), cells.specials, side)


def with_edge(
    cells: VariableCells,
    values: npt.NDArray[Any],
    edge: float,
    side: RowSide,
    floor: int,
    shown: Collection[float] = (),
) -> VariableCells:
    """The cells with a cut at ``edge``: exact, whatever was typed.

    Cuts beside it that leave fewer than ``floor`` people of train between give way, unless they are in ``shown``: then
    two tables that somebody has seen would differ by a handful of people. In other splits such a handful may remain;
    :meth:`VariableCells.too_near` tells.

    Raises
    ------
    DataError
        ``edge_too_fine`` where an edge sets fewer than ``floor`` people of train apart from one that was shown
    """
    cuts = {*cells.cuts, float(edge)}
    while True:
        made = recut(cells, values, sorted(cuts), side)
        at = made.cuts.index(float(edge))
        parts = made.people[0, :, at : at + 2].sum(axis=0)
        beside = [cut for cut, part in zip((at - 1, at + 1), parts, strict=True) if 0 < part < floor]
        blocking = [made.cuts[i] if 0 <= i < len(made.cuts) else None for i in beside]
        if not blocking:
            return made
        if any(cut is None or cut in shown for cut in blocking):
            raise _too_fine(cells, edge, floor)
        cuts -= {cut for cut in blocking if cut is not None}


def _too_fine(cells: VariableCells, edge: float, floor: int) -> DataError:
    near = min(cells.cuts, key=lambda cut: abs(cut - edge), default=edge)
    return DataError(
        "edge_too_fine",
        "An edge at %(edge)s would set fewer than %(floor)d people apart from another. Near it, %(near)s can be.",
        column=cells.name, edge=f"{edge:.12g}", near=f"{near:.12g}", floor=floor,
    )  # fmt: skip
