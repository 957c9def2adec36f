"""Bin sets over REST: counted, edited, undone, accepted, trained with; who may; what is hidden."""

import io
import json

import openpyxl
import pytest
from django.conf import settings as site

from modeling.bin_cells import RowSide
from models_registry.models import BinDraft, BinRevision, BinSet
from models_registry.services import bin_sets
from projects.models import AuditEvent
from tests.models_registry.conftest import SCORECARD
from tests.models_registry.tables import job_of

PLAN = {"split": {"kind": "random", "seed": 5}}
INCOME = "partner__income"


@pytest.fixture
def make_set(feature_table, people, run_jobs):
    def make(plan=None, table=None):
        with run_jobs():
            row = bin_sets.create_bin_set(
                user=people.modeler, feature_table=table or feature_table, plan=bin_sets.read_plan(plan or PLAN)
            )
        row.refresh_from_db()
        assert row.state == "ready", job_of(row).error
        return row

    return make


@pytest.fixture
def bin_set(make_set):
    return make_set()


@pytest.fixture
def at(project):
    return f"/api/v1/projects/{project.slug}"


@pytest.fixture
def door(api_of, people, at, bin_set):
    """``door(method, path, body)``: the modeler at the bin set's address."""
    client = api_of(people.modeler)

    def ask(method, path="", body=None):
        answer = getattr(client, method)(f"{at}/bin-sets/{bin_set.number}{path}", body, format="json")
        return answer

    return ask


def edit(door, view, name=INCOME, **change):
    answer = door("put", f"/variables/{name}", {"version": view["version"], **change})
    assert answer.status_code == 200, answer.data
    return answer.data


def test_a_set_is_counted_and_bins_are_proposed(api_of, people, feature_table, at, run_jobs):
    client = api_of(people.modeler)
    with run_jobs():
        order = client.post(f"{at}/bin-sets", {"feature_table": feature_table.number, "plan": PLAN}, format="json")
    assert order.status_code == 202
    told = client.get(order.data["url"]).data
    assert told["state"] == "ready"
    assert {row["name"] for row in told["drafts"]} == {c["name"] for c in feature_table.ticket["columns"]}
    assert all(row["state"] == "proposed" and row["figures"]["iv"] >= 0 for row in told["drafts"])
    listed = client.get(f"{at}/bin-sets").data["results"]
    assert [(row["number"], row["variables"], row["accepted"], row["revision"]) for row in listed] == [(1, 6, 0, None)]


def test_the_view_holds_all_figures(door):
    view = door("get", f"/variables/{INCOME}").data
    assert [one["split"] for one in view["splits"]] == ["train", "valid"], "test rows are not looked at"
    train = view["splits"][0]
    assert len(train["rows"]) == len(view["parts"]) > 3
    assert abs(sum(row["iv"] for row in train["rows"]) - train["iv"]) < 1e-4
    assert len(view["months"]["names"]) == 12
    assert view["parts"][-1]["own"]
    assert view["parts"][-1]["label"] == "Missing" or view["parts"][-1]["label"].endswith("1")


def test_edits_are_kept_undone_and_redone(door):
    first = door("get", f"/variables/{INCOME}").data
    merged = edit(door, first, edit={"op": "merge", "bins": [0, 1]})
    assert len(merged["bins"]["edges"]) == len(first["bins"]["edges"]) - 1
    assert (merged["state"], merged["version"]) == ("edited", first["version"] + 1)
    back = edit(door, merged, act="undo")
    assert back["bins"] == first["bins"]
    assert (back["state"], back["can_redo"]) == ("proposed", True)
    again = edit(door, back, act="redo")
    assert again["bins"] == merged["bins"]
    other = edit(door, edit(door, again, act="undo"), edit={"op": "rename", "bin": 0, "name": "low"})
    assert not other["can_redo"], "a new edit forgets what was undone"
    assert other["parts"][0]["label"] == "low"
    assert edit(door, other, act="reset")["bins"] == first["bins"]


def test_a_stale_tab_is_told_and_stores_nothing(door):
    view = door("get", f"/variables/{INCOME}").data
    edit(door, view, edit={"op": "merge", "bins": [0, 1]})
    late = door("put", f"/variables/{INCOME}", {"version": view["version"], "edit": {"op": "merge", "bins": [1, 2]}})
    assert (late.status_code, late.data["code"]) == (409, "draft_stale")
    assert late.data["detail"] == {"version": view["version"] + 1}
    assert "another tab" in late.data["message"]


