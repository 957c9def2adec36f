"""What the pages show of a sample's design: its waterfall, and what good and bad mean."""

from typing import Any

from django.utils.translation import gettext as _

from datafactory.sample_forms import OPERATORS
from projects.templatetags.figures import figure, percent

Report = dict[str, Any]


def _steps(report: Report) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = report.get("design", {}).get("waterfall", [])
    return [row for row in steps if row["step"] in {"exclusion", "kept"} or row["n"] != 0]


def _named(row: dict[str, Any]) -> str:
    """A step in words."""
    if row["step"] != "exclusion":
        names = {
            "rejected": _("Rejected, kept apart"),
            "indeterminate": _("Indeterminate"),
            "no_outcome": _("Without outcome"),
            "kept": _("Good and bad"),
        }
        return names[row["step"]]
    rule = dict(OPERATORS)[row["operator"]]
    return " ".join([row["column"], str(rule), ", ".join(row["values"])]).strip()


def waterfall_table(report: Report) -> dict[str, Any]:
    """Each step with what it takes; a hidden cell says that few people stand behind it."""
    few = _("< floor")
    n_file = report.get("design", {}).get("n_file", 0)
    rows = [[_("Rows of the file"), figure(n_file), "", "", ""]]
    for row in _steps(report):
        outcome = [figure(row["n_bad"]), percent(row["bad_rate"])] if row["n_bad"] is not None else ["–", "–"]
        rows.append([_named(row), few if row["n"] is None else figure(row["n"]), *outcome, row.get("reason", "")])
    return {"head": [_("Step"), _("Rows"), _("Bad"), _("Bad rate"), _("Reason")], "rows": rows if n_file else []}


def waterfall_figure(report: Report) -> dict[str, Any] | None:
    """From the rows of the file down to those with an outcome; None when nothing was taken out or all is hidden."""
    steps = _steps(report)
    n_file = report.get("design", {}).get("n_file", 0)
    if len(steps) < 2 or any(row["n"] is None for row in steps):
        return None
    names, base, height, left = [_("Rows of the file")], [0], [n_file], n_file
    for row in steps:
        left = left if row["step"] == "kept" else left - row["n"]
        names.append(_named(row))
        base.append(0 if row["step"] == "kept" else left)
        height.append(row["n"])
    whole = [index in {0, len(names) - 1} for index in range(len(names))]
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": height,
        "y": names,
        "base": base,
        "text": [figure(value) for value in height],
        "hovertemplate": "%{y}: %{text}<extra></extra>",
        "marker": {"color": ["var(--bar)" if one else "var(--oot)" for one in whole]},
    }
    layout = {
        "xaxis": {"title": {"text": _("rows")}, "rangemode": "tozero"},
        "yaxis": {"type": "category", "autorange": "reversed", "automargin": True},
        "showlegend": False,
    }
    return {"data": [bars], "layout": layout}


def definition(report: Report) -> list[tuple[str, str]]:
    """What the outcome means, as pairs of a word and what stands for it."""
    design = report.get("design", {})
    if not design or not report.get("label"):
        return []
    if design["bad_from"] is not None:
        limits = {"bad": f"{design['bad_from']:g}", "good": f"{design['good_to']:g}"}
        pairs = [(_("Bad"), _("from %(bad)s") % limits), (_("Good"), _("up to %(good)s") % limits)]
        pairs.append((_("Indeterminate"), _("between")))
    else:
        names = (("bad_values", _("Bad")), ("good_values", _("Good")), ("indeterminate_values", _("Indeterminate")))
        pairs = [(title, ", ".join(design[key])) for key, title in names if design[key]]
    windows = (
        ("observation_window_months", _("Observation window")),
        ("performance_window_months", _("Performance window")),
    )
    pairs += [(title, _("%(n)d months") % {"n": design[key]}) for key, title in windows if design[key]]
    if design["outcomes_as_of"]:
        pairs.append((_("Outcomes as of"), design["outcomes_as_of"]))
    return pairs
