"""Numbers to Plotly figures, as plain dicts. Nothing is computed here but where a mark is put.

Colours are names of the page's design tokens: ``var(--oot)``, or ``var(--oot, 0.2)`` at that opacity; the page resolves
them for light and dark and adds fonts, grid and ground. Figures are written as dicts, not built through ``plotly``:
its first figure costs a web process 0.7 s and 27 MB, and the tests hold every figure against its schema.
``say`` translates the words of a figure; all of them are in :data:`WORDS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from modeling import figure_parts as parts
from modeling.figure_parts import Figure, Trace

Say = Callable[[str], str]

SPLIT_NAMES = {"train": "Train", "valid": "Valid", "test": "Test", "oof": "Out of fold", "oot": "OOT"}
SPLIT_COLOURS = {"train": "train", "valid": "valid", "test": "oot", "oof": "oot", "oot": "oot"}
SET_NAMES = {"partner": "Partner only", "platform": "Platform only", "joint": "Joint"}
COLOURWAY = ("oot", "partner", "platform", "valid", "train", "warn-mark", "good-mark", "bad-mark")
PSI_LIMITS = ((0.1, "warn-mark"), (0.25, "bad-mark"))
WORDS = (
    *SPLIT_NAMES.values(),
    *SET_NAMES.values(),
    "share of goods refused",
    "share of bads refused",
    "difference to train",
    "Bads, cumulative",
    "Goods, cumulative",
    "score",
    "share of applicants refused",
    "lift",
    "bad rate",
    "Bad rate",
    "Expected",
    "mean PD",
    "Goods",
    "Bads",
    "share of rows",
    "Share of rows",
    "WOE",
    "PSI",
    "AUC",
    "KS",
    "By chance",
    "Missing",
    "missing",
    "other",
    "importance",
    "Above zero",
    "Below zero",
)


def _same(word: str) -> str:
    return word


def roc(result: Mapping[str, Any], *, difference: bool = False, say: Say = _same) -> Figure:
    """ROC of every split with the diagonal; or, as close curves say little, each one's difference to train."""
    if difference and result["roc"].get("train"):
        return _roc_difference(result, say)
    traces = [
        parts.line(*parts.columns(points, 0, 1), **_split(name, say)) for name, points in parts.known(result["roc"])
    ]
    return parts.figure(
        [parts.diagonal(), *traces],
        x=parts.axis(say("share of goods refused"), share=True, range_=(0, 1)),
        y=parts.axis(say("share of bads refused"), share=True, range_=(0, 1)),
    )


def roc_of_models(curves: Mapping[str, Sequence[Sequence[float]] | None], *, say: Say = _same) -> Figure:
    """ROC of several models on the same split, by name."""
    traces = [
        parts.line(*parts.columns(points, 0, 1), name=name, colour=COLOURWAY[at % len(COLOURWAY)])
        for at, (name, points) in enumerate(parts.known(curves))
    ]
    return parts.figure(
        [parts.diagonal(), *traces],
        x=parts.axis(say("share of goods refused"), share=True, range_=(0, 1)),
        y=parts.axis(say("share of bads refused"), share=True, range_=(0, 1)),
    )


def ks(result: Mapping[str, Any], split: str | None = None, *, say: Say = _same) -> Figure:
    """Cumulative goods and bads over the score on one split (the one that judges), with the KS point marked."""
    name = split or result["judged_on"]
    points, figures = result["ks_curve"].get(name) or [], result["splits"].get(name, {})
    score, bads, goods = (parts.column(points, at) for at in range(3))
    traces = [
        parts.line(score, bads, name=say("Bads, cumulative"), colour="bad-mark"),
        parts.line(score, goods, name=say("Goods, cumulative"), colour="good-mark"),
    ]
    if points and figures["ks"]["value"] is not None:
        traces.append(_ks_mark(points, figures["ks"]["value"], say))
    return parts.figure(traces, x=parts.axis(say("score")), y=parts.axis("", share=True, range_=(0, 1)))


def gain(result: Mapping[str, Any], *, say: Say = _same) -> Figure:
    """Share of bads among the riskiest share of applicants, every split."""
    traces = [
        parts.line(*parts.columns(points, 0, 1), **_split(name, say)) for name, points in parts.known(result["gain"])
    ]
    return parts.figure(
        [parts.diagonal(), *traces],
        x=parts.axis(say("share of applicants refused"), share=True, range_=(0, 1)),
        y=parts.axis(say("share of bads refused"), share=True, range_=(0, 1)),
    )


