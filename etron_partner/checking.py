"""What is wrong with a sample, found on the partner's own machine: row and column, and never a personal value."""

from __future__ import annotations

import datetime as dt
import hashlib
from array import array
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from etron_partner import tables
from etron_partner.asking import Progress, no_progress
from etron_partner.failures import Failure
from etron_partner.identifiers import HASH_LENGTHS, RAW, hash_format
from etron_partner.moments import Moments
from etron_partner.personal import PersonalTally
from etron_partner.roles import IdColumn, Roles

_SHOWN = 20  # places of one kind of problem that are listed
_EVERY = 10_000
_SHORTEST = 11  # a shorter value in plain letters and digits is no number of a person
_LABELS = 20  # distinct labels that are counted
KINDS = {
    "mobile": "raw mobile numbers",
    "id_card": "raw id-card numbers",
    "bank_card": "raw bank-card numbers",
    "email": "e-mail addresses",
    "name": "names of persons",
}


@dataclass
class Problem:
    """One kind of fault in one column, and where it stands."""

    code: str
    column: str
    message: str
    count: int = 0
    rows: list[int] = field(default_factory=list)
    warning: bool = False

    def add(self, row: int) -> None:
        self.count += 1
        if len(self.rows) < _SHOWN:
            self.rows.append(row)

    def line(self) -> str:
        rows = ", ".join(f"{row:,}" for row in self.rows[:5]) + (" …" if self.count > 5 else "")
        where = f" ({self.count:,} values, row {rows})" if self.rows else ""
        return f"{'warning' if self.warning else 'error'}: {self.column}: {self.message}{where}"


@dataclass
class Findings:
    """Everything that was found."""

    n_rows: int = 0
    problems: list[Problem] = field(default_factory=list)

    @property
    def is_fine(self) -> bool:
        return all(problem.warning for problem in self.problems)

    def body(self) -> dict[str, Any]:
        return {"n_rows": self.n_rows, "problems": [asdict(problem) for problem in self.problems]}


class _Checker:
    """Looks at one row after the other; memory grows by eight bytes a row for the row ids."""

    def __init__(self, layout: tables.Layout, roles: Roles, today: dt.datetime) -> None:
        self.layout = layout
        self.roles = roles
        self.latest = today + dt.timedelta(days=1)  # whatever the zone
        self.nulls = set(roles.nulls)
        self.personal = PersonalTally()
        self.problems: dict[tuple[str, str], Problem] = {}
        self.moments = Moments(roles.time_format)
        self.row_ids = array("Q")
        self.labels: Counter[str] = Counter()
        self.label_rows: dict[str, list[int]] = {}
        self.ids = [(layout.position(one.column), one) for one in roles.ids]
        self.n_ids: Counter[str] = Counter()
        hashes = {position for position, one in self.ids if one.algorithm != RAW}
        self.plain = [(position, name) for position, name in enumerate(layout.names) if position not in hashes]
        self.n_plain = [0] * len(layout.names)
        self.at = {
            role: layout.position(name)
            for role, name in (("row_id", roles.row_id), ("observed_at", roles.observed_at), ("label", roles.label))
            if name
        }

    def problem(self, code: str, column: str, message: str, warning: bool = False) -> Problem:
        return self.problems.setdefault((code, column), Problem(code, column, message, warning=warning))

    def look(self, row: int, values: list[str]) -> None:
        for position, name in self.plain:
            value = values[position]
            if value in self.nulls:
                continue
            self.n_plain[position] += 1
            if len(value) >= _SHORTEST or "@" in value or not value.isascii():
                self.personal.add(name, value, row)
        for position, one in self.ids:
            self._id(row, one, values[position])
        if "row_id" in self.at:
            self._row_id(row, values[self.at["row_id"]])
        if "label" in self.at:
            self._label(row, values[self.at["label"]])
        if "observed_at" in self.at:
            self._moment(row, values[self.at["observed_at"]])

    def _id(self, row: int, one: IdColumn, value: str) -> None:
        if value in self.nulls:
            return
        self.n_ids[one.column] += 1
        if one.algorithm == RAW:
            return
        found, wanted = hash_format(value.strip()), str(HASH_LENGTHS[one.algorithm])
        if found is None:
            self.personal.look(one.column, value, row)
            self.problem("id_format", one.column, f"not {one.algorithm} hashes in hex").add(row)
        elif found != wanted:
            names = " / ".join(name for name, size in HASH_LENGTHS.items() if str(size) == found)
            self.problem("id_other_algorithm", one.column, f"look like {names}, not {one.algorithm}").add(row)
        elif value != value.lower():
            self.problem("id_upper", one.column, "hashes in upper case; they are lower-cased", True).add(row)

    def _row_id(self, row: int, value: str) -> None:
        if value in self.nulls:
            self.problem("row_id_missing", str(self.roles.row_id), "rows without a row id").add(row)
        self.row_ids.append(_digest(value))

    def _label(self, row: int, value: str) -> None:
        if value in self.nulls or value in self.roles.bad_values or value in self.roles.good_values:
            self.labels["" if value in self.nulls else value] += 1
        else:
            known = ", ".join((*self.roles.bad_values, *self.roles.good_values))
            text = f"labels other than {known}"
            self.problem("label_value", str(self.roles.label), text).add(row)

    def _moment(self, row: int, value: str) -> None:
        if value in self.nulls:
            self.problem("time_missing", str(self.roles.observed_at), "rows without an application time").add(row)
            return
        moment = self.moments.read(value)
        if moment is None:
            self.problem("time_format", str(self.roles.observed_at), "not dates or times that can be read").add(row)
        elif moment > self.latest:
            self.problem("time_in_future", str(self.roles.observed_at), "times in the future").add(row)

    def finish(self) -> None:
        for position, name in self.plain:
            self.personal.count(name, self.n_plain[position])
        for finding in self.personal.findings():
            problem = self.problem(
                f"raw_{finding.kind}", finding.column, f"holds {KINDS[finding.kind]}: hash or drop it"
            )
            problem.count, problem.rows = finding.hits, [finding.first_row]
        for one in self.roles.ids:
            if not self.n_ids[one.column]:
                self.problem("id_empty", one.column, "is marked as an id and has no values").count = 1
        present = {name for name, count in self.labels.items() if count}
        for side, values in (("bad", self.roles.bad_values), ("good", self.roles.good_values)):
            if self.roles.label and self.labels and not present & set(values):
                self.problem("label_one_sided", self.roles.label, f"no {side} label is there", True).count = 1


