"""A command line with its own folder for what it remembers."""

import io
import json
import sys
from types import SimpleNamespace

import pytest

from etron_partner import command
from tests.datafactory.conftest import built  # noqa: F401 - a fixture


@pytest.fixture(autouse=True)
def partner_home(tmp_path, monkeypatch):
    """Nothing of the machine's own configuration is read."""
    home = tmp_path / "partner-home"
    monkeypatch.setenv("ETRON_PARTNER_HOME", str(home))
    for name in ("ETRON_URL", "ETRON_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    return home


@pytest.fixture
def run(capsys):
    """``run("check", path, …)``: exit code, and what was written as text or, with ``json=True``, as an object."""

    def call(*arguments, json_=False):
        words = [str(argument) for argument in arguments]
        status = command.main(["--json", *words] if json_ else words)
        captured = capsys.readouterr()
        body = json.loads(captured.out) if json_ else None
        return SimpleNamespace(status=status, out=captured.out, err=captured.err, body=body)

    return call
