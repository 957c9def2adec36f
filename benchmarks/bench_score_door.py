"""The scoring door under load: requests a second, p50 and p99 at 1, 8 and 32 connections, on SQLite and PostgreSQL.

A real server (granian, as the site runs it), a real model, full durability; every request has a new id and is on record
before its answer. Callers are closed loops: each connection sends when its answer has come.
PostgreSQL is measured when ETRON_TEST_POSTGRES_URL is set. The peer is the same call as a plain REST framework view.
"""

from __future__ import annotations

import json
import os
import secrets
import selectors
import socket
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from tests.risk_products.site import APPLICATION, Site, site

CONNECTIONS = (1, 8, 32)
SERVER = {"workers": 2, "threads": 4}
PEER = "benchmarks.peers.drf_door:application"
FEATURES = {"income": 8200.5, "age": 33, "city": "south"}


@dataclass(frozen=True)
class Load:
    """What one load gave; latencies in milliseconds."""

    per_second: float
    p50_ms: float
    p99_ms: float
    failed: int


def run(quick: bool) -> list[dict[str, Any]]:
    """Ours and the peer in turn at each number of connections, median of the rounds."""
    rows: list[dict[str, Any]] = []
    postgres = os.environ.get("ETRON_TEST_POSTGRES_URL", "")
    for database, url in [("SQLite", ""), *([("PostgreSQL", postgres)] if postgres else [])]:
        with tempfile.TemporaryDirectory() as home, site(Path(home), url, "xgboost") as made:
            rows += _measure(made, database, seconds=1.0 if quick else 5.0, rounds=1 if quick else 5)
    return rows


def _measure(made: Site, database: str, seconds: float, rounds: int) -> list[dict[str, Any]]:
    loads: dict[tuple[str, int], list[Load]] = {}
    for _ in range(rounds):
        for name, application in (("ours", APPLICATION), ("peer", PEER)):
            made.start(SERVER["workers"], SERVER["threads"], application)
            load(made, 16, 0.5)
            for connections in CONNECTIONS:
                loads.setdefault((name, connections), []).append(load(made, connections, seconds))
            made.kill()
    return [row for n in CONNECTIONS for row in _rows(database, n, loads["ours", n], loads["peer", n])]


def _rows(database: str, connections: int, ours: list[Load], peer: list[Load]) -> list[dict[str, Any]]:
    assert not sum(one.failed for one in ours), "every call is answered"
    goals = {"per_second": "above the peer", "p50_ms": "below the peer", "p99_ms": "below 25 ms to 8 connections"}
    units = {"per_second": "calls/s", "p50_ms": "ms p50", "p99_ms": "ms p99"}
    return [
        {
            "name": f"score-door, {database}, {connections} connections",
            "ours": (mine := _median(ours, figure)),
            "peer": (theirs := _median(peer, figure)),
            "peer_name": "plain REST framework view, same server",
            "ratio": mine / theirs,
            "unit": unit,
            "goal": goals[figure],
            "versions": {name: version(name) for name in ("django", "granian", "msgspec", "onnxruntime")},
        }
        for figure, unit in units.items()
    ]


def _median(loads: list[Load], figure: str) -> float:
    return float(np.median([getattr(one, figure) for one in loads]))


def load(made: Site, connections: int, seconds: float, least: int = 5) -> Load:
    """Closed loops over keep-alive connections in one thread: the caller itself costs about 50 microseconds a call.

    Goes on until every connection has ``least`` answers, so that a load before the measured ones warms every process.
    """
    callers = selectors.DefaultSelector()
    open_ones = [Caller(made) for _ in range(connections)]
    for caller in open_ones:
        callers.register(caller.socket, selectors.EVENT_READ, caller)
        caller.send()
    started = time.perf_counter()
    while time.perf_counter() - started < seconds or any(len(caller.took_ms) < least for caller in open_ones):
        for ready, _ in callers.select(timeout=1):
            if ready.data.receive():
                ready.data.send()
    elapsed = time.perf_counter() - started
    for caller in open_ones:
        caller.socket.close()
    took = np.array([ms for caller in open_ones for ms in caller.took_ms])
    failed = sum(caller.failed for caller in open_ones)
    return Load(len(took) / elapsed, float(np.quantile(took, 0.5)), float(np.quantile(took, 0.99)), failed)


class Caller:
    """One connection."""

    def __init__(self, made: Site) -> None:
        self.socket = socket.create_connection(("127.0.0.1", made.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.head = (
            f"POST /api/v1/products/{made.slug}/score HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {made.key}\r\nContent-Type: application/json\r\nContent-Length: "
        )
        self.prefix, self.n = secrets.token_hex(6), 0
        self.took_ms: list[float] = []
        self.failed, self.sent_at, self.buffer = 0, 0.0, b""

    def send(self) -> None:
        self.n += 1
        body = json.dumps({"request_id": f"{self.prefix}-{self.n}", "features": FEATURES})
        self.sent_at = time.perf_counter()
        self.socket.sendall(f"{self.head}{len(body)}\r\n\r\n{body}".encode())

    def receive(self) -> bool:
        """True when an answer is whole."""
        self.buffer += self.socket.recv(65_536)
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return False
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        if len(rest) < length:
            return False
        self.took_ms.append((time.perf_counter() - self.sent_at) * 1000)
        self.failed += not head.startswith(b"HTTP/1.1 200")
        self.buffer = rest[length:]
        return True
