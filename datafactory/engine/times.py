"""Text to points in time, strictly: a format, a zone, and what a date without a time of day means."""

from __future__ import annotations

import re
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from modeling.errors import DataError

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]
UTC_US = pa.timestamp("us", "UTC")
DateMeans = Literal["start", "end"]
_DAY_US = 86_400_000_000
_PARTS = {
    "%Y": r"(?P<Y>\d{4})",
    "%m": r"(?P<m>\d{1,2})",
    "%d": r"(?P<d>\d{1,2})",
    "%H": r"(?P<H>\d{1,2})",
    "%M": r"(?P<M>\d{1,2})",
    "%S": r"(?P<S>\d{1,2})",
    "%f": r"(?P<f>\d{1,9})",
    "%z": r"(?P<z>Z|[+-]\d{2}:?\d{2})",
}
_TIGHT = {f"%{part}": rf"(?P<{part}>\d{{2}})" for part in "mdHMS"}  # where nothing stands between two parts
_TIMES = ("", "{t}%H:%M", "{t}%H:%M:%S", "{t}%H:%M:%S.%f", "{t}%H:%M:%S%z", "{t}%H:%M:%S.%f%z")
FORMATS = (
    *(f"{day}{time.format(t=t)}" for day in ("%Y-%m-%d", "%Y/%m/%d") for t in (" ", "T") for time in _TIMES),
    "%Y%m%d",
    "%Y%m%d%H%M%S",
    "%Y-%m",
    "%Y/%m",
    "%Y年%m月%d日",
)
UNIX = {"unix": 1_000_000, "unix_ms": 1_000}


def format_regex(time_format: str) -> str:
    """A strptime format as a regular expression with one named group for each part.

    >>> format_regex("%Y/%m")
    '^(?P<Y>\\\\d{4})/(?P<m>\\\\d{1,2})$'
    """
    tight = re.search(r"%[a-zA-Z]%[a-zA-Z]", time_format.replace("%z", "").replace(".%f", "")) is not None
    parts = _PARTS | (_TIGHT if tight else {})
    pieces = re.split(r"(%[a-zA-Z])", time_format)
    unknown = [piece for piece in pieces if piece.startswith("%") and piece not in parts]
    if unknown or pieces.count("%Y") != 1 or len(set(pieces[1::2])) < len(pieces[1::2]):
        raise DataError(
            "time_format",
            "The time format %(format)s is not understood. Use %%Y %%m %%d %%H %%M %%S %%f %%z once each.",
            format=time_format,
        )
    return "^" + "".join(parts[piece] if piece.startswith("%") else re.escape(piece) for piece in pieces) + "$"


def find_format(text: pa.Array) -> str | None:
    """The one known format that fits every value, or None.

    >>> find_format(pa.array(["2018-01-05", None])), find_format(pa.array(["05.01.2018"]))
    ('%Y-%m-%d', None)
    """
    values = text.drop_null()
    if not len(values):
        return None
    for time_format in FORMATS:
        if pc.all(pc.match_substring_regex(values, format_regex(time_format))).as_py() and not bad_rows(
            values, time_format
        ):
            return time_format
    return None


def bad_rows(text: pa.Array, time_format: str) -> list[int]:
    """Positions of values that are not in the format, at most ten."""
    _, valid = _micros(text, time_format, np.zeros(0, dtype=np.int64))
    return [int(i) for i in np.flatnonzero(~valid & ~np.asarray(pc.is_null(text)))[:10]]


