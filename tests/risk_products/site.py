"""A site of its own: empty database, one live product, a web server in several processes. For tests and benchmarks."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlparse

ROOT = Path(__file__).parents[2]
APPLICATION = "etron.wsgi:application"


@dataclass
class Site:
    """``post`` speaks HTTP to the running server; ``manage`` runs a command in a process of its own."""

    home: Path
    database_url: str
    slug: str = ""
    key: str = ""
    key_id: int = 0
    port: int = 0
    server: subprocess.Popen[bytes] | None = None
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        own = {
            "ETRON_HOME": str(self.home),
            "ETRON_DATABASE_URL": self.database_url,
            "DJANGO_SETTINGS_MODULE": "etron.settings",
            "ETRON_LOG_LEVEL": "ERROR",
            "ETRON_EAGER_JOBS": "true",
        }
        return os.environ | own | self.extra

    def python(self, *arguments: str) -> str:
        command = [sys.executable, *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-4000:]
        return done.stdout

    def shell(self, code: str) -> str:
        return self.python("-c", f"import django; django.setup()\n{code}")

    def seed(self, algorithm: str = "scorecard") -> None:
        self.python("manage.py", "migrate", "--skip-checks", "-v", "0")
        made = json.loads(self.python("-m", "tests.risk_products.seed", algorithm).splitlines()[-1])
        self.slug, self.key, self.key_id = made["slug"], made["key"], made["key_id"]

    def start(self, workers: int = 2, threads: int = 4, application: str = APPLICATION, *options: str) -> None:
        self.port = free_port()
        command = [sys.executable, "-m", "granian", "--interface", "wsgi", application, "--host", "127.0.0.1"]
        command += ["--port", str(self.port), "--workers", str(workers), "--blocking-threads", str(threads)]
        command += ["--no-access-log", "--log-level", "error", *options]
        self.server = subprocess.Popen(command, cwd=ROOT, env=self.environment, start_new_session=True)
        deadline = (
            time.monotonic() + 180
        )  # a process imports for seconds before its first call, longer on a busy machine
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                if self.post({"request_id": f"ready-{secrets.token_hex(4)}", "features": {}})[0] == 200:
                    return
            assert self.server.poll() is None, "the server ended"
            time.sleep(0.1)
        raise AssertionError("the server did not answer within three minutes")

    def connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def post(self, body: object, path: str = "score", connection: http.client.HTTPConnection | None = None):
        """Status and body of one call."""
        used = connection or self.connection()
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        used.request("POST", f"/api/v1/products/{self.slug}/{path}", json.dumps(body), headers)
        answer = used.getresponse()
        return answer.status, answer.read()

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End the server with all its processes at once."""
        if self.server is None or self.server.poll() is not None:
            return
        os.killpg(self.server.pid, number)
        try:
            self.server.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(self.server.pid, signal.SIGKILL)
            self.server.wait(timeout=30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def database(home: Path, postgres_url: str = "") -> Iterator[str]:
    """The URL of an empty database: a file in ``home``, or one of its own on the PostgreSQL server."""
    if not postgres_url:
        yield f"sqlite:///{home / 'site.sqlite3'}"
        return
    import psycopg

    name = f"etron_door_{secrets.token_hex(6)}"
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
    try:
        yield urlparse(postgres_url)._replace(path=f"/{name}").geturl()
    finally:
        with psycopg.connect(postgres_url, autocommit=True) as server:
            server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@contextlib.contextmanager
def site(home: Path, postgres_url: str = "", algorithm: str = "scorecard") -> Iterator[Site]:
    """A seeded site, not started yet; whatever runs is ended afterwards."""
    with database(home, postgres_url) as url:
        made = Site(home, url)
        made.seed(algorithm)
        try:
            yield made
        finally:
            made.kill(signal.SIGTERM)
