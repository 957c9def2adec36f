"""Bins as an analyst gives them: law for whoever tabulates, trains or scores.

A bin is a run of numbers or a group of categories, and any bin may also take in missing values, special codes and (for
categories) the rare and unseen levels. What stands in no such bin stands in a bin of its own, alone or with others of
its kind. The model's table keeps one row for each of these places; rows of one bin share its WOE.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from math import isfinite
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from modeling.bin_plan import Labels
from modeling.errors import DataError
from modeling.woe import BinKind, BinRow, Bins, Cells, shape_of, table_rows

MOST_BINS = 100
LONGEST_NAME = 60
MISSING = "missing"
RARE = "rare"


@dataclass(frozen=True)
class GivenBins:
    """Ordinary bins first, then own bins.

    ``homes`` says in which bin each special code, then missing, then (categories) the rare and unseen levels stand:
    an ordinary bin, or an own one numbered from ``n_ordinary`` on. ``names``: "" is named by its values.
    """

    kind: BinKind
    edges: tuple[float, ...] = ()  # bin i is [edges[i-1], edges[i])
    groups: tuple[tuple[str, ...], ...] = ()
    specials: tuple[float, ...] = ()
    homes: tuple[int, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def n_ordinary(self) -> int:
        return len(self.edges) + 1 if self.kind == "numeric" else len(self.groups)

    @property
    def n_bins(self) -> int:
        return max(self.n_ordinary, max(self.homes, default=-1) + 1)

    @property
    def places(self) -> tuple[str, ...]:
        """What ``homes`` speaks of: codes as text, "missing", "rare"."""
        codes = tuple(f"{code:.12g}" for code in self.specials)
        return (*codes, MISSING) if self.kind == "numeric" else (MISSING, RARE)

    @property
    def bin_of_row(self) -> npt.NDArray[np.intp]:
        """Bin by row of the model's table: ordinary rows, then one for each place."""
        return np.array([*range(self.n_ordinary), *self.homes], dtype=np.intp)

    def frame(self, name: str) -> Bins:
        """The model's table without counts: enough to find the row of a value."""
        other = self.n_ordinary + 1 if self.kind == "category" else -1
        return Bins(name, self.kind, (), 0.0, "none", self.edges, self.groups, self.specials, other, by_hand=True)

    def labels(self) -> list[str]:
        """Name of every row of the model's table: the analyst's, or the values."""
        ordinary = [self._name(i) or text for i, text in enumerate(self._ordinary_labels())]
        if self.kind == "category":
            return [*ordinary, "Missing", "Other"]
        return [*ordinary, *(f"Special {code:.12g}" for code in self.specials), "Missing"]

    def bin_labels(self) -> list[str]:
        """Name of every bin: the analyst's, or the values and places that it holds."""
        rows = self.labels()[self.n_ordinary :]
        held = [[row for row, home in zip(rows, self.homes, strict=True) if home == i] for i in range(self.n_bins)]
        own = [*self._ordinary_labels(), *[""] * (self.n_bins - self.n_ordinary)]
        return [self._name(i) or ", ".join(filter(None, (own[i], *held[i]))) for i in range(self.n_bins)]

    def _name(self, i: int) -> str:
        return self.names[i] if i < len(self.names) else ""

    def _ordinary_labels(self) -> list[str]:
        if self.kind == "category":
            return [", ".join(group) for group in self.groups]
        ends = ["-inf", *(f"{edge:.12g}" for edge in self.edges), "inf"]
        opening = ["(", *"[" * len(self.edges)]
        return [f"{mark}{a}, {b})" for mark, a, b in zip(opening, ends, ends[1:], strict=False)]


@dataclass(frozen=True)
class GivenSet:
    """Bins by hand of some variables: an accepted revision of a bin set. Other variables are binned or left out."""

    number: int
    revision: int = 0
    others: Literal["optimise", "leave_out"] = "optimise"
    bins: dict[str, GivenBins] = field(default_factory=dict)


def plain(kind: BinKind, specials: tuple[float, ...], **shape: Any) -> GivenBins:
    """Bins in which every place has a bin of its own.

    >>> plain("numeric", (-1.0,), edges=(2.0,)).homes
    (2, 3)
    """
    bare = GivenBins(kind, specials=specials, **shape)
    return tidy(bare, tuple(bare.n_ordinary + i for i in range(len(bare.places))), ())


def of_bins(bins: Bins) -> GivenBins:
    """The same bins as the search found them, now given."""
    made = plain(bins.kind, bins.specials, edges=bins.edges, groups=bins.groups)
    if bins.kind == "category" and 0 <= bins.other < bins.n_ordinary:
        return tidy(made, (made.homes[0], bins.other), ())
    return made


