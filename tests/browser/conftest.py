"""Chromium of the machine, driven by Playwright; nothing is downloaded."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHROMIUM = os.environ.get("ETRON_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def missing(what):
    """Skip, or fail where the machine promises to have everything (CI)."""
    if os.environ.get("ETRON_NO_SKIP"):
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="session")
def bundle():
    """static/dist as `npm run build` writes it; built here if nobody has."""
    if not (ROOT / "static/dist/app.js").exists():
        if not (ROOT / "node_modules").is_dir() or shutil.which("npm") is None:
            missing("The bundle is not built: npm ci && npm run build.")
        subprocess.run(["npm", "run", "--silent", "build"], cwd=ROOT, check=True)
    return ROOT / "static/dist"


@pytest.fixture(scope="session")
def chromium():
    if not Path(CHROMIUM).exists():
        missing(f"Chromium is not at {CHROMIUM} (set ETRON_CHROMIUM).")
    os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # Playwright's loop and Django's ORM share a thread
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium, bundle, live_server, client_of):
    """``open_page(path, user=None, width=1280, height=900, dark=False)``; any error on the page fails the test."""
    faults, contexts = [], []

    def goto(path, user=None, width=1280, height=900, dark=False, language="en"):
        scheme = "dark" if dark else "light"
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            locale="zh-CN" if "zh" in language else "en",
        )
        contexts.append(context)
        if user is not None:
            cookie = client_of(user).cookies["sessionid"].value
            context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
        page.goto(live_server.url + path)
        return page

    yield goto
    for context in contexts:
        context.close()
    assert not faults, faults
