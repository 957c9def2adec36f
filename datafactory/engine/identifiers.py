"""Hashed ids are checked and normalised."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from datafactory.engine.looking import Look
from datafactory.engine.plans import IdRole
from datafactory.engine.roles import as_text
from etron_partner.identifiers import ALGORITHMS, HASH_LENGTHS, MAX_TOKEN, RAW, is_namespace
from modeling.errors import DataError


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

    def convert(self, look: Look, first_row: int) -> pa.Array:
        """Lower-case hex (tokens stay as they are); values of another format are counted for :meth:`verify`."""
        text = as_text(look)
        if self._wanted == str(look.hex_length):
            n = len(text) - text.null_count
            self.n_missing += text.null_count
            for name in ("all", self._wanted):
                self.formats[name] = self.formats.get(name, 0) + n
            return text
        return self._normalise(text, first_row)

    def _normalise(self, text: pa.Array, first_row: int) -> pa.Array:
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
