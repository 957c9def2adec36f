"""Retention and deletion: who may, what goes from the disk, what stays, and that a kill changes nothing of it."""

import copy
import json
from datetime import timedelta

import pyarrow.parquet as pq
import pytest
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from datafactory.models import Deletion, FeatureTable, Match, MatchSketch, Sample, SourceVersion
from datafactory.services import deletions, keyed_ids
from models_registry.models import Evaluation, TrainingRun
from models_registry.services import comparison, plans, releases, training, value, versions
from models_registry.services import evaluation as evaluations
from projects import audit, keys, storage
from projects.errors import Conflict, DomainError, Forbidden
from projects.models import AuditEvent, Job
from projects.services.authorisations import grant, withdraw
from tests.datafactory.files import clean_rows, hashed
from tests.models_registry.tables import job_of

pytestmark = pytest.mark.django_db

PLAN = {"algorithm": "scorecard", "split": {"kind": "random", "seed": 3}, "min_people": 5, "screen": {"min_iv": 0}}
CANARY = "A00007"


def rows(n=600, first=0):
    """Applications of half the people twice as bad when they earn little; A00007 is among them."""
    made = clean_rows(first + n)[first:]
    for i, row in enumerate(made):
        row[3], row[4] = str(int((i * 7) % 10 < (6 if i % 2 else 2))), str(1000 + (0 if i % 2 else 500) + i % 90)
    return made


@pytest.fixture
def chain(built, people, run_jobs, settings):
    """A sample, its match, feature table, run and evaluation, all ready."""
    settings.LEAF_FLOOR_PEOPLE = 5
    built.sample(rows())
    built.source(
        rows=[[hashed(i), f"2023-1{k}-20", str(10 * k + i % 7), f"L{i % 4}"] for i in range(400) for k in (0, 1)]
    )
    assert built.match().status_code == 202
    assert built.table().status_code == 202
    table = FeatureTable.objects.get()
    assert table.state == "ready", job_of(table).error
    with run_jobs():
        run = training.train_model(user=people.modeler, feature_table=table, plan=plans.read_training(PLAN))
    run.refresh_from_db()
    assert run.state == "ready", job_of(run).error
    with run_jobs():
        evaluations.evaluate_model(user=people.modeler, run=run, plan=plans.read_evaluation({"bootstrap": 20}))
    return built


def files_with(text):
    """Every file below the artifact root in which ``text`` stands, Parquet read as what it holds."""
    root = storage._root()
    files = (path for path in sorted(root.rglob("*")) if path.is_file())
    return [str(path.relative_to(root)) for path in files if text in content_of(path)]


def content_of(path):
    return str(pq.read_table(path).to_pydict()) if path.suffix == ".parquet" else path.read_bytes().decode("latin1")


def delete(chain, people, run_jobs, reason="The pilot has ended."):
    with run_jobs():
        return deletions.delete_sample(sample=Sample.objects.get(number=1), user=people.partner, reason=reason)


def test_nothing_with_the_samples_rows_is_left_on_disk(chain, people, run_jobs):
    before = files_with(CANARY)
    assert {path.split("/")[0] for path in before} >= {"samples", "matches", "features", "runs"}
    assert files_with(hashed(7))
    deletion = delete(chain, people, run_jobs)
    deletion.refresh_from_db()
    assert deletion.finished_at is not None
    assert files_with(CANARY) == []
    assert [path for path in files_with(hashed(7)) if not path.startswith("sources/")] == []
    assert not list((storage._root() / storage.STAGING).glob("deletion-*"))


def test_figures_models_and_audit_lines_stay(chain, people, run_jobs, client_of):
    run = TrainingRun.objects.get()
    delete(chain, people, run_jobs)
    assert (storage.folder(run.ticket["path"]) / "model.json").is_file()
    assert Sample.objects.get().summary["n_rows"] == 600
    assert Match.objects.get().report["n_rows"] == 600
    assert Evaluation.objects.get().result
    assert MatchSketch.objects.count() == 1
    assert all(
        row.deleted_at
        for model in (Sample, Match, FeatureTable, TrainingRun, Evaluation)
        for row in model.objects.all()
    )
    assert not audit.verify()
    lines = AuditEvent.objects.filter(action__startswith="data.").order_by("seq")
    assert [line.action for line in lines] == ["data.deletion_started", "data.deleted"]
    client = client_of(people.partner)
    for name, args in (("sample-detail", [1]), ("match-detail", [1]), ("feature-detail", [1])):
        page = client.get(reverse(f"datafactory:{name}", args=[chain.project.slug, *args]))
        assert page.status_code == 200
        assert b'id="deleted"' in page.content


