"""Every test: on SQLite with the browser, then those that touch the database again on PostgreSQL if it is there."""

from __future__ import annotations

import os
import subprocess
import sys
import time

STRICT = os.environ.get("ETRON_TEST_STRICT") == "1"
POSTGRES = os.environ.get("ETRON_TEST_POSTGRES_URL", "")
ON_POSTGRES = [
    *("tests/projects", "tests/models_registry", "tests/risk_products", "tests/house"),
    *(f"tests/datafactory/test_{noun}.py" for noun in ("uploads", "samples", "sources", "matches", "feature_tables")),
    *(
        f"tests/datafactory/test_{noun}.py"
        for noun in ("private_matches", "id_trials", "deletions", "leak_decisions", "disclosure")
    ),
]


def pytest(*arguments: str, **environment: str) -> int:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, env=os.environ | environment, check=False).returncode


def main() -> int:
    started = time.monotonic()
    status = pytest("-n", "2", "-m", "not browser")
    status = pytest("-m", "browser", "tests/browser") or status
    if POSTGRES:
        print("\nThe same on PostgreSQL:", flush=True)
        environment = {"ETRON_DATABASE_URL": POSTGRES}
        status = pytest("-n", "2", "-m", "not browser", *ON_POSTGRES, **environment) or status
    elif STRICT:
        print("ETRON_TEST_POSTGRES_URL is not set: the PostgreSQL round is missing.", file=sys.stderr)
        status = status or 1
    else:
        print("\nNo ETRON_TEST_POSTGRES_URL: the round on PostgreSQL was left out.")
    print(f"\nAll rounds took {time.monotonic() - started:.0f} s.")
    return status


if __name__ == "__main__":
    sys.exit(main())
