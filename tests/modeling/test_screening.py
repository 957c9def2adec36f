"""One pass over a wide table: the figures against their definitions, and whatever a column holds."""

import datetime as dt
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modeling import metrics
from modeling.binning import BinPlan, bin_category, bin_numeric
from modeling.errors import DataError
from modeling.funnel import FunnelRow, Rule, ScreeningPlan, decide
from modeling.measures import Measures
from modeling.one_pass import DATES, NO_VALUES, ONE_VALUE, TEXT, TOO_MANY, MeasurePlan, measure_table, month_codes
from modeling.stability import psi, psi_bins
from modeling.vif import inflated, vif
from modeling.wide import Arrays, ParquetTable
from tests.modeling.tables import applicants

N = 4000


def _frame(seed=0):
    """Applicants as a bureau would send them: special codes, drift, a twin, and columns that hold nothing."""
    rng = np.random.default_rng(seed)
    frame = applicants(N, seed)
    made = frame.drop(columns=["y", "matched"]).rename(columns=lambda name: name.split("__")[1])
    month = rng.integers(1, 7, N)
    risk = np.log(made["income"].fillna(3000.0))
    made["drifting"] = risk + 0.5 * month * rng.random(N)
    made["twin"] = made["income"] * 2
    made["mixture"] = made["age"] + 0.02 * made["count_d90"].fillna(0) + rng.normal(0, 0.1, N)
    made["delinquencies"] = np.where(rng.random(N) < 0.2, -9, np.where(rng.random(N) < 0.1, -8, rng.poisson(2, N)))
    made["city"] = [f"city {i}" for i in rng.integers(0, 5000, N)]
    made["constant"], made["empty"], made["only_special"] = 1, np.nan, -9.0
    made["note"] = [f"called on day {i}" for i in range(N)]
    made["opened"] = pd.to_datetime("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, N), unit="D")
    made["employed"] = rng.random(N) < 0.5
    made["endless"] = np.where(rng.random(N) < 0.001, np.inf, rng.normal(size=N))
    return made, frame["y"].to_numpy(), np.array([f"2024-{m:02d}" for m in month], dtype=object)


SPECIALS = {"days_since": (-1.0,), "delinquencies": (-9.0, -8.0, -7.0), "only_special": (-9.0,)}
PLAN = MeasurePlan(specials=SPECIALS)


@pytest.fixture(scope="module")
def table():
    return _frame()


@pytest.fixture(scope="module")
def measured(table):
    frame, y, month = table
    return measure_table(_arrays(frame), y, None, PLAN, month=month, threads=2)


def _arrays(frame):
    return Arrays({name: frame[name].to_numpy() for name in frame})


def _by_name(measures):
    return {one.name: one for one in measures.columns}


def test_every_column_has_bins_or_a_reason(measured):
    told = {one.name: one.reason for one in measured.columns if one.bins is None}
    assert told == {
        "constant": ONE_VALUE, "empty": NO_VALUES, "only_special": ONE_VALUE, "note": TEXT, "opened": DATES,
        "endless": told["endless"],
    }  # fmt: skip
    assert "infinite" in told["endless"]
    assert all(not one.reason for one in measured.columns if one.bins is not None)
    assert [row.n for row in _by_name(measured)["delinquencies"].bins.rows[-4:-1]] == [
        (_frame()[0]["delinquencies"] == code).sum() for code in (-9, -8, -7)
    ]


def test_figures_are_those_of_their_definitions(table, measured):
    frame, y, month = table
    for name in ("income", "age", "count_d90", "days_since", "job", "city"):
        one, values = _by_name(measured)[name], frame[name]
        assert one.missing == values.isna().mean()
        assert one.distinct == values.nunique()
        known = values[~values.isin(SPECIALS.get(name, ()))]
        assert one.top_share == pytest.approx(max(values.value_counts() / N))
        plan = BinPlan(specials=SPECIALS.get(name, ()))
        bins = (bin_category if name in ("job", "city") else bin_numeric)(values, y, None, plan, name=name)
        assert one.bins == bins
        risk = -bins.transform(values)
        assert one.auc == pytest.approx(metrics.auc(y, risk))
        assert one.ks == pytest.approx(metrics.ks(y, risk).value)
        if name not in ("job", "city"):
            deciles = psi_bins(values, specials=SPECIALS.get(name, ()))
            expected = deciles.count(values)
            own = [psi(expected, deciles.count(values[month == m])) for m in measured.months]
            np.testing.assert_allclose(one.psi, own, atol=1e-12)
            assert one.psi_max == pytest.approx(max(own))
        assert len(known)
    assert _by_name(measured)["drifting"].psi_max > 0.25 > _by_name(measured)["income"].psi_max


def test_trend_is_the_share_of_pairs_that_keep_their_order(table, measured):
    frame, y, month = table
    one = _by_name(measured)["age"]
    n = one.bins.n_ordinary
    place, agreed = one.bins.index(frame["age"]), []
    overall = np.sign(np.diff([row.bad_rate for row in one.bins.rows[:n]]))
    for m in measured.months:
        rates = [y[(month == m) & (place == i)].mean() for i in range(n)]
        agreed.append((np.sign(np.diff(rates)) == overall).mean())
    np.testing.assert_allclose(one.agreement, agreed)
    assert one.trend == pytest.approx(np.mean(agreed))


@pytest.mark.parametrize("weighted", [False, True])
def test_correlation_is_that_of_woe(table, weighted):
    frame, y, _ = table
    weight = np.random.default_rng(1).uniform(0.5, 2, N) if weighted else np.ones(N)
    measures = measure_table(_arrays(frame), y, weight, PLAN, threads=2)
    columns = _by_name(measures)
    woe = np.array([columns[name].bins.transform(frame[name]) for name in measures.correlated])
    expected = np.cov(woe, aweights=weight, ddof=0)
    spread = np.sqrt(np.diag(expected))
    np.testing.assert_allclose(measures.correlation, expected / np.outer(spread, spread), atol=2e-6)


def test_rows_outside_the_mask_are_never_looked_at(table):
    frame, y, month = table
    train = np.arange(N) % 3 > 0
    alone = measure_table(_arrays(frame[train]), y[train], None, PLAN, month=month[train])
    turned = np.where(train, y, 7)
    masked = measure_table(_arrays(frame), turned, None, PLAN, rows=train, month=month)
    assert masked.columns == alone.columns
    assert masked.correlated == alone.correlated
    np.testing.assert_array_equal(masked.correlation, alone.correlation)


@pytest.mark.parametrize("with_mask", [False, True])
def test_parquet_column_by_column_equals_memory(table, tmp_path, with_mask):
    frame, y, month = table
    rows = np.arange(N) % 2 == 0 if with_mask else None
    half = pa.Table.from_pandas(frame, preserve_index=False)
    pq.write_table(half.slice(0, 1500), tmp_path / "a.parquet", row_group_size=400)
    pq.write_table(half.slice(1500), tmp_path / "b.parquet", row_group_size=1000)
    stored = measure_table(ParquetTable(tmp_path), y, None, PLAN, rows=rows, month=month, threads=2)
    memory = measure_table(_arrays(frame), y, None, PLAN, rows=rows, month=month, threads=1)
    for left, right in zip(stored.columns, memory.columns, strict=True):
        assert replace(left, kind=right.kind) == right
    np.testing.assert_array_equal(stored.correlation, memory.correlation)


def test_measures_are_kept(measured, tmp_path):
    measured.save(tmp_path)
    again = Measures.load(tmp_path)
    assert again.columns == measured.columns
    assert (again.correlation == measured.correlation).all()
    assert decide(again) == decide(measured)


def test_the_funnel_has_a_line_for_every_candidate(measured):
    funnel = decide(measured)
    assert [row.variable for row in funnel.rows] == [one.name for one in measured.columns]
    assert sum(funnel.stages.values()) == len(funnel.rows)
    where = {row.variable: row for row in funnel.rows}
    assert where["drifting"].stage == "psi"
    assert where["drifting"].number == _by_name(measured)["drifting"].psi_max
    # equal twins: the name decides
    assert where["twin"].rule == "correlation with income above 0.85"
    assert where["constant"] == FunnelRow("constant", "data", ONE_VALUE, None)
    assert where["noise"].rule == "IV below 0.02"
    ivs = [where[name].iv or 0.0 for name in funnel.kept]
    assert ivs == sorted(ivs, reverse=True)
    assert [group.leader for group in funnel.groups][:1] == ["income"]


def test_rules_are_ordered_and_hands_go_first(measured):
    by_hand = ScreeningPlan(
        (Rule("correlation", 0.85), Rule("iv", 0.02), Rule("missing", 0.05), Rule("iv_high", 0.5, on=False)),
        force_in=("noise", "twin", "empty"),
        force_out=("income",),
    )
    funnel = decide(measured, by_hand)
    where = {row.variable: row for row in funnel.rows}
    assert where["income"].stage == "by_hand"
    assert {"noise", "twin"} <= set(funnel.kept)
    assert where["empty"].stage == "data"
    assert where["job"].stage in ("kept", "missing")
    first = decide(measured, ScreeningPlan((Rule("iv", 9.0), Rule("missing", 0.05))))
    second = decide(measured, ScreeningPlan((Rule("missing", 0.05), Rule("iv", 9.0))))
    assert "missing" not in first.stages
    assert second.stages["missing"] >= 3
    with pytest.raises(DataError, match="ghost"):
        decide(measured, ScreeningPlan(force_in=("ghost",)))


@pytest.mark.parametrize("figure", ["missing", "top_share", "iv", "iv_high", "ks", "auc", "psi", "trend"])
def test_a_threshold_keeps_exactly_its_side(measured, figure):
    attribute = {"iv_high": "iv", "psi": "psi_max"}.get(figure, figure)
    usable = {one.name: getattr(one, attribute) for one in measured.columns if one.usable}
    limit = float(np.median([value for value in usable.values() if value is not None]))
    kept = set(decide(measured, ScreeningPlan((Rule(figure, limit),))).kept)
    above = figure in ("missing", "top_share", "iv_high", "psi")
    expected = {
        name for name, value in usable.items() if value is None or (value <= limit if above else value >= limit)
    }
    assert kept == expected


def test_chains_join_what_leaders_tell_apart(measured):
    n = 4
    matrix = np.eye(n)
    matrix[0, 1] = matrix[1, 0] = matrix[1, 2] = matrix[2, 1] = 0.9
    four = tuple(replace(one, iv=1.0 - i / 10) for i, one in enumerate([c for c in measured.columns if c.usable][:n]))
    made = replace(measured, columns=four, correlated=tuple(one.name for one in four), correlation=matrix)
    rules = (Rule("correlation", 0.8),)
    names = made.correlated
    assert decide(made, ScreeningPlan(rules)).kept == (names[0], names[2], names[3])
    assert decide(made, ScreeningPlan(rules, linkage="chain")).kept == (names[0], names[3])


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 12), st.floats(1.5, 20))
def test_vif_steps_equal_full_inverses(seed, k, limit):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(200, k)) @ rng.normal(size=(k, k))
    if k > 4:
        x[:, 1] = x[:, 0]
    correlation = np.asarray(np.corrcoef(x.T))
    kept, dropped = inflated(correlation, [True] * k, limit)
    assert sorted(kept + [place for place, _ in dropped]) == list(range(k))
    assert (vif(correlation[np.ix_(kept, kept)]) <= limit * (1 + 1e-6)).all()
    left = list(range(k))
    for place, factor in dropped:
        full = vif(correlation[np.ix_(left, left)])
        assert factor == pytest.approx(full.max(), rel=1e-4)
        left.remove(place)


