"""The same intersection as bare calls of openmined-psi in one process: ``python -m … HELD ASKED`` prints figures."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from private_set_intersection.python import DataStructure, client, server


def intersect(held: list[str], asked: list[str]) -> dict[str, float]:
    """Set-up, request, response and comparison; no network, no site, one thread."""
    started, cpu_started = time.perf_counter(), time.process_time()
    platform, partner = server.CreateWithNewKey(True), client.CreateWithNewKey(True)
    setup = platform.CreateSetupMessage(1e-9, 1, held, DataStructure.GCS)
    request = partner.CreateRequest(asked)
    response = platform.ProcessRequest(request)
    found = partner.GetIntersection(setup, response)
    seconds, cpu_s = time.perf_counter() - started, time.process_time() - cpu_started
    n_bytes = sum(len(message.SerializeToString()) for message in (setup, request, response))
    peak_mb = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024
    return {"seconds": seconds, "cpu_s": cpu_s, "bytes": n_bytes, "n_known": len(found), "peak_mb": peak_mb}


def main() -> None:
    held, asked = (Path(name).read_text().split() for name in sys.argv[1:3])
    print(json.dumps(intersect(held, asked)))


if __name__ == "__main__":
    main()
