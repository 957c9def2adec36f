"""Each widget in Chromium, on a page that holds them all."""

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.urls("tests.browser.gallery")]


@pytest.fixture
def gallery(open_page, modeler):
    return open_page("/gallery/", modeler)


def column(page, at):
    return [text.strip() for text in page.locator(f"#rows tbody tr:visible td:nth-child({at})").all_inner_texts()]


def test_heads_sort_as_numbers_and_as_words(gallery):
    gallery.get_by_role("columnheader", name="KS").click()
    assert column(gallery, 2) == ["−0.100", "0.371", "–"]
    gallery.get_by_role("columnheader", name="Rows").click()
    assert column(gallery, 3) == ["90", "1,200", "20,417"]
    gallery.get_by_role("columnheader", name="Rows").press("Enter")
    assert column(gallery, 3) == ["20,417", "1,200", "90"]
    assert gallery.get_by_role("columnheader", name="Rows").get_attribute("aria-sort") == "descending"


def test_the_filter_narrows_and_csv_holds_what_is_shown(gallery, tmp_path):
    gallery.fill("#filter", "=C")
    assert column(gallery, 1) == ["=cmd"]
    with gallery.expect_download() as caught:
        gallery.click("[data-csv-of=rows]")
    text = tmp_path / "rows.csv"
    caught.value.save_as(text)
    lines = text.read_text("utf-8-sig").splitlines()
    assert lines == ["Name,KS,Rows", "'=cmd,–,20417"], "formulas are neutralised, thousands are plain"


def test_a_chart_takes_the_themes_colours_and_turns_into_its_table(gallery):
    line = gallery.locator("#roc .scatterlayer .trace path.js-line").first
    line.wait_for()
    light = line.evaluate("path => getComputedStyle(path).stroke")
    gallery.click("[data-theme-toggle]")
    gallery.wait_for_timeout(300)
    dark = gallery.locator("#roc .scatterlayer .trace path.js-line").first.evaluate(
        "path => getComputedStyle(path).stroke"
    )
    assert light == "rgb(132, 144, 163)"
    assert dark == "rgb(125, 136, 155)"
    gallery.click("#roc [data-chart-table]")
    heads = gallery.locator("#roc thead th").all_inner_texts()
    assert heads == ["share of goods refused", "Train", "OOT"]
    assert gallery.locator("#roc tbody tr").count() == 3
    gallery.click("#bins [data-chart-table]")
    assert gallery.locator("#bins thead th").all_inner_texts() == ["Bin", "Share %"], "the server's table wins"


def test_the_theme_stays(gallery):
    gallery.click("[data-theme-toggle]")
    gallery.reload()
    assert gallery.evaluate("document.documentElement.dataset.theme") == "dark"


def test_a_destructive_act_asks_once_and_says_what_is_lost(gallery):
    gallery.click("#delete")
    assert gallery.locator("#confirm-text").inner_text() == "Three runs will be lost."
    gallery.get_by_role("button", name="Keep").click()
    assert gallery.locator("main").inner_text() != "deleted 0"
    gallery.click("#delete")
    gallery.get_by_role("button", name="Continue").click()
    gallery.wait_for_selector("text=deleted 0")


def test_tabs_work_by_mouse_and_by_key(gallery):
    assert gallery.locator("#part-b").is_hidden()
    gallery.get_by_role("tab", name="A").press("ArrowRight")
    assert gallery.locator("#part-b").is_visible()
    assert gallery.locator("#part-a").is_hidden()


def test_a_drop_zone_names_its_file_and_a_plain_form_posts_it(gallery, tmp_path):
    file = tmp_path / "sample.csv"
    file.write_bytes(b"x" * 300_000)
    gallery.set_input_files("input[type=file]", file)
    assert gallery.locator("[data-file-name]").inner_text() == "sample.csv"
    gallery.get_by_role("button", name="Send").click()
    gallery.wait_for_selector("text=deleted 300000")


def test_slash_goes_to_find(gallery):
    gallery.keyboard.press("/")
    assert gallery.evaluate("document.activeElement.id") == "find"


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_sticks_out(open_page, modeler, width):
    page = open_page("/gallery/", modeler, width=width)
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
