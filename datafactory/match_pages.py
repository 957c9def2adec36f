"""What the pages of matches and feature tables show: figures and the tables behind them."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from modeling import charts
from modeling import figure_parts as parts
from projects.templatetags.figures import figure, pct

HIDDEN = "…"


def months_chart(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Applications as bars and the match rate as a line; a hidden month leaves a gap."""
    months = [row["month"] for row in rows]
    bars = parts.bars(months, [row["n_rows"] for row in rows], name=_("Applications"), colour="var(--bar)")
    line = parts.line(months, [row["match_rate"] for row in rows], name=_("Match rate"), colour="joint")
    line |= {"mode": "lines+markers", "yaxis": "y2", "connectgaps": False}
    drawn = parts.figure(
        [bars, line], x=parts.axis("") | {"type": "category"}, y=parts.axis(_("applications"), from_zero=True)
    )
    beside = {"overlaying": "y", "side": "right", "showgrid": False, "range": [0, 1.05]}
    drawn["layout"]["yaxis2"] = parts.axis(_("match rate"), share=True) | beside
    return drawn


def months_table(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    head = [_("Month"), _("Applications"), _("People"), _("Matched"), _("Match rate, %")]
    lines = [
        [row["month"], figure(row["n_rows"]), figure(row["n_ids"]), _shown(row, "n_matched"), _rate(row)]
        for row in rows
    ]
    return {"head": head, "rows": lines}


def _shown(row: Mapping[str, Any], key: str) -> str:
    return HIDDEN if row[key] is None else figure(row[key])


def _rate(row: Mapping[str, Any]) -> str:
    return HIDDEN if row["match_rate"] is None else pct(row["match_rate"])


def histogram_table(cells: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    rows = [[_cell(cell), HIDDEN if cell["share"] is None else pct(cell["share"], 2)] for cell in cells]
    return {"head": [_("Value"), _("Share of rows, %")], "rows": rows}


def _cell(cell: Mapping[str, Any]) -> str:
    if "missing" in cell:
        return _("missing")
    if "other" in cell:
        return _("other levels")
    if "special" in cell:
        return parts.number(cell["special"])
    if "level" in cell:
        return HIDDEN if cell["level"] is None else str(cell["level"])
    low, high = parts.number(cell["from"]), parts.number(cell["to"])
    return low if low == high else f"{low} – {high}"


def feature_months_table(line: Mapping[str, Any], months: Sequence[str]) -> dict[str, Any]:
    rows = [
        [month, HIDDEN if missing is None else pct(missing, 2), figure(psi, 3)]
        for month, missing, psi in zip(months, line["missing_by_month"], line["psi"], strict=True)
    ]
    return {"head": [_("Month"), _("Missing, %"), "PSI"], "rows": rows}


def feature_figures(line: Mapping[str, Any], months: Sequence[str]) -> dict[str, Any]:
    """The two charts of one feature with their tables; without months only the first."""
    result: dict[str, Any] = {
        "histogram": charts.feature_histogram(line, say=_),
        "histogram_table": histogram_table(line["histogram"]),
        "by_month": None,
        "quantiles": [(name, parts.number(value)) for name, value in line["quantiles"].items()],
        "mean": None if line["mean"] is None else parts.number(line["mean"]),
    }
    if any(value is not None for value in line["psi"]):
        result["by_month"] = charts.feature_by_month(line, months, say=_)
        result["by_month_table"] = feature_months_table(line, months)
    return result
