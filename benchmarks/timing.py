"""Ours and a peer in turn, medians."""

from __future__ import annotations

import importlib.metadata
import statistics
import time
from collections.abc import Callable
from typing import Any


def once(work: Callable[[], Any]) -> float:
    """Seconds of one run."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def in_turn(ours: Callable[[], Any], peer: Callable[[], Any], rounds: int = 5) -> tuple[float, float]:
    """Median seconds of ours and of the peer, after one run of each that is not counted."""
    ours()
    peer()
    pairs = [(once(ours), once(peer)) for _ in range(rounds)]
    return statistics.median(p[0] for p in pairs), statistics.median(p[1] for p in pairs)


def repeated(work: Callable[[], Any], times: int) -> Callable[[], None]:
    """The work done many times over, for calls that are too short to be timed alone."""

    def many() -> None:
        for _ in range(times):
            work()

    return many


def row(
    name: str, ours: float, peer: float, peer_name: str, unit: str, goal: str, packages: tuple[str, ...]
) -> dict[str, Any]:
    """One line of results."""
    versions = {package: importlib.metadata.version(package) for package in packages}
    return {
        "name": name,
        "ours": ours,
        "peer": peer,
        "peer_name": peer_name,
        "ratio": ours / peer,
        "unit": unit,
        "goal": goal,
        "versions": versions,
    }