def test_a_preview_stores_nothing(door):
    view = door("get", f"/variables/{INCOME}").data
    seen = door("post", f"/variables/{INCOME}", {"edit": {"op": "merge", "bins": [0, 1]}}).data
    assert (seen["stored"], len(seen["bins"]["edges"])) == (False, len(view["bins"]["edges"]) - 1)
    assert door("get", f"/variables/{INCOME}").data["bins"] == view["bins"]


def test_a_typed_edge_is_exact(door, bin_set, feature_table, settings):
    import pandas as pd

    view = door("get", f"/variables/{INCOME}").data
    at = len(view["bins"]["edges"]) - 1
    typed = edit(door, view, edit={"op": "move", "edge": at, "to": 9999.99})
    assert typed["bins"]["edges"][-1] == 9999.99
    assert BinDraft.objects.get(bin_set=bin_set, name=INCOME).cuts["typed"] == [9999.99]
    rows = pd.read_parquet(settings.ARTIFACT_ROOT / feature_table.ticket["path"] / "rows.parquet")
    side = RowSide.load(settings.ARTIFACT_ROOT / bin_set.ticket["path"] / "side.npz")
    above = (rows["partner__income"] >= 9999.99).to_numpy()
    assert typed["splits"][0]["rows"][at + 1]["n"] == (above & (side.split == 0)).sum()
    valid = typed["splits"][1]["rows"]
    assert valid[at]["hidden"], "so near to a cut that could be shown that the difference is a handful of people"
    assert valid[at + 1]["hidden"]
    assert not valid[0]["hidden"]


def test_an_edge_that_sets_a_handful_apart_names_the_nearest_that_can_be(door, bin_set, feature_table, settings):
    import pandas as pd

    rows = pd.read_parquet(settings.ARTIFACT_ROOT / feature_table.ticket["path"] / "rows.parquet")
    side = RowSide.load(settings.ARTIFACT_ROOT / bin_set.ticket["path"] / "side.npz")
    view = door("get", f"/variables/{INCOME}").data
    shown = view["bins"]["edges"][1]
    above = sorted(x for x in rows["partner__income"][side.split == 0] if x >= shown)
    move = {"op": "move", "edge": 1, "to": above[4] + 0.005}
    answer = door("put", f"/variables/{INCOME}", {"version": view["version"], "edit": move})
    assert (answer.status_code, answer.data["code"]) == (422, "edge_too_fine")
    assert f"{shown:.12g}" in answer.data["message"]
    assert edit(door, view, edit=move | {"snap": True})["bins"]["edges"][1] == shown


def test_what_the_law_forbids_is_refused_in_words(door):
    view = door("get", f"/variables/{INCOME}").data
    cases = [
        ({"op": "merge", "bins": [0, 2]}, 422, "merge_not_neighbours"),
        ({"op": "move", "edge": 0, "to": 1e12}, 422, "edge_crosses"),
        ({"op": "split", "bin": 0, "at": -1e12}, 422, "bin_thin"),
        ({"op": "fly"}, 422, "bad_edit"),
        ({"op": "merge", "bins": "x"}, 422, "bad_plan"),
        ({"op": "bins", "bins": {"kind": "category", "groups": [["x"]], "homes": [1, 2]}}, 422, "other_kind"),
    ]
    for change, status, code in cases:
        answer = door("put", f"/variables/{INCOME}", {"version": view["version"], "edit": change})
        assert (answer.status_code, answer.data["code"]) == (status, code), answer.data
    assert door("get", f"/variables/{INCOME}").data["version"] == view["version"]


def test_a_wish_is_a_proposal_or_says_what_breaks_it(door):
    told = door("post", f"/variables/{INCOME}", {"wish": {"trend": "descending", "max_bins": 3}}).data
    assert not told["stored"]
    assert told["splits"][0]["trend"] == "descending"
    assert len(told["bins"]["edges"]) <= 2
    broken = door("post", f"/variables/{INCOME}", {"wish": {"trend": "ascending", "min_bins": 4}})
    assert (broken.status_code, broken.data["code"]) == (422, "wish_trend")
    assert "trend breaks it" in broken.data["message"]
    for wish in ({"min_bins": 9, "max_bins": 2}, {"max_pvalue": 0}, {"magic": 1}):
        assert door("post", f"/variables/{INCOME}", {"wish": wish}).data["code"] == "bad_wish"


