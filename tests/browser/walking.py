"""One person's browser on a running site, in the words that stand on the screen."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, Response, expect

LONG_WORK_MS = 180_000


class Walker:
    """A signed-in person. ``faults`` collects every script error of every page walked over."""

    def __init__(self, browser: Browser, url: str, email: str, password: str) -> None:
        self.url = url
        self.faults: list[str] = []
        self.page: Page = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en").new_page()
        self.page.on("pageerror", lambda error: self.faults.append(f"{self.page.url}: {error}"))
        self.page.on("response", self._note)
        self.go("/sign-in/")
        self.fill("E-mail", email)
        self.fill("Password", password)
        self.press("Sign in")
        self.page.wait_for_url(f"{url}/")

    def _note(self, answer: Response) -> None:
        if answer.status >= 500:
            self.faults.append(f"{answer.status} {answer.url}")

    def go(self, path: str) -> None:
        answer = self.page.goto(self.url + path)
        assert answer is not None
        assert answer.status == 200, (path, answer.status)

    def field(self, label: str, where: str = "main") -> Locator:
        return self.page.locator(where).get_by_label(re.compile(f"^{re.escape(label)}")).first

    def fill(self, label: str, value: str, where: str = "main") -> None:
        self.field(label, where).fill(value)

    def choose(self, label: str, option: str, where: str = "main") -> None:
        self.field(label, where).select_option(option)

    def press(self, name: str, where: str = "main") -> None:
        self.page.locator(where).get_by_role("button", name=name, exact=True).first.click()

    def follow(self, name: str, where: str = "main") -> None:
        self.page.locator(where).get_by_role("link", name=name, exact=True).first.click()

    def sees(self, *texts: str, within_ms: int = 10_000) -> None:
        for text in texts:
            expect(self.page.locator("main")).to_contain_text(text, timeout=within_ms)

    def waits_until_ready(self) -> None:
        """The page of a step loads itself anew when its job has ended; a failed job ends the walk with its reason."""
        state = self.page.locator(".page-head .badge", has_text=re.compile("^(Ready|Failed)$")).first
        state.wait_for(timeout=LONG_WORK_MS)
        assert state.inner_text() == "Ready", self.page.locator("main").inner_text()

    def uploads(self, file: Path) -> None:
        self.page.locator("input[type=file]").set_input_files(file)
        self.press("Upload")
        self.page.get_by_role("heading", name="What the columns are").wait_for(timeout=30_000)

    def column_of(self, label: str) -> str:
        return self.field(label).input_value()
