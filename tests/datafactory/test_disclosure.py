"""What tables tell of few people, taken together: hidden cells cannot be rebuilt, and nobody is found by probing."""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from datafactory.engine.disclosure import coarse, hidden_cells, hidden_outcomes, shown
from datafactory.engine.fills import _told
from datafactory.engine.match_report import Hits, build_report
from datafactory.engine.sketch import near, sketch_sample
from datafactory.models import Match, Sample
from datafactory.services import deletions
from projects.models import Job
from tests.datafactory.files import PLAN, clean_rows, hashed
from tests.datafactory.worlds import MOBILE, TIME, World, at

FLOOR = 10
counts = st.lists(st.integers(0, 60), min_size=1, max_size=7)


@given(counts)
def test_hidden_cells_hold_enough_people_together(cells):
    hidden = hidden_cells(cells, FLOOR)
    assert all(is_hidden for count, is_hidden in zip(cells, hidden, strict=True) if count < FLOOR)
    together = sum(count for count, is_hidden in zip(cells, hidden, strict=True) if is_hidden)
    assert not any(hidden) or all(hidden) or (sum(hidden) >= 2 and together >= FLOOR)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=6))
def test_outcomes_are_hidden_on_both_sides(cells):
    bads, goods = [c[0] for c in cells], [c[1] for c in cells]
    hidden = hidden_outcomes([sum(c) for c in cells], bads, goods, FLOOR)
    for (bad, good), is_hidden in zip(cells, hidden, strict=True):
        assert is_hidden or min(bad, good) >= FLOOR


@dataclass
class Reader:
    """Somebody who knows all of the sample, and adds up whatever the screens tell about who was found.

    Unknowns are the rows found in each class of the sample (month, outcome) and pattern (which sources, filled or not);
    every shown figure bounds a sum of them.
    """

    sizes: np.ndarray  # rows by class
    patterns: list[tuple[bool, ...]]
    lines: list[tuple[np.ndarray, float, float]] = field(default_factory=list)

    def cells(self, classes, pattern):
        """0/1 over the unknowns: rows of these classes whose pattern fits."""
        fits = np.array([pattern(one) for one in self.patterns], float)
        return np.outer(classes.astype(float), fits).ravel()

    def learns(self, classes, pattern, told, total):
        """A coarse count stands for whatever count gives it."""
        if told is None:
            return
        fits = [count for count in range(total + 1) if coarse(count, total, FLOOR) == told]
        self.lines.append((self.cells(classes, pattern), min(fits), max(fits)))

    def interval(self, classes, pattern):
        """The counts that are possible for a cell after all that was learned."""
        n = len(self.patterns)
        equal = np.kron(np.eye(len(self.sizes)), np.ones(n))
        rows = np.array([line for line, _, _ in self.lines])
        bounds = np.r_[[high for _, _, high in self.lines], [-low for _, low, _ in self.lines]]
        wanted = self.cells(classes, pattern)
        ends = []
        for sign in (1, -1):
            found = linprog(sign * wanted, A_ub=np.r_[rows, -rows], b_ub=bounds, A_eq=equal, b_eq=self.sizes)
            assert found.status == 0, found.message
            ends.append(sign * found.fun)
        return np.ceil(ends[0] - 1e-6), np.floor(ends[1] + 1e-6)


def a_world(draw_seed, n, rates, filled_rate):
    """A sample of one row a person over some months and outcomes, two sources, and one field of the first."""
    rng = np.random.default_rng(draw_seed)
    month = np.minimum(rng.geometric(0.35, n) - 1, 4)
    y = np.where(rng.random(n) < 0.04, -1, (rng.random(n) < 0.15).astype(int))
    hits = [rng.random(n) < rate for rate in rates]
    hits[1] |= hits[0] & (rng.random(n) < 0.9)
    filled = hits[0] & (rng.random(n) < filled_rate)
    return month, y, hits, filled


def told_of(month, y, hits):
    rows = pa.table(
        {
            "person": [f"p{i}" for i in range(len(month))],
            "observed_at": pa.array([at(31.0 * m + 3) for m in month], TIME),
            "y": pa.array([None if one < 0 else one for one in y.tolist()], pa.int8()),
        }
    )
    found = [Hits(f"s{i}", hit, np.where(hit, 0, -1).astype(np.int8), None) for i, hit in enumerate(hits)]
    return build_report(rows, (), found, (MOBILE,), 200, FLOOR, "UTC", ())


rates = st.tuples(*(st.sampled_from([0.005, 0.03, 0.3, 0.9, 0.97, 0.995]) for _ in range(2)))


