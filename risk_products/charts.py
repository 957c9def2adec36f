"""Figures of a product's day as Plotly dicts."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from risk_products.selectors.figures import Day


def calls_chart(day: Day, hours: int) -> dict[str, Any]:
    """Bars: calls in each hour that has begun."""
    bars = {
        "type": "bar",
        "x": [f"{hour:02d}:00" for hour in range(hours)],
        "y": list(day.calls_by_hour[:hours]),
        "marker": {"color": "var(--bar)"},
        "name": _("Calls"),
    }
    return {"data": [bars], "layout": _layout(_("calls an hour"))}


def latency_chart(day: Day, hours: int) -> dict[str, Any]:
    """Line: 99th percentile of each hour with calls."""
    line = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": [f"{hour:02d}:00" for hour in range(hours)],
        "y": list(day.p99_by_hour[:hours]),
        "line": {"color": "var(--valid)", "width": 1.75},
        "name": _("p99"),
        "connectgaps": False,
    }
    return {"data": [line], "layout": _layout(_("ms"))}


def hour_table(day: Day, hours: int) -> dict[str, Any]:
    """The same as numbers: for the table behind both charts."""
    rows = [[f"{hour:02d}:00", day.calls_by_hour[hour], _milliseconds(day.p99_by_hour[hour])] for hour in range(hours)]
    return {"head": [_("Hour"), _("Calls"), _("p99, ms")], "rows": rows}


def _milliseconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _layout(unit: str) -> dict[str, Any]:
    return {
        "xaxis": {"type": "category", "nticks": 7, "tickangle": 0},
        "yaxis": {"title": {"text": unit}, "rangemode": "tozero"},
        "showlegend": False,
    }
