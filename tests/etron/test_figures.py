"""How figures are written."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import translation

from projects.templatetags import figures


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (figures.figure(58214), "58,214"),
        (figures.figure(-0.3714, 3), "−0.371"),
        (figures.figure(-0.00001, 3), "0.000"),
        (figures.figure(None), "–"),
        (figures.figure(float("nan")), "–"),
        (figures.signed(0.02, 3), "+0.020"),
        (figures.signed(-0.02, 3), "−0.020"),
        (figures.signed(0, 3), "0.000"),
        (figures.pct(0.0633, 1), "6.3"),
        (figures.percent(0.748), "74.8\u00a0%"),
        (figures.compact(58214), "58,214"),
        (figures.compact(96_400_000), "96.4\u00a0M"),
        (figures.compact(1_210_000_000), "1.21\u00a0B"),
        (figures.interval(0.338, 0.404), ".338–.404"),
        (figures.interval(None, 0.4), ""),
        (figures.half_width({"low": 0.338, "high": 0.404}), "± 0.033"),
        (figures.size(12_400_000), "12.4\u00a0MB"),
        (figures.duration(0.042), "42 ms"),
        (figures.duration(372), "6 min 12 s"),
        (figures.duration(timedelta(hours=2, minutes=5)), "2 h 05 min"),
        (figures.short("9f41c2aa07de55"), "9f41 c2aa 07de"),
        (figures.width(3, 8), "37.5%"),
        (figures.width(30, 8), "100.0%"),
        (figures.tone("live"), "good"),
        (figures.tone("something else"), ""),
        (figures.when("2026-11-18T02:00:00+00:00"), "2026-11-18 02:00"),
    ],
)
def test_figures(written, expected):
    assert written == expected


def test_chinese_figures():
    with translation.override("zh-hans"):
        assert figures.percent(0.748) == "74.8%"
        assert figures.compact(96_400_000) == "9,640.0\u00a0万"
        assert figures.compact(1_210_000_000) == "12.1\u00a0亿"


def test_a_chart_leaves_nothing_that_a_browser_cannot_read():
    script = figures.chart_json({"y": [1.0, float("nan"), float("inf")], "t": "</script><b>"}, "roc")
    assert '"y": [1.0, null, null]' in script
    assert "<b>" not in script


def test_sentences_of_pure_code_get_their_holes_filled():
    assert figures.msg({"template": "Row %(row)s is odd.", "params": {"row": 7}}) == "Row 7 is odd."
    assert figures.msg({"template": "100 % of %(n)s", "params": {}}) == "100 % of %(n)s"
    assert figures.msg(None) == ""


def test_the_whiskers_of_a_tile_share_one_scale():
    splits = {
        "train": {"ks": {"value": 0.39, "low": 0.36, "high": 0.42}},
        "oot": {"ks": {"value": 0.37, "low": 0.33, "high": 0.40}},
        "valid": {"n": 4},
    }
    rows = figures.stat_rows(splits, "ks")
    assert [row["split"] for row in rows] == ["train", "oot"]
    assert rows[1]["x1"] == 4
    assert rows[0]["x2"] == pytest.approx(56)


def test_what_is_left_of_a_job_is_not_guessed_too_early():
    class Job:
        rows_done, rows_total = 1, 100
        started_at = datetime.now(tz=UTC) - timedelta(seconds=10)

    assert figures.remaining(Job) is None
    Job.rows_done = 50
    assert figures.remaining(Job) == pytest.approx(10, abs=1)
