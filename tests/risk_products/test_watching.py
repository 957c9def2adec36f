"""Watch lists: accounts, runs, changes worth telling, and runs that were killed half way."""

import pytest

from projects.models import Job
from risk_products.models import Product, ScoreCall, WatchChange, WatchedAccount
from risk_products.selectors import standing
from risk_products.services import scoring, watching
from tests.risk_products import world

CSV = "account,income,age,city\nL-1,8000,40,north\nL-2,-1,25,south\nL-3,,60,west\n"


@pytest.fixture
def monitored(product):
    Product.objects.update(family="monitoring")
    product.refresh_from_db()
    return product


@pytest.fixture
def base(monitored):
    return f"/products/{monitored.slug}/watch-lists/"


@pytest.fixture
def api(monitored, people, api_of):
    client = api_of(people.integrator)
    client.base = f"/api/v1/products/{monitored.slug}/watch-lists"
    return client


@pytest.fixture
def watch_list(api):
    row = api.post(api.base, {"name": "Cars", "min_change": 15}, format="json").json()
    accounts = [
        {"account": "L-1", "ids": {}, "features": {"income": 8000, "age": 40, "city": "north"}},
        {"account": "L-2", "ids": {}, "features": {"income": -1, "age": 25, "city": "south"}},
        {"account": "L-3", "ids": {}, "features": {"age": 60, "city": "west"}},
    ]
    assert api.put(f"{api.base}/{row['id']}/accounts", {"accounts": accounts}, format="json").json() == {"accounts": 3}
    return f"{api.base}/{row['id']}"


def run_again(api, watch_list, run_jobs):
    with run_jobs():
        answer = api.post(f"{watch_list}/rescore")
    assert answer.status_code == 202
    job = Job.objects.get(pk=answer.json()["job"])
    assert job.state == "finished", job.error
    return job


def test_first_run_notes_and_later_runs_report(api, watch_list, run_jobs):
    run_again(api, watch_list, run_jobs)
    assert api.get(f"{watch_list}/changes").json()["results"] == []
    before = {row["account"]: row["score"] for row in api.get(f"{watch_list}/accounts").json()["results"]}
    assert all(before.values())
    moved = {"accounts": [{"account": "L-1", "ids": {}, "features": {"income": 2000, "age": 22, "city": "south"}}]}
    api.put(f"{watch_list}/accounts", moved, format="json")
    run_again(api, watch_list, run_jobs)
    changes = api.get(f"{watch_list}/changes?last_run=1").json()["results"]
    assert [row["account"] for row in changes] == ["L-1"]
    assert changes[0]["score_before"] == before["L-1"]
    assert changes[0]["points"] == changes[0]["score"] - before["L-1"] <= -15
    run_again(api, watch_list, run_jobs)
    assert api.get(f"{watch_list}/changes?last_run=1").json()["results"] == []
    assert ScoreCall.objects.filter(channel="watch").count() == 9


def test_scores_equal_the_doors(api, watch_list, run_jobs, call):
    run_again(api, watch_list, run_jobs)
    rows = {row["account"]: row["score"] for row in api.get(f"{watch_list}/accounts").json()["results"]}
    assert rows["L-2"] == call(request_id="x", features={"income": -1, "age": 25, "city": "south"}).json()["score"]


def test_a_slow_slide_is_reported_when_it_adds_up(api, watch_list, run_jobs):
    run_again(api, watch_list, run_jobs)
    account = WatchedAccount.objects.get(account="L-1")
    assert account.reported_score is not None
    account.reported_score -= 14
    account.save()
    run_again(api, watch_list, run_jobs)
    assert not WatchChange.objects.exists()
    account.refresh_from_db()
    account.reported_score -= 1
    account.save()
    run_again(api, watch_list, run_jobs)
    assert WatchChange.objects.get().points == 15


def test_another_band_is_reported_however_few_points(api, watch_list, run_jobs):
    run_again(api, watch_list, run_jobs)
    WatchedAccount.objects.filter(account="L-1").update(reported_band="Z")
    run_again(api, watch_list, run_jobs)
    change = WatchChange.objects.get()
    assert (change.points, change.band_before) == (0, "Z")


def test_a_killed_run_goes_on_and_reports_once(api, watch_list, run_jobs, monkeypatch, monitored):
    run_again(api, watch_list, run_jobs)
    WatchedAccount.objects.update(reported_band="Z")
    row = monitored.watch_lists.get()
    job = Job.objects.create(name="risk_products.rescore_watch_list", created_by=row.created_by)
    monkeypatch.setattr(watching, "CHUNK", 1)
    done = []

    def die_after_one(n, total, what):
        done.append(n)
        if len(done) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watching.rescore_watch_list(watch_list=row, job=job, progress=die_after_one)
    assert WatchChange.objects.count() == 1
    n = watching.rescore_watch_list(watch_list=row, job=job, progress=lambda *_: None)
    assert n == WatchChange.objects.count() == 3
    assert ScoreCall.objects.filter(channel="watch").count() == 6


