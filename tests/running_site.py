"""A whole running site in a folder of its own: queue, worker, watchdog, web server. For flow and browser tests."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RunningSite:
    """``start`` migrates, makes the demo's people and serves; nothing of it touches another site on the machine."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ETRON_", "DJANGO_"))}
        self.environment = inherited | {"ETRON_HOME": str(home), "ETRON_LOG_LEVEL": "WARNING", **environment}
        self.process: subprocess.Popen[bytes] | None = None

    def manage(self, *arguments: str) -> str:
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        done = subprocess.run(command, env=self.environment, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{arguments}: {done.stdout}\n{done.stderr}"
        return done.stdout.strip()

    def token(self, role: str) -> str:
        return self.manage("demo_token", role).splitlines()[-1]

    def start(self) -> RunningSite:
        self.manage("migrate", "--verbosity", "0")
        self.token("modeler")  # makes the demo's people, without the demo project
        return self.serve()

    def serve(self) -> RunningSite:
        log = (self.home / "site.log").open("ab")
        command = [sys.executable, str(ROOT / "manage.py"), "serve", "--port", str(self.port), "--web-workers", "1"]
        self.process = subprocess.Popen(
            command, env=self.environment, cwd=ROOT, stdout=log, stderr=log, start_new_session=True
        )
        self.wait_until_ready()
        return self

    def wait_until_ready(self, timeout_s: float = 150) -> None:
        limit = time.monotonic() + timeout_s
        while time.monotonic() < limit:
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                time.sleep(0.3)
        raise AssertionError(f"The site did not get ready: {(self.home / 'site.log').read_text()[-3000:]}")

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=40)

    def children(self, needle: str) -> list[int]:
        """Process ids of this site whose command line holds ``needle``."""
        found = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    mine = self.owns(folder)
                except OSError:
                    continue
                if needle in command and mine:
                    found.append(int(folder.name))
        return found

    def owns(self, process: Path) -> bool:
        """By environment or, for the queue, which writes its title over its environment, by working folder."""
        environment = (process / "environ").read_bytes().decode(errors="replace")
        return f"ETRON_HOME={self.home}\0" in environment or (process / "cwd").readlink().is_relative_to(self.home)


def request_id() -> str:
    return secrets.token_hex(8)
