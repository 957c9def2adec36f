"""Columns with a role in a sample: label, time, weight, split, decision, each converted strictly batch by batch."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from datafactory.engine import times
from datafactory.engine.kinds import NUMBER
from datafactory.engine.looking import Look, numeric_text, tidy
from datafactory.engine.plans import FilePlan, SamplePlan
from modeling.errors import DataError

Booleans = npt.NDArray[np.bool_]
SPLITS = ("train", "valid", "test", "oot")
_SHOWN = 20  # characters of a value that an error may quote


def as_text(look: Look) -> pa.Array:
    """A role's values as text; whole numbers lose the ``.0`` that a missing value elsewhere gave them."""
    if look.is_text:
        return look.tidied if look.hex_length else without_point(look.tidied)
    column = _whole(look.native) if pa.types.is_floating(look.native.type) else look.native
    return without_point(tidy(column.cast(pa.string()), look.reading.nulls))


def without_point(text: pa.Array) -> pa.Array:
    """Whole numbers without ``.0``."""
    if not pc.any(pc.match_substring(text, ".0")).as_py():
        return text
    return pc.replace_substring_regex(text, r"^(-?\d+)\.0+$", r"\1")


def _whole(column: pa.Array) -> pa.Array:
    """Floats that are whole as integers, so that 13800138000.0 does not become 1.3800138e+10."""
    column = pc.if_else(pc.is_finite(column), column, None)
    whole = pc.and_(pc.equal(column, pc.floor(column)), pc.less(pc.abs(column), 2.0**53))
    return column.cast(pa.int64()) if pc.all(pc.fill_null(whole, True)).as_py() else column


def _first(mask: pa.Array) -> int:
    return int(pc.index(pc.fill_null(mask, False), True).as_py())


def plain_values(values: tuple[str, ...]) -> pa.Array:
    """Values of a plan as they are compared: lower case, whole numbers without ``.0``."""
    return pc.utf8_lower(without_point(pa.array([str(value).strip() for value in values], pa.string())))


@dataclass
class LabelColumn:
    """A column of outcomes to ``y``: 1 is bad, 0 is good, null is neither or unknown."""

    plan: SamplePlan
    n_bad: int = 0
    n_good: int = 0
    n_missing: int = 0
    n_indeterminate: int = 0

    def convert(self, look: Look, first_row: int, ignored: Booleans | None = None) -> tuple[pa.Array, pa.Array]:
        """``y``, and which rows are indeterminate; rows that are ``ignored`` may hold anything and get neither."""
        by_limits = self.plan.bad_from is not None
        bad, good, between, other = self._by_limits(look) if by_limits else self._by_values(look)
        if ignored is not None:
            keep = pa.array(~ignored)
            bad, good, between, other = (pc.and_(part, keep) for part in (bad, good, between, other))
        if pc.any(other).as_py():
            raise self._not_number(other, first_row) if by_limits else self._unknown(as_text(look), other, first_row)
        return pc.if_else(pc.or_(bad, good), bad.cast(pa.int8()), None), between

    def count(self, y: pa.Array, between: pa.Array) -> None:
        """Add rows that were neither excluded nor rejected."""
        n_bad, n_between = pc.sum(y).as_py() or 0, pc.sum(between).as_py() or 0
        self.n_bad += n_bad
        self.n_indeterminate += n_between
        self.n_missing += y.null_count - n_between
        self.n_good += len(y) - y.null_count - n_bad

    def _by_values(self, look: Look) -> tuple[pa.Array, pa.Array, pa.Array, pa.Array]:
        plan, text = self.plan, as_text(look)
        lower = pc.utf8_lower(text)
        told = (plan.bad_values, plan.good_values, plan.indeterminate_values)
        bad, good, between = (pc.is_in(lower, plain_values(values)) for values in told)
        known = pc.or_(pc.or_(bad, good), between)
        return bad, good, between, pc.and_(pc.is_valid(text), pc.invert(known))

    def _by_limits(self, look: Look) -> tuple[pa.Array, pa.Array, pa.Array, pa.Array]:
        text = numeric_text(as_text(look), look.reading.decimal)
        number = pc.fill_null(pc.match_substring_regex(text, NUMBER), False)
        values = pc.if_else(number, text, None).cast(pa.float64())
        bad = pc.fill_null(pc.greater_equal(values, self.plan.bad_from), False)
        good = pc.fill_null(pc.less_equal(values, self.plan.good_to), False)
        between = pc.and_(number, pc.invert(pc.or_(bad, good)))
        return bad, good, between, pc.and_(pc.is_valid(text), pc.invert(number))

    def _not_number(self, other: pa.Array, first_row: int) -> DataError:
        return DataError(
            "label_not_number",
            "Row %(row)s, column %(column)s: the outcome is not a number, and good and bad are told by limits.",
            row=first_row + _first(other),
            column=self.plan.label,
        )

    def _unknown(self, text: pa.Array, other: pa.Array, first_row: int) -> DataError:
        position = _first(other)
        seen = sorted(str(value)[:_SHOWN] for value in pc.unique(text.drop_null()).to_pylist()[:1000])
        return DataError(
            "label_value",
            "Row %(row)s, column %(column)s: the label is %(value)s, neither bad (%(bad)s) nor good (%(good)s)."
            " The column holds %(seen)s: say which of them are bad and which are good.",
            row=first_row + position,
            column=self.plan.label,
            value=text[position].as_py()[:_SHOWN],
            bad=", ".join(self.plan.bad_values),
            good=", ".join(self.plan.good_values),
            seen=", ".join(seen[:8]) + (", …" if len(seen) > 8 else ""),
        )

    def verify(self) -> None:
        """Raise :class:`DataError` unless both classes are there."""
        if self.n_bad and self.n_good:
            return
        raise DataError(
            "label_one_class",
            "Column %(column)s holds %(bad)d bad and %(good)d good outcomes: both are needed.",
            column=self.plan.label,
            bad=self.n_bad,
            good=self.n_good,
        )


