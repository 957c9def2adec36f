"""What the pages show of imports: charts and tables out of stored reports."""

from typing import Any

from django.utils.translation import gettext as _

Report = dict[str, Any]


def months_figure(report: Report) -> dict[str, Any] | None:
    """Applications and bad rate by month, immature ones paler; None without times or when all months are too small."""
    months = report.get("maturity", {}).get("months") or []
    if not any(row["n"] is not None for row in months):
        return None
    names = [row["month"] for row in months]
    bars = {
        "type": "bar",
        "name": _("Applications"),
        "x": names,
        "y": [row["n"] for row in months],
        "marker": {"color": "var(--bar)", "opacity": [0.35 if row["mature"] is False else 1 for row in months]},
    }
    rates = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": _("Bad rate"),
        "x": names,
        "y": [row.get("bad_rate") for row in months],
        "yaxis": "y2",
        "connectgaps": False,
        "line": {"color": "var(--oot)", "width": 2},
        "marker": {"color": "var(--oot)", "size": 6},
    }
    has_label = any("bad_rate" in row for row in months)
    layout = {
        "xaxis": {"type": "category"},
        "yaxis": {"title": {"text": _("applications")}, "rangemode": "tozero"},
        "yaxis2": {
            "title": {"text": _("bad rate")},
            "overlaying": "y",
            "side": "right",
            "rangemode": "tozero",
            "tickformat": ".0%",
            "showgrid": False,
        },
        "legend": {"orientation": "h"},
    }
    return {"data": [bars, rates] if has_label else [bars], "layout": layout}


def months_table(report: Report) -> dict[str, Any]:
    """The chart's rows; a hidden cell says that few people stand behind it."""
    hidden = _("< floor")

    def shown(value: float | None, pattern: str) -> str:
        return hidden if value is None else format(value, pattern)

    mature = {True: _("yes"), False: _("no"), None: _("unknown")}
    rows = [
        [
            row["month"],
            shown(row["n"], ",d"),
            shown(row.get("n_bad"), ",d") if "n_bad" in row else "–",
            shown(row["bad_rate"] * 100 if row.get("bad_rate") is not None else None, ".1f") if "n_bad" in row else "–",
            mature[row["mature"]],
        ]
        for row in report.get("maturity", {}).get("months", [])
    ]
    return {"head": [_("Month"), _("Applications"), _("Bad"), _("Bad rate, %"), _("Mature")], "rows": rows}


def checks(report: Report) -> list[dict[str, Any]]:
    """Warnings before what passed."""
    return sorted(report.get("checks", []), key=lambda line: line["state"] == "passed")
