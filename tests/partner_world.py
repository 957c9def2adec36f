"""A project with an authorisation and a source with ids, made over REST in a running site: flows and benchmarks."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from etron_partner.settings import Connection
from etron_partner.site import Site
from tests.running_site import RunningSite

ID_TYPE = "mobile__sha256"
IDS = [{"column": "mobile", "namespace": "mobile", "algorithm": "sha256"}]


class PartnerWorld:
    """``modeler`` and ``partner`` are two people's views of the site."""

    def __init__(self, running: RunningSite) -> None:
        self.url = running.url
        self.token = running.token("partner")
        self.partner = Site(Connection(running.url, self.token))
        self.modeler = Site(Connection(running.url, running.token("modeler")))
        self.project = self._project()

    def _project(self) -> str:
        body = {"name": f"Private {secrets.token_hex(3)}", "purpose": "Admission", "institutions": ["huaxin"]}
        slug = str(self.modeler.call("POST", "projects", json=body)["slug"])
        self.partner.call("POST", f"projects/{slug}/approve", json={"note": ""})
        until = time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(time.time() + 86_400 * 30))
        grant = {"basis": "Consent", "purpose": "Admission", "data_categories": ["application"], "expires_at": until}
        self.partner.call("POST", f"projects/{slug}/authorisations", json=grant)
        return slug

    def source(self, ids: Iterable[str], folder: Path) -> str:
        """A snapshot with one row an id."""
        slug = f"people-{secrets.token_hex(3)}"
        file = folder / f"{slug}.csv"
        with file.open("w", encoding="utf-8") as out:
            out.write("mobile,income\n")
            out.writelines(f"{value},{i % 97}\n" for i, value in enumerate(ids))
        self.modeler.call("POST", "sources", json={"slug": slug, "name": slug, "kind": "snapshot"})
        with file.open("rb") as stream:
            upload = self.modeler.call("POST", f"sources/{slug}/uploads", files={"file": (file.name, stream)})["id"]
        order = {"upload": upload, "plan": {"ids": IDS}}
        made = self.modeler.call("POST", f"sources/{slug}/versions", json=order)
        self.built(self.modeler, made["url"].removeprefix("/api/v1/"))
        return slug

    def built(self, who: Site, path: str) -> Any:
        """A noun once it is ready; it must not fail."""
        body = self.until(who, path, {"ready", "failed"})
        assert body["state"] == "ready", body
        return body

    def until(self, who: Site, path: str, states: set[str], timeout_s: float = 900) -> Any:
        limit = time.monotonic() + timeout_s
        while (body := who.call("GET", path))["state"] not in states:
            assert time.monotonic() < limit, body
            time.sleep(0.1)
        return body

    def session(self, source: str, max_ids: int, reveal: str = "ids") -> Any:
        """Asked for, allowed, and prepared; with the seconds that the preparation took."""
        base = f"projects/{self.project}/private-matches"
        body = {"source": source, "id_type": ID_TYPE, "max_ids": max_ids, "reveal": reveal}
        session = self.partner.call("POST", base, json=body)
        path = f"{base}/{session['id']}"
        started = time.perf_counter()
        self.modeler.call("POST", f"{path}/decision", json={"approve": True})
        ready = self.until(self.partner, path, {"ready", "failed"})
        assert ready["state"] == "ready", ready
        return {**ready, "prepared_s": time.perf_counter() - started}
