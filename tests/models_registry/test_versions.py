"""Versions: signature and bands, four eyes, the gate, and live intervals that never overlap."""

import json
from contextlib import suppress
from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as shrink
from hypothesis import strategies as st

from models_registry import selectors
from models_registry.models import Model, Release, Version
from models_registry.services import frames, gate, releases, signatures, versions
from projects import sharing, storage
from projects.errors import Conflict, Forbidden, Invalid
from projects.models import AuditEvent, ProjectMember, Role
from tests.models_registry import tables
from tests.models_registry.conftest import XGBOOST


@pytest.fixture
def store_ready(monkeypatch):
    """The tables here have no people behind them to look up; test_online.py has."""
    monkeypatch.setattr(gate, "check_online", tables.online_is_fine)


@pytest.fixture
def published(approved, people, store_ready):
    def publish(run=None):
        version = approved(run)
        releases.publish(user=people.approver, version=version)
        version.refresh_from_db()
        return version

    return publish


def test_a_version_says_what_a_call_must_bring(evaluated, people):
    version = versions.create_version(user=people.modeler, run=evaluated(), model="Auto loan")
    fields = {field["name"]: field for field in version.signature["request"]}
    assert version.signature["ids"] == ["mobile__sha256"]
    assert fields["partner__income"]["field"] == "income"
    assert fields["partner__income"]["specials"] == [-1.0]
    assert all(field["source"] == "lending" for field in version.signature["lookup"])
    assert version.signature["sources"] == [{"slug": "lending", "version": 1}]


def test_bands_are_the_quintiles_of_the_train_scores(evaluated, people):
    run = evaluated()
    version = versions.create_version(user=people.modeler, run=run, model="Auto loan")
    rows = frames.predictions_of(run)
    train = rows[rows["split"] == "train"]["score"]
    bounds = [band["min_score"] for band in version.bands]
    assert [band["band"] for band in version.bands] == list("ABCDE")
    assert bounds == sorted(bounds, reverse=True)
    for bound, share in zip(bounds[:4], (0.2, 0.4, 0.6, 0.8), strict=True):
        assert (train > bound).mean() <= share + 1e-9 <= (train >= bound).mean() + 1e-9


def test_a_run_needs_an_evaluation_before_it_can_be_offered(trained, people):
    with pytest.raises(Conflict) as refused:
        versions.create_version(user=people.modeler, run=trained(), model="Auto loan")
    assert refused.value.code == "run_not_evaluated"


def test_offering_twice_is_one_version_and_a_chinese_name_is_fine(evaluated, people):
    run = evaluated()
    first = versions.create_version(user=people.modeler, run=run, model="车贷准入")
    again = versions.create_version(user=people.modeler, run=run, model="车贷准入")
    other = versions.create_version(user=people.modeler, run=run, model="车贷贷中")
    assert first.pk == again.pk
    assert first.model.slug != other.model.slug
    assert Model.objects.count() == 2


def test_the_author_never_approves_even_with_the_right(evaluated, people, project):
    version = versions.create_version(user=people.modeler, run=evaluated(), model="Auto loan")
    version = versions.submit(user=people.modeler, version=version)
    platform = people.approver.memberships.get().institution
    ProjectMember.objects.create(project=project, user=people.modeler, institution=platform, role=Role.APPROVER)
    sharing.resync(project)
    for act in (versions.approve, lambda **given: versions.send_back(**given | {"note": "no"})):
        with pytest.raises(Conflict) as refused:
            act(user=people.modeler, version=version)
        assert refused.value.code == "own_version"
    with pytest.raises(IntegrityError), transaction.atomic():
        Version.objects.filter(pk=version.pk).update(decided_by=people.modeler)


def test_who_may_not_release_may_not_approve(evaluated, people):
    version = versions.create_version(user=people.modeler, run=evaluated(), model="Auto loan")
    version = versions.submit(user=people.modeler, version=version)
    for person in (people.colleague, people.partner, people.integrator, people.stranger):
        with pytest.raises(Forbidden):
            versions.approve(user=person, version=version)


def test_sent_back_with_reasons_changed_and_offered_again(evaluated, people):
    version = versions.create_version(user=people.modeler, run=evaluated(), model="Auto loan")
    version = versions.submit(user=people.modeler, version=version)
    assert [item.kind for item in selectors.waiting_for(people.approver)] == ["version_submitted"]
    with pytest.raises(Invalid):
        versions.send_back(user=people.approver, version=version, note="  ")
    version = versions.send_back(user=people.approver, version=version, note="Bands are too wide.")
    assert [item.kind for item in selectors.waiting_for(people.modeler)] == ["version_returned"]
    bands = [{"band": "A", "min_score": 620, "action": "approve"}, {"band": "B", "min_score": 0, "action": "decline"}]
    version = versions.change_bands(user=people.modeler, version=version, bands=bands)
    version = versions.submit(user=people.modeler, version=version)
    assert version.status == Version.Status.SUBMITTED
    assert AuditEvent.objects.get(action="version.returned").detail["note"] == "Bands are too wide."


@pytest.mark.parametrize(
    "bands",
    [
        [],
        [{"band": "A", "min_score": 1}],
        [{"band": "A", "min_score": 1}, {"band": "B", "min_score": 2}],
        [{"band": "A", "min_score": 2}, {"band": "A", "min_score": 1}],
        [{"band": "", "min_score": 2}, {"band": "B", "min_score": 1}],
        [{"band": "A", "min_score": "high"}, {"band": "B", "min_score": 1}],
    ],
)
def test_bands_that_leave_a_score_without_one_are_refused(bands):
    with pytest.raises(Invalid):
        signatures.read_bands(bands)


