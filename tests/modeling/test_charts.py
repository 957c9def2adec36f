"""Figures carry the numbers that they were given, fit Plotly's schema and name colours by token only."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from modeling import charts
from modeling.artifacts import to_json
from modeling.binning import BinPlan, bin_numeric

INTERVAL = {"value": 0.4, "low": 0.35, "high": 0.46}
ROC = [[0.0, 0.0], [0.2, 0.6], [1.0, 1.0]]
KS_CURVE = [[520.0, 0.3, 0.05], [571.0, 0.6, 0.2], [700.0, 1.0, 1.0]]
GAIN = [[0.0, 0.0, 3.0], [0.1, 0.3, 3.0], [1.0, 1.0, 1.0]]
DECILES = [
    {"bin": 1, "score_low": 480.0, "score_high": 560.0, "bad_rate": 0.2, "avg_pd": 0.19, "rank_break": False},
    {"bin": 2, "score_low": 561.0, "score_high": 700.0, "bad_rate": 0.3, "avg_pd": 0.04, "rank_break": True},
]
CALIBRATION = [
    {"avg_pd": 0.05, "bad_rate": 0.04, "low": 0.03, "high": 0.06},
    {"avg_pd": 0.3, "bad_rate": 0.33, "low": 0.28, "high": 0.36},
]
HIST = [
    {"low": 480.0, "high": 500.0, "n": 30, "good_share": 0.1, "bad_share": 0.7},
    {"low": 500.0, "high": 560.0, "n": 90, "good_share": 0.9, "bad_share": 0.3},
]
MONTHS = [
    {"month": "2024-01", "hidden": False, "psi": 0.02, "noise": 0.03, "auc": 0.75, "ks": 0.38},
    {"month": "2024-02", "hidden": False, "psi": 0.14, "noise": 0.03, "auc": None, "ks": None},
    {"month": "2024-03", "hidden": False, "psi": 0.31, "noise": 0.03, "auc": 0.7, "ks": 0.31},
    {"month": "2024-04", "hidden": True, "psi": None, "noise": None, "auc": None, "ks": None},
]
RESULT = {
    "judged_on": "oot",
    "splits": {"train": {"ks": INTERVAL}, "oot": {"ks": INTERVAL}},
    "roc": {"train": [[0.0, 0.0], [0.2, 0.7], [1.0, 1.0]], "valid": None, "oot": ROC},
    "ks_curve": {"oot": KS_CURVE},
    "gain": {"train": GAIN, "oot": GAIN},
    "deciles": {"oot": DECILES},
    "calibration": {"train": CALIBRATION, "oot": CALIBRATION},
    "score_hist": {"oot": HIST},
    "months": MONTHS,
}
BINS = {
    "name": "income",
    "rows": [
        {"label": "[-inf, 3000)", "share": 0.4, "bad_rate": 0.12, "woe": -0.5},
        {"label": "[3000, inf)", "share": 0.6, "bad_rate": 0.04, "woe": 0.6},
    ],
}
COMPARISON = {"models": {name: {"ks": INTERVAL, "auc": INTERVAL} for name in ("partner", "platform", "joint")}}
VARIABLES: list[dict[str, Any]] = [
    {"variable": "a", "importance": 0.2},
    {"variable": "b", "importance": 0.7},
    {"variable": "c", "importance": None},
]
FEATURE = {
    "histogram": [
        {"from": 0.0, "to": 10.5, "share": 0.5},
        {"from": 10.5, "to": 20.0, "share": None},
        {"special": -1.0, "share": 0.2},
        {"missing": True, "share": 0.1},
    ],
    "missing_by_month": [0.1, 0.2],
    "psi": [0.01, None],
}

FIGURES = {
    "roc": charts.roc(RESULT),
    "roc difference": charts.roc(RESULT, difference=True),
    "roc of models": charts.roc_of_models({"a": ROC, "b": ROC, "none": None}),
    "ks": charts.ks(RESULT),
    "gain": charts.gain(RESULT),
    "lift": charts.lift(RESULT),
    "deciles": charts.deciles(RESULT),
    "calibration": charts.calibration(RESULT),
    "psi by month": charts.psi_by_month(RESULT),
    "figures by month": charts.figures_by_month(RESULT),
    "histogram": charts.histogram(RESULT),
    "bins": charts.bins_chart(BINS),
    "value": charts.value_of_data(COMPARISON),
    "importance": charts.importance(VARIABLES),
    "contributions": charts.contributions([("a", 0.4), ("b", -0.9)]),
    "feature histogram": charts.feature_histogram(FEATURE),
    "feature by month": charts.feature_by_month(FEATURE, ["2024-01", "2024-02"]),
}


def _trace(figure: dict, name: str) -> dict:
    return next(trace for trace in figure["data"] if trace.get("name") == name)


@pytest.mark.parametrize("name", FIGURES)
def test_figures_fit_plotlys_schema_and_are_plain_json(name):
    figure = FIGURES[name]
    assert json.loads(json.dumps(figure)) == figure
    assert len(go.Figure(figure).data) == len(figure["data"])


@pytest.mark.parametrize("name", FIGURES)
def test_colours_are_tokens_of_the_page(name):
    tokens = (Path(__file__).parents[2] / "static/css/tokens.css").read_text()
    text = json.dumps(FIGURES[name])
    used = re.findall(r"var\((--[\w-]+)", text)
    assert used
    assert all(f"{token}:" in tokens for token in used)
    assert not re.search(r"#[0-9a-fA-F]{3,8}\b", text)


def test_roc_carries_its_points_and_skips_what_is_not_known():
    figure = FIGURES["roc"]
    oot = _trace(figure, "OOT")
    assert (oot["x"], oot["y"]) == ([0.0, 0.2, 1.0], [0.0, 0.6, 1.0])
    assert [trace.get("name") for trace in figure["data"]] == [None, "Train", "OOT"]


def test_roc_difference_is_taken_from_train():
    oot = _trace(FIGURES["roc difference"], "OOT")
    at = dict(zip(np.round(oot["x"], 2).tolist(), oot["y"], strict=True))
    assert at[0.2] == pytest.approx(-0.1)
    assert at[0.1] == pytest.approx(-0.05)
    assert at[1.0] == 0


def test_ks_marks_the_largest_gap():
    figure = FIGURES["ks"]
    assert _trace(figure, "Bads, cumulative")["y"] == [0.3, 0.6, 1.0]
    assert _trace(figure, "Goods, cumulative")["y"] == [0.05, 0.2, 1.0]
    mark = figure["data"][-1]
    assert (mark["x"], mark["y"]) == ([571.0, 571.0], [0.6, 0.2])
    assert mark["text"][0] == "KS 0.400 · 571"


def test_gain_and_lift():
    assert _trace(FIGURES["gain"], "OOT")["y"] == [0.0, 0.3, 1.0]
    assert _trace(FIGURES["lift"], "OOT")["y"] == [3.0, 1.0]


def test_deciles_show_observed_and_expected_and_the_break():
    bars, expected = FIGURES["deciles"]["data"]
    assert bars["x"] == ["1: 480–560", "2: 561–700"]
    assert bars["y"] == [0.2, 0.3]
    assert expected["y"] == [0.19, 0.04]
    assert bars["marker"]["color"] == ["var(--bar)", "var(--warn-mark)"]


def test_calibration_has_whiskers_on_the_split_that_judges():
    assert "error_y" not in _trace(FIGURES["calibration"], "Train")
    oot = _trace(FIGURES["calibration"], "OOT")
    assert (oot["x"], oot["y"]) == ([0.05, 0.3], [0.04, 0.33])
    assert oot["error_y"]["array"] == pytest.approx([0.02, 0.03])
    assert oot["error_y"]["arrayminus"] == pytest.approx([0.01, 0.05])
    assert FIGURES["calibration"]["data"][0]["x"] == [0, 0.33]


def test_months_carry_psi_with_limits_and_figures_with_gaps():
    bars, noise = FIGURES["psi by month"]["data"]
    assert (bars["x"], bars["y"]) == (["2024-01", "2024-02", "2024-03"], [0.02, 0.14, 0.31])
    assert bars["marker"]["color"] == ["var(--bar)", "var(--warn-mark)", "var(--bad-mark)"]
    assert noise["y"] == [0.03] * 3
    assert [shape["y0"] for shape in FIGURES["psi by month"]["layout"]["shapes"]] == [0.1, 0.25]
    assert _trace(FIGURES["figures by month"], "AUC")["y"] == [0.75, None, 0.7, None]
    assert _trace(FIGURES["figures by month"], "KS")["y"] == [0.38, None, 0.31, None]


def test_histogram_draws_merged_steps_as_wide_as_they_are():
    goods, bads = FIGURES["histogram"]["data"]
    assert (goods["x"], goods["width"]) == ([490.0, 530.0], [20.0, 60.0])
    assert (goods["y"], bads["y"]) == ([0.1, 0.9], [0.7, 0.3])


def test_bins_carry_share_rate_and_woe_also_from_real_bins():
    share, rate, woe = FIGURES["bins"]["data"]
    assert (share["y"], rate["y"], woe["y"]) == ([0.4, 0.6], [0.12, 0.04], [-0.5, 0.6])
    bins = bin_numeric([1, 1, 2, 2, 3, 3], [1, 1, 1, 0, 0, 0], None, BinPlan(min_people=1), name="x")
    share, rate, woe = charts.bins_chart(to_json(bins))["data"]
    filled = [row for row in bins.rows if row.n]
    assert (rate["y"], woe["y"]) == ([row.bad_rate for row in filled], [row.woe for row in filled])
    assert [row.label for row in bins.rows if not row.n] == ["Missing"]
    assert "Missing" not in rate["x"]


def test_value_of_data_has_intervals_and_the_parties_colours():
    (bars,) = FIGURES["value"]["data"]
    assert bars["y"] == ["Joint", "Platform only", "Partner only"]
    assert bars["marker"]["color"] == ["var(--joint)", "var(--platform)", "var(--partner)"]
    assert bars["error_x"]["array"] == pytest.approx([0.06] * 3)
    assert bars["error_x"]["arrayminus"] == pytest.approx([0.05] * 3)


def test_importance_puts_the_largest_on_top():
    (bars,) = FIGURES["importance"]["data"]
    assert (bars["y"], bars["x"]) == (["a", "b"], [0.2, 0.7])
    (top,) = charts.importance(VARIABLES, top=1)["data"]
    assert top["y"] == ["b"]


def test_contributions_are_parted_by_sign():
    up, down = FIGURES["contributions"]["data"]
    assert (up["y"], up["x"], down["y"], down["x"]) == (["a"], [0.4], ["b"], [-0.9])


def test_profile_charts():
    (bars,) = FIGURES["feature histogram"]["data"]
    assert (bars["x"], bars["y"]) == (["0–10.5", "10.5–20", "-1", "missing"], [0.5, None, 0.2, 0.1])
    missing, psi = FIGURES["feature by month"]["data"]
    assert (missing["y"], psi["y"]) == ([0.1, 0.2], [0.01, None])


def test_every_word_can_be_translated():
    said = set()

    def say(word: str) -> str:
        said.add(word)
        return f"<{word}>"

    made = [charts.roc(RESULT, say=say), charts.roc(RESULT, difference=True, say=say)]
    made += [charts.roc_of_models({"a": ROC}, say=say), charts.ks(RESULT, say=say)]
    made += [chart(RESULT, say=say) for chart in (charts.gain, charts.lift, charts.deciles, charts.calibration)]
    made += [chart(RESULT, say=say) for chart in (charts.psi_by_month, charts.figures_by_month, charts.histogram)]
    made += [charts.bins_chart(BINS, say=say), charts.value_of_data(COMPARISON, say=say)]
    made += [charts.importance(VARIABLES, say=say), charts.contributions([("a", 1.0)], say=say)]
    made += [charts.feature_histogram(FEATURE, say=say), charts.feature_by_month(FEATURE, ["1", "2"], say=say)]
    assert said <= set(charts.WORDS)
    titles = [
        axis["title"]["text"]
        for figure in made
        for key, axis in figure["layout"].items()
        if "axis" in key and "title" in axis
    ]
    assert all(title.startswith("<") for title in titles)


def test_empty_results_draw_nothing_and_break_nothing():
    empty: dict[str, Any] = {"judged_on": None, "splits": {}, "months": []} | {
        key: {} for key in ("roc", "ks_curve", "gain", "deciles", "calibration", "score_hist")
    }
    made = (charts.roc, charts.ks, charts.gain, charts.lift, charts.deciles, charts.calibration)
    for chart in (*made, charts.psi_by_month, charts.figures_by_month, charts.histogram):
        go.Figure(chart(empty))


def test_drawing_does_not_import_plotly():
    code = "import sys, modeling.charts; sys.exit('plotly' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False).returncode == 0
