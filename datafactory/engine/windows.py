"""Aggregates of events over windows ``[observed_at - N days, observed_at)``.

Sums come out the same whatever the threads: doubles are scaled by a power of two that depends on the column alone and
added as 128-bit integers, decimals are added as decimals, and :func:`finish` turns the exact sums into columns, in the
same way for a table of a million rows and for one look-up.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from datafactory.engine.engines import Table
from modeling.artifacts import Column, Kind
from modeling.errors import DataError

Agg = Literal["count", "sum", "mean", "max", "distinct"]
NUMERIC: frozenset[Kind] = frozenset({"int", "float", "decimal", "bool"})
COUNTABLE: frozenset[Kind] = frozenset({"category"})
SIGNIFICANT_DIGITS = 12
_SUM_BITS = 85  # of the largest value of a column; leaves room for 2**30 rows in a decimal(38)
_DAY_US = 86_400_000_000


@dataclass(frozen=True)
class Aggregate:
    """One feature: an aggregate of a field over the last ``days`` days; ``field`` is empty for a count of events."""

    name: str
    agg: Agg
    field: str
    days: int
    kind: Kind  # of the field
    title: str = ""

    @property
    def raw(self) -> tuple[str, ...]:
        """Names of the exact parts that it is finished from."""
        if self.agg == "count":
            return (raw_name("n", "", self.days),)
        if self.agg == "mean":
            return (raw_name("sum", self.field, self.days), raw_name("n", self.field, self.days))
        return (raw_name(self.agg, self.field, self.days),)

    @property
    def result_kind(self) -> Kind:
        if self.agg in {"count", "distinct"} or (self.kind == "bool" and self.agg != "mean"):
            return "int"
        return "float" if self.agg == "mean" else self.kind


def raw_name(part: str, field: str, days: int) -> str:
    return f"{part}|{field}|{days}"


def grid(
    prefix: str, columns: Sequence[Column], aggregates: Sequence[Agg], windows_days: Sequence[int]
) -> tuple[Aggregate, ...]:
    """All aggregates that make sense for the kinds of the fields, windows ascending.

    Sum, mean and max need numbers (a bool counts as 0 or 1), distinct needs categories.
    """
    days = sorted(windows_days)
    if any(day <= 0 for day in days) or len(set(days)) != len(days):
        raise DataError("bad_windows", "Windows must be different positive numbers of days, not %(days)s.", days=days)
    result = [Aggregate(f"{prefix}__count_d{d}", "count", "", d, "int", f"events, {d} days") for d in days]
    if "count" not in aggregates:
        result = []
    for column in columns:
        for agg in aggregates:
            if agg == "count" or column.kind not in (COUNTABLE if agg == "distinct" else NUMERIC):
                continue
            title = column.title or column.field or column.name
            result += [
                Aggregate(
                    f"{prefix}__{agg}_{column.name}_d{d}",
                    agg,
                    column.name,
                    d,
                    column.kind,
                    f"{agg} of {title}, {d} days",
                )
                for d in days
            ]
    return tuple(result)


def window_starts(observed_at: npt.NDArray[np.int64], days: Sequence[int]) -> dict[int, npt.NDArray[np.int64]]:
    """Microseconds at which each window begins; N days are N times 24 hours."""
    return {day: observed_at - day * _DAY_US for day in days}


def bucket(event_time: Any, starts: Sequence[Any]) -> Any:
    """Index of the shortest window (ascending) that holds the event; the caller has left out what no window holds."""
    import ibis  # heavy: the plans in this module are read by web processes too

    branches = [(event_time >= start, index) for index, start in enumerate(starts[:-1])]
    return ibis.cases(*branches, else_=len(starts) - 1) if branches else ibis.literal(0)


def cleaned(table: Table, column: Column) -> Any:
    """A field as it may be aggregated: NaN, infinities and special codes are missing."""
    import ibis  # heavy, as above

    field = table[column.name]
    if column.kind == "bool":
        return field.cast("int64")
    if column.kind == "float":
        field = field.cast("float64")
        field = (field.isnan() | field.isinf()).ifelse(ibis.null("float64"), field)
    if column.specials and column.kind in NUMERIC:
        special = field.cast("float64").isin([float(code) for code in column.specials])
        field = special.ifelse(ibis.null(field.type()), field)
    return field


def exponent(largest: float | None) -> int:
    """Power of two by which a column of doubles is scaled before it is added as integers.

    Parameters
    ----------
    largest : largest absolute value of the column in the source, or None

    Examples
    --------
    >>> exponent(1.0), exponent(1e6), exponent(None)
    (84, 65, 84)
    """
    if not largest:
        return _SUM_BITS - 1
    return max(-900, min(900, _SUM_BITS - math.frexp(largest)[1]))


def raw_aggregates(
    events: Table, aggregates: Sequence[Aggregate], days: Sequence[int], exponents: Mapping[str, int]
) -> dict[str, Any]:
    """Exact parts as expressions over ``events`` (cleaned fields and ``__bucket``), one conditional aggregate each."""
    rank = {day: index for index, day in enumerate(sorted(days))}
    parts: dict[str, Any] = {}
    for aggregate in aggregates:
        inside = events["__bucket"] <= rank[aggregate.days]
        for name in aggregate.raw:
            part = name.split("|", 1)[0]
            parts[name] = _part(events, part, aggregate, inside, exponents)
    return parts


def _part(events: Table, part: str, aggregate: Aggregate, inside: Any, exponents: Mapping[str, int]) -> Any:
    if not aggregate.field:
        return events.count(where=inside)
    field = events[aggregate.field]
    if part == "n":
        return field.count(where=inside)
    if part == "max":
        return field.max(where=inside)
    if part == "distinct":
        return field.nunique(where=inside)
    if aggregate.kind == "float":
        scaled = (field * 2.0 ** exponents[aggregate.field]).cast("decimal(38, 0)")
        return scaled.sum(where=inside).cast("decimal(38, 0)")
    return field.sum(where=inside)


def finish(aggregate: Aggregate, parts: Mapping[str, pa.Array], exponents: Mapping[str, int]) -> pa.Array:
    """The feature's column from its exact parts; no event (with a value) gives count 0 and null for everything else."""
    first = parts[aggregate.raw[0]]
    if aggregate.agg == "count":
        return pc.fill_null(first.cast(pa.int64()), 0)
    if aggregate.agg == "distinct":
        return pc.if_else(pc.equal(first, 0), pa.scalar(None, pa.int64()), first.cast(pa.int64()))
    if aggregate.agg == "max" or (aggregate.agg == "sum" and aggregate.kind != "float"):
        return first.cast(pa.int64()) if aggregate.result_kind == "int" else first
    total = _doubles(first)
    if aggregate.kind == "float":
        total = np.ldexp(total, -exponents[aggregate.field])
    if aggregate.agg == "mean":
        n = pc.fill_null(parts[aggregate.raw[1]].cast(pa.int64()), 0).to_numpy(zero_copy_only=False)
        total = np.divide(total, n, out=np.full(len(total), np.nan), where=n > 0)
    return pa.array(round_significant(total), pa.float64(), from_pandas=True)


