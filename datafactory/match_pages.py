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


def freshness_chart(sources: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Median age of the newest row used, by month of application, one line a source."""
    lines = [
        parts.line(
            [row["month"] for row in source["freshness_months"]],
            [row["p50"] for row in source["freshness_months"]],
            name=source["slug"],
            colour=charts.COLOURWAY[index % len(charts.COLOURWAY)],
        )
        | {"mode": "lines+markers", "connectgaps": False}
        for index, source in enumerate(sources)
        if any(row["p50"] is not None for row in source.get("freshness_months", []))
    ]
    if not lines:
        return None
    return parts.figure(lines, x=parts.axis("") | {"type": "category"}, y=parts.axis(_("days"), from_zero=True))


def freshness_table(sources: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    with_months = [source for source in sources if source.get("freshness_months")]
    months = [row["month"] for row in with_months[0]["freshness_months"]] if with_months else []
    ages = [[row["p50"] for row in source["freshness_months"]] for source in with_months]
    rows = [
        [month, *(HIDDEN if age is None else figure(age) for age in line)]
        for month, *line in zip(months, *ages, strict=True)
    ]
    return {"head": [_("Month"), *(source["slug"] for source in with_months)], "rows": rows}


def features_chart(rows: Sequence[Mapping[str, Any]], most: int = 30) -> dict[str, Any] | None:
    """Share of applications with a value, the best filled on top."""
    shown = sorted((row for row in rows if not row["hidden"]), key=lambda row: -row["share"])[:most]
    if not shown:
        return None
    shown.reverse()
    names = [f"{row['source']}: {row['name']}" for row in shown]
    bars = parts.bars([row["share"] for row in shown], names, name=_("Filled"), colour="var(--bar)")
    bars |= {"orientation": "h"}
    drawn = parts.figure(
        [bars], x=parts.axis(_("share of applications"), share=True, range_=(0.0, 1.0)), y=parts.axis("")
    )
    drawn["layout"]["yaxis"] |= {"type": "category", "automargin": True}
    return drawn


def features_table(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    head = [_("Field"), _("Source"), _("Filled"), _("Filled, %"), _("Bad rate where filled, %")]
    lines = [
        [
            row["name"],
            row["source"],
            HIDDEN if row["hidden"] else figure(row["n_filled"]),
            HIDDEN if row["hidden"] else pct(row["share"]),
            HIDDEN if row["bad_filled"] is None else pct(row["bad_filled"], 2),
            HIDDEN if row["bad_empty"] is None else pct(row["bad_empty"], 2),
        ]
        for row in rows
    ]
    return {"head": [*head, _("where empty, %")], "rows": lines}


def psi_chart(rows: Sequence[Mapping[str, Any]], most: int = 30) -> dict[str, Any] | None:
    """Stability index of the partner's columns, the largest on top, with the limits that practice reads it by."""
    shown = list(reversed(rows[:most]))
    if not shown:
        return None
    names = [str(row["title"]) for row in shown]
    bars = parts.bars([row["psi"] for row in shown], names, name="PSI", colour="var(--bar)") | {"orientation": "h"}
    limits = [
        {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": at, "x1": at}
        | {"line": {"color": f"var(--{colour})", "width": 1, "dash": "dot"}}
        for at, colour in charts.PSI_LIMITS
    ]
    drawn = parts.figure([bars], x=parts.axis("PSI", from_zero=True), y=parts.axis(""), shapes=limits)
    drawn["layout"]["yaxis"] |= {"type": "category", "automargin": True}
    return drawn


def psi_table(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    said = {"same": _("alike"), "some": _("differs"), "different": _("differs strongly")}
    lines = [
        [
            row["title"],
            figure(row["psi"], 3),
            figure(row.get("by_chance"), 3),
            said.get(row.get("state", ""), ""),
        ]
        for row in rows
    ]
    return {"head": [_("The partner's column"), "PSI", _("by chance up to"), _("Verdict")], "rows": lines}


def figures_of(report: Mapping[str, Any] | None) -> dict[str, Any]:
    """Charts of a match report, each with its table; a chart that has nothing to show is None."""
    if report is None:
        return {}
    sources, features, psi = report["sources"], report.get("features", []), report["population"]["psi"]
    return {
        "months_figure": months_chart(report["months"]) if report["months"] else None,
        "months_table": months_table(report["months"]),
        "freshness_figure": freshness_chart(sources),
        "freshness_table": freshness_table(sources),
        "features_figure": features_chart(features),
        "features_table": features_table(features),
        "psi_figure": psi_chart(psi),
        "psi_table": psi_table(psi),
    }


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
