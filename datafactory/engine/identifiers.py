"""Hashed ids are checked and normalised."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from datafactory.engine.looking import Look
from datafactory.engine.plans import IdRole
from datafactory.engine.roles import as_text
from etron_partner.identifiers import ALGORITHMS, HASH_LENGTHS, MAX_TOKEN, RAW, is_namespace
from etron_partner.placeholders import FILLERS, NOTHING, hashes_of
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
    nothings: dict[str, int] = field(default_factory=dict)  # words for "missing" whose hash was found
    fillers: dict[str, int] = field(default_factory=dict)  # numbers typed to fill a field

    def convert(self, look: Look, first_row: int) -> pa.Array:
        """Lower-case hex (tokens stay as they are); values of another format are counted for :meth:`verify`."""
        text = as_text(look)
        if self._wanted != str(look.hex_length):
            text = self._normalise(text, first_row)
        else:
            self.n_missing += text.null_count
            for name in ("all", self._wanted):
                self.formats[name] = self.formats.get(name, 0) + len(text) - text.null_count
        return self._without_nothing(text, first_row)

    def _without_nothing(self, text: pa.Array, first_row: int) -> pa.Array:
        """Hashes of an empty value become missing; hashes of fillers stay and are counted."""
        if self.role.algorithm == RAW:
            return text
        self._count_of(text, FILLERS, self.fillers, first_row)
        nothing = self._count_of(text, NOTHING, self.nothings, first_row)
        if nothing is None:
            return text
        self.n_missing += pc.sum(nothing).as_py()
        return pc.if_else(nothing, None, text)

    def _count_of(
        self, text: pa.Array, values: tuple[str, ...], counts: dict[str, int], first_row: int
    ) -> pa.Array | None:
        known = hashes_of(self.role.algorithm, values)
        found = pc.is_in(text, pa.array(list(known), pa.string()))
        if not pc.any(found).as_py():
            return None
        kind = "nothing" if values is NOTHING else "filler"
        self.first_rows.setdefault(kind, first_row + int(pc.index(found, True).as_py()))
        for entry in pc.value_counts(text.filter(found)).to_pylist():
            value = known[entry["values"]]
            counts[value] = counts.get(value, 0) + entry["counts"]
        return found

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
        if total == sum(self.nothings.values()):
            raise DataError("id_empty", "Column %(column)s is marked as an id and has no values.", column=self._name)
        if right == total:
            return
        code, found = "id_mixed_formats", dict[str, Any]()
        template = (
            "Column %(column)s, row %(row)s: the hashes are of mixed formats: %(formats)s, not all %(algorithm)s."
        )
        if right == 0 and (one := self._one_other(total)):
            code, found = "id_other_algorithm", {"count": self.formats[one], "found": _algorithms_of(one)}
            template = (
                "Column %(column)s, row %(row)s: %(count)d of %(total)d values look like %(found)s, not %(algorithm)s."
            )
        elif not self._n_other_hashes:
            code, found = "id_format", {"count": total - right}
            template = (
                "Column %(column)s, row %(row)s: %(count)d of %(total)d values are not %(algorithm)s hashes in hex."
            )
        told = {"algorithm": self.role.algorithm, "total": total, "formats": self._formats_told(total)}
        raise DataError(code, template, row=self.first_rows["other"], column=self._name, **told | found)

    def _one_other(self, total: int) -> str | None:
        """The one other format that all values have."""
        return next((name for name, n in self.formats.items() if name != "all" and n == total), None)

    @property
    def _n_other_hashes(self) -> int:
        return sum(n for name, n in self.formats.items() if name not in {"all", self._wanted})

    def _formats_told(self, total: int) -> str:
        """``33 sha256 / sm3, 7 md5, 2 -``: how many values have which format; "-" for what is no hash."""
        counts = {name: n for name, n in self.formats.items() if name != "all"}
        told = [f"{n:,} {_algorithms_of(name)}" for name, n in sorted(counts.items(), key=lambda item: -item[1])]
        rest = total - sum(counts.values())
        return ", ".join([*told, f"{rest:,} -"] if rest else told)

    @property
    def _name(self) -> str:
        return self.role.column


def _algorithms_of(size: str) -> str:
    return " / ".join(name for name, length in HASH_LENGTHS.items() if str(length) == size)
