"""Fixtures that every test room may use."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the public data sets that lie beside the repository, or skip."""
    folder = Path(os.environ.get("ETRON_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"public data sets not found at {folder} (set ETRON_SHARED_DATA)")
    return folder
