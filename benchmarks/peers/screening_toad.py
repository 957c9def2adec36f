"""The screening of toad: share of missing values, IV of tree bins, correlation. Runs where toad is installed.

toad is no dependency of the project. ``pip install toad`` into any environment of this Python and point
``ETRON_BENCH_TOAD`` at its interpreter; it is run there on the same columns.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

CODE = """
import sys, time
import numpy as np, pandas as pd, toad
data = np.load(sys.argv[1])
frame = pd.DataFrame({name: data[name] for name in data.files})
toad.selection.select(frame.iloc[:500, -3:], "y")
started = time.perf_counter()
toad.selection.select(frame, "y", empty=0.95, iv=0.02, corr=0.85)
print(time.perf_counter() - started)
"""


def interpreter() -> str | None:
    """A Python that has toad."""
    python = os.environ.get("ETRON_BENCH_TOAD") or sys.executable
    found = subprocess.run([python, "-c", "import toad"], capture_output=True, check=False)
    return python if found.returncode == 0 else None


def screen(python: str, columns: dict[str, Any], y: np.ndarray) -> float:
    """Seconds of one screening, start-up and reading left out."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "columns.npz"
        np.savez(path, **columns, y=y)
        done = subprocess.run([python, "-c", CODE, str(path)], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])