def test_the_certificate_says_what_went(chain, people, run_jobs, client_of):
    tickets = {"sample": Sample, "match": Match, "feature table": FeatureTable, "run": TrainingRun}
    hashes = {noun: model._default_manager.get().content_hash for noun, model in tickets.items()}
    deletion = delete(chain, people, run_jobs)
    told = chain.partner.get(f"/api/v1/deletions/{deletion.number}").json()
    assert (told["state"], told["target"], told["reason"]) == ("done", "sample 1 of auto-loan", "The pilot has ended.")
    lines = {line["noun"]: line for line in told["artifacts"]}
    assert {noun: lines[noun]["content_hash"] for noun in hashes} == hashes
    assert all(lines[noun]["files"] >= 1 and lines[noun]["bytes"] > 100 for noun in hashes)
    assert told["files"] == sum(line["files"] for line in told["artifacts"])
    page = client_of(people.partner).get(reverse("datafactory:deletion-detail", args=[deletion.number]))
    assert page.status_code == 200
    assert hashes["match"] in page.content.decode()
    assert chain.modeler.get(f"/api/v1/deletions/{deletion.number}").status_code == 200


def test_with_the_last_sample_go_key_and_keyed_ids(chain, people, run_jobs):
    key = keys.project_key(chain.project)
    chain.sample(rows(600, first=5000))
    first = delete(chain, people, run_jobs)
    first.refresh_from_db()
    chain.project.refresh_from_db()
    assert (first.body["keys"], keys.project_key(chain.project)) == ([], key)
    assert storage.folder(keyed_ids.project_folder(chain.project)).is_dir()
    with run_jobs():
        last = deletions.delete_sample(sample=Sample.objects.get(number=2), user=people.partner, reason="All of it.")
    last.refresh_from_db()
    chain.project.refresh_from_db()
    assert last.body["keys"]
    assert keys.project_key(chain.project) != key
    assert not storage.folder(keyed_ids.project_folder(chain.project)).exists()


def test_a_live_model_that_looks_people_up_keeps_the_key(chain, people, run_jobs, monkeypatch):
    from models_registry.services.erasing import PredictedRows

    key = keys.project_key(chain.project)
    monkeypatch.setattr(PredictedRows, "needs_key", lambda self, project: "Auto loan v1")
    deletion = delete(chain, people, run_jobs)
    deletion.refresh_from_db()
    chain.project.refresh_from_db()
    assert keys.project_key(chain.project) == key
    assert deletion.body["kept"] == [{"what": "project key", "why": "Auto loan v1"}]


@pytest.mark.parametrize("survive", [0, 1, 4, 7])
def test_a_deletion_killed_in_the_middle_is_finished_by_the_next_round(chain, people, run_jobs, monkeypatch, survive):
    """The process dies after some removals, once even between the move aside and the removal."""
    erase, calls = storage._throw_away, []

    def dying(path):
        calls.append(path)
        if len(calls) > survive:
            raise KeyboardInterrupt
        erase(path)

    deletion = deletions.delete_sample(sample=Sample.objects.get(), user=people.partner, reason="The pilot has ended.")
    monkeypatch.setattr(storage, "_throw_away", dying)
    try:
        deletions.run_delete_rows(deletion=Deletion.objects.get())
    except KeyboardInterrupt:
        Job.objects.filter(name=deletions.JOB).update(state=Job.State.FAILED)
    deletion.refresh_from_db()
    died = deletion.finished_at is None
    monkeypatch.setattr(storage, "_throw_away", erase)
    told = chain.partner.get(f"/api/v1/deletions/{deletion.number}").json()
    assert told["state"] == ("removing" if died else "done")
    with run_jobs():
        deletions.go_round()
    deletion.refresh_from_db()
    assert deletion.finished_at is not None
    assert files_with(CANARY) == []
    counted = {line["noun"]: line["files"] for line in deletion.body["artifacts"]}
    assert all(counted[noun] >= 1 for noun in ("sample", "match", "feature table", "run"))
    assert AuditEvent.objects.filter(action="data.deleted").count() == 1


def test_the_schedule_deletes_what_is_past_its_date(chain, people, run_jobs):
    today = timezone.now().date()
    sample = Sample.objects.get()
    deletions.keep_until(user=people.partner, sample=sample, level=5, retain_until=today + timedelta(days=2))
    with run_jobs():
        assert deletions.go_round() == 0
    assert files_with(CANARY)
    with run_jobs():
        assert deletions.go_round(timezone.now() + timedelta(days=4)) == 1
    deletion = Deletion.objects.get()
    assert (deletion.requested_by, deletion.finished_at is not None) == (None, True)
    assert files_with(CANARY) == []
    with run_jobs():
        assert deletions.go_round(timezone.now() + timedelta(days=4)) == 0


