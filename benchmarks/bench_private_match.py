"""Private matching through the REST doors of a running site with the partner's command line, beside the bare library.

Seconds are those of approval to set-up and of the whole command (set-up, request, response, comparison, known rows on
disk), per 100,000 ids of both sides together. The intersection must be that of plain sets. Memory is the peak of the
worker and of the command together; the peer has both sides in one process, one thread and no network.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.timing import row
from tests.partner_world import PartnerWorld
from tests.running_site import ROOT, RunningSite

SIZES = ((10_000, 10_000, 3), (100_000, 100_000, 1), (10_000, 1_000_000, 1))
QUICK = ((2_000, 2_000, 1),)
NAMES = {"peak_mb": "memory", "cpu_s": "CPU"}
PEER = "bare openmined-psi, one process"
COMMAND = (
    "import pathlib, sys, time; from etron_partner.command import main; status = main(); "
    "peak = pathlib.Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0]; "
    "print(time.process_time(), int(peak) / 1024, file=sys.stderr); sys.exit(status)"
)


@dataclass(frozen=True)
class Done:
    """One run of either."""

    seconds: float
    cpu_s: float
    bytes: float
    peak_mb: float


def run(quick: bool) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for n_asked, n_held, rounds in QUICK if quick else SIZES:
        pairs = []
        for number in range(rounds):
            held, asked = _people(n_asked, n_held, seed=number)
            pairs.append((_ours(held, asked), _peer(held, asked)))
        rows += _rows(n_asked, n_held, [one for one, _ in pairs], [other for _, other in pairs])
    return rows


def _people(n_asked: int, n_held: int, seed: int) -> tuple[list[str], list[str]]:
    """Hashes of both sides; half of those that are asked for are known."""
    held = [hashlib.sha256(f"{seed} {i}".encode()).hexdigest() for i in range(n_held)]
    others = [hashlib.sha256(f"{seed} other {i}".encode()).hexdigest() for i in range(n_asked - n_asked // 2)]
    return held, [*held[: n_asked // 2], *others]


def _ours(held: list[str], asked: list[str]) -> Done:
    """A site of its own, so that the worker's peak is this run's."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        running = RunningSite(folder, ETRON_JOB_SILENCE_S="30")
        try:
            running.start()
            return _session(running, folder, held, asked)
        finally:
            running.stop()


def _session(running: RunningSite, folder: Path, held: list[str], asked: list[str]) -> Done:
    world = PartnerWorld(running)
    source = world.source(held, folder)
    before_mb, before_s = worker_mb(running), site_cpu_s(running)
    session = world.session(source, len(asked))
    file, known = folder / "asked.csv", folder / "known.csv"
    file.write_text("row,mobile\n" + "".join(f"{i},{value}\n" for i, value in enumerate(asked)))
    words = ["--json", "private-match", str(file), "--project", world.project, "--session", session["id"]]
    words += ["--column", "mobile", "--out", str(known), "--yes"]
    environment = {**os.environ, "ETRON_URL": running.url, "ETRON_TOKEN": world.token}
    environment["ETRON_PARTNER_HOME"] = str(folder / "partner")
    command = [sys.executable, "-c", COMMAND, *words]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    body = json.loads(done.stdout)
    found = {line.split(",")[1] for line in known.read_text().split()[1:]}
    assert found == set(held) & set(asked), "the intersection is that of plain sets"
    client_s, client_mb = map(float, done.stderr.split()[-2:])
    server_mb, server_s = worker_mb(running), site_cpu_s(running) - before_s
    parts = {
        "set-up s": session["prepared_s"],
        "command s": body["seconds"],
        "CPU s of the site": server_s,
        "CPU s of the command": client_s,
        "sent MB": body["bytes_sent"] / 1e6,
        "received MB": body["bytes_received"] / 1e6,
        "worker MB": server_mb,
        "worker before MB": before_mb,
        "command MB": client_mb,
    }
    told = ", ".join(f"{key} {value:,.1f}" for key, value in parts.items())
    print(f"{len(asked):,} of {len(held):,}: {told}", file=sys.stderr, flush=True)
    n_bytes = body["bytes_sent"] + body["bytes_received"]
    return Done(session["prepared_s"] + body["seconds"], server_s + client_s, n_bytes, server_mb + client_mb)


def worker_mb(running: RunningSite) -> float:
    """The largest peak of the site's worker processes."""
    peaks = []
    for process in running.children("celery"):
        status = Path(f"/proc/{process}/status").read_text()
        peaks.append(int(status.split("VmHWM:")[1].split()[0]) / 1024)
    return max(peaks)


def site_cpu_s(running: RunningSite) -> float:
    """Seconds of CPU that the site's workers and web servers have taken."""
    ticks = 0
    for process in {*running.children("celery"), *running.children("granian")}:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _peer(held: list[str], asked: list[str]) -> Done:
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / "held", Path(folder) / "asked"]
        for file, ids in zip(files, (held, asked), strict=True):
            file.write_text("\n".join(f"mobile__sha256:{value}" for value in ids))
        command = [sys.executable, "-m", "benchmarks.peers.private_match_library", *map(str, files)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    body = json.loads(done.stdout)
    assert body["n_known"] == len(set(held) & set(asked))
    return Done(body["seconds"], body["cpu_s"], body["bytes"], body["peak_mb"])


def _rows(n_asked: int, n_held: int, ours: list[Done], peer: list[Done]) -> list[dict[str, Any]]:
    name = f"private-match, {n_asked // 1000}k x {n_held // 1000}k"
    scale = (n_asked + n_held) / 100_000
    figures = (
        ("seconds", "s per 100,000 ids", 1 / scale, "ratio at most 1.5"),
        ("cpu_s", "s of CPU per 100,000 ids", 1 / scale, "ratio at most 1.5"),
        ("bytes", "MB sent and received", 1e-6, "ratio at most 1.1"),
        ("peak_mb", "MB of memory", 1.0, "worker and command below 2,000"),
    )
    return [
        row(
            f"{name}, {NAMES.get(figure, figure)}",
            median(getattr(one, figure) for one in ours) * factor,
            median(getattr(one, figure) for one in peer) * factor,
            PEER,
            unit,
            goal,
            ("openmined-psi", "protobuf"),
        )
        for figure, unit, factor, goal in figures
    ]