@settings(deadline=None, max_examples=150)
@given(st.integers(0, 10**6), st.sampled_from([220, 500, 1200]), rates, st.sampled_from([0.02, 0.5, 0.96, 0.99]))
def test_no_small_cell_of_a_match_can_be_worked_out_from_all_tables_together(seed, n, rates, filled_rate):
    """Margins, rates times counts, differences between tables and a field's fill, solved as one linear programme."""
    month, y, hits, filled = a_world(seed, n, rates, filled_rate)
    report = told_of(month, y, hits)
    field_told = _told(filled, np.arange(n), y, FLOOR)
    matched = np.logical_or(*hits)
    classes = [(m, label) for m in range(5) for label in (0, 1, -1)]
    of_class = np.array([((month == m) & (y == label)) for m, label in classes])
    patterns: list[tuple[bool, ...]] = [
        (a, b, f) for a in (False, True) for b in (False, True) for f in (False, True) if a or not f
    ]
    reader = Reader(of_class.sum(axis=1), patterns)
    everybody = np.ones(len(classes), bool)

    def in_month(m):
        return np.array([one[0] == m for one in classes])

    def of_label(label):
        return np.array([one[1] == label for one in classes])

    def is_found(p):
        return p[0] or p[1]

    reader.learns(everybody, is_found, report["n_matched_rows"], n)
    if report["n_matched_rows"] is None:  # the rate says nearly nobody or nearly everybody, and nobody knows who
        low, high = (n - FLOOR + 1, n) if report["match_rate"] else (0, FLOOR - 1)
        reader.lines.append((reader.cells(everybody, is_found), low, high))
    for row, m in zip(report["months"], sorted(set(month.tolist())), strict=True):
        reader.learns(in_month(m), is_found, row["n_matched"], row["n_rows"])
    for row in report["labels"]:
        label = {"good": 0, "bad": 1, "unknown": -1}[row["label"]]
        reader.learns(of_label(label), is_found, row["n_matched"], row["n_rows"])
    for index, row in enumerate(report["sources"]):
        reader.learns(everybody, lambda p, i=index: p[i], row["n_matched"], n)
    reader.learns(everybody, lambda p: p[2], field_told["n_filled"], n)
    for row in report["by_id_type"]:
        reader.learns(everybody, is_found, row["n_matched"], n)
    population = report["population"]["bad_rate"]
    if population is not None:  # the reader finds the coarse counts behind the rates
        for label in (0, 1):
            told = coarse(int((matched & (y == label)).sum()), int((y == label).sum()), FLOOR)
            reader.learns(of_label(label), is_found, told, int((y == label).sum()))
    if field_told["bad_filled"] is not None:
        for label in (0, 1):
            told = coarse(int((filled & (y == label)).sum()), int((y == label).sum()), FLOOR)
            reader.learns(of_label(label), lambda p: p[2], told, int((y == label).sum()))
    _nobody_is_pinned(reader, of_class, matched, hits, filled, in_month, of_label)


def _nobody_is_pinned(reader, of_class, matched, hits, filled, in_month, of_label):
    """No cell of 1 to 9 people (found, missed, or found by one source and not the other) is down to one count."""
    groups = [np.ones(len(of_class), bool), *(in_month(m) for m in range(5)), *(of_label(one) for one in (0, 1, -1))]
    kinds = [
        (lambda p: p[0] or p[1], matched),
        (lambda p: not (p[0] or p[1]), ~matched),
        (lambda p: p[0] and not p[1], hits[0] & ~hits[1]),
        (lambda p: p[1] and not p[0], hits[1] & ~hits[0]),
        (lambda p: p[0] and not p[2], hits[0] & ~filled),
        (lambda p: p[2], filled),
    ]
    for group in groups:
        inside = of_class[group].any(axis=0)
        for pattern, rows in kinds:
            true = int((rows & inside).sum())
            if 0 < true < FLOOR:
                low, high = reader.interval(group, pattern)
                assert low <= true <= high
                assert high > low, (true, low, high)


def test_the_reader_would_find_what_is_told(tmp_path):
    """The programme is not blind: with exact margins it works the hidden cell out."""
    reader = Reader(np.array([30, 40]), [(True,), (False,)])
    hit, first, both = (lambda p: p[0]), np.array([True, False]), np.array([True, True])
    reader.lines += [(reader.cells(both, hit), 45, 45), (reader.cells(~first, hit), 40, 40)]
    assert reader.interval(first, hit) == (5, 5)


def sketched(tmp_path, name, people, day=None, y=None):
    world = World(tmp_path / name)
    rows = [
        {
            "row_id": f"{i:05d}",
            MOBILE: hashed(i),
            "observed_at": at((day or {}).get(i, i % 90)),
            "y": (y or {}).get(i, int(i % 4 == 0)),
        }
        for i in people
    ]
    world.add_sample(rows)
    return sketch_sample(world.sample_dir / "rows.parquet", (MOBILE,), "UTC", b"k" * 32, FLOOR)


def test_sketches_tell_near_samples_from_equal_and_from_other_ones(tmp_path):
    first = sketched(tmp_path, "a", range(1000))
    assert near(sketched(tmp_path, "b", range(1000)), first.cells, FLOOR) == []
    assert "overall" in near(sketched(tmp_path, "c", range(999)), first.cells, FLOOR)
    assert "overall" in near(sketched(tmp_path, "d", [*range(999), 5000]), first.cells, FLOOR)
    assert "overall" in near(sketched(tmp_path, "e", range(991)), first.cells, FLOOR)
    assert near(sketched(tmp_path, "f", range(500, 1500)), first.cells, FLOOR) == []
    assert "overall" in near(sketched(tmp_path, "g", range(1000), day={7: 88.0}), first.cells, FLOOR)


