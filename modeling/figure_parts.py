"""Lines, bars, axes and layout that every figure of :mod:`modeling.charts` is put together from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Figure = dict[str, Any]
Trace = dict[str, Any]


def known(by_name: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    return ((name, rows) for name, rows in by_name.items() if rows)


def column(points: Sequence[Sequence[float]], at: int) -> list[float]:
    return [point[at] for point in points]


def columns(points: Sequence[Sequence[float]], x: int, y: int) -> tuple[list[float], list[float]]:
    return column(points, x), column(points, y)


def line(x: list[Any], y: list[Any], *, name: str, colour: str, dash: str = "solid") -> Trace:
    line = {"color": f"var(--{colour})", "width": 1.75, "dash": dash}
    return {"type": "scatter", "mode": "lines", "x": x, "y": y, "name": name, "line": line}


def points(x: list[Any], y: list[Any], *, name: str, colour: str) -> Trace:
    marker = {"size": 7, "color": f"var(--{colour})", "symbol": "line-ew-open", "line": {"width": 2}}
    return {"type": "scatter", "mode": "markers", "x": x, "y": y, "name": name, "marker": marker}


def bars(x: list[Any], y: list[Any], *, name: str, colour: str | list[str]) -> Trace:
    return {"type": "bar", "x": x, "y": y, "name": name, "marker": {"color": colour}}


def diagonal(top: float = 1.0) -> Trace:
    line = {"color": "var(--line-strong)", "width": 1, "dash": "dot"}
    ends = [0, top]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": ends,
        "y": ends,
        "line": line,
        "hoverinfo": "skip",
        "showlegend": False,
    }


def level(y: float, colour: str) -> dict[str, Any]:
    """A horizontal line across the whole figure."""
    line = {"color": f"var(--{colour})", "width": 1, "dash": "dot"}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": y, "y1": y, "line": line}


def whiskers(rows: Sequence[Mapping[str, Any]], value: str, low: str, high: str, colour: str) -> dict[str, Any]:
    known = [row[value] is not None and row[low] is not None and row[high] is not None for row in rows]
    return {
        "type": "data",
        "symmetric": False,
        "array": [row[high] - row[value] if is_known else 0 for row, is_known in zip(rows, known, strict=True)],
        "arrayminus": [row[value] - row[low] if is_known else 0 for row, is_known in zip(rows, known, strict=True)],
        "color": colour,
        "thickness": 1.25,
        "width": 3,
    }


def axis(
    title: str, *, share: bool = False, from_zero: bool = False, range_: tuple[float, float] | None = None
) -> dict[str, Any]:
    axis: dict[str, Any] = {"title": {"text": title}} if title else {}
    if share:
        axis["tickformat"] = ".0%"
        axis["hoverformat"] = ".2%"
    if from_zero:
        axis["rangemode"] = "tozero"
    if range_ is not None:
        axis["range"] = list(range_)
    return axis


def figure(
    traces: list[Trace], *, x: dict[str, Any], y: dict[str, Any], shapes: Sequence[dict[str, Any]] = ()
) -> Figure:
    layout: dict[str, Any] = {
        "margin": {"l": 44, "r": 12, "t": 8, "b": 36},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "showlegend": sum(trace.get("showlegend", True) for trace in traces) > 1,
        "xaxis": x,
        "yaxis": y,
    }
    if shapes:
        layout["shapes"] = list(shapes)
    return {"data": traces, "layout": layout}


def number(value: float) -> str:
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.4g}"