def lift(result: Mapping[str, Any], *, say: Say = _same) -> Figure:
    """How many times the average bad rate the riskiest share of applicants has, every split."""
    traces = [
        parts.line(*parts.columns(points[1:], 0, 2), **_split(name, say))
        for name, points in parts.known(result["gain"])
    ]
    return parts.figure(
        traces,
        x=parts.axis(say("share of applicants refused"), share=True, range_=(0, 1)),
        y=parts.axis(say("lift"), from_zero=True),
        shapes=[parts.level(1, "line-strong")],
    )


def deciles(result: Mapping[str, Any], split: str | None = None, *, say: Say = _same) -> Figure:
    """Bad rate by bin of the gains table as bars, the expected rate as points."""
    rows = result["deciles"].get(split or result["judged_on"], [])
    labels = [f"{row['bin']}: {parts.number(row['score_low'])}–{parts.number(row['score_high'])}" for row in rows]
    colours = ["var(--warn-mark)" if row["rank_break"] else "var(--bar)" for row in rows]
    bars = parts.bars(labels, [row["bad_rate"] for row in rows], name=say("Bad rate"), colour=colours)
    expected = parts.points(labels, [row["avg_pd"] for row in rows], name=say("Expected"), colour="text-2")
    return parts.figure(
        [bars, expected],
        x=parts.axis(say("score")) | {"type": "category"},
        y=parts.axis(say("bad rate"), share=True, from_zero=True),
    )


def calibration(result: Mapping[str, Any], *, say: Say = _same) -> Figure:
    """Bad rate against mean PD in groups of alike PD; whiskers are 95 % intervals on the split that judges."""
    traces = []
    for name, rows in parts.known(result["calibration"]):
        trace = parts.line([row["avg_pd"] for row in rows], [row["bad_rate"] for row in rows], **_split(name, say))
        trace |= {"mode": "lines+markers", "marker": {"size": 6, "color": trace["line"]["color"]}}
        if name == result["judged_on"]:
            trace["error_y"] = parts.whiskers(rows, "bad_rate", "low", "high", trace["line"]["color"])
        traces.append(trace)
    top = max(
        (max(row["avg_pd"], row["bad_rate"]) for _, rows in parts.known(result["calibration"]) for row in rows),
        default=1,
    )
    return parts.figure(
        [parts.diagonal(top), *traces],
        x=parts.axis(say("mean PD"), share=True, from_zero=True),
        y=parts.axis(say("bad rate"), share=True, from_zero=True),
    )


def psi_by_month(result: Mapping[str, Any], *, say: Say = _same) -> Figure:
    """Score PSI of each month against train, with the usual limits and what chance alone would pass."""
    rows = [row for row in result["months"] if not row["hidden"]]
    months = [row["month"] for row in rows]
    bars = parts.bars(
        months, [row["psi"] for row in rows], name=say("PSI"), colour=[_psi_colour(row["psi"]) for row in rows]
    )
    noise = parts.line(months, [row["noise"] for row in rows], name=say("By chance"), colour="text-3", dash="dot")
    return parts.figure(
        [bars, noise],
        x=parts.axis("") | {"type": "category"},
        y=parts.axis(say("PSI"), from_zero=True),
        shapes=[parts.level(limit, colour) for limit, colour in PSI_LIMITS],
    )


def figures_by_month(result: Mapping[str, Any], *, say: Say = _same) -> Figure:
    """AUC and KS of each month's rows that did not teach the model; silent months leave a gap."""
    months = [row["month"] for row in result["months"]]
    traces = [
        parts.line(months, [row[key] for row in result["months"]], name=say(name), colour=colour)
        | {"mode": "lines+markers", "connectgaps": False}
        for key, name, colour in (("auc", "AUC", "oot"), ("ks", "KS", "valid"))
    ]
    return parts.figure(traces, x=parts.axis("") | {"type": "category"}, y=parts.axis("", range_=(0, 1)))


