"""A small line chart as SVG, for figures that the documentation shows."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 640, 360, 64, 48, 44, 150
COLOURS = ("#1f5fbf", "#b4541a", "#3d7f43", "#7a4fa3")
Points = list[tuple[float, float]]


def lines(title: str, x_title: str, y_title: str, series: dict[str, Points], path: Path) -> None:
    """One line for each of at most four series of points, axes from zero."""
    largest_x = max(x for points in series.values() for x, _ in points)
    largest_y = max(y for points in series.values() for _, y in points) * 1.05

    def place(x: float, y: float) -> tuple[float, float]:
        across, up = (WIDTH - LEFT - RIGHT) * x / largest_x, (HEIGHT - TOP - BOTTOM) * y / largest_y
        return round(LEFT + across, 1), round(HEIGHT - BOTTOM - up, 1)

    parts = [_text(LEFT, 22, title, "bold"), _text(LEFT, HEIGHT - 10, x_title), _text(LEFT, 38, y_title)]
    parts += _axis(
        [place(largest_x * n / 5, 0) for n in range(6)], [largest_x * n / 5 for n in range(6)], 0, 18, "middle"
    )
    parts += _axis([place(0, largest_y * n / 5) for n in range(6)], [largest_y * n / 5 for n in range(6)], -8, 4, "end")
    for colour, (name, points) in zip(COLOURS, series.items(), strict=False):
        places = [place(x, y) for x, y in sorted(points)]
        path_points = " ".join(f"{x},{y}" for x, y in places)
        parts.append(f'<polyline points="{path_points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in places]
        parts.append(_text(places[-1][0] + 8, places[-1][1] + 4, name, colour=colour))
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {box}>'
    path.write_text("\n".join([head, '<rect width="100%" height="100%" fill="#fff"/>', *parts, "</svg>"]) + "\n")


def _axis(places: list[tuple[float, float]], values: list[float], dx: int, dy: int, anchor: str) -> list[str]:
    labels = [
        _text(x + dx, y + dy, f"{value:.3g}", anchor=anchor) for (x, y), value in zip(places, values, strict=True)
    ]
    (x1, y1), (x2, y2) = places[0], places[-1]
    return [f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="#888"/>', *labels]


def _text(x: float, y: float, text: str, weight: str = "normal", anchor: str = "start", colour: str = "#222") -> str:
    return f'<text x="{x}" y="{y}" font-weight="{weight}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'