def test_a_source_version_goes_with_what_was_made_of_it(chain, people, run_jobs):
    with run_jobs():
        deletions.delete_source_version(
            version=SourceVersion.objects.get(), user=people.modeler, reason="Contract over."
        )
    assert {path.split("/")[0] for text in (CANARY, hashed(7)) for path in files_with(text)} == {"samples"}
    assert Deletion.objects.get().finished_at is not None
    assert chain.match().status_code == 404


def test_the_keepers_of_a_source_set_its_last_day_and_delete_a_version(built, people, api_of, run_jobs):
    built.source()
    url = "/api/v1/sources/lending/versions/1"
    assert built.modeler.patch(url, {"retain_until": "2099-01-31"}, format="json").json() == {
        "retain_until": "2099-01-31"
    }
    assert built.modeler.patch(url, {"retain_until": "2001-01-31"}, format="json").json()["code"] == "retention_passed"
    for who, status in (("approver", 403), ("partner", 403), ("stranger", 404)):
        assert api_of(getattr(people, who)).delete(url, {"reason": "x"}, format="json").status_code == status
    with run_jobs():
        told = built.modeler.delete(url, {"reason": "Contract over."}, format="json")
    assert (told.status_code, told.json()["target"]) == (202, "source lending v1")
    assert SourceVersion.objects.get().deletion.finished_at is not None
    assert not files_with(hashed(7))


@pytest.mark.parametrize(
    ("who", "status"), [("modeler", 403), ("approver", 403), ("integrator", 403), ("stranger", 404)]
)
def test_only_the_owners_people_may_delete_or_keep(built, people, api_of, client_of, who, status):
    built.sample()
    client, url = api_of(getattr(people, who)), f"{built.base}/samples/1"
    assert client.delete(url, {"reason": "x"}, format="json").status_code == status
    assert client.patch(url, {"level": 1, "retain_until": None}, format="json").status_code == status
    page = client_of(getattr(people, who)).get(reverse("datafactory:sample-delete", args=[built.project.slug, 1]))
    assert page.status_code == status
    assert not Deletion.objects.exists()


def test_over_the_api_and_twice_is_the_same_deletion(built, run_jobs, people, api_of):
    built.sample()
    url = f"{built.base}/samples/1"
    assert built.partner.delete(url, {}, format="json").status_code == 400
    with run_jobs():
        first = built.partner.delete(url, {"reason": "Purpose fulfilled."}, format="json")
    second = built.partner.delete(url, {"reason": "Again."}, format="json")
    assert (first.status_code, second.json()["number"], second.json()["state"]) == (202, first.json()["number"], "done")
    assert second.json()["reason"] == "Purpose fulfilled."
    assert api_of(people.stranger).get(f"/api/v1/deletions/{first.json()['number']}").status_code == 404
    body = built.partner.get(url).json()
    assert body["deleted_at"]
    assert hashed(7) not in json.dumps(body)


def test_level_and_date_are_set_by_the_owner_and_shown(built, people, client_of):
    built.sample()
    answer = built.partner.patch(f"{built.base}/samples/1", {"level": 5, "retain_until": "2099-12-31"}, format="json")
    assert answer.json() == {"level": 5, "retain_until": "2099-12-31"}
    page = client_of(people.modeler).get(reverse("datafactory:sample-detail", args=[built.project.slug, 1]))
    assert b"2099-12-31" in page.content
    assert b"5 highly sensitive" in page.content
    url = reverse("datafactory:sample-keep", args=[built.project.slug, 1])
    client_of(people.partner).post(url, {"level": "2", "retain_until": ""})
    assert Sample.objects.values_list("level", "retain_until").get() == (2, None)
    assert AuditEvent.objects.filter(action="sample.kept_until").count() == 2


def test_the_page_asks_once_and_says_what_will_be_lost(chain, people, run_jobs, client_of):
    client, url = client_of(people.partner), reverse("datafactory:sample-delete", args=[chain.project.slug, 1])
    page = client.get(url).content.decode()
    assert all(word in page for word in ("feature table", "run", "This cannot be taken back."))
    assert client.post(url, {"reason": ""}).status_code == 422
    with run_jobs():
        sent = client.post(url, {"reason": "Purpose fulfilled."})
    assert sent.url == reverse("datafactory:deletion-detail", args=[1])
    assert Deletion.objects.get().finished_at is not None


