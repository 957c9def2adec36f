"""Run the benchmarks: ``python -m benchmarks [--name matching] [--quick]``.

Each ``bench_<name>.py`` has ``run(quick) -> list[dict]``: ours and a peer, alternating in one process, medians. Rows
that are not measured again are kept, so one benchmark can be refreshed alone.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
PAGE = HERE.parent / "docs" / "benchmarks.md"


def names() -> list[str]:
    return sorted(path.stem.removeprefix("bench_").replace("_", "-") for path in HERE.glob("bench_*.py"))


def machine() -> str:
    model = next(
        (line.split(":", 1)[1].strip() for line in _cpuinfo() if line.startswith("model name")), platform.processor()
    )
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores, {model}, {memory_gib:.0f} GiB, Python {platform.python_version()}"


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def figure(value: Any) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else str(value)


def table(rows: list[dict[str, Any]]) -> str:
    lines = ["| work | ours | peer | peer's name | ratio | unit | goal |", "|---|---:|---:|---|---:|---|---|"]
    for row in rows:
        cells = [row["name"], figure(row["ours"]), figure(row["peer"]), row["peer_name"], figure(row["ratio"])]
        lines.append("| " + " | ".join([*cells, row["unit"], row["goal"]]) + " |")
    return "\n".join(lines)


def page(rows: list[dict[str, Any]]) -> str:
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["measured"], row["machine"]), []).append(row)
    parts = [
        "# Benchmarks",
        "",
        "Written by `make bench`. A ratio is ours / peer, both measured in one run, in turn.",
        "",
    ]
    for (measured, where), members in sorted(groups.items(), reverse=True):
        parts += [f"## {measured}, {where}", "", table(members), ""]
        versions = sorted({f"{name} {version}" for row in members for name, version in row["versions"].items()})
        parts += ["Versions: " + ", ".join(versions) + ".", ""]
    return "\n".join(parts)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", choices=names(), help="one benchmark; all without it")
    parser.add_argument("--quick", action="store_true", help="small sizes, nothing is written")
    options = parser.parse_args()
    chosen = [options.name] if options.name else names()
    fresh: list[dict[str, Any]] = []
    for name in chosen:
        print(f"{name} …", file=sys.stderr, flush=True)
        for row in importlib.import_module(f"benchmarks.bench_{name.replace('-', '_')}").run(options.quick):
            fresh.append(row | {"group": name, "machine": machine(), "measured": f"{dt.datetime.now(dt.UTC):%Y-%m-%d}"})
    print(table(fresh))
    if not options.quick:
        measured = {(row["name"], row["unit"]) for row in fresh}
        before = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
        kept = [row for row in before if (row["name"], row["unit"]) not in measured]
        rows = sorted(kept + fresh, key=lambda row: (row["group"], row["name"]))
        RESULTS.write_text(json.dumps(rows, indent=1) + "\n")
        PAGE.write_text(page(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