@pytest.mark.parametrize("plan", [None, XGBOOST])
def test_a_sound_version_passes_every_check(evaluated, approved, people, store_ready, plan):
    version = approved(evaluated(plan))
    release = releases.publish(user=people.approver, version=version)
    version.refresh_from_db()
    assert version.status == Version.Status.LIVE
    assert {check["check"] for check in version.gate if not check["passed"]} == set()
    adds_up = "contributions_add_up" if plan else "points_add_up"
    assert {adds_up, "stored_scores", "single_is_batch", "odd_values", "people_floor"} < {
        check["check"] for check in version.gate
    }
    assert selectors.live_version(version.model) == release.version


def test_only_approved_versions_are_published_and_twice_is_once(evaluated, people, approved, store_ready):
    draft = versions.create_version(user=people.modeler, run=evaluated(), model="Auto loan")
    with pytest.raises(Conflict) as refused:
        releases.publish(user=people.approver, version=draft)
    assert refused.value.code == "wrong_status"
    version = approved()
    first = releases.publish(user=people.approver, version=version)
    version.refresh_from_db()
    assert releases.publish(user=people.approver, version=version).pk == first.pk


def test_marks_must_be_accepted_by_name(make_table, evaluated, approved, people, store_ready):
    version = approved(evaluated(table=make_table(marks=("leakage_unknown",))))
    with pytest.raises(Conflict) as refused:
        releases.publish(user=people.approver, version=version)
    assert [check["check"] for check in refused.value.detail] == ["marks_acknowledged"]
    assert not Release.objects.exists()
    releases.publish(user=people.approver, version=version, acknowledge=("leakage_unknown",))
    version.refresh_from_db()
    assert version.acknowledged == ["leakage_unknown"]


def tampered(version, change):
    """The stored model changed by hand, as no service would."""
    path = storage.folder(version.run.ticket["path"]) / "model.json"
    model = json.loads(path.read_text())
    change(model)
    path.write_text(json.dumps(model))


def shift_intercept(model):
    model["scorecard"]["intercept"] += 0.01


def thin_bin(model):
    rows = model["scorecard"]["bins"][0]["rows"]
    next(row for row in rows if not row["neutral"])["n_people"] = 29


@pytest.mark.parametrize(("change", "failed"), [(shift_intercept, "stored_scores"), (thin_bin, "people_floor")])
def test_a_failed_check_refuses_and_is_named(approved, people, store_ready, change, failed):
    version = approved()
    tampered(version, change)
    with pytest.raises(Conflict) as refused:
        releases.publish(user=people.approver, version=version)
    assert refused.value.code == "gate_failed"
    assert [check["check"] for check in refused.value.detail] == [failed]
    version.refresh_from_db()
    assert version.status == Version.Status.APPROVED
    assert [check["check"] for check in version.gate if not check["passed"]] == [failed]
    assert selectors.live_version(version.model) is None


def test_a_newer_version_ends_the_older_at_the_same_moment(published, evaluated):
    first = published()
    second = published(evaluated(XGBOOST))
    newer, older = selectors.releases_of(first.model)
    first.refresh_from_db()
    assert (older.version, newer.version) == (first, second)
    assert older.live_to == newer.live_from
    assert first.status == Version.Status.RETIRED
    assert selectors.live_version(first.model) == second
    assert selectors.live_version(first.model, older.live_from) == first
    assert selectors.live_version(first.model, newer.live_from) == second
    assert selectors.live_version(first.model, older.live_from - timedelta(seconds=1)) is None


def test_a_retired_version_answers_no_more(published, people):
    version = published()
    live_from = Release.objects.get().live_from
    version = releases.retire(user=people.approver, version=version, note="Superseded by policy.")
    assert version.status == Version.Status.RETIRED
    assert selectors.live_version(version.model) is None
    assert selectors.live_version(version.model, live_from) == version


acts = st.lists(st.tuples(st.sampled_from(["publish", "retire"]), st.integers(0, 2), st.integers(-90, 90)), max_size=12)


@shrink(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=acts)
def test_there_are_never_two_live_versions(acts, three_versions, people):
    """Whatever is published and retired, in whatever order, and however the clock jumps."""
    with transaction.atomic():
        _play(acts, three_versions, people.approver)
        history = list(reversed(selectors.releases_of(three_versions[0].model)))
        assert sum(release.live_to is None for release in history) <= 1
        for older, newer in pairwise(history):
            assert older.live_to is not None
            assert older.live_from <= older.live_to <= newer.live_from
        transaction.set_rollback(True)


@pytest.fixture
def three_versions(approved, evaluated):
    return [approved(evaluated(XGBOOST | {"seed": seed})) for seed in range(3)]


def _play(acts, rows, user):
    now = timezone.now()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gate, "pass_or_refuse", lambda **_given: [])
        for name, at, seconds in acts:
            now += timedelta(seconds=seconds)
            patch.setattr(timezone, "now", lambda moment=now: moment)
            version = Version.objects.select_related("model__project", "run", "evaluation").get(pk=rows[at].pk)
            with suppress(Conflict):  # not possible in this status, or not at this moment
                getattr(releases, name)(user=user, version=version)