def _digest(value: str) -> int:
    return int.from_bytes(hashlib.blake2b(value.encode(), digest_size=8).digest(), "big")


def check(
    layout: tables.Layout, roles: Roles, today: dt.datetime | None = None, progress: Progress = no_progress
) -> Findings:
    """Read the whole file once (twice if row ids repeat) and list what the platform would refuse or doubt."""
    checker = _Checker(layout, roles, today or dt.datetime.now())  # noqa: DTZ005 - wall clock of the partner
    findings = Findings()
    size = layout.path.stat().st_size
    _names(checker)
    try:
        with tables.opened(layout) as (raw, rows):
            for row, values in rows:
                checker.look(row, values)
                findings.n_rows = row
                if row % _EVERY == 0:
                    progress(raw.tell(), size)
    except tables.Ragged as error:
        text = f"{error.found} values, and {len(layout.names)} names in the first row; reading stopped here"
        checker.problem("ragged", "(row)", text).add(error.row)
    except Failure as error:
        checker.problem(error.code, "(file)", error.message).count = 1
    checker.finish()
    _repeats(checker)
    if not findings.n_rows:
        checker.problem("no_rows", "(file)", "no rows below the names").count = 1
    findings.problems = sorted(checker.problems.values(), key=lambda one: one.warning)
    return findings


def _names(checker: _Checker) -> None:
    for name, count in Counter(checker.layout.names).items():
        if not name:
            checker.problem("name_missing", "(names)", "a column without a name").count = count
        elif count > 1:
            checker.problem("name_twice", name, f"{count} columns of this name").count = count


def _repeats(checker: _Checker) -> None:
    """Where row ids repeat: known from their digests, found by reading the column again."""
    ordered = sorted(checker.row_ids)
    repeated = {one for one, other in zip(ordered, ordered[1:]) if one == other}
    if not repeated:
        return
    seen: set[int] = set()
    position, count = checker.at["row_id"], len(checker.row_ids)
    problem = checker.problem("row_id_twice", str(checker.roles.row_id), "row ids that are there already")
    with tables.opened(checker.layout) as (_raw, rows):
        for row, values in rows:
            digest = _digest(values[position])
            if digest in repeated and digest in seen:
                problem.add(row)
            seen.add(digest) if digest in repeated else None
            if row == count:
                return
