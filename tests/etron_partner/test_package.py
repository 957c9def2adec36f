"""The package alone: built from its folder, installed without the site, without Django."""

import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
BUILD = "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"
OWN = ("requests", "urllib3", "charset_normalizer", "idna", "certifi", "tqdm")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built without a network, in a copy: nothing is left in the folder."""
    folder = tmp_path_factory.mktemp("package")
    source = folder / "etron_partner"
    shutil.copytree(ROOT / "etron_partner", source, ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"))
    out = folder / "dist"
    out.mkdir()
    command = [sys.executable, "-c", BUILD, str(out)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(out.glob("etron_partner-*.whl"))


def test_the_wheel_holds_every_module_and_nothing_else(wheel):
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == {f"etron_partner/{path.name}" for path in (ROOT / "etron_partner").glob("*.py")}
    metadata = next(name for name in zipfile.ZipFile(wheel).namelist() if name.endswith("METADATA"))
    text = zipfile.ZipFile(wheel).read(metadata).decode()
    assert "Requires-Python: >=3.9" in text
    assert 'Requires-Dist: openmined-psi==2.0.4; extra == "private"' in text


def test_it_works_alone(wheel, tmp_path):
    """In an environment with this wheel and its two libraries, as ``pip install ./etron_partner`` makes it."""
    home = tmp_path / "alone"
    venv.create(home, with_pip=False)
    inside = next((home / "lib").glob("python*")) / "site-packages"
    zipfile.ZipFile(wheel).extractall(inside)
    here = Path(sys.prefix) / "lib" / inside.parent.name / "site-packages"
    for name in OWN:
        shutil.copytree(here / name, inside / name)
    file = tmp_path / "a.csv"
    file.write_text("app,mobile\nA1,13800138000\n")
    run = [str(home / "bin" / "python"), "-I"]
    words = ["-m", "etron_partner", "hash", str(file), "--column", "mobile:mobile:sha256"]
    environment = {"ETRON_PARTNER_HOME": str(tmp_path / "notes"), "PATH": ""}
    done = subprocess.run([*run, *words], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "13800138000" not in (tmp_path / "a.hashed.csv").read_text()
    every = "import pkgutil, importlib, etron_partner, sys; "
    every += "[importlib.import_module(f'etron_partner.{m.name}') for m in pkgutil.iter_modules(etron_partner.__path__)"
    every += (
        " if m.name != '__main__']; print([m for m in ('django', 'numpy', 'pyarrow', 'modeling') if m in sys.modules])"
    )
    done = subprocess.run([*run, "-c", every], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
