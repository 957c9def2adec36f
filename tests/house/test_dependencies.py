"""What runs imports only what `make run` installs, and every direct dependency is in docs/dependencies.md."""

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOUSE = ["etron", "risk_products", "models_registry", "datafactory", "projects", "modeling", "etron_partner", "sandbox"]


def imported(path):
    """Top-level names that a module imports when it runs: what stands under ``if TYPE_CHECKING`` does not count."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for statement in block.body
        for node in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def locked(name):
    text = (ROOT / "requirements" / name).read_text()
    return {match.replace("_", "-").lower() for match in re.findall(r"^([A-Za-z0-9._-]+)==", text, re.MULTILINE)}


@pytest.mark.parametrize("package", HOUSE)
def test_running_code_needs_only_the_run_lock(package):
    distributions, run = packages_distributions(), locked("run.lock")
    foreign = set()
    for path in (ROOT / package).rglob("*.py"):
        allowed = run | {"pyspark"} if path.name == "engine_spark.py" else run
        for name in set(imported(path)) - set(sys.stdlib_module_names) - set(HOUSE):
            owners = {owner.replace("_", "-").lower() for owner in distributions.get(name, [name])}
            if not owners & allowed:
                foreign.add(f"{path.relative_to(ROOT)}: {name}")
    assert not foreign


def test_the_extra_for_spark_agrees_with_the_rest():
    dev, spark = pins("dev.lock"), pins("spark.lock")
    assert {name: version for name, version in spark.items() if dev.get(name, version) != version} == {}
    assert "pyspark" in spark


def pins(name):
    text = (ROOT / "requirements" / name).read_text()
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^ ]+)", text, re.MULTILINE))


def test_every_direct_dependency_is_explained():
    page = (ROOT / "docs" / "dependencies.md").read_text().lower()
    given = " ".join((ROOT / "requirements" / f"{name}.in").read_text() for name in ("run", "spark"))
    wanted = [re.split(r"[\[=~<>]", line)[0].strip().lower() for line in given.split()]
    assert [name for name in wanted if name not in page] == []