def histogram(result: Mapping[str, Any], split: str | None = None, *, say: Say = _same) -> Figure:
    """Where goods and bads lie on the score, each as shares of their own; merged steps are as wide as they are."""
    rows = result["score_hist"].get(split or result["judged_on"], [])
    middle = [(row["low"] + row["high"]) / 2 for row in rows]
    width = [row["high"] - row["low"] for row in rows]
    traces = [
        parts.bars(middle, [row[key] for row in rows], name=say(name), colour=f"var(--{colour}, 0.55)")
        | {"width": width}
        for key, name, colour in (("good_share", "Goods", "good-mark"), ("bad_share", "Bads", "bad-mark"))
    ]
    figure = parts.figure(traces, x=parts.axis(say("score")), y=parts.axis("", share=True, from_zero=True))
    figure["layout"] |= {"barmode": "overlay", "bargap": 0}
    return figure


def bins_chart(bins: Mapping[str, Any], *, say: Say = _same) -> Figure:
    """Bins of one variable: share of rows as bars, bad rate as a line, WOE behind a click on its name.

    ``bins`` is the JSON form of :class:`modeling.woe.Bins`. Bins that hold nobody have no rate and are left out.
    """
    rows = [row for row in bins["rows"] if row["share"] != 0]
    labels = [row["label"] for row in rows]
    share = parts.bars(labels, [row["share"] for row in rows], name=say("Share of rows"), colour="var(--bar)")
    rate = parts.line(labels, [row["bad_rate"] for row in rows], name=say("Bad rate"), colour="bad-mark")
    woe = parts.line(labels, [row["woe"] for row in rows], name=say("WOE"), colour="text-2", dash="dot")
    rate |= {"mode": "lines+markers", "yaxis": "y2"}
    woe |= {"mode": "lines+markers", "yaxis": "y3", "visible": "legendonly"}
    figure = parts.figure(
        [share, rate, woe],
        x=parts.axis("") | {"type": "category"},
        y=parts.axis(say("share of rows"), share=True, from_zero=True),
    )
    beside = {"overlaying": "y", "side": "right", "showgrid": False}
    figure["layout"]["yaxis2"] = parts.axis(say("bad rate"), share=True, from_zero=True) | beside
    reach = 1.1 * max((abs(row["woe"] or 0.0) for row in rows), default=1.0)
    figure["layout"]["yaxis3"] = parts.axis("", range_=(-reach, reach)) | beside | {"showticklabels": False}
    return figure


def value_of_data(figures: Mapping[str, Any], figure: str = "ks", *, say: Say = _same) -> Figure:
    """One bar with its interval for each model of a comparison; partner, platform and joint in their own colours."""
    names = list(figures["models"])[::-1]  # plotly puts the first at the bottom
    rows = [figures["models"][name][figure] for name in names]
    colours = [
        f"var(--{name if name in SET_NAMES else COLOURWAY[at % len(COLOURWAY)]})" for at, name in enumerate(names)
    ]
    title = {"ks": "KS", "auc": "AUC"}.get(figure, figure)
    bars = {
        "type": "bar",
        "orientation": "h",
        "y": [say(SET_NAMES.get(name, name)) for name in names],
        "x": [row["value"] for row in rows],
        "name": say(title),
        "marker": {"color": colours},
        "error_x": parts.whiskers(rows, "value", "low", "high", "var(--text-2)"),
    }
    drawn = parts.figure([bars], x=parts.axis(say(title), from_zero=True), y={"type": "category", "automargin": True})
    drawn["layout"] |= {"showlegend": False, "hovermode": "closest"}
    return drawn


def importance(rows: Sequence[Mapping[str, Any]], top: int = 20, *, say: Say = _same) -> Figure:
    """Shares of importance of the ``top`` variables, the largest at the top."""
    ordered = sorted((row for row in rows if row.get("importance")), key=lambda row: -row["importance"])[:top][::-1]
    bars = {
        "type": "bar",
        "orientation": "h",
        "y": [row["variable"] for row in ordered],
        "x": [row["importance"] for row in ordered],
        "name": say("importance"),
        "marker": {"color": "var(--bar)"},
    }
    drawn = parts.figure(
        [bars],
        x=parts.axis(say("importance"), share=True, from_zero=True),
        y={"type": "category", "automargin": True},
    )
    drawn["layout"] |= {"showlegend": False, "hovermode": "closest"}
    return drawn