def tidy(given: GivenBins, homes: tuple[int, ...], names: tuple[str, ...]) -> GivenBins:
    """The bins with these homes, own bins numbered anew in order of their places; ``names`` follow their bins."""
    k = given.n_ordinary
    own = list(dict.fromkeys(home for home in homes if home >= k))
    new = {old: k + i for i, old in enumerate(own)}
    kept = [*range(k), *own]
    titles = tuple(names[old] if old < len(names) else "" for old in kept)
    moved = tuple(new.get(home, home) for home in homes)
    return GivenBins(given.kind, given.edges, given.groups, given.specials, moved, titles if any(titles) else ())


def check(given: GivenBins, name: str = "") -> GivenBins:
    """The bins, if they are well formed; a :class:`DataError` says what is not."""
    if given.n_bins > MOST_BINS:
        raise DataError("too_many_bins", "%(column)s has more than %(most)d bins.", column=name, most=MOST_BINS)
    if not all(isfinite(edge) for edge in given.edges) or any(a >= b for a, b in pairwise(given.edges)):
        raise DataError("splits_not_sorted", "The splits of %(name)s must rise.", name=name, column=name)
    _check_groups(given, name)
    own = set(range(given.n_ordinary, given.n_bins))
    if len(given.homes) != len(given.places) or min(given.homes, default=0) < 0 or own - set(given.homes):
        raise DataError("homes_wrong", "%(column)s: a special code or missing has no bin.", column=name)
    titles = [title for title in given.names if title]
    fits = len(given.names) in {0, given.n_bins} and max(map(len, titles), default=0) <= LONGEST_NAME
    if not fits or len(set(titles)) < len(titles):
        raise DataError("names_wrong", "%(column)s: names of bins must differ and be short.", column=name)
    return given


def _check_groups(given: GivenBins, name: str) -> None:
    levels = [level for group in given.groups for level in group]
    if given.kind == "category" and (len(set(levels)) < len(levels) or not given.groups):
        raise DataError("groups_overlap", "%(column)s: a category stands in two groups, or there is none.", column=name)
    if given.kind == "category" and len(given.groups) > 1 and not all(given.groups):
        raise DataError("group_empty", "%(column)s: a group holds no category.", column=name)


def tabulate(name: str, given: GivenBins, rows: Cells, bins: Cells, min_people: int) -> Bins:
    """The model's table from counts by row and by bin: rows of one bin share its WOE, and its IV by their weight."""
    place = given.bin_of_row
    told = table_rows(given.bin_labels(), bins, min_people)
    weight = rows.good + rows.bad
    lines = tuple(_line(label, rows, i, told[place[i]], float(weight.sum())) for i, label in enumerate(given.labels()))
    rate = [row.bad_rate for row in told[: given.n_ordinary] if row.n]
    frame = given.frame(name)
    return Bins(
        name, given.kind, lines, sum(row.iv for row in told), shape_of(rate),
        given.edges, given.groups, given.specials, frame.other, by_hand=True,
    )  # fmt: skip


def _line(label: str, rows: Cells, i: int, told: BinRow, total: float) -> BinRow:
    good, bad = float(rows.good[i]), float(rows.bad[i])
    part = (good + bad) / (told.n_good + told.n_bad) if told.n else 0.0
    rate = bad / (good + bad) if good + bad else 0.0
    return BinRow(
        label, int(rows.n[i]), int(rows.people[i]), good, bad,
        (good + bad) / total, rate, told.woe, told.iv * part, told.neutral,
    )  # fmt: skip


def tabulate_rows(name: str, given: GivenBins, values: npt.ArrayLike, labels: Labels, min_people: int) -> Bins:
    """:func:`tabulate` of rows: exactly the edges and groups given.

    >>> from modeling.bin_plan import read_labels
    >>> x, y = [1.0, 2.0, 3.0, float("nan")] * 40, [0, 1, 1, 1] * 30 + [0] * 40
    >>> bins = tabulate_rows("x", plain("numeric", (), edges=(2.0,)), x, read_labels(y, None, None), 30)
    >>> [row.n for row in bins.rows], bins.edges
    ([40, 80, 40], (2.0,))
    """
    check(given, name)
    place = given.bin_of_row
    found = given.frame(name).index(values)
    return tabulate(name, given, labels.cells(found, len(place)), labels.cells(place[found], given.n_bins), min_people)


def refuse_thin(bins: Bins, given: GivenBins, min_people: int) -> None:
    """Refuse a given table in which an ordinary bin holds too few people of the rows that it is trained on."""
    if given.n_ordinary == 1:
        return
    thin = [row.label for row in bins.rows[: given.n_ordinary] if row.neutral]
    if thin:
        raise DataError(
            "given_bin_thin",
            "The bin %(label)s of %(column)s, set by hand, holds fewer than %(floor)d people of the rows trained on.",
            column=bins.name, label=thin[0], floor=min_people,
        )  # fmt: skip
