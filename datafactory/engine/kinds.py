"""What kind of values a column holds, found over all its rows, and the strict way from text to that kind."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from datafactory.engine import times
from datafactory.engine.looking import Look, as_numbers, numeric_text, tidy
from modeling.artifacts import Kind
from modeling.errors import DataError

NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
CODE = r"^[+-]?0\d|^[+-]?\d{16,}(\.0*)?$"  # leading zeros or too long for a quantity: a code, not a number
NOT_FINITE = r"^[+-]?(?i:inf|infinity|nan)$"
DATE = r"^\d{4}[-/]\d{1,2}[-/]\d{1,2}([ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$"
TRUE = ("true", "yes", "y", "t", "是")
FALSE = ("false", "no", "n", "f", "否")
CODES = (-1.0, -9.0, -99.0, -999.0, -9999.0, -99999.0, -999999.0)
MONEY = pa.decimal128(28, 6)
STORED: dict[Kind, pa.DataType] = {
    "int": pa.int64(),
    "float": pa.float64(),
    "decimal": MONEY,
    "category": pa.string(),
    "bool": pa.int64(),  # 0 and 1
    "date": times.UTC_US,
}


def _all(text: pa.Array, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(text, pattern)).as_py())


def _any(text: pa.Array, pattern: str) -> bool:
    return bool(pc.any(pc.match_substring_regex(text, pattern)).as_py())


def kind_of_text(values: pa.Array, decimal: str, numbers: pa.Array | None = None) -> Kind | None:
    """The narrowest kind that fits all values of a batch; None when there are none.

    ``numbers`` are the values as numbers, if the caller has them already.
    """
    if values.null_count == len(values):
        return None
    numbers = as_numbers(values, decimal) if numbers is None else numbers
    if numbers is not None:
        if _any(values, CODE):
            return "category"
        return "int" if pa.types.is_integer(numbers.type) else "float"
    values = values.drop_null()
    if _all(values.slice(0, 100), DATE) and _all(values, DATE):
        return "date"
    if pc.all(pc.is_in(pc.utf8_lower(values), pa.array([*TRUE, *FALSE]))).as_py():
        return "bool"
    return "category"


def kind_of_type(type_: pa.DataType) -> Kind:
    """The kind of a native Parquet column."""
    if pa.types.is_integer(type_):
        return "int"
    if pa.types.is_floating(type_):
        return "float"
    if pa.types.is_decimal(type_):
        return "decimal"
    if pa.types.is_boolean(type_):
        return "bool"
    return "date" if pa.types.is_timestamp(type_) or pa.types.is_date(type_) else "category"


def widened(known: Kind | None, seen: Kind | None) -> Kind | None:
    """The kind that holds both: whole numbers become floats beside floats, anything else becomes a category.

    >>> widened("int", "float"), widened("float", "date"), widened(None, "int")
    ('float', 'category', 'int')
    """
    if known is None or seen is None or known == seen:
        return known or seen
    return "float" if {known, seen} == {"int", "float"} else "category"


@dataclass
class KindScan:
    """Infers the kinds of all columns while a file streams by."""

    nulls: tuple[str, ...]
    decimal: str
    kinds: dict[str, Kind | None] = field(default_factory=dict)

    def look(self, name: str, look: Look) -> None:
        """Add a column of a block."""
        known = self.kinds.get(name)
        if known != "category":
            self.kinds[name] = widened(known, self._kind(look))

    def _kind(self, look: Look) -> Kind | None:
        if not look.is_text:
            return kind_of_type(look.native.type)
        if look.numbers is None:
            return kind_of_text(look.some_values, self.decimal)
        if look.numbers.null_count == len(look.numbers):
            return None
        if not look.is_plain and _any(look.tidied, CODE):
            return "category"
        return "int" if pa.types.is_integer(look.numbers.type) else "float"

    def kind(self, name: str) -> Kind:
        """The kind of a column; one without any value is a category."""
        return self.kinds.get(name) or "category"


@dataclass
class FeatureColumn:
    """Converts one column batch by batch to its kind and counts what the report tells."""

    name: str
    kind: Kind
    nulls: tuple[str, ...]
    decimal: str
    zone: str
    n_missing: int = 0
    n_not_finite: int = 0
    first_not_finite: int = 0
    n_numbers: int = 0  # among the first values of a category
    n_tested: int = 0
    n_codes: int = 0
    n_negative: int = 0  # below zero and no code
    n_values: int = 0
    time_format: str | None = None

    def convert(self, look: Look, first_row: int) -> pa.Array:
        """Values in the stored type of the kind; raises :class:`DataError` at the first row that does not fit."""
        done = self._from_text(look, first_row) if look.is_text else self._from_native(look.native, first_row)
        self.n_missing += done.null_count
        self.n_values += len(done) - done.null_count
        if self.kind in {"int", "float", "decimal"}:
            self._watch_codes(done)
        return done

    def _watch_codes(self, values: pa.Array) -> None:
        """Count codes such as -1 and -999, and see whether anything else is negative."""
        least = pc.min(values).as_py()
        if least is None or least >= 0:
            return
        below = values.filter(pc.less(values, pa.scalar(0, values.type))).cast(pa.float64())
        is_code = pc.is_in(below, pa.array(CODES))
        n_codes = pc.sum(is_code).as_py() or 0
        self.n_codes += n_codes
        self.n_negative += len(below) - n_codes

    def _from_text(self, look: Look, first_row: int) -> pa.Array:
        if look.is_plain and look.numbers is not None and self.kind in {"int", "float"}:
            if self.kind == "float":
                return look.numbers.cast(pa.float64())
            if pa.types.is_integer(look.numbers.type):
                return look.numbers
        text = look.tidied
        if self.kind == "category":
            self._count_numbers(text)
            return text
        if self.kind in {"date", "bool"}:
            return self._few(look, first_row)
        numbers = numeric_text(text, self.decimal)
        try:
            if self.kind == "float":
                return self._finite(numbers.cast(pa.float64()), first_row)
            return numbers.cast(pa.int64()) if self.kind == "int" else self._exact(numbers, first_row)
        except pa.ArrowInvalid:
            self._check(numbers, NUMBER if self.kind == "int" else f"{NUMBER}|{NOT_FINITE}", first_row)
            return self._exact(numbers, first_row)

    def _few(self, look: Look, first_row: int) -> pa.Array:
        """Dates and yes or no: the distinct values are converted; where one does not fit, all, to name its row."""
        convert = self._date if self.kind == "date" else self._bool
        if look.distinct is not None:
            try:
                return look.by_distinct(lambda values: convert(tidy(values, self.nulls), 1))
            except DataError:
                pass
        return convert(look.tidied, first_row)

    def _count_numbers(self, text: pa.Array) -> None:
        """How many values of a category are numbers, in the first batch."""
        if not self.n_tested:
            self.n_tested = len(text) - text.null_count
            numbers = pc.match_substring_regex(numeric_text(text, self.decimal), NUMBER)
            self.n_numbers = pc.sum(numbers).as_py() or 0

    def _exact(self, numbers: pa.Array, first_row: int) -> pa.Array:
        """Whole numbers and decimals: a value that would be rounded is refused."""
        self._check(numbers, NUMBER, first_row)
        if self.kind == "int":
            whole = pc.replace_substring_regex(numbers, r"\.0*$", "")
            self._check(whole, r"^-?\d{1,18}$", first_row)
            return whole.cast(pa.int64())
        plain = pc.replace_substring_regex(numbers, r"^(-?\d+\.\d{6})0+$", r"\1")
        self._check(plain, r"^-?\d{0,22}(\.\d{0,6})?$", first_row)
        return plain.cast(MONEY)

    def _from_native(self, column: pa.Array, first_row: int) -> pa.Array:
        seen = kind_of_type(column.type)
        if seen == "float":
            column = self._finite(column, first_row)
        if self.kind == "date" and seen == "date":
            return times.native_to_utc(column, self.zone, "start")
        if self.kind == "category":
            return column.cast(pa.string())
        try:
            return column.cast(STORED[self.kind])
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            raise self._fault(first_row) from None

    def _finite(self, values: pa.Array, first_row: int) -> pa.Array:
        """NaN and infinity become missing; the report counts them."""
        odd = pc.fill_null(pc.invert(pc.is_finite(values)), False)
        n = pc.sum(odd).as_py() or 0
        if not n:
            return values
        self.n_not_finite += n
        self.first_not_finite = self.first_not_finite or first_row + pc.index(odd, True).as_py()
        return pc.if_else(odd, None, values)

    def _bool(self, text: pa.Array, first_row: int) -> pa.Array:
        lower = pc.utf8_lower(text)
        true = pc.is_in(lower, pa.array([*TRUE, "1", "1.0"]))
        false = pc.is_in(lower, pa.array([*FALSE, "0", "0.0"]))
        wrong = pc.and_(pc.is_valid(text), pc.invert(pc.or_(true, false)))
        if pc.any(wrong).as_py():
            raise self._fault(first_row + pc.index(wrong, True).as_py())
        return pc.if_else(pc.is_null(text), None, true.cast(pa.int64()))

    def _date(self, text: pa.Array, first_row: int) -> pa.Array:
        self.time_format = self.time_format or times.find_format(text.drop_null().slice(0, 1000))
        if self.time_format is None:
            if text.null_count == len(text):
                return pa.nulls(len(text), times.UTC_US)
            raise self._fault(first_row + pc.index(pc.is_valid(text), True).as_py())
        values, wrong = times.to_utc(text, self.time_format, self.zone, "start")
        if wrong:
            raise self._fault(first_row + wrong[0])
        return values

    def _check(self, text: pa.Array, pattern: str, first_row: int) -> None:
        fits = pc.fill_null(pc.match_substring_regex(text, pattern), True)
        if not pc.all(fits).as_py():
            raise self._fault(first_row + pc.index(fits, False).as_py())

    def _fault(self, row: int) -> DataError:
        return DataError(
            "value_not_of_kind",
            "Row %(row)s, column %(column)s: the value is not of the kind %(kind)s.",
            row=row,
            column=self.name,
            kind=self.kind,
        )
