"""Raw personal data is recognised by its values while a file streams by, and the file refused."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from datafactory.engine.looking import Look
from etron_partner.personal import KINDS, Finding, PersonalTally
from modeling.errors import DataError

_REMEMBERED = 10_000
_MOBILE_NUMBERS = ((10**10, 2 * 10**10), (86 * 10**11, 87 * 10**11))  # with and without the country code
_LONG_NUMBERS = 10**14


@dataclass
class PersonalScan:
    """Counts raw personal data column by column while a file streams by; what counts is in ``etron_partner``."""

    tally: PersonalTally = field(default_factory=PersonalTally)
    _harmless: dict[str, set[str | None]] = field(default_factory=dict)  # values of a column that need no second look

    def look(self, name: str, look: Look, first_row: int) -> None:
        """Add a column of a block; ``first_row`` is the 1-based number of its first row."""
        if look.numbers is not None:
            self._numbers(name, look.numbers, first_row)
        elif not look.is_text:
            self._native(name, look.column, first_row)
        elif look.distinct is not None:
            self._distinct(name, look.distinct, first_row)
        else:
            self._text(name, look, first_row)

    def look_at_head(self, name: str, column: pa.Array) -> None:
        """Add the first rows of a file, value by value: nothing is compiled for a look at so few."""
        if not pa.types.is_string(column.type):
            self._native(name, column, 1)
            return
        for row, value in enumerate(column.to_pylist(), 1):
            if value:
                self.tally.look(name, value, row)

    def _distinct(self, name: str, values: pa.DictionaryArray, first_row: int) -> None:
        self.tally.count(name, len(values) - values.null_count)
        distinct = values.dictionary.to_pylist()
        harmless = self._harmless.setdefault(name, set())
        fresh = set(distinct) - harmless
        suspicious = {value for value in fresh if value and _could_be(value)}
        if len(harmless) < _REMEMBERED:
            harmless |= fresh - suspicious
        if not suspicious:
            return
        codes = np.asarray(values.indices.fill_null(-1))
        for code, value in enumerate(distinct):
            if value in suspicious:
                rows = np.flatnonzero(codes == code)
                self.tally.add(name, value, first_row + int(rows[0]), len(rows))

    def _text(self, name: str, look: Look, first_row: int) -> None:
        self.tally.count(name, len(look))
        if look.suspects is None or not len(look.suspects):
            return
        # A Python loop over suspicious values only: a few microseconds each, and a clean file has next to none.
        values = look.text.take(pa.array(look.suspects)).to_pylist()
        for row, value in zip(look.suspects.tolist(), values, strict=True):
            if value:
                self.tally.add(name, value, first_row + row)

    def _native(self, name: str, column: pa.Array, first_row: int) -> None:
        if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
            self._numbers(name, column, first_row)

    def _numbers(self, name: str, numbers: pa.Array, first_row: int) -> None:
        """Numbers are personal in whatever form they came, 1.38E+10 too: large whole ones are written out."""
        self.tally.count(name, len(numbers) - numbers.null_count)
        rows = _large(numbers)
        if not len(rows):
            return
        for row, number in zip(rows.tolist(), numbers.take(pa.array(rows)).to_pylist(), strict=True):
            self.tally.add(name, str(int(number)), first_row + row)

    def refuse(self) -> None:
        """Raise :class:`DataError` for the columns that hold raw personal data."""
        found = self.tally.findings()
        if found:
            raise _personal(found)


def _could_be(value: str) -> bool:
    """A cheap look: eleven digits, an @, full-width or Chinese signs."""
    return not value.isascii() or "@" in value or sum(sign.isdigit() for sign in value) >= 11


def _large(numbers: pa.Array) -> npt.NDArray[np.int64]:
    """Rows of whole numbers that have the size of a mobile, id-card or bank-card number."""
    most = pc.max(numbers).as_py()
    if most is None or most < _MOBILE_NUMBERS[0][0] or most != most:
        return np.empty(0, np.int64)
    values = np.asarray(numbers.fill_null(0))
    (low, high), (low_86, high_86) = _MOBILE_NUMBERS
    large = (values >= low) & (values < high) | (values >= low_86) & (values < high_86)
    large |= (values >= _LONG_NUMBERS) & (values < 1e19)
    if pa.types.is_floating(numbers.type):
        large &= values == np.floor(values)
    return np.flatnonzero(large)


def _personal(found: list[Finding]) -> DataError:
    first = found[0]
    return DataError(
        f"raw_{first.kind}",
        _told(first.kind) if len(found) == 1 else _told_together(),
        row=first.first_row,
        column=first.column,
        hits=first.hits,
        places="; ".join(f"{one.column}: {one.hits}, {one.first_row}" for one in found[:20]),
        columns=[
            {"column": one.column, "kind": one.kind, "hits": one.hits, "row": one.first_row} for one in found[:200]
        ],
    )


def _told(kind: str) -> str:
    template = (
        "Column %(column)s holds raw mobile numbers (%(hits)d, the first in row %(row)s). "
        "Hash them before sending; nothing of this file was kept.",
        "Column %(column)s holds raw id-card numbers (%(hits)d, the first in row %(row)s). "
        "Hash them before sending; nothing of this file was kept.",
        "Column %(column)s holds raw bank-card numbers (%(hits)d, the first in row %(row)s). "
        "Hash them before sending; nothing of this file was kept.",
        "Column %(column)s holds raw e-mail addresses (%(hits)d, the first in row %(row)s). "
        "Hash them before sending; nothing of this file was kept.",
        "Column %(column)s holds names of persons (%(hits)d, the first in row %(row)s). "
        "Leave the column out; nothing of this file was kept.",
    )
    return template[KINDS.index(kind)]


def _told_together() -> str:
    template = (
        "Several columns hold raw personal data: %(places)s (column: how many values, the first row). "
        "Hash or leave them out before sending; nothing of this file was kept."
    )
    return template