def test_categories_and_their_rare_ones(door):
    view = door("get", "/variables/partner__city").data
    assert {row["level"] for row in view["levels"]} == {"south", "north", "west"}
    one = edit(door, view, "partner__city", edit={"op": "levels", "levels": ["west"]})
    assert ["west"] in one["bins"]["groups"]
    assert one["splits"][0]["rows"]


def test_small_cells_are_hidden(door, bin_set):
    for draft in bin_set.drafts.all():
        view = door("get", f"/variables/{draft.name}").data
        for one in view["splits"]:
            shown = [row["n"] for row in one["rows"] if not row["hidden"] and row["n"]]
            assert all(n >= site.CELL_FLOOR_PEOPLE for n in shown)


def accept_all(door, bin_set):
    for draft in bin_set.drafts.all():
        view = door("get", f"/variables/{draft.name}").data
        edit(door, view, draft.name, act="accept", reason="Looks right.")


def test_propose_review_accept_is_kept(door, api_of, people, bin_set, at):
    assert door("post", "/revisions", {"reason": "x"}).data["code"] == "nothing_accepted"
    accept_all(door, bin_set)
    assert door("post", "/revisions", {"reason": ""}).status_code == 400
    made = door("post", "/revisions", {"reason": "Edges of the product."})
    assert (made.status_code, made.data["status"], made.data["author"]) == (201, "proposed", people.modeler.email)
    reviewer = api_of(people.colleague)
    url = f"{at}/bin-sets/{bin_set.number}/revisions/1"
    done = reviewer.post(url, {"accept": True, "review": "Read."}, format="json").data
    assert (done["status"], done["reviewer"], done["review"]) == ("accepted", people.colleague.email, "Read.")
    again = reviewer.post(url, {"accept": False, "review": "No."}, format="json")
    assert (again.status_code, again.data["code"]) == (409, "revision_decided")
    kept = reviewer.get(url).data["bins"]
    view = door("get", f"/variables/{INCOME}").data
    edit(door, view, edit={"op": "merge", "bins": [0, 1]})
    assert reviewer.get(url).data["bins"] == kept, "an accepted revision never changes"
    actions = list(AuditEvent.objects.filter(action__startswith="bins.").values_list("action", flat=True))
    assert {"bins.counted", "bins.variable_accept", "bins.proposed", "bins.accepted"} <= set(actions)


def test_an_edit_takes_an_acceptance_back(door):
    view = edit(door, door("get", f"/variables/{INCOME}").data, act="accept", reason="Fine.")
    assert (view["state"], view["reason"]) == ("accepted", "Fine.")
    assert edit(door, view, edit={"op": "merge", "bins": [0, 1]})["state"] == "edited"


def test_a_run_is_trained_with_exactly_these_bins(door, bin_set, api_of, people, feature_table, at, run_jobs, trained):
    client = api_of(people.modeler)
    order = {"feature_table": feature_table.number, "plan": SCORECARD | {"given": {"number": bin_set.number}}}
    early = client.post(f"{at}/runs", order, format="json")
    assert (early.status_code, early.data["code"]) == (409, "bins_not_accepted")
    view = door("get", f"/variables/{INCOME}").data
    edges = [6150.5, 9250.25]
    own = {"kind": "numeric", "edges": edges, "groups": [], "specials": [-1.0], "homes": [3, 1], "names": []}
    edit(door, edit(door, view, edit={"op": "bins", "bins": own}), act="accept")
    door("post", "/revisions", {"reason": "By hand."})
    door("post", "/revisions/1", {"accept": True})
    with run_jobs():
        answer = client.post(f"{at}/runs", order, format="json")
    run = client.get(answer.data["url"]).data
    assert run["state"] == "ready", run["error"]
    bins = run["report"]["bins"][INCOME]
    assert bins["edges"] == edges
    assert bins["rows"][4]["woe"] == bins["rows"][1]["woe"], "missing stands in the second bin"
    assert run["plan"]["given"]["revision"] == 1
    plain = trained(SCORECARD)
    assert plain.fingerprint != run["fingerprint"]


