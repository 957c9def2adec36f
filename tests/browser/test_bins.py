"""The bin editor in Chromium: by mouse and by key, undone, in a second tab, reviewed, and trained with as it is."""

import pytest
from playwright.sync_api import expect

from models_registry import bin_selectors
from models_registry.models import BinDraft, BinRevision, TrainingRun
from models_registry.services import bin_sets

# The room's fixtures: pytest finds them by name.
from tests.models_registry.conftest import feature_table, make_table  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
INCOME = "partner__income"


@pytest.fixture
def bin_set(feature_table, people):  # noqa: F811
    plan = bin_sets.read_plan({"split": {"kind": "time", "oot_months": 2, "seed": 5}})
    made = bin_sets.create_bin_set(user=people.modeler, feature_table=feature_table, plan=plan, name="By hand")
    made.refresh_from_db()
    assert made.state == "ready"
    return made


@pytest.fixture
def editor(chromium, bundle, live_server, client_of, people, project, bin_set):
    """``editor(name)``: the page of a variable. Refusals stand on the console too: only faults of scripts count."""
    faults, contexts = [], []

    def go(name=INCOME, user=None, width=1280, dark=False):
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light", locale="en"
        )
        contexts.append(context)
        cookie = client_of(user or people.modeler).cookies["sessionid"].value
        context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(f"{live_server.url}/projects/{project.slug}/bins/{bin_set.number}/variables/{name}/")
        page.wait_for_selector("[data-bin-editor][data-ready]")
        return page

    yield go
    for context in contexts:
        context.close()
    assert not faults, faults


