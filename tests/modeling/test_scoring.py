"""One score everywhere: single, batch, points and stored predictions, on rows where implementations part."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import pytest

from modeling.encoding import read_column
from modeling.errors import DataError
from modeling.parity import check_parity, probe_rows
from modeling.scoring import load_scorer
from modeling.train import TrainPlan, train_model
from modeling.trees import XGBParams
from tests.modeling.tables import SPECIALS, applicants, write_table

PLANS = {
    "scorecard": TrainPlan(),
    "xgboost": TrainPlan(algorithm="xgboost", xgb=XGBParams(n_estimators=40, min_child_weight=2)),
}


@pytest.fixture(scope="module", params=PLANS)
def trained(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    frame = applicants()
    table = write_table(frame, folder / "table", SPECIALS)
    out = folder / "model"
    out.mkdir()
    train_model(table, folder / "table", PLANS[request.param], out)
    return load_scorer(out), frame, pd.read_parquet(out / "predictions.parquet")


def _columns(scorer, frame):
    return {entry.name: frame[entry.name].to_numpy() for entry in scorer.signature}


def _rows(scorer, frame):
    columns = {e.name: read_column(frame[e.name].to_numpy(), e) for e in scorer.signature}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def test_single_batch_and_stored_predictions_are_one_score(trained):
    scorer, frame, predictions = trained
    batch = scorer.score_rows(_columns(scorer, frame))
    single = [scorer.score_row(row, reasons=0) for row in _rows(scorer, frame)]
    assert [s.pd for s in single] == batch.pd.tolist()
    assert [s.score for s in single] == batch.score.tolist() == predictions["score"].tolist()
    np.testing.assert_allclose(predictions["pd"], batch.pd, rtol=1e-11)


def test_awkward_rows_score_alike(trained):
    assert check_parity(trained[0]) > 200


def test_score_follows_from_the_pd_rounded_to_nine_digits(trained):
    scorer, _, _ = trained
    scaling = scorer.model.scaling
    for row in probe_rows(scorer.signature):
        answer = scorer.score_row(row, reasons=0)
        chance = round(answer.pd, 9)
        exact = scaling.offset + scaling.factor * np.log((1 - chance) / chance)
        assert answer.score == np.sign(exact) * np.floor(abs(exact) + 0.5)


def test_reasons_add_up_and_name_what_hurts(trained):
    scorer, _, _ = trained
    for row in probe_rows(scorer.signature)[:80]:
        answer, parts = scorer.score_row(row), scorer.contributions(row)
        assert len(answer.reasons) <= 5
        assert [r.contribution for r in answer.reasons] == sorted((p for p in parts.values() if p > 0), reverse=True)[
            :5
        ]
        assert all(reason.text for reason in answer.reasons)
        if scorer.model.scorecard is not None:
            mean = sum(scorer.model.scorecard.mean_points)
            scaling = scorer.model.scaling
            score = scaling.offset + scaling.factor * np.log((1 - answer.pd) / answer.pd)
            assert sum(parts.values()) == pytest.approx(mean - score, abs=1e-6)
        else:
            margin = np.log(answer.pd / (1 - answer.pd))
            base = scorer.kernel.forest.contributions(np.array([scorer.kernel.encoding.row(row)], np.float32))[0, -1]
            assert sum(parts.values()) + base == pytest.approx(margin, abs=1e-4)


@pytest.mark.parametrize("trained", ["scorecard"], indirect=True)
def test_points_are_lost_against_the_mean_of_the_training_rows(trained):
    scorer, frame, predictions = trained
    train = frame[(predictions["split"] == "train").to_numpy()]
    sums = [sum(scorer.contributions(row).values()) for row in _rows(scorer, train)]
    assert np.mean(sums) == pytest.approx(0, abs=1e-6)


def test_threads_share_a_scorer(trained):
    scorer, frame, _ = trained
    rows = _rows(scorer, frame.iloc[:300])
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(scorer.score_row, rows)) == [scorer.score_row(row) for row in rows]


def test_signature_says_what_is_asked_for(trained):
    signature = {entry.name: entry for entry in trained[0].signature}
    income = signature["partner__income"]
    assert (income.kind, income.party, income.origin, income.field) == ("float", "partner", "sample", "income")
    assert income.minimum < income.typical < income.maximum
    job = signature["partner__job"]
    assert set(job.categories) <= {"clerk", "driver", "teacher", "other work"}
    assert signature["lending__days_since"].specials == (-1.0,)
    assert signature["lending__days_since"].minimum >= 0


def test_wrong_values_are_refused_by_name(trained):
    scorer = trained[0]
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"partner__income": float("inf")}, "not_finite"),
        ({"partner__income": "much"}, "not_a_number"),
        ({"partner__job": 7}, "not_text"),
    ]
    for row, code in wrong:
        with pytest.raises(DataError) as refused:
            scorer.score_row(row)
        assert (refused.value.code, refused.value.column) == (code, next(iter(row)))


def test_absent_columns_and_names_are_missing(trained):
    scorer, frame, _ = trained
    name = scorer.signature[0].name
    columns = {k: v for k, v in _columns(scorer, frame.iloc[:20]).items() if k != name}
    rows = [{k: v for k, v in row.items() if k != name} for row in _rows(scorer, frame.iloc[:20])]
    assert scorer.score_rows(columns).pd.tolist() == [scorer.score_row(row).pd for row in rows]


def test_bands_are_taken_from_the_integer_score(trained):
    scorer, _, _ = trained
    answer = scorer.score_row({}, bands=[("low", 10_000), ("any", -10_000)])
    assert answer.band == "any"
