"""Peak memory of one piece of work, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def peak_mb(call: str) -> float:
    """Resident megabytes at most while ``call`` (``module:function(arguments)``) ran, libraries included."""
    module, expression = call.split(":", 1)
    code = (
        f"from benchmarks import memory\nimport {module} as work\nwork.{expression}\n"
        "print(memory.resident_mb(), flush=True)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True
    )
    return float(done.stdout.split()[-1])


def resident_mb() -> float:
    """Of this process since it began; what getrusage tells includes the process that started it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
