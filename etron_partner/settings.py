"""Where the platform is and who asks: from arguments, the environment, or a file that nobody else may read."""

from __future__ import annotations

import configparser
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from etron_partner.failures import Failure


@dataclass(frozen=True)
class Connection:
    url: str
    token: str


def home() -> Path:
    """The folder of what the command remembers: ``ETRON_PARTNER_HOME`` or ``~/.etron-partner``."""
    return Path(os.environ.get("ETRON_PARTNER_HOME") or Path.home() / ".etron-partner")


def connection(url: str | None, token: str | None) -> Connection:
    """The first of argument, ``ETRON_URL`` / ``ETRON_TOKEN``, and ``config.ini`` that says something."""
    kept = _kept(home() / "config.ini")
    url = url or os.environ.get("ETRON_URL") or kept.get("url", "")
    token = token or os.environ.get("ETRON_TOKEN") or kept.get("token", "")
    if not url or not token:
        what = "address (--url or ETRON_URL)" if not url else "token (--token or ETRON_TOKEN)"
        raise Failure("not_configured", f"The platform's {what} is missing; {home() / 'config.ini'} may hold it.")
    if not url.startswith(("http://", "https://")):
        raise Failure("not_configured", "The address begins with https:// (or http:// on this machine).")
    return Connection(url.rstrip("/"), token)


def _kept(path: Path) -> dict[str, str]:
    """The section ``[platform]`` of the file; a file that others can read is not used."""
    if not path.is_file():
        return {}
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise Failure("config_readable", f"Others can read {path}, which holds a token: chmod 600 {path}")
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(path, encoding="utf-8")
    except configparser.Error as error:
        raise Failure("config_unreadable", f"{path}: {error}") from None
    return dict(parser["platform"]) if parser.has_section("platform") else {}
