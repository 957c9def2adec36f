"""Jobs that exist only in tests."""

import os
import time
from pathlib import Path

from modeling.errors import DataError
from projects.errors import Conflict
from projects.jobs import JobRun, job


@job("tests.count")
def count(run: JobRun, *, n: int) -> None:
    for done in range(n):
        run.progress(done + 1, n, "Counting")
    run.log("counted")


@job("tests.bad_row")
def bad_row(run: JobRun, *, wrapped: bool = False) -> None:
    error = DataError("date_in_future", "%(value)s is later than today.", row=20417, column="observed_at", value="2027")
    if wrapped:
        raise RuntimeError("stage failed") from error
    raise error


@job("tests.conflict")
def conflict(run: JobRun) -> None:
    raise Conflict("not_now", "Not now.")


@job("tests.broken")
def broken(run: JobRun) -> None:
    run.progress(1, 2, "Half way")
    raise KeyError("secret value 42")


@job("tests.slow")
def slow(run: JobRun, *, marker: str, seconds: float = 60.0) -> None:
    """Writes its process id, then works on until told to stop."""
    with Path(marker).open("a") as stream:
        stream.write(f"{os.getpid()}\n")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        run.progress(1, 2, "Working")
        time.sleep(0.05)