def test_more_bins_than_a_byte_holds_are_a_reason():
    x, y = np.arange(3000.0), np.arange(3000) % 3 == 0
    plan = BinPlan(user_splits=tuple(np.arange(10.0, 3000, 10)), min_people=0)
    groups = BinPlan(user_groups=tuple((str(i),) for i in range(300)), min_people=0)
    table = Arrays({"x": x, "level": (x % 300).astype(int).astype(str).astype(object)})
    measures = measure_table(table, y, None, MeasurePlan(column_bins={"x": plan, "level": groups}))
    assert [one.reason for one in measures.columns] == [TOO_MANY, TOO_MANY]


@pytest.mark.parametrize("signal", [0.0, 1.0])
def test_five_thousand_levels_say_what_is_there_and_no_more(signal):
    """Levels with a risk of their own are grouped by it and hold on fresh rows; levels that differ by chance do not."""
    rng = np.random.default_rng(8)
    city = rng.normal(size=5000)

    def rows(n):
        codes = rng.integers(0, 5000, n)
        y = (rng.random(n) < 1 / (1 + np.exp(1.5 - signal * city[codes]))).astype(int)
        return np.array([f"city {c}" for c in codes], dtype=object), y

    levels, y = rows(200_000)
    bins = bin_category(levels, y)
    fresh, fresh_y = rows(50_000)
    assert metrics.auc(fresh_y, -bins.transform(fresh)) > 0.5 + 0.15 * signal - 0.01
    assert bins.iv > 0.3 if signal else bins.iv < 0.02
    assert len(bins.groups) <= BinPlan().max_bins
    assert bins.index_one("never seen") == bins.other
    assert sum(row.n for row in bins.rows) == len(levels)