def test_work_under_way_is_stopped_first(chain, people, run_jobs):
    job = job_of(FeatureTable.objects.get())
    Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING)
    deletion = deletions.delete_sample(sample=Sample.objects.get(), user=people.partner, reason="Now.")
    assert Job.objects.get(pk=job.pk).cancel_requested
    with pytest.raises(Conflict) as error:
        deletions.run_delete_rows(deletion=deletion)
    assert error.value.code == "still_working"
    Job.objects.filter(pk=job.pk).update(state=Job.State.CANCELLED)
    deletions.run_delete_rows(deletion=deletion)
    assert files_with(CANARY) == []


def run_of():
    return TrainingRun.objects.get()


def later_uses(built, people):
    """Every use of a sample's rows after its import, by name."""
    user, sample, table = people.modeler, Sample.objects.get(number=1), FeatureTable.objects.get(number=1)
    recipe = plans.read_training(PLAN | {"seed": 99})
    match = table.match

    def version():
        return versions.create_version(user=user, run=run_of(), model="Auto loan")

    from datafactory.services import features, leaks, matches

    return {
        "match": lambda: matches.match_sample(
            user=user, sample=sample, source_versions=list(SourceVersion.objects.all())
        ),
        "match job": lambda: matches.run_match_sample(match=_unfinished(match)),
        "features": lambda: features.build_features(user=user, match=match),
        "features job": lambda: features.run_build_features(table=_unfinished(table)),
        "leak scan": lambda: leaks.scan_leaks(user=user, table=table),
        "leak scan job": lambda: leaks.run_scan_leaks(scan=table.leak_scan),
        "training": lambda: training.train_model(user=user, feature_table=table, plan=recipe),
        "training job": lambda: training.run_training(run=_unfinished(run_of())),
        "evaluation": lambda: evaluations.evaluate_model(user=user, run=run_of(), plan=plans.read_evaluation({})),
        "evaluation job": lambda: evaluations.run_evaluation(evaluation=_unfinished(Evaluation.objects.get())),
        "comparison": lambda: comparison.compare([run_of(), run_of()]),
        "value of data": lambda: value.value_of_data(user=user, feature_table=table, plan=recipe),
        "version": version,
    }


def _unfinished(row):
    again = copy.copy(row)
    again.state = "running"
    return again


USES = [
    *("match", "match job", "features", "features job", "leak scan", "leak scan job", "training", "training job"),
    *("evaluation", "evaluation job", "comparison", "value of data", "version"),
]


def renewed(built, people):
    grant(
        user=people.partner,
        project=built.project,
        basis="Separate consent",
        purpose="Admission",
        data_categories=["applications"],
        expires_at=timezone.now() + timedelta(days=30),
    )


def test_an_ended_authorisation_stops_every_later_use(chain, people, authorisation):
    """Withdrawn or expired: each use is refused by name of the institution; a new grant lets it go on."""
    assert set(later_uses(chain, people)) == set(USES)
    expired = {"expires_at": timezone.now() - timedelta(minutes=1)}
    for end in ("withdrawn", "expired"):
        if end == "withdrawn":
            withdraw(user=people.partner, authorisation=authorisation)
        else:
            chain.project.authorisations.update(**expired)
        for name, use in later_uses(chain, people).items():
            with pytest.raises(DomainError) as error, transaction.atomic():
                use()
            assert error.value.code == "no_authorisation", name
            assert "Huaxin Bank" in str(error.value), name
            assert "Grant one first" in str(error.value), name
        renewed(chain, people)
        later_uses(chain, people)["version"]()


def test_an_ended_authorisation_stops_submission_and_publication(chain, people, authorisation, monkeypatch):
    user = people.modeler
    version = versions.create_version(user=user, run=run_of(), model="Auto loan")
    withdraw(user=people.partner, authorisation=authorisation)
    with pytest.raises(DomainError) as error:
        versions.submit(user=user, version=version)
    assert error.value.code == "no_authorisation"
    type(version).objects.update(status="approved")
    version.refresh_from_db()
    with pytest.raises(DomainError) as error:
        releases.publish(user=people.approver, version=version)
    assert error.value.code == "no_authorisation"


def test_deleted_rows_stop_every_later_use_too(chain, people, run_jobs):
    delete(chain, people, run_jobs)
    for name, use in later_uses(chain, people).items():
        with pytest.raises(DomainError) as error, transaction.atomic():
            use()
        assert error.value.code == "rows_deleted", name


def test_a_stranger_may_not_delete_by_the_service_either(built, people):
    built.sample()
    with pytest.raises(Forbidden):
        deletions.delete_sample(sample=Sample.objects.get(), user=people.modeler, reason="x")
