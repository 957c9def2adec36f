"""The match report as text, for who has no browser at hand."""

from __future__ import annotations

from typing import Any

from etron_partner.failures import SAYS_NO, Failure
from etron_partner.site import Site

HIDDEN = "…"


def fetch(site: Site, project: str, number: int | None) -> Any:
    """A match of the project, the newest ready one by default."""
    if number is None:
        rows = site.call("GET", f"projects/{project}/matches")["results"]
        ready = [row["number"] for row in rows if row["state"] == "ready"]
        if not ready:
            raise Failure("no_match", "The project has no match that is ready.", SAYS_NO)
        number = max(ready)
    return site.call("GET", f"projects/{project}/matches/{number}")


def text(match: dict[str, Any]) -> str:
    """Figures that the report shows; what it hides shows as three dots."""
    report = match.get("report") or {}
    lines = [f"Match {match['number']} {match['name']}: {match['state']}"]
    if match.get("error"):
        lines.append(f"  {match['error'].get('message') or match['error'].get('code')}")
    if not report:
        return "\n".join(lines)
    lines += [
        f"  rows {_count(report.get('n_rows'))}, people {_count(report.get('n_ids'))}",
        f"  matched rows {_count(report.get('n_matched_rows'))}, match rate {_share(report.get('match_rate'))}",
    ]
    tables = (("months", "month"), ("labels", "label"), ("by_id_type", "id_type"), ("sources", "slug"))
    for name, key in tables:
        lines += _table(name.replace("_", " "), report.get(name), key)
    verdict = (report.get("population") or {}).get("verdict")
    if verdict:
        lines.append(f"  matched and unmatched as populations: {verdict}")
    lines += [f"  mark: {mark}" for mark in report.get("marks") or []]
    return "\n".join(lines)


def _table(title: str, rows: Any, key: str) -> list[str]:
    found = [row for row in rows or [] if isinstance(row, dict) and key in row]
    lines = [f"    {row[key]!s:<24}{_rows(row)}  match rate {_share(row.get('match_rate')):>7}" for row in found]
    return [f"  {title}", *lines] if lines else []


def _rows(row: dict[str, Any]) -> str:
    return f"rows {_count(row['n_rows']):>12}" if "n_rows" in row else f"matched {_count(row.get('n_matched')):>9}"


def _count(value: Any) -> str:
    return HIDDEN if value is None else f"{value:,}"


def _share(value: Any) -> str:
    return HIDDEN if value is None else f"{100 * value:.1f}%"
