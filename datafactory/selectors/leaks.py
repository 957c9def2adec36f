"""Reads of leak scans: which findings stand, and which columns training leaves out unless told otherwise."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from datafactory.models import FeatureTable, LeakScan

DISMISSED, EXCLUDED = "dismissed", "excluded"
WHOLE_TABLE = ("matched", "row_id")  # findings about the table itself: whatever is trained on it is concerned


@dataclass(frozen=True)
class LeakLine:
    """What the scan says of one column, and what was decided: ``act`` is "", "dismissed" or "excluded"."""

    column: str
    findings: list[dict[str, Any]]
    decision: dict[str, Any]

    @property
    def act(self) -> str:
        return str(self.decision.get("act", ""))

    @property
    def is_feature(self) -> bool:
        return self.column not in WHOLE_TABLE


def scan_of(table: FeatureTable) -> LeakScan | None:
    return LeakScan.objects.select_related("job").filter(feature_table=table).first()


def lines_of(scan: LeakScan | None) -> list[LeakLine]:
    """One line a suspected column, undecided ones first."""
    by_column: dict[str, list[dict[str, Any]]] = {}
    for finding in scan.result.get("findings", []) if scan else []:
        by_column.setdefault(finding["column"], []).append(finding)
    decisions = scan.decisions if scan else {}
    lines = [LeakLine(column, found, decisions.get(column, {})) for column, found in by_column.items()]
    return sorted(lines, key=lambda line: (line.act != "", line.column))


def suspected(table: FeatureTable, used: Iterable[str]) -> list[str]:
    """Of the columns in ``used``, and of what concerns the whole table: what is suspected and not dismissed."""
    known = {*used, *WHOLE_TABLE}
    return [line.column for line in lines_of(scan_of(table)) if line.act != DISMISSED and line.column in known]


def excluded(table: FeatureTable) -> list[str]:
    """Columns that training leaves out unless its recipe names them."""
    return [line.column for line in lines_of(scan_of(table)) if line.act == EXCLUDED]
