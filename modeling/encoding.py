"""From a raw row to model inputs: the one stored transform that training, batch and single scoring share.

A number is an int, float, bool or Decimal; a category is a string; None and NaN are missing. Infinities and values of
the wrong type are refused by name. Scorecards read numbers and categories as they are (their bins know missing and
special codes). Trees read float32: a special code becomes missing plus a 0/1 flag of its own, a category becomes its
rank by bad rate on the training rows, rare and unseen categories share one rank, and what lies beyond float32 is
clipped to its ends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from math import isinf, nan
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from modeling.artifacts import Column, Kind, Party
from modeling.errors import DataError
from modeling.woe import Floats, factorize

Value = float | str | None
Columns = Mapping[str, npt.NDArray[Any]]
FLOAT32_MAX = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Input:
    """One entry of a model's signature: what it asks for, and what the training rows held."""

    name: str
    kind: Kind
    party: Party
    origin: str
    field: str = ""
    title: str = ""
    specials: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()  # known from training; others are scored as rare
    minimum: float | None = None  # seen in training, special codes left out
    maximum: float | None = None
    typical: float | str | None = None  # median or commonest: an example value for documentation

    @property
    def is_category(self) -> bool:
        return self.kind == "category"

    @property
    def label(self) -> str:
        """What a reader calls it."""
        return self.title or self.field or self.name