def test_months_of_any_kind():
    dates = np.array(["2024-02-03", "NaT", "2024-01-31"], dtype="datetime64[s]")
    objects: list[Any] = [["2024-02", None, "2024-01"], [dt.date(2024, 2, 1), None, dt.date(2024, 1, 1)]]
    for given_as in (dates, *objects):
        codes, names = month_codes(given_as)
        assert names == ["2024-01", "2024-02"]
        assert codes.tolist() == [1, -1, 0]


ODD = st.one_of(
    st.none(), st.text(max_size=3), st.integers(-3, 3), st.floats(), st.booleans(), st.dates(), st.just([1]),
    st.decimals(allow_nan=False), st.binary(max_size=2),
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), st.integers(20, 60), st.booleans())
def test_nothing_raises_whatever_a_column_holds(data, n, weighted):
    columns = {}
    for i in range(4):
        values = np.empty(n, dtype=object)
        cell = data.draw(st.sampled_from([ODD, st.floats(), st.sampled_from(["a", "b", None]), st.integers(0, 2)]))
        values[:] = data.draw(st.lists(cell, min_size=n, max_size=n))
        columns[f"c{i}"] = values
    columns["number"] = np.array(data.draw(st.lists(st.floats(), min_size=n, max_size=n)))
    y = np.arange(n) % 3 == 0
    plan = MeasurePlan(bins=BinPlan(min_people=data.draw(st.integers(0, 10)), specials=(0.0,)), min_month_rows=5)
    weight = np.linspace(0.5, 2, n) if weighted else None
    measures = measure_table(Arrays(columns), y, weight, plan, month=np.where(y, "2024-01", "2024-02"), threads=1)
    assert all((one.bins is None) == bool(one.reason) for one in measures.columns)
    assert {row.variable for row in decide(measures).rows} == set(columns)