def zone_of(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise DataError("zone_unknown", "%(zone)s is not the name of a time zone.", zone=name) from None


def has_time_of_day(time_format: str) -> bool:
    return time_format in UNIX or "%H" in time_format


def to_utc(text: pa.Array, time_format: str, zone: str, date_means: DateMeans) -> tuple[pa.Array, list[int]]:
    """Values as ``timestamp[us, UTC]`` and the positions (at most ten) of those that are wrong.

    A value without time of day is the start of its day in ``zone``, or its last microsecond when ``date_means`` is
    ``"end"``: an event on a day counts only for applications of later days.
    """
    offset = np.zeros(len(text), dtype=np.int64)
    micros, valid = _micros(text, time_format, offset)
    null = np.asarray(pc.is_null(text))
    wrong = [int(i) for i in np.flatnonzero(~valid & ~null)[:10]]
    if time_format not in UNIX:
        if "%H" not in time_format and date_means == "end":
            micros = _localised(micros + _DAY_US * _days_in(text, time_format, micros), zone) - 1
        elif "%z" in time_format:
            micros = micros - offset
        else:
            micros = _localised(micros, zone)
    return pa.array(micros, pa.int64(), mask=null | ~valid).cast(UTC_US), wrong


def _days_in(text: pa.Array, time_format: str, micros: Integers) -> Integers:
    """Length in days of what a value names: a day, or a month for formats without a day."""
    if "%d" in time_format:
        return np.ones(len(micros), dtype=np.int64)
    month = micros.astype("datetime64[us]").astype("datetime64[M]")
    length: Integers = ((month + 1).astype("datetime64[D]") - month.astype("datetime64[D]")).astype(np.int64)
    return length


def _localised(micros: Integers, zone: str) -> Integers:
    import pandas as pd  # heavy, and needed only once a file is read

    index = pd.DatetimeIndex(micros.astype("datetime64[us]"))
    first = np.ones(len(index), dtype=bool)
    aware = index.tz_localize(zone_of(zone), ambiguous=first, nonexistent="shift_forward")
    local: Integers = aware.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[us]").astype(np.int64)
    return local


def _micros(text: pa.Array, time_format: str, offset: Integers) -> tuple[Integers, Booleans]:
    """Microseconds since 1970 of the wall clock, and which values are real dates; fills ``offset`` from %z."""
    if time_format in UNIX:
        found = pc.match_substring_regex(text, r"^\d{1,16}$")
        values = pc.if_else(found, text, None).cast(pa.int64())
        return _integers(values) * UNIX[time_format], np.asarray(pc.fill_null(found, False))
    parts = pc.extract_regex(text, format_regex(time_format))
    matched = np.asarray(pc.is_valid(parts))

    def part(name: str, default: int) -> Integers:
        if parts.type.get_field_index(name) < 0:
            return np.full(len(text), default, dtype=np.int64)
        return _integers(pc.struct_field(parts, name).cast(pa.int64()))

    month = (part("Y", 1970) - 1970) * 12 + part("m", 1) - 1
    days = month.astype("datetime64[M]").astype("datetime64[D]") + (part("d", 1) - 1)
    hour, minute, second = part("H", 0), part("M", 0), part("S", 0)
    valid = matched & (days.astype("datetime64[M]").astype(np.int64) == month)
    valid &= (part("m", 1) >= 1) & (part("m", 1) <= 12) & (hour < 24) & (minute < 60) & (second < 60)
    micros = days.astype(np.int64) * _DAY_US + ((hour * 60 + minute) * 60 + second) * 1_000_000
    if len(offset) and "%z" in time_format:
        offset[:] = _offsets(pc.struct_field(parts, "z"))
    return micros + _fractions(parts), valid


def _integers(values: pa.Array) -> Integers:
    return np.asarray(pc.fill_null(values, 0), dtype=np.int64)


def _fractions(parts: pa.Array) -> Integers:
    if parts.type.get_field_index("f") < 0:
        return np.zeros(len(parts), dtype=np.int64)
    digits = pc.utf8_slice_codeunits(pc.utf8_rpad(pc.struct_field(parts, "f"), 6, "0"), 0, 6)
    return _integers(digits.cast(pa.int64()))


def _offsets(zone: pa.Array) -> Integers:
    text = pc.replace_substring(pc.replace_substring(zone, "Z", "+0000"), ":", "")
    minutes = _integers(pc.utf8_slice_codeunits(text, 1, 3).cast(pa.int64())) * 60
    minutes += _integers(pc.utf8_slice_codeunits(text, 3, 5).cast(pa.int64()))
    sign = np.where(np.asarray(pc.fill_null(pc.starts_with(text, "-"), False)), -1, 1)
    return sign * minutes * 60_000_000


def native_to_utc(column: pa.Array, zone: str, date_means: DateMeans) -> pa.Array:
    """A date or timestamp column of a Parquet file as UTC; one without zone is in ``zone``."""
    if pa.types.is_date32(column.type):
        return to_utc(column.cast(pa.string()), "%Y-%m-%d", zone, date_means)[0]
    if column.type.tz:
        return column.cast(UTC_US)
    local = _localised(_integers(column.cast(pa.timestamp("us")).cast(pa.int64())), zone)
    return pa.array(local, pa.int64(), mask=np.asarray(pc.is_null(column))).cast(UTC_US)