def describe_input(column: Column, values: npt.NDArray[Any], min_people: int = 1, person: Any = None) -> Input:
    """The signature entry of ``column`` from its training values (strings with None, or floats with NaN).

    A category that fewer than ``min_people`` people have is not named.
    """
    if column.kind == "category":
        codes, levels = factorize(values)
        people = _people_by_level(codes, len(levels), person)
        named = tuple(level for level, n in zip(levels, people, strict=True) if n >= min_people)
        return _input(column, categories=named, typical=levels[int(people.argmax())] if named else None)
    seen = values[~np.isnan(values) & ~np.isin(values, column.specials)]
    if not len(seen):
        return _input(column)
    middle = float(np.partition(seen, len(seen) // 2)[len(seen) // 2])
    return _input(column, minimum=float(seen.min()), maximum=float(seen.max()), typical=middle)


def _input(column: Column, **seen: Any) -> Input:
    return Input(
        column.name, column.kind, column.party, column.origin, column.field, column.title, column.specials, **seen
    )


def read_number(value: object, name: str) -> float:
    """A finite float, or NaN for missing.

    >>> read_number(None, "age"), read_number(True, "flag")
    (nan, 1.0)
    >>> read_number("12", "age")
    Traceback (most recent call last):
    modeling.errors.DataError: age must be a number, not text.
    """
    if value is None:
        return nan
    if isinstance(value, str) or not isinstance(value, (float, int, Decimal, np.number, np.bool_)):
        raise DataError("not_a_number", "%(column)s must be a number, not text.", column=name)
    try:
        number = float(value)
    except OverflowError:
        raise _infinite(name) from None
    if isinf(number):
        raise _infinite(name)
    return number


def read_category(value: object, name: str) -> str | None:
    """A string, or None for missing."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and value != value:
        return None
    raise DataError("not_text", "%(column)s must be text, not a number.", column=name)


def read_column(values: npt.ArrayLike, entry: Input) -> npt.NDArray[Any]:
    """A column as float64 with NaN, or as objects (strings with None); checked like single values."""
    if entry.is_category:
        return _read_categories(np.asarray(values, dtype=object), entry.name)
    raw = np.asarray(values)
    if raw.dtype.kind in "OUS":
        raw = np.array([read_number(value, entry.name) for value in raw.tolist()], dtype=np.float64)
    numbers = raw.astype(np.float64)
    bad = np.flatnonzero(np.isinf(numbers))
    if len(bad):
        raise _infinite(entry.name, int(bad[0]) + 1)
    return numbers


def _read_categories(values: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
    return np.array([read_category(value, name) for value in values.tolist()], dtype=object)


def _infinite(name: str, row: int | None = None) -> DataError:
    if row is None:
        return DataError("not_finite", "%(column)s must be finite.", column=name)
    return DataError("not_finite", "Row %(row)d of %(column)s must be finite.", column=name, row=row)


@dataclass(frozen=True)
class TreeFeature:
    """One column of the trees' matrix and the input it comes from."""

    name: str
    source: int  # position in the inputs
    role: Literal["number", "category", "flag"]
    special: float = 0.0  # the code that a flag stands for
    ranks: dict[str, float] = field(default_factory=dict)
    other: float | None = None  # rank of rare and unseen categories; None: they are missing


@dataclass(frozen=True)
class TreeEncoding:
    """How the trees' float32 matrix is made from the inputs."""

    inputs: tuple[Input, ...]
    features: tuple[TreeFeature, ...]

    def row(self, values: Mapping[str, object]) -> list[float]:
        """The matrix row of one raw row; a name that is absent is missing."""
        raw = [
            read_category(values.get(e.name), e.name) if e.is_category else read_number(values.get(e.name), e.name)
            for e in self.inputs
        ]
        return [_cell(f, raw[f.source], self.inputs[f.source].specials) for f in self.features]

    def matrix(self, columns: Columns) -> npt.NDArray[np.float32]:
        """The matrix of many raw rows: shape (n, features)."""
        raw = [read_column(columns[entry.name], entry) for entry in self.inputs]
        n = len(raw[0]) if raw else 0
        out = np.empty((n, len(self.features)), dtype=np.float32)
        for j, feature in enumerate(self.features):
            out[:, j] = _cells(feature, raw[feature.source], self.inputs[feature.source].specials)
        return out


def _cell(feature: TreeFeature, value: Any, specials: tuple[float, ...]) -> float:
    if feature.role == "category":
        rank = feature.other if value is None else feature.ranks.get(value, feature.other)
        return nan if rank is None or value is None else rank
    if feature.role == "flag":
        return 1.0 if value == feature.special else 0.0
    if value in specials:
        return nan
    return min(max(value, -FLOAT32_MAX), FLOAT32_MAX) if value == value else nan


def _cells(feature: TreeFeature, values: npt.NDArray[Any], specials: tuple[float, ...]) -> Floats:
    if feature.role == "category":
        codes, levels = factorize(values)
        other = nan if feature.other is None else feature.other
        ranks: Floats = np.array([*(feature.ranks.get(level, other) for level in levels), nan])
        return np.asarray(ranks[codes])
    if feature.role == "flag":
        return np.asarray(values == feature.special, dtype=np.float64)
    kept = np.where(np.isin(values, specials), nan, values) if specials else values
    return np.clip(kept, -FLOAT32_MAX, FLOAT32_MAX)


def fit_tree_encoding(
    inputs: Sequence[Input], columns: Columns, y: npt.NDArray[Any], weight: Floats, min_people: int, person: Any = None
) -> TreeEncoding:
    """Learn the encoding from training rows: flags of special codes that occur, ranks of categories by bad rate.

    A category with fewer than ``min_people`` people has no rank of its own: the rare ones share one.
    """
    features: list[TreeFeature] = []
    for i, entry in enumerate(inputs):
        values = read_column(columns[entry.name], entry)
        if entry.is_category:
            features.append(_ranked(entry, i, values, y, weight, min_people, person))
            continue
        features.append(TreeFeature(entry.name, i, "number"))
        seen = [code for code in entry.specials if (values == code).any()]
        features += [TreeFeature(f"{entry.name}={code:.12g}", i, "flag", special=code) for code in seen]
    return TreeEncoding(tuple(inputs), tuple(features))


def _ranked(
    entry: Input, source: int, values: npt.NDArray[Any], y: npt.NDArray[Any], weight: Floats, floor: int, person: Any
) -> TreeFeature:
    codes, levels = factorize(values)
    here = codes >= 0
    common = _people_by_level(codes, len(levels), person) >= floor
    pool = np.append(np.where(common, np.arange(len(levels)), len(levels)), -1)[codes][here]
    total = np.bincount(pool, weight[here], len(levels) + 1)
    bad = np.bincount(pool, weight[here] * y[here], len(levels) + 1)
    filled = np.flatnonzero(total > 0)
    rank = dict(zip(filled[np.argsort(bad[filled] / total[filled], kind="stable")], range(len(filled)), strict=True))
    ranks = {level: float(rank[i]) for i, level in enumerate(levels) if common[i]}
    other = rank.get(len(levels))
    return TreeFeature(entry.name, source, "category", ranks=ranks, other=None if other is None else float(other))


def _people_by_level(codes: npt.NDArray[np.intp], n: int, person: Any) -> npt.NDArray[np.intp]:
    here = codes >= 0
    if person is None:
        return np.bincount(codes[here], minlength=n)
    people, names = factorize(person)
    pairs = np.unique(codes[here] * len(names) + people[here])
    return np.bincount(pairs // max(len(names), 1), minlength=n).astype(np.intp)
