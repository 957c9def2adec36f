"""The flow in Chromium: placed, chosen, refreshed, a list on a phone."""

import pytest

from models_registry.models import TrainingRun
from tests.etron.conftest import approver_in_project, chain  # noqa: F401 - fixtures

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def flow(open_page, project, people, chain):  # noqa: F811
    page = open_page(f"/projects/{project.slug}/", people.modeler)
    page.wait_for_selector(".canvas-in.is-placed .edge")
    return page


def boxes(page):
    return page.evaluate(
        "[...document.querySelectorAll('.node-box')].map(b => {const r = b.getBoundingClientRect();"
        " return [b.dataset.key, r.x, r.y, r.right, r.bottom]})"
    )


def test_nodes_stand_in_columns_and_none_covers_another(flow):
    found = boxes(flow)
    assert len(found) >= 12
    for at, (one, x0, y0, x1, y1) in enumerate(found):
        for other, u0, v0, u1, v1 in found[at + 1 :]:
            assert x1 <= u0 + 1 or u1 <= x0 + 1 or y1 <= v0 + 1 or v1 <= y0 + 1, (one, other)
    columns = {key.rpartition("-")[0]: x0 for key, x0, *_ in found}
    assert columns["sample"] < columns["match"] < columns["features"] < columns["run"] < columns["evaluation"]


def test_a_click_tells_about_a_step_and_marks_its_edges(flow, chain):  # noqa: F811
    flow.click(f"#node-match-{chain.match.pk}")
    flow.wait_for_selector("#inspector >> text=Matched rows")
    assert flow.locator(".edge--on").count() >= 4
    assert flow.url.endswith(f"#node-match-{chain.match.pk}")


def test_arrows_walk_along_the_lineage_and_enter_opens(flow, chain):  # noqa: F811
    flow.focus(f"#node-match-{chain.match.pk}")
    flow.keyboard.press("ArrowRight")
    assert flow.evaluate("document.activeElement.id") == f"node-features-{chain.table.pk}"
    flow.wait_for_selector("#inspector >> text=From platform")


def test_running_work_moves_without_a_reload(flow, chain):  # noqa: F811
    run = chain.training
    run.refresh_from_db()
    assert "57" in flow.locator(f"#node-run-{run.pk} .node-fig").inner_text()
    type(run.job).objects.filter(pk=run.job.pk).update(rows_done=54)
    flow.wait_for_selector(f"#node-run-{run.pk} >> text=/^90/", timeout=6000)
    TrainingRun.objects.filter(pk=run.pk).update(state="ready", summary={"n_columns": 40})
    type(run.job).objects.filter(pk=run.job.pk).update(state="finished")
    flow.wait_for_selector(f"#node-run-{run.pk}.is-good", timeout=6000)


def test_the_next_step_menu_opens_inside_the_window(flow, chain):  # noqa: F811
    flow.locator(f".node-box[data-key=run-{chain.card.pk}] .plus").click()
    menu = flow.locator(f".node-box[data-key=run-{chain.card.pk}] .menu")
    assert menu.get_by_text("Evaluate").is_visible()
    box = menu.bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 1280


def test_on_a_phone_it_is_a_list_by_stage(open_page, project, people, chain):  # noqa: F811
    page = open_page(f"/projects/{project.slug}/", people.modeler, width=390, height=844)
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    lefts = {round(x0) for _, x0, *_ in boxes(page)}
    assert len(lefts) == 1
    tops = [y0 for _, _, y0, *_ in boxes(page)]
    assert tops == sorted(tops)