def _doubles(values: pa.Array) -> npt.NDArray[np.float64]:
    """Exact sums as doubles, null as NaN."""
    missing = values.is_null().to_numpy(zero_copy_only=False)
    if pa.types.is_decimal(values.type):
        result: npt.NDArray[np.float64] = _wide_integers(values) / 10.0**values.type.scale
    else:
        result = pc.fill_null(values, 0).to_numpy(zero_copy_only=False).astype(np.float64)
    result[missing] = np.nan
    return result


def _wide_integers(values: pa.Array) -> npt.NDArray[np.float64]:
    """The 128-bit integers of a decimal column as doubles; sign and size are taken apart, else -1 would be lost."""
    words = np.frombuffer(values.buffers()[1], np.uint64).reshape(-1, 2)
    words = words[values.offset : values.offset + len(values)]
    low, high = words[:, 0], words[:, 1]
    negative = high.view(np.int64) < 0
    flipped = ~low + np.uint64(1)
    high = np.where(negative, ~high + (flipped == 0), high)
    size = high.astype(np.float64) * 2.0**64 + np.where(negative, flipped, low).astype(np.float64)
    return np.where(negative, -size, size)


def round_significant(x: npt.NDArray[np.float64], digits: int = SIGNIFICANT_DIGITS) -> npt.NDArray[np.float64]:
    """Doubles rounded to significant digits; NaN and 0 stay.

    Examples
    --------
    >>> round_significant(np.array([1 / 3, 123456789.123456789, 0.0])).tolist()
    [0.333333333333, 123456789.123, 0.0]
    """
    plain = np.isfinite(x) & (np.abs(x) > 1e-290)
    magnitude = np.floor(np.log10(np.abs(x, where=plain, out=np.ones_like(x)))).astype(int)
    shift = digits - 1 - magnitude
    power = 10.0 ** np.abs(np.where(plain, shift, 0))
    with np.errstate(over="ignore", under="ignore"):
        whole = np.rint(np.where(shift >= 0, x * power, x / power))
        rounded = np.where(shift >= 0, whole / power, whole * power)
    return np.where(plain, rounded, x)