def test_bins_go_out_and_come_back(door, api_of, people, bin_set, at):
    view = door("get", f"/variables/{INCOME}").data
    named = edit(door, view, edit={"op": "rename", "bin": 0, "name": "=cmd|' /C calc'!A0"})
    moved = edit(door, named, edit={"op": "place", "place": "missing", "bin": 1})
    file = door("get", "/file").json()
    client = api_of(people.modeler)
    excel = client.get(f"{at}/bin-sets/{bin_set.number}/file?as=xlsx")
    book = openpyxl.load_workbook(io.BytesIO(excel.content))
    cells = [cell for row in book["bins"].iter_rows() for cell in row]
    assert all(cell.data_type != "f" for cell in cells)
    assert any(str(cell.value).startswith("'=cmd") for cell in cells)
    for content, name in ((json.dumps(file).encode(), "bins.json"), (excel.content, "bins.xlsx")):
        moved = edit(door, moved, act="reset")
        upload = io.BytesIO(content)
        upload.name = name
        answer = client.post(f"{at}/bin-sets/{bin_set.number}/file", {"file": upload}, format="multipart")
        assert answer.status_code == 200, answer.data
        assert answer.data["refused"] == {}
        moved = door("get", f"/variables/{INCOME}").data
        assert moved["bins"] == file["bins"][INCOME]


def test_a_foreign_file_is_refused_and_a_bad_variable_named(door, api_of, people, bin_set, at):
    client, url = api_of(people.modeler), f"{at}/bin-sets/{bin_set.number}/file"
    assert client.post(url, {"bins": {}}, format="json").data["code"] == "bins_unreadable"
    for content in (b"PK broken", b"\xff\xfe"):
        upload = io.BytesIO(content)
        upload.name = "x"
        assert client.post(url, {"file": upload}, format="multipart").data["code"] == "bins_unreadable"
    file = door("get", "/file").json()
    file["bins"] = {INCOME: file["bins"][INCOME] | {"edges": [3.0, 2.0]}, "nobody": {}, "partner__city": {"kind": 1}}
    told = client.post(url, file, format="json").data
    assert told["set"] == []
    assert set(told["refused"]) == {INCOME, "nobody", "partner__city"}


def test_who_may(api_of, people, bin_set, at):
    url = f"{at}/bin-sets/{bin_set.number}"
    body = {"version": 1, "note": "hello"}
    for name, read, write in (("partner", 200, 403), ("approver", 200, 403), ("stranger", 404, 404)):
        client = api_of(getattr(people, name))
        assert client.get(f"{url}/variables/{INCOME}").status_code == read
        assert client.put(f"{url}/variables/{INCOME}", body, format="json").status_code == write
        assert client.post(f"{url}/revisions", {"reason": "x"}, format="json").status_code == write
        assert client.get(f"{url}/file").status_code == read
    assert api_of(people.modeler).get(f"{url}/variables/nothing").status_code == 404


def test_notes_are_kept(door):
    view = edit(door, door("get", f"/variables/{INCOME}").data, note="Ask the business.")
    assert (view["note"], view["state"]) == ("Ask the business.", "proposed")


def test_bins_of_deleted_rows_can_only_be_read(door, bin_set, feature_table):
    from django.utils import timezone

    from models_registry.services.erasing import PredictedRows

    keeper = PredictedRows()
    (holding,) = [one for one in keeper.holdings([feature_table]) if one.noun == "bin set"]
    assert holding.patterns == (f"bins/{bin_set.project_id}/{bin_set.number}-*",)
    keeper.mark([feature_table], timezone.now())
    view = door("get", f"/variables/{INCOME}").data
    assert view["bins"]["edges"]
    assert "splits" not in view
    answer = door("put", f"/variables/{INCOME}", {"version": 1, "edit": {"op": "merge", "bins": [0, 1]}})
    assert (answer.status_code, answer.data["code"]) == (409, "rows_deleted")


def test_variables_that_cannot_be_binned_say_why(make_set, make_table, door, api_of, people, at):
    row = make_set(table=make_table(constant=["partner__age"]))
    draft = row.drafts.get(name="partner__age")
    assert (draft.state, draft.reason) == ("unfit", "one value only")
    view = api_of(people.modeler).get(f"{at}/bin-sets/{row.number}/variables/partner__age").data
    assert view["state"] == "unfit"
    assert "splits" not in view


def test_the_same_order_while_it_waits_is_the_same_set(people, feature_table):
    plan = bin_sets.read_plan(PLAN)
    one = bin_sets.create_bin_set(user=people.modeler, feature_table=feature_table, plan=plan)
    two = bin_sets.create_bin_set(user=people.modeler, feature_table=feature_table, plan=plan)
    assert one == two
    assert BinSet.objects.count() == 1
    assert not BinRevision.objects.exists()