def contributions(rows: Sequence[tuple[str, float]], *, say: Say = _same) -> Figure:
    """One score's contributions by variable, the largest at the top; above zero is towards bad."""
    ordered = sorted(rows, key=lambda row: abs(row[1]))
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "y": [name for name, part in ordered if (part > 0) == towards_bad],
            "x": [part for _, part in ordered if (part > 0) == towards_bad],
            "name": say(title),
            "marker": {"color": f"var(--{colour})"},
        }
        for towards_bad, title, colour in ((True, "Above zero", "bad-mark"), (False, "Below zero", "good-mark"))
    ]
    order = {"type": "category", "automargin": True, "categoryarray": [name for name, _ in ordered]}
    return parts.figure(traces, x=parts.axis(""), y=order | {"categoryorder": "array"})


def feature_histogram(feature: Mapping[str, Any], *, say: Say = _same) -> Figure:
    """Share of rows by cell of a feature's profile; special codes and missing stand last, hidden cells are gaps."""
    cells = feature["histogram"]
    labels = [_cell_label(cell, say) for cell in cells]
    apart = {"special": "var(--warn-mark)", "missing": "var(--stale-mark)"}
    colours = [next((c for key, c in apart.items() if key in cell), "var(--bar)") for cell in cells]
    bars = parts.bars(labels, [cell["share"] for cell in cells], name=say("Share of rows"), colour=colours)
    figure = parts.figure(
        [bars], x=parts.axis("") | {"type": "category"}, y=parts.axis(say("share of rows"), share=True, from_zero=True)
    )
    figure["layout"] |= {"showlegend": False, "bargap": 0.06}
    return figure


def feature_by_month(feature: Mapping[str, Any], months: Sequence[str], *, say: Say = _same) -> Figure:
    """A feature's missing share as bars and its PSI against the first months as a line."""
    bars = parts.bars(list(months), list(feature["missing_by_month"]), name=say("Missing"), colour="var(--bar)")
    line = parts.line(list(months), list(feature["psi"]), name=say("PSI"), colour="oot")
    line |= {"mode": "lines+markers", "yaxis": "y2", "connectgaps": False}
    figure = parts.figure(
        [bars, line], x=parts.axis("") | {"type": "category"}, y=parts.axis(say("missing"), share=True, from_zero=True)
    )
    beside = {"overlaying": "y", "side": "right", "showgrid": False}
    figure["layout"]["yaxis2"] = parts.axis(say("PSI"), from_zero=True) | beside
    return figure


def _roc_difference(result: Mapping[str, Any], say: Say) -> Figure:
    grid = np.linspace(0, 1, 101)
    heights = {name: np.interp(grid, *parts.columns(points, 0, 1)) for name, points in parts.known(result["roc"])}
    train = heights.pop("train")
    traces = [parts.line(grid.tolist(), (y - train).tolist(), **_split(name, say)) for name, y in heights.items()]
    return parts.figure(
        traces,
        x=parts.axis(say("share of goods refused"), share=True, range_=(0, 1)),
        y=parts.axis(say("difference to train"), share=True),
        shapes=[parts.level(0, "train")],
    )


def _ks_mark(points: Sequence[Sequence[float]], value: float, say: Say) -> Trace:
    score, bads, goods = max(points, key=lambda point: abs(point[1] - point[2]))
    return {
        "type": "scatter",
        "mode": "lines+markers+text",
        "x": [score, score],
        "y": [bads, goods],
        "text": [f"{say('KS')} {value:.3f} · {parts.number(score)}", ""],
        "textposition": "top left",
        "line": {"color": "var(--text-2)", "width": 1.25, "dash": "dot"},
        "marker": {"size": 6, "color": "var(--surface)", "line": {"color": "var(--text-2)", "width": 1.25}},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _split(name: str, say: Say) -> dict[str, Any]:
    """Name and look of a split's line; a test by chance is dashed, so that it stands beside a test by time."""
    dash = "dash" if name == "test" else "solid"
    return {"name": say(SPLIT_NAMES.get(name, name)), "colour": SPLIT_COLOURS.get(name, "text-2"), "dash": dash}


def _psi_colour(value: float) -> str:
    passed = [colour for limit, colour in PSI_LIMITS if value > limit]
    return f"var(--{passed[-1] if passed else 'bar'})"


def _cell_label(cell: Mapping[str, Any], say: Say) -> str:
    if "missing" in cell:
        return say("missing")
    if "special" in cell:
        return parts.number(cell["special"])
    if "level" in cell:
        return "…" if cell["level"] is None else str(cell["level"])
    if "other" in cell:
        return f"{say('other')} ({cell['other']})"
    low, high = parts.number(cell["from"]), parts.number(cell["to"])
    return low if low == high else f"{low}–{high}"
