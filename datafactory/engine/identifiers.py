"""Hashed ids are checked and normalised; raw phone, id-card and bank-card numbers are recognised by their values."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from datafactory.engine.plans import IdRole
from etron_partner.identifiers import ALGORITHMS, HASH_LENGTHS, MAX_TOKEN, RAW, SHAPES, folded, is_namespace, token
from modeling.errors import DataError

_STRAY_HITS = 3  # so few numbers of that shape in a column of other numbers may be amounts


@dataclass
class _Tally:
    """Tokens of one shape in one column, how many are personal numbers, and where the first stands."""

    tokens: int = 0
    hits: int = 0
    first_row: int = 0


@dataclass
class PersonalScan:
    """Counts raw personal numbers column by column while a file streams by.

    A column is refused when at least half of its tokens of a shape (eleven digits; 15 to 19 digits) are personal
    numbers, so that 18-digit serial numbers, of which one in ten passes Luhn's check by chance, go through.
    """

    _tallies: dict[tuple[str, str], _Tally] = field(default_factory=dict)
    _values: dict[str, int] = field(default_factory=dict)
    _numbers: set[str] = field(default_factory=set)

    def look(self, name: str, column: pa.Array, first_row: int, numbers: pa.Array | None = None) -> None:
        """Add a batch of one column; ``first_row`` is the 1-based number of its first row.

        ``numbers`` are the values of a text column as numbers, if they all are: then only large whole ones are read.
        """
        if numbers is not None:
            column = _where_large(column, numbers)
        text = None if column is None else _as_text(column)
        if text is None:
            return
        self._values[name] = self._values.get(name, 0) + len(text) - text.null_count
        if len(text) and not _all_hex(text):
            for shape in SHAPES:
                self._count(name, text, shape, first_row)

    def _count(self, name: str, text: pa.Array, shape: str, first_row: int) -> None:
        found = pc.indices_nonzero(pc.fill_null(pc.match_substring_regex(text, shape), False))
        if not len(found):
            return
        pattern = re.compile(shape)
        # A Python loop over the matching values only: about 2 microseconds each, and a clean file has next to none.
        for position, value in zip(found.to_pylist(), text.take(found).to_pylist(), strict=True):
            match = pattern.search(value)
            number = token(match) if match else ""
            for kind, test in SHAPES[shape].items():
                tally = self._tallies.setdefault((name, kind), _Tally())
                tally.tokens += 1
                if test(number):
                    tally.first_row = tally.first_row or first_row + position
                    tally.hits += 1

    def refuse(self) -> None:
        """Raise :class:`DataError` for the first column that holds raw personal numbers."""
        for (name, kind), tally in self._tallies.items():
            stray = tally.hits < _STRAY_HITS and self._values[name] > 1000 * tally.hits and kind != "id_card"
            needed = 0.2 if kind == "id_card" else 0.5
            if tally.hits and tally.hits >= needed * tally.tokens and not stray:
                raise _personal(name, kind, tally)


def _personal(name: str, kind: str, tally: _Tally) -> DataError:
    templates = {
        "mobile": "Column %(column)s holds raw mobile numbers (%(hits)d, the first in row %(row)s). "
        "Hash them before sending; nothing of this file was kept.",
        "id_card": "Column %(column)s holds raw id-card numbers (%(hits)d, the first in row %(row)s). "
        "Hash them before sending; nothing of this file was kept.",
        "bank_card": "Column %(column)s holds raw bank-card numbers (%(hits)d, the first in row %(row)s). "
        "Hash them before sending; nothing of this file was kept.",
    }
    return DataError(f"raw_{kind}", templates[kind], row=tally.first_row, column=name, hits=tally.hits)


def _where_large(text: pa.Array, numbers: pa.Array) -> pa.Array | None:
    """Numbers in text, large whole ones only: written out if they came in another form (1.38E+10)."""
    large = pc.greater_equal(numbers, pa.scalar(10**10, numbers.type))
    if pa.types.is_floating(numbers.type):
        large = pc.and_(large, pc.and_(pc.less(numbers, 1e19), pc.equal(numbers, pc.floor(numbers))))
    if not pc.any(large).as_py():
        return None
    plain = pc.match_substring_regex(text, r"^\s*\+?\d+(\.0*)?\s*$")
    written = pc.if_else(large, numbers, 0).cast(pa.uint64(), safe=False).cast(pa.string())
    return pc.if_else(large, pc.if_else(plain, text, written), None)


def _as_text(column: pa.Array) -> pa.Array | None:
    """Values in which a long number could stand, as strings with full-width digits folded; None if there are none."""
    if pa.types.is_floating(column.type):
        whole = pc.if_else(pc.and_(pc.greater_equal(column, 1e10), pc.less(column, 1e19)), column, None)
        if whole.null_count == len(whole) or not pc.all(pc.equal(whole, pc.floor(whole))).as_py():
            return None
        return pc.cast(pc.cast(whole, pa.uint64(), safe=False), pa.string())
    if pa.types.is_integer(column.type):
        largest = pc.max(column).as_py()
        return pc.cast(column, pa.string()) if largest is not None and largest >= 10**10 else None
    if not pa.types.is_string(column.type):
        return None
    longest = pc.max(pc.binary_length(column)).as_py()
    if longest is None or longest < 11:
        return None
    if _is_ascii(column):
        return column
    return pa.array([None if value is None else folded(value) for value in column.to_pylist()], pa.string())


def _is_ascii(column: pa.Array) -> bool:
    return bool(pc.all(pc.equal(pc.binary_length(column), pc.utf8_length(column))).as_py())


def _all_hex(text: pa.Array) -> bool:
    """Whether all values are hashes of one length: the common, clean case, settled by one look."""
    return bool(pc.all(pc.match_substring_regex(text, r"^[0-9a-fA-F]{32,128}$")).as_py())


def check_id_role(role: IdRole) -> None:
    """Raise :class:`DataError` for an unknown algorithm or a namespace that cannot name a column."""
    if role.algorithm not in ALGORITHMS:
        raise DataError(
            "id_algorithm",
            "Column %(column)s: %(algorithm)s is not known. Choose one of %(known)s.",
            column=role.column,
            algorithm=role.algorithm,
            known=", ".join(ALGORITHMS),
        )
    if not is_namespace(role.namespace):
        raise DataError(
            "id_namespace",
            "Column %(column)s: the kind of id must be a short lower-case name such as mobile, idno or device.",
            column=role.column,
        )


@dataclass
class IdColumn:
    """Normalises one id column batch by batch and keeps what the report says about it."""

    role: IdRole
    n_missing: int = 0
    n_upper: int = 0
    formats: dict[str, int] = field(default_factory=dict)
    first_rows: dict[str, int] = field(default_factory=dict)

    def normalise(self, text: pa.Array, first_row: int) -> pa.Array:
        """Lower-case hex (tokens stay as they are); values of another format are counted for :meth:`verify`."""
        if self.role.algorithm == RAW:
            self._count("raw", pc.less_equal(pc.utf8_length(text), MAX_TOKEN), text, first_row)
            self.n_missing += text.null_count
            return text
        lower = pc.utf8_lower(text)
        self.n_missing += text.null_count
        self.n_upper += pc.sum(pc.not_equal(text, lower)).as_py() or 0
        hexadecimal = pc.match_substring_regex(lower, r"^[0-9a-f]+$")
        length = pc.utf8_length(lower)
        for size in sorted(set(HASH_LENGTHS.values())):
            self._count(str(size), pc.and_(hexadecimal, pc.equal(length, size)), text, first_row)
        return lower

    def _count(self, format: str, mask: pa.Array, text: pa.Array, first_row: int) -> None:
        if format in {"raw", "32"}:
            self.formats["all"] = self.formats.get("all", 0) + len(text) - text.null_count
        n = pc.sum(mask).as_py() or 0
        if n:
            self.formats[format] = self.formats.get(format, 0) + n
            self.first_rows.setdefault(format, first_row + pc.index(mask, True).as_py())
        if format == self._wanted and n < len(text) - text.null_count:
            self.first_rows.setdefault("other", first_row + pc.index(mask, False).as_py())

    @property
    def _wanted(self) -> str:
        return RAW if self.role.algorithm == RAW else str(HASH_LENGTHS[self.role.algorithm])

    def verify(self) -> None:
        """Raise :class:`DataError` unless every value has the format of the algorithm that was named."""
        total = self.formats.get("all", 0)
        right = self.formats.get(self._wanted, 0)
        if total == 0:
            raise DataError("id_empty", "Column %(column)s is marked as an id and has no values.", column=self._name)
        if right == total:
            return
        row = self.first_rows["other"]
        found = {name: n for name, n in self.formats.items() if name not in {"all", self._wanted}}
        other = max(found, key=lambda name: found[name], default=None)
        if other is None:
            raise DataError(
                "id_format",
                "Column %(column)s, row %(row)s: %(count)d of %(total)d values are not %(algorithm)s hashes in hex.",
                row=row,
                column=self._name,
                count=total - right,
                total=total,
                algorithm=self.role.algorithm,
            )
        raise DataError(
            "id_mixed_formats" if right else "id_other_algorithm",
            "Column %(column)s, row %(row)s: %(count)d of %(total)d values look like %(found)s, not %(algorithm)s.",
            row=row,
            column=self._name,
            count=found[other],
            total=total,
            found=" / ".join(name for name, size in HASH_LENGTHS.items() if str(size) == other),
            algorithm=self.role.algorithm,
        )

    @property
    def _name(self) -> str:
        return self.role.column