def test_a_kill_between_score_and_note_reports_the_change(api, watch_list, run_jobs, monkeypatch, monitored):
    """The calls are on record but the accounts are not written: the next attempt gets the same answers."""
    run_again(api, watch_list, run_jobs)
    WatchedAccount.objects.update(reported_band="Z")
    row = monitored.watch_lists.get()
    job = Job.objects.create(name="risk_products.rescore_watch_list", created_by=row.created_by)
    real = scoring.score_many

    def score_and_die(*args, **options):
        real(*args, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(scoring, "score_many", score_and_die)
    with pytest.raises(KeyboardInterrupt):
        watching.rescore_watch_list(watch_list=row, job=job, progress=lambda *_: None)
    monkeypatch.setattr(scoring, "score_many", real)
    assert watching.rescore_watch_list(watch_list=row, job=job, progress=lambda *_: None) == 3
    assert ScoreCall.objects.filter(channel="watch").count() == 6


def test_accounts_that_do_not_fit_are_refused_whole(api, watch_list):
    wrong = {
        "accounts": [
            {"account": "L-8", "ids": {}, "features": {"age": 30}},
            {"account": "L-9", "ids": {}, "features": {"age": "thirty"}},
        ]
    }
    answer = api.put(f"{watch_list}/accounts", wrong, format="json")
    assert (answer.status_code, answer.json()["code"]) == (422, "wrong_type")
    assert answer.json()["detail"] == {"row": 2, "column": "age"}
    assert WatchedAccount.objects.count() == 3
    assert api.delete(f"{watch_list}/accounts/L-1").status_code == 204
    assert api.delete(f"{watch_list}/accounts/L-1").status_code == 404


def test_a_version_that_asks_for_something_else_marks_accounts(api, watch_list, run_jobs, run, people, monitored):
    newer = world.run_of(run.feature_table, algorithm="scorecard", column_set="partner", columns=["partner__income"])
    world.put_live(world.version_of(newer, monitored.model, people.approver), people.approver)
    standing.remembered.clear()
    run_again(api, watch_list, run_jobs)
    rows = api.get(f"{watch_list}/accounts").json()["results"]
    assert {row["error"] for row in rows} == {"unknown_field"}


def test_values_of_accounts_are_sealed(api, watch_list):
    account = WatchedAccount.objects.get(account="L-1")
    assert b"8000" not in bytes(account.features)


def test_only_the_own_institution_sees_a_list(watch_list, api, people, api_of):
    assert api_of(people.partner).get(watch_list).status_code == 200
    assert api_of(people.modeler).get(watch_list).status_code == 404
    assert api_of(people.stranger).get(watch_list).status_code == 404
    assert api_of(people.modeler).get(api.base).json() == []


def test_rename_and_delete(api, watch_list):
    changed = api.put(watch_list, {"name": "Trucks", "min_change": 5}, format="json").json()
    assert (changed["name"], changed["min_change"], changed["accounts"]) == ("Trucks", 5, 3)
    again = api.post(api.base, {"name": "Trucks"}, format="json")
    assert (again.status_code, again.json()["code"]) == (409, "name_taken")
    assert api.delete(watch_list).status_code == 204
    assert not WatchedAccount.objects.exists()


def test_other_families_have_no_lists(people, product, api_of):
    answer = api_of(people.integrator).post(
        f"/api/v1/products/{product.slug}/watch-lists", {"name": "x"}, format="json"
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "not_monitoring")


def test_pages_from_empty_to_changes(base, people, client_of, run_jobs):
    client = client_of(people.integrator)
    assert "No watch list yet" in client.get(base).content.decode()
    made = client.post(f"{base}new/", {"name": "Cars", "min_change": 20})
    url = made["Location"]
    assert "account,income,age,city" in client.get(url).content.decode().replace("partner__", "")
    assert client.post(f"{url}accounts/", {"text": CSV}).status_code == 302
    with run_jobs():
        assert client.post(f"{url}rescore/").status_code == 302
    WatchedAccount.objects.filter(account="L-2").update(reported_band="Z")
    with run_jobs():
        client.post(f"{url}rescore/")
    page = client.get(url).content.decode()
    assert "Z → " in page
    file = client.get(f"{url}changes.csv").content.decode().splitlines()
    assert file[0] == "account,at,score_before,score,points,band_before,band"
    assert file[1].startswith("L-2,")
    assert client_of(people.modeler).get(url).status_code == 404
    assert client.post(f"{url}delete/").status_code == 302


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("account,colour\nL-1,red\n", "colour"),
        ("income,age\n1,2\n", "no column account"),
        ("account,age\nL-1,old\n", "Row 1"),
        ("account,age\nL-1\n", "Row 1 has 1 cells"),
        ("account,age\n", "no rows"),
        ("account,age\nL-1,3\nL-1,4\n", "twice"),
        ("account,age\nL 1,3\n", "Row 1"),
    ],
)
def test_wrong_files_say_where(base, people, client_of, text, told):
    client = client_of(people.integrator)
    url = client.post(f"{base}new/", {"name": "Cars", "min_change": 20})["Location"]
    answer = client.post(f"{url}accounts/", {"text": text})
    assert answer.status_code == 422
    assert told in answer.content.decode()
    assert not WatchedAccount.objects.exists()
