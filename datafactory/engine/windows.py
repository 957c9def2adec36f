"""Aggregates of events over windows ``[observed_at - N days, observed_at)``.

Windows that end at the same moment lie inside one another. Each event is put into the shortest window that holds it,
parts are added up for each of these buckets, and a window is the sum of its buckets.

Sums come out the same whatever the threads and the engine: doubles are scaled by a power of two that depends on the
column alone and added as two integers, decimals are added as decimals, and :func:`finish` turns the exact sums into
columns, in the same way for a table of a million rows and for one look-up.
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
_SUM_BITS = 85  # of the largest value of a column
LOW_BITS = 42  # the scaled value is added as high * 2**42 + low: room for 2**20 events of one person in 64 bits
ROUNDING = 1.5 * 2.0**52  # added and taken away again, it leaves a whole number, halves to even, on every engine
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
    def parts(self) -> tuple[str, ...]:
        """What has to be added up for it."""
        if self.agg == "count":
            return ("n",)
        if self.agg in {"max", "distinct"}:
            return (self.agg,)
        sums = ("high", "low") if self.kind == "float" else ("sum",)
        return sums if self.agg == "sum" else (*sums, "n")

    @property
    def raw(self) -> tuple[str, ...]:
        """Names of the exact parts that it is finished from."""
        return tuple(raw_name(part, self.field, self.days) for part in self.parts)

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


def summed(
    events: Table, aggregates: Sequence[Aggregate], days: Sequence[int], exponents: Mapping[str, int]
) -> Table | None:
    """Exact parts by ``__pos``, all but ``distinct``; None when nothing else is asked for.

    Parameters
    ----------
    events : ``__pos``, ``__bucket`` and cleaned fields
    """
    wanted = [(aggregate, part) for aggregate in aggregates for part in aggregate.parts if part != "distinct"]
    if not wanted:
        return None
    parts = {f"{part}|{aggregate.field}": (aggregate, part) for aggregate, part in wanted}
    measures = {name: _part(events, part, aggregate, exponents) for name, (aggregate, part) in parts.items()}
    buckets = events.group_by("__pos", "__bucket").agg(**measures)
    rank = {day: index for index, day in enumerate(sorted(days))}
    windows = {}
    for aggregate, part in wanted:
        column, inside = buckets[f"{part}|{aggregate.field}"], buckets["__bucket"] <= rank[aggregate.days]
        merged = column.max(where=inside) if part == "max" else column.sum(where=inside)
        windows[raw_name(part, aggregate.field, aggregate.days)] = merged
    return buckets.group_by("__pos").agg(**windows)


def distinct_counts(events: Table, field: str, days: Sequence[int]) -> Table:
    """By ``__pos`` in how many values of ``field`` the events of each window differ: a value belongs to the shortest
    window that has seen it."""
    seen = events.filter(events[field].notnull()).group_by("__pos", field).agg(__bucket=events["__bucket"].min())
    counts = {
        raw_name("distinct", field, day): seen.count(where=seen["__bucket"] <= index)
        for index, day in enumerate(sorted(days))
    }
    return seen.group_by("__pos").agg(**counts)


def _part(events: Table, part: str, aggregate: Aggregate, exponents: Mapping[str, int]) -> Any:
    if not aggregate.field:
        return events.count()
    field = events[aggregate.field]
    if part in {"high", "low"}:
        high, low = halves(field * 2.0 ** exponents[aggregate.field])
        field, part = (high if part == "high" else low), "sum"
    return {"n": field.count, "max": field.max, "sum": field.sum}[part]()


def halves(scaled: Any) -> tuple[Any, Any]:
    """A double of at most 2**85 as two whole numbers: ``high * 2**42 + low`` is the double rounded to a whole number.

    Every step is exact in doubles, so that each engine finds the same numbers.
    """
    high = scaled * 2.0**-LOW_BITS + ROUNDING - ROUNDING
    low = scaled - high * 2.0**LOW_BITS + ROUNDING - ROUNDING
    return high.cast("int64"), low.cast("int64")


def finish(aggregate: Aggregate, parts: Mapping[str, pa.Array], exponents: Mapping[str, int]) -> pa.Array:
    """The feature's column from its exact parts; no event (with a value) gives count 0 and null for everything else."""
    first = parts[aggregate.raw[0]]
    if aggregate.agg == "count":
        return pc.fill_null(first.cast(pa.int64()), 0)
    if aggregate.agg == "distinct":
        return pc.if_else(pc.equal(first, 0), pa.scalar(None, pa.int64()), first.cast(pa.int64()))
    if aggregate.agg == "max" or (aggregate.agg == "sum" and aggregate.kind != "float"):
        return first.cast(pa.int64()) if aggregate.result_kind == "int" else first
    if aggregate.kind == "float":
        total = np.ldexp(_joined_halves(first, parts[aggregate.raw[1]]), -exponents[aggregate.field])
    else:
        total = _doubles(first)
    if aggregate.agg == "mean":
        n = pc.fill_null(parts[aggregate.raw[-1]].cast(pa.int64()), 0).to_numpy(zero_copy_only=False)
        total = np.divide(total, n, out=np.full(len(total), np.nan), where=n > 0)
    return pa.array(round_significant(total), pa.float64(), from_pandas=True)


def _joined_halves(high: pa.Array, low: pa.Array) -> npt.NDArray[np.float64]:
    """``high * 2**42 + low`` as doubles, null as NaN; sign and size are taken apart, else -1 would be lost."""
    missing = high.is_null().to_numpy(zero_copy_only=False)
    highs, lows = (pc.fill_null(half.cast(pa.int64()), 0).to_numpy(zero_copy_only=False) for half in (high, low))
    highs, lows = highs + (lows >> LOW_BITS), lows & ((1 << LOW_BITS) - 1)
    negative = highs < 0
    highs = np.where(negative, -highs - (lows > 0), highs)
    lows = np.where(negative & (lows > 0), (1 << LOW_BITS) - lows, lows).astype(np.uint64)
    over = 64 - LOW_BITS
    rest = ((highs & ((1 << over) - 1)).astype(np.uint64) << np.uint64(LOW_BITS)) | lows
    size = (highs >> over).astype(np.float64) * 2.0**64 + rest.astype(np.float64)
    return np.where(missing, np.nan, np.where(negative, -size, size))


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
