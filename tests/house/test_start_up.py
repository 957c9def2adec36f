"""What a web process, a management command and a test process load before they do anything."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEAVY = [
    "pandas",
    "scipy.stats",
    "sklearn",
    "xgboost",
    "numba",
    "ibis",
    "duckdb",
    "optbinning",
    "statsmodels",
    "plotly",
    "private_set_intersection",
]
START = """
import sys
from importlib import import_module
import django
from django.conf import settings
from django.core.checks import run_checks
django.setup()
import_module(settings.ROOT_URLCONF)
run_checks()
print(*(name for name in sys.argv[1:] if name in sys.modules))
"""


def loaded(code: str) -> list[str]:
    """Which heavy libraries a fresh process holds after ``code``."""
    done = subprocess.run([sys.executable, "-c", code, *HEAVY], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_a_heavy_library_would_be_seen():
    assert loaded(START.replace("import django\n", "import django, duckdb\n", 1)) == ["duckdb"]


def test_start_up_loads_no_heavy_library():
    assert loaded(START) == []


def test_a_worker_loads_them_before_its_pool_forks():
    code = START.replace("run_checks()", "from celery.signals import worker_init; worker_init.send(None)")
    assert set(loaded(code)) >= {"pandas", "numba", "ibis", "duckdb"}
