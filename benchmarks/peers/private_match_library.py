"""The same intersection as bare calls of openmined-psi in one process: ``python -m … HELD ASKED`` prints figures."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from private_set_intersection.python import DataStructure, client, server


def intersect(held: list[str], asked: list[str]) -> dict[str, float]:
    """Set-up, request, response and comparison; no network, no site, one thread."""
    started = time.perf_counter()
    platform, partner = server.CreateWithNewKey(True), client.CreateWithNewKey(True)
    setup = platform.CreateSetupMessage(1e-9, 1, held, DataStructure.GCS)
    request = partner.CreateRequest(asked)
    response = platform.ProcessRequest(request)
    found = partner.GetIntersection(setup, response)
    seconds = time.perf_counter() - started
    n_bytes = sum(len(message.SerializeToString()) for message in (setup, request, response))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "bytes": n_bytes, "n_known": len(found), "peak_mb": peak_mb}


def main() -> None:
    held, asked = (Path(name).read_text().split() for name in sys.argv[1:3])
    print(json.dumps(intersect(held, asked)))


if __name__ == "__main__":
    main()