def free_edge():
    """A cut in the middle of the bin with the most people: an edge that the floors allow."""
    row = draft()
    cells, bins = bin_selectors.cells_of(row), bin_selectors.bins_of(row)
    place = cells.bin_of_cell(bins)[: cells.n_ordinary]
    most = int(cells.by_bin(bins, "train").people[: bins.n_ordinary].argmax())
    inside = [i for i in range(cells.n_ordinary) if place[i] == most]
    return cells.cuts[inside[len(inside) // 2] - 1]


def draft(name=INCOME):
    return BinDraft.objects.get(name=name)


def edges(name=INCOME):
    row = draft(name)
    return row.history[row.at]["edges"]


def settled(page, version):
    """Wait until the server has stored this version of the draft and the page shows it."""
    for _ in range(100):
        if draft().version >= version:
            break
        page.wait_for_timeout(50)
    assert draft().version == version
    page.wait_for_timeout(150)


def test_edges_are_dragged_and_bins_merged_by_mouse(editor):
    page = editor()
    before = edges()
    handle = page.locator(".bin-handle").nth(1)
    box = handle.locator(".bin-grip").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 9)
    page.mouse.down()
    page.mouse.move(box["x"] + 30, box["y"] + 9, steps=4)
    page.mouse.move(box["x"] + 50, box["y"] + 9, steps=4)
    page.mouse.up()
    settled(page, 2)
    moved = edges()
    assert moved[1] > before[1]
    assert moved[:1] + moved[2:] == before[:1] + before[2:], "only that edge moves"
    assert float(page.locator("[data-bin-editor]").get_attribute("data-redraw")) > 0
    page.locator('[data-choose="0"]').check()
    page.locator('[data-choose="1"]').check()
    page.locator('[data-do="merge"]').click()
    settled(page, 3)
    assert edges() == moved[1:]
    page.locator('[data-do="undo"]').click()
    settled(page, 4)
    assert edges() == moved
    expect(page.locator(".bin-handle")).to_have_count(len(moved))


def test_everything_by_keyboard_and_nothing_is_lost_by_a_reload(editor):
    page = editor()
    before = edges()
    page.keyboard.press("?")
    expect(page.locator("#bin-help")).to_be_visible()
    page.keyboard.press("Escape")
    places = len(draft().history[0]["homes"])
    for _ in range(places + 1):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    expect(page.locator("tr[aria-selected=true]")).to_have_count(2)
    page.keyboard.press("m")
    settled(page, 2)
    assert edges() == before[1:]
    page.keyboard.press("Control+z")
    settled(page, 3)
    assert edges() == before
    page.reload()
    page.wait_for_selector("[data-ready]")
    page.keyboard.press("Control+Shift+z")
    settled(page, 4)
    assert edges() == before[1:], "what was undone before the reload is still there"
    page.locator(".bin-handle").first.focus()
    page.keyboard.press("ArrowLeft")
    settled(page, 5)
    assert edges()[0] < before[1]
    page.keyboard.press("e")
    typed = free_edge()
    page.keyboard.type(f"{typed:.12g}")
    page.keyboard.press("Enter")
    settled(page, 6)
    assert typed in edges()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("r")
    page.keyboard.type("no income told")
    page.keyboard.press("Enter")
    settled(page, 7)
    expect(page.locator("[data-bin=table]")).to_contain_text("no income told")
    page.keyboard.press("n")
    page.keyboard.type("Ask the branch.")
    page.keyboard.press("Escape")
    settled(page, 8)
    assert draft().note == "Ask the branch."


def test_missing_goes_into_a_bin_by_drag_and_out_again_by_key(editor):
    page = editor("lending__count_d90")
    page.locator('.bin-chip[data-place="missing"]').drag_to(page.locator('tr[data-row="1"] .bin-name'))
    expect(page.locator('tr[data-row="1"] .bin-chip[data-place="missing"]')).to_be_visible()
    row = draft("lending__count_d90")
    assert row.history[row.at]["homes"] == [1]
    page.locator('.bin-chip[data-place="missing"]').press("+")
    expect(page.locator('tr[data-row="1"] .bin-chip')).to_have_count(0)


def test_categories_are_dragged_between_groups(editor):
    page = editor("partner__city")
    start = draft("partner__city").history[0]["groups"]
    chip = page.locator(".bin-chip[data-level]").first
    level, of = chip.get_attribute("data-level"), int(chip.get_attribute("data-of"))
    to = next(i for i in range(len(start)) if i != of)
    chip.drag_to(page.locator(f'tr[data-row="{to}"] .bin-name'))
    expect(page.locator("[data-bin=badges]")).to_contain_text("Edited")
    row = draft("partner__city")
    group = next(group for group in row.history[row.at]["groups"] if level in group)
    assert len(group) > 1


def test_a_wish_is_shown_before_it_is_applied_and_a_broken_one_says_why(editor):
    page = editor()
    before = edges()
    page.fill("#bin-most", "3")
    page.locator("[data-do=wish]").click()
    expect(page.locator("[data-bin=say]")).to_contain_text("Proposal, not stored")
    assert edges() == before
    page.locator("[data-do=apply]").click()
    settled(page, 2)
    assert len(edges()) <= 2
    page.fill("#bin-least", "3")
    page.select_option("#bin-trend", "ascending")
    expect(page.locator("[data-bin=say]")).to_contain_text("trend breaks it")


def test_a_stale_tab_is_told(editor, people):
    from models_registry.services import bin_drafts

    page = editor()
    row = draft()
    bin_drafts.change(user=people.colleague, draft=row, version=row.version, edit={"op": "merge", "bins": [0, 1]})
    page.locator('[data-choose="1"]').check()
    page.locator('[data-choose="2"]').check()
    page.keyboard.press("m")
    expect(page.locator("[data-code=draft_stale]")).to_contain_text("another tab")
    page.locator("[data-do=reload]").click()
    expect(page.locator(".bin-handle")).to_have_count(len(edges()))


def test_the_list_is_worked_through(editor, bin_set):
    page = editor()
    page.select_option("[data-bin=filter]", "todo")
    expect(page.locator("[data-bin=items] a:visible")).to_have_count(6)
    page.keyboard.press("j")
    expect(page.locator("[data-bin=crumb]")).to_have_text("partner__age")
    page.keyboard.press("k")
    expect(page.locator("[data-bin=crumb]")).to_have_text(INCOME)
    page.keyboard.press("a")
    expect(page.locator("[data-bin=crumb]")).to_have_text("partner__age")
    assert draft().state == "accepted"
    expect(page.locator("[data-bin=n-todo]")).to_have_text("5")
    page.fill("[data-bin=find]", "amount")
    page.locator("[data-bin=find]").press("Enter")
    expect(page.locator("[data-bin=crumb]")).to_have_text("lending__max_amount_d90")


def test_from_an_edit_to_a_run_with_exactly_these_bins(editor, project, people):
    page = editor()
    page.locator('[data-choose="0"]').check()
    page.locator('[data-choose="1"]').check()
    page.keyboard.press("m")
    settled(page, 2)
    page.keyboard.press("e")
    page.keyboard.type(f"{free_edge():.12g}")
    page.keyboard.press("Enter")
    settled(page, 3)
    mine = edges()
    page.locator("[data-do=accept]").click()
    expect(page.locator("[data-bin=crumb]")).not_to_have_text(INCOME)
    page.locator(".crumbs a").last.click()
    page.fill("#bin-reason", "Edges of the product.")
    page.get_by_role("button", name="Propose for review").click()
    page.fill("[name=review]", "Read.")
    page.get_by_role("button", name="Accept", exact=True).click()
    page.get_by_text("a scorecard can be trained with it").wait_for()
    assert BinRevision.objects.get().bins[INCOME]["edges"] == mine
    page.get_by_role("link", name="Train a scorecard").click()
    assert page.locator("[name=given]").input_value() == "1.1"
    page.select_option("[name=split]", "time")
    page.get_by_role("button", name="Train").click(timeout=90_000)
    page.get_by_role("link", name="bin set 1, r1").wait_for()
    run = TrainingRun.objects.get()
    assert run.plan["given"]["bins"][INCOME]["edges"] == mine
    from models_registry.selectors import training_report

    assert training_report(run)["bins"][INCOME]["edges"] == mine


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_the_page_fits_and_readers_cannot_edit(editor, people, width, dark):
    page = editor(user=people.partner, width=width, dark=dark)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.locator("[data-do=merge]").count() == 0
    page.keyboard.press("ArrowRight")
    page.keyboard.press("m")
    assert draft().version == 1
    expect(page.locator(".bin-bar")).to_have_count(
        len(draft().history[0]["edges"]) + 1 + len(draft().history[0]["homes"])
    )