@dataclass
class TimeColumn:
    """A time role to UTC. The format is found once, from the first values, and then holds for every row."""

    name: str
    plan: FilePlan
    date_means: times.DateMeans
    now: dt.datetime
    required: bool = False
    future_refused: bool = True
    n_missing: int = 0
    time_format: str | None = field(default=None)

    def __post_init__(self) -> None:
        self.time_format = self.plan.time_format
        times.zone_of(self.plan.zone)

    def convert(self, look: Look, first_row: int) -> pa.Array:
        native = not look.is_text and (pa.types.is_timestamp(look.native.type) or pa.types.is_date32(look.native.type))
        if native:
            values = times.native_to_utc(look.native, self.plan.zone, self.date_means)
        else:
            values = self._from_text(look, first_row)
        self._check_present(values, first_row)
        if self.future_refused:
            self._check_future(values, first_row)
        self.n_missing += values.null_count
        return values

    def _from_text(self, look: Look, first_row: int) -> pa.Array:
        """The distinct values are parsed; where one is wrong, all, to name its row."""
        if look.is_text and look.distinct is not None:
            try:
                return look.by_distinct(lambda values: self._parsed(without_point(tidy(values, look.reading.nulls)), 1))
            except DataError:
                pass
        return self._parsed(as_text(look), first_row)

    def _parsed(self, text: pa.Array, first_row: int) -> pa.Array:
        if text.null_count == len(text):
            return pa.nulls(len(text), times.UTC_US)
        self.time_format = self.time_format or times.find_format(text.drop_null().slice(0, 1000))
        if self.time_format is None:
            raise self._fault(text, [_first(pc.is_valid(text))], first_row)
        values, wrong = times.to_utc(text, self.time_format, self.plan.zone, self.date_means)
        if wrong:
            raise self._fault(text, wrong, first_row)
        return values

    def _fault(self, text: pa.Array, wrong: list[int], first_row: int) -> DataError:
        if self.time_format is None:
            template = (
                "Row %(row)s, column %(column)s: the format of the time %(value)s is not recognised."
                " Give it, for example %%d/%%m/%%Y."
            )
        else:
            template = "Row %(row)s, column %(column)s: %(value)s is not a time of the format %(format)s."
        return DataError(
            "time_value",
            template,
            row=first_row + wrong[0],
            column=self.name,
            value=text[wrong[0]].as_py()[:30],
            format=self.time_format,
        )

    def _check_present(self, values: pa.Array, first_row: int) -> None:
        if self.required and values.null_count:
            raise DataError(
                "time_missing",
                "Row %(row)s, column %(column)s: the time is missing.",
                row=first_row + _first(pc.is_null(values)),
                column=self.name,
            )

    def _check_future(self, values: pa.Array, first_row: int) -> None:
        now = pa.scalar(self.now, times.UTC_US)
        if self.date_means == "end":  # today, dated by the day only, ends after now
            now = pa.scalar(self.now + dt.timedelta(days=1), times.UTC_US)
        late = pc.greater(values, now)
        if pc.any(late).as_py():
            position = _first(late)
            raise DataError(
                "time_in_future",
                "Row %(row)s, column %(column)s: %(value)s is in the future.",
                row=first_row + position,
                column=self.name,
                value=values[position].as_py().isoformat(" ", "seconds"),
            )


def weight_values(look: Look, plan: SamplePlan, first_row: int) -> pa.Array:
    """Weights as doubles: present, finite, above zero."""
    text = numeric_text(as_text(look), plan.decimal)
    number = pc.fill_null(pc.match_substring_regex(text, NUMBER), False)
    values = pc.if_else(number, text, None).cast(pa.float64())
    wrong = pc.invert(pc.fill_null(pc.and_(pc.is_finite(values), pc.greater(values, 0.0)), False))
    if pc.any(wrong).as_py():
        raise DataError(
            "weight_value",
            "Row %(row)s, column %(column)s: the weight must be a number above zero.",
            row=first_row + _first(wrong),
            column=plan.weight,
        )
    return values


def split_values(look: Look, plan: SamplePlan, first_row: int) -> pa.Array:
    """Splits as ``train``, ``valid``, ``test`` or ``oot``."""
    text = pc.utf8_lower(as_text(look))
    text = pc.replace_with_mask(text, pc.fill_null(pc.equal(text, "validation"), False), pa.scalar("valid"))
    wrong = pc.invert(pc.is_in(text, pa.array(SPLITS)))
    if pc.any(wrong).as_py():
        position = _first(wrong)
        raise DataError(
            "split_value",
            "Row %(row)s, column %(column)s: %(value)s is not one of train, valid, test, oot.",
            row=first_row + position,
            column=plan.split,
            value=(text[position].as_py() or "")[:_SHOWN],
        )
    return text


def approved_values(look: Look, plan: SamplePlan) -> pa.Array:
    """Whether the application was approved; null where the decision is missing."""
    text = pc.utf8_lower(as_text(look))
    return pc.if_else(pc.is_null(text), None, pc.is_in(text, plain_values(plan.approved_values)))
