"""What the command remembers between runs: files that it made, and uploads that were not finished."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from etron_partner import settings

FILES, UPLOADS = "files", "uploads"


def _path() -> Path:
    return settings.home() / "notes.json"


def _read() -> dict[str, Any]:
    try:
        found = json.loads(_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(notes: dict[str, Any]) -> None:
    path = _path()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = path.with_suffix(f".{os.getpid()}")
    aside.write_text(json.dumps(notes, indent=1), encoding="utf-8")
    aside.replace(path)


def of(what: str) -> dict[str, Any]:
    found = _read().get(what, {})
    return found if isinstance(found, dict) else {}


def keep(what: str, name: str, value: Any) -> None:
    """Remember ``value`` under a name; None forgets it."""
    notes = _read()
    there = notes.setdefault(what, {})
    if value is None:
        there.pop(name, None)
    else:
        there[name] = value
    _write(notes)


def made(path: Path) -> None:
    """Remember a file with people's hashes that this command wrote, so that ``purge --local`` finds it."""
    keep(FILES, str(path.resolve()), True)
