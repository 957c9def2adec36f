"""Make the pictures of docs/images anew from a running demo site: ``python -m tests.browser.pictures URL``."""

import json
import os
import secrets
import sys
from pathlib import Path

import django
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.conftest import CHROMIUM, FLAGS

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "etron.settings")
django.setup()

from sandbox.cast import PASSWORD, PEOPLE  # noqa: E402 - needs Django's models
from sandbox.people import Plan, make_people  # noqa: E402

IMAGES = Path(__file__).parents[2] / "docs/images"
PROJECT = "/projects/auto-loan-huaxin-bank/"
PRODUCT = "/products/credit-score/"
WIDE, PHONE = (1280, 900), (390, 844)
PICTURES = {
    "flow": ("modeler", PROJECT),
    "report": ("approver", f"{PROJECT}evaluations/1/#discrimination"),
    "product": ("integrator", PRODUCT),
}
LARGEST = 300_000
CALLS = 300
SCORE = """async (body) => {
  const headers = JSON.parse(document.body.getAttribute("hx-headers"));
  const answer = await fetch(location.pathname.replace("/products", "/api/v1/products") + "score", {
    method: "POST", body: JSON.stringify(body), headers });
  return answer.status;
}"""


def sign_in(browser: Browser, url: str, role: str, size: tuple[int, int]) -> Page:
    width, height = size
    context = browser.new_context(
        viewport={"width": width, "height": height}, locale="en", color_scheme="light", reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto(f"{url}/sign-in/")
    page.locator("[name=email]").fill(PEOPLE[role].email)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("form:has([name=password]) button").click()
    page.wait_for_url(f"{url}/")
    return page


def drawn(page: Page) -> None:
    """Charts and the flow come after the page; fonts and colours settle."""
    page.wait_for_load_state("networkidle")
    if page.locator("[data-flow]").count():
        page.wait_for_selector(".canvas-in.is-placed, .node-box")
    page.wait_for_function("![...document.querySelectorAll('.skeleton')].some(one => one.offsetParent)")
    page.wait_for_timeout(400)
    page.evaluate("document.querySelector(location.hash || 'html').scrollIntoView()")  # charts have moved it


def shoot(page: Page, address: str, file: Path) -> None:
    page.goto(address)
    drawn(page)
    page.screenshot(path=str(file))
    size = file.stat().st_size
    if size > LARGEST:
        raise SystemExit(f"{file.name} has {size:,} bytes; at most {LARGEST:,} are meant for the repository.")
    print(f"{file.name}: {size:,} bytes")


def score_some(page: Page, url: str) -> None:
    """Calls of the demo's people, so that the product's page has a day to show."""
    page.goto(url + PRODUCT)
    body = json.loads(page.locator("#try [name=body]").input_value())
    for mobile in make_people(Plan()).mobile[:CALLS]:
        body |= {"request_id": secrets.token_hex(6), "ids": {"mobile__sha256": str(mobile)}}
        assert page.evaluate(SCORE, body) == 200


def shoot_in_chinese(page: Page, url: str, file: Path) -> None:
    """The language belongs to the person, so it is put back."""
    switch = page.locator("button[name=language]:visible")
    switch.click()
    page.locator("html[lang=zh-CN]").wait_for()
    shoot(page, f"{url}/", file)
    switch.click()
    page.locator("html[lang=en]").wait_for()


def make_pictures(url: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        score_some(sign_in(browser, url, "integrator", WIDE), url)
        for name, (role, path) in PICTURES.items():
            for suffix, size in (("", WIDE), ("-390", PHONE)):
                page = sign_in(browser, url, role, size)
                shoot(page, url + path, folder / f"{name}{suffix}.png")
                page.context.close()
        shoot_in_chinese(sign_in(browser, url, "colleague", WIDE), url, folder / "home-zh.png")
        browser.close()


if __name__ == "__main__":
    make_pictures(sys.argv[1].rstrip("/"), Path(sys.argv[2]) if len(sys.argv) > 2 else IMAGES)