def test_a_month_that_differs_by_one_person_is_named_although_the_sample_differs_by_many(tmp_path):
    first = sketched(tmp_path, "a", range(1000))
    later = {i: 95.0 + i % 20 for i in range(1000, 1400)}
    found = near(sketched(tmp_path, "b", [*range(1, 1400)], day=later), first.cells, FLOOR)
    assert "overall" not in found
    assert "month 2023-01" in found


@pytest.mark.parametrize("extra", range(1, 10))
def test_every_smaller_difference_is_seen(tmp_path, extra):
    first = sketched(tmp_path, "a", range(400))
    assert "overall" in near(sketched(tmp_path, "b", range(400 + extra)), first.cells, FLOOR)


def ordered(built, number, **body):
    """Order a match over the API; its error's code, or None."""
    answer = built.match(sample=number, **body)
    if answer.status_code != 202:
        return answer.json()["code"]
    told = built.modeler.get(f"{built.base}/matches/{answer.json()['number']}").json()
    return (told["error"] or {}).get("code")


@pytest.mark.django_db
def test_ten_chosen_people_are_refused(built):
    built.sample(clean_rows(10))
    built.source()
    assert ordered(built, 1) == "below_floor"
    assert "n_matched_rows" not in Match.objects.get().summary


@pytest.mark.django_db
def test_two_samples_that_differ_by_one_person_are_not_both_answered(built):
    built.sample(clean_rows(300))
    built.source()
    assert ordered(built, 1) is None
    for rows in (clean_rows(301), clean_rows(300)[1:], clean_rows(300)[:-1] + clean_rows(400)[-1:]):
        built.sample(rows)
        assert ordered(built, Sample.objects.count()) == "too_similar"
    told = Match.objects.latest("number")
    assert (told.report, told.summary) == ({}, {})
    built.sample(clean_rows(340))
    assert ordered(built, Sample.objects.count()) is None


@pytest.mark.django_db
def test_one_person_moved_in_time_is_not_answered_either(built):
    built.sample(clean_rows(300))
    built.source()
    assert ordered(built, 1) is None
    rows = clean_rows(300)
    rows[5][2] = "2023-06-15"
    built.sample(rows)
    assert ordered(built, 2) == "too_similar"


@pytest.mark.django_db
def test_an_id_type_that_only_one_person_has_cannot_be_asked_about_alone(built):
    """The same rows by phone, then by phone or id card, where one row alone has an id card."""
    columns = {"row_id": "app_id", "observed_at": "applied_on", "label": "bad"}
    both = [
        {"column": "mobile", "namespace": "mobile", "algorithm": "sha256"},
        {"column": "city", "namespace": "idno", "algorithm": "sha256"},
    ]
    rows = clean_rows(300)
    for i, row in enumerate(rows):
        row[5] = hashed(f"card{i}") if i == 7 else ""
    built.sample(rows, columns | {"ids": both})
    source = [[hashed(i), "2023-01-05", "10", hashed(f"card{i}")] for i in range(250)]
    ids = [both[0], {**both[1], "column": "lender"}]
    built.source(rows=source, plan={"ids": ids, "event_time": "happened_on", "delay_days": 1})
    assert ordered(built, 1, id_types=["mobile__sha256"]) is None
    assert ordered(built, 1, id_types=["mobile__sha256", "idno__sha256"]) == "too_similar"


@pytest.mark.django_db
def test_deleting_the_first_sample_does_not_open_the_way(built, people, run_jobs):
    built.sample(clean_rows(300))
    built.source()
    assert ordered(built, 1) is None
    with run_jobs():
        deletions.delete_sample(sample=Sample.objects.get(), user=people.partner, reason="To try again.")
    built.sample(clean_rows(301))
    assert ordered(built, 2) == "too_similar"


@pytest.mark.django_db
def test_the_same_question_again_gives_the_same_answer(built):
    built.sample(clean_rows(300))
    built.source()
    built.sample(clean_rows(300))
    assert [ordered(built, number) for number in (1, 2, 1)] == [None, None, None]
    reports = [row.report for row in Match.objects.order_by("number")]
    assert reports[0] == reports[1] == reports[2]
    assert reports[0]["n_matched_rows"] % FLOOR == 0


@pytest.mark.django_db
def test_ids_tried_in_matches_count_against_the_cap_once_a_sample(built, settings):
    settings.IDS_PER_SOURCE = 450
    built.sample(clean_rows(300))
    built.sample(clean_rows(700)[400:])
    built.source()
    assert [ordered(built, 1), ordered(built, 1)] == [None, None]
    assert ordered(built, 2) == "id_cap_reached"
    assert Job.objects.filter(name="datafactory.match_sample").count() == 2


def test_shares_told_are_multiples_of_ten_people():
    assert [shown(count, 100, FLOOR) for count in (0, 9, 10, 90, 91, 100)] == [0, None, 10, 90, None, 100]
    assert PLAN["ids"]
