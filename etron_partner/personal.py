"""Raw personal data recognised by value: numbers, addresses and names, counted column by column.

Standard library only. One value can be personal by chance (one in ten numbers passes Luhn's check), so a column is
judged by how many of its tokens of a shape are personal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from etron_partner.identifiers import folded, is_bank_card, is_id_card, is_mobile
from etron_partner.names import NameTally

KINDS = ("mobile", "id_card", "bank_card", "email", "name")
_BEFORE, _AFTER = r"(?<![0-9A-Za-z.])", r"(?:\.0+)?(?![0-9A-Za-z])"
_ELEVEN = re.compile(rf"{_BEFORE}(?:\+?(?:00)?86[- ]?)?([0-9]{{3}}[- ]?[0-9]{{4}}[- ]?[0-9]{{4}}){_AFTER}")
_LONG = re.compile(
    rf"{_BEFORE}([0-9]{{4}}[ -]?[0-9]{{4}}[ -]?[0-9]{{4}}[ -]?[0-9]{{3,4}}(?:[ -]?[0-9]{{1,3}})?"
    rf"|[0-9]{{6}}[ -]?[0-9]{{8}}[ -]?[0-9]{{3}}[0-9Xx]){_AFTER}"
)
_EMAIL = re.compile(r"[A-Za-z0-9_%+-][A-Za-z0-9._%+-]*@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?\.[A-Za-z]{2,}")
_HEX = re.compile(r"(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}|[0-9a-fA-F]{128})")
_DIGITS = re.compile(r"[0-9]")
_HAN = re.compile(r"[\u4e00-\u9fa5 \u3000]{2,6}")
_STRAY_HITS = 3  # so few numbers of that shape in a column of other numbers may be amounts


def tokens(text: str) -> Iterator[tuple[str, bool]]:
    """``(kind, whether it is one)`` for every number or address in ``text`` that has the shape of a personal one.

    >>> list(tokens("tel. +86 138 0013 8000")), list(tokens("order 4711")), list(tokens("to li.lei@example.com"))
    ([('mobile', True)], [], [('email', True)])
    """
    text = folded(text)
    if len(text) < 6 or _HEX.fullmatch(text):
        return
    if len(_DIGITS.findall(text)) >= 11:
        for found in _ELEVEN.finditer(text):
            yield "mobile", is_mobile(_plain(found))
        for found in _LONG.finditer(text):
            number = _plain(found)
            yield "id_card_15" if len(number) == 15 else "id_card", is_id_card(number)
            yield "bank_card", is_bank_card(number)
    if "@" in text and _EMAIL.search(text):
        yield "email", True


def _plain(found: re.Match[str]) -> str:
    return re.sub(r"[ -]", "", found.group(1))


@dataclass(frozen=True)
class Finding:
    """A column that holds personal data of a kind, in how many values, the first in which row."""

    column: str
    kind: str
    hits: int
    first_row: int


@dataclass
class _Tally:
    """Tokens of one shape in one column, how many are personal, and where the first stands."""

    tokens: int = 0
    hits: int = 0
    first_row: int = 0


@dataclass
class _Column:
    n_values: int = 0
    tallies: dict[str, _Tally] = field(default_factory=dict)
    names: NameTally = field(default_factory=NameTally)


@dataclass
class PersonalTally:
    """Counts personal data while a file streams by; memory does not grow with the rows.

    >>> tally = PersonalTally()
    >>> for row, value in enumerate(["13800138000", "13900139000"], 1):
    ...     tally.look("phone", value, row)
    >>> tally.findings()
    [Finding(column='phone', kind='mobile', hits=2, first_row=1)]
    """

    _columns: dict[str, _Column] = field(default_factory=dict)

    def count(self, column: str, n_values: int) -> None:
        """So many values of a column are there, whatever they are."""
        self._column(column).n_values += n_values

    def look(self, column: str, value: str, row: int) -> None:
        """A value that is not missing."""
        self.count(column, 1)
        self.add(column, value, row)

    def add(self, column: str, value: str, row: int, count: int = 1) -> None:
        """A value that stands in ``count`` rows, first in ``row``, and has been counted already."""
        there = self._column(column)
        for kind, hit in tokens(value):
            tally = there.tallies.setdefault(kind, _Tally())
            tally.tokens += count
            if hit:
                tally.hits += count
                tally.first_row = min(tally.first_row or row, row)
        if _HAN.fullmatch(value.strip()):
            there.names.add(value.strip(), row, count)

    def _column(self, name: str) -> _Column:
        return self._columns.setdefault(name, _Column())

    def findings(self) -> list[Finding]:
        """Every column that holds personal data, in the order of the columns."""
        return [finding for name, column in self._columns.items() for finding in _judged(name, column)]


def _judged(name: str, column: _Column) -> Iterator[Finding]:
    for kind, tally in column.tallies.items():
        if _is_personal(kind, tally, column.n_values):
            yield Finding(name, "id_card" if kind == "id_card_15" else kind, tally.hits, tally.first_row)
    column.names.n_values = column.n_values
    if column.names.is_names():
        yield Finding(name, "name", column.names.hits, column.names.first_row)


def _is_personal(kind: str, tally: _Tally, n_values: int) -> bool:
    if not tally.hits:
        return False
    if kind in {"email", "id_card"}:  # a check digit and a date: next to none by chance
        return kind == "email" or tally.hits >= 0.2 * tally.tokens
    if kind == "id_card_15" and tally.hits < _STRAY_HITS and tally.tokens > 1:
        return False
    stray = tally.hits < _STRAY_HITS and n_values > 1000 * tally.hits
    return tally.hits >= 0.5 * tally.tokens and not stray
