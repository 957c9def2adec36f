"""The house's own rules: arrows between floors, pure code, job names, settings, sizes."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core import checks
from django.core.management import call_command
from django.urls import get_resolver

from projects import jobs
from projects.models import User

ROOT = Path(__file__).parents[2]
FLOORS = ("etron", "risk_products", "models_registry", "datafactory", "projects")
PURE = ("django", "celery", "rest_framework", "guardian", "projects", "datafactory.models")


def sources(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from (path for path in (ROOT / folder).rglob("*.py") if "migrations" not in path.parts)


def test_imports_point_down():
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.parametrize(
    "package", ["modeling", "etron_partner", "datafactory.engine", "models_registry.engine", "risk_products.engine"]
)
def test_pure_code_brings_no_framework_along(package):
    """Imports every module of the package in a fresh interpreter and looks what came with it."""
    folder = ROOT / package.replace(".", "/")
    if not folder.is_dir():
        pytest.skip(f"no {package}")
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in folder.rglob("*.py")
        if not path.name.startswith("__")
    ]
    code = f"import importlib, sys\nfor m in {modules!r}: importlib.import_module(m)\n"
    code += f"print([m for m in {PURE!r} if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip().splitlines()[-1] == "[]"


def started_jobs() -> set[str]:
    """First arguments of every ``jobs.start(...)`` in the code."""
    names = set()
    for path in sources(*FLOORS, "sandbox"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"jobs.start", "start_job"}:
                first = node.args[0]
                assert isinstance(first, ast.Constant), f"{path}:{node.lineno}: say the job's name in plain text"
                names.add(str(first.value))
    return names


def test_every_started_job_has_a_task_of_its_name():
    names = started_jobs()
    assert names
    assert [name for name in sorted(names) if not jobs.has_task(name)] == []
    assert [message for message in checks.run_checks(tags=["projects"]) if message.is_serious()] == []


def test_the_check_finds_a_job_without_a_task(monkeypatch):
    from projects import checks as ours

    monkeypatch.setattr(ours, "started_names", lambda: iter([("nobody.does_this", ROOT / "x.py")]))
    assert [message.id for message in ours.every_job_has_a_task(None)] == ["projects.E002"]


def test_tasks_are_doors():
    """A task takes the run and keyword-only ids, and its name is its app's."""
    for path in (ROOT / floor / "tasks.py" for floor in FLOORS):
        for node in ast.parse(path.read_text()).body if path.exists() else []:
            if isinstance(node, ast.FunctionDef) and node.decorator_list:
                name = ast.literal_eval(node.decorator_list[0].args[0])  # type: ignore[attr-defined]
                assert name == f"{path.parent.name}.{node.name}"
                assert [argument.arg for argument in node.args.args] == ["run"]


def test_every_setting_has_a_line_in_the_docs():
    documented = set(re.findall(r"^\| `(ETRON_[A-Z_]+)`", (ROOT / "docs/settings.md").read_text(), re.MULTILINE))
    read = set(re.findall(r"""(?:env_\w+|secret)\(\s*"(ETRON_[A-Z_]+)\"""", (ROOT / "etron/settings.py").read_text()))
    assert read - documented == set()
    assert documented - read == set()


def test_no_demo_people_in_production(db, make_user, settings):
    assert [
        message.id for message in checks.run_checks(include_deployment_checks=True) if message.id == "projects.E001"
    ] == []
    User.objects.filter(pk=make_user("demo").pk).update(is_demo=True)
    assert "projects.E001" in [message.id for message in checks.run_checks(include_deployment_checks=True)]
    settings.PRODUCTION = True
    assert "projects.E001" in [message.id for message in checks.run_checks(databases=["default"])]


def test_migrations_are_complete(db):
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_url_names_are_unique():
    names = []

    def walk(patterns, namespace):
        for pattern in patterns:
            if hasattr(pattern, "url_patterns"):
                walk(pattern.url_patterns, f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace)
            else:
                names.append(f"{namespace}{pattern.name}")

    walk(get_resolver().url_patterns, "")
    assert sorted(name for name in set(names) if names.count(name) > 1) == []


def test_no_upward_relations():
    """A key to another floor is written as text, protects its target, and hides its way back."""
    for path in (ROOT / floor / "models.py" for floor in FLOORS[1:]):
        for node in ast.walk(ast.parse(path.read_text())) if path.exists() else []:
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "models.ForeignKey":
                target = ast.literal_eval(node.args[0])
                if target.split(".")[0] == path.parent.name:
                    continue
                words = {word.arg: ast.unparse(word.value) for word in node.keywords}
                assert words["on_delete"] in {"models.PROTECT", "models.SET_NULL"}, f"{path}:{node.lineno}"


def test_files_stay_readable():
    long = {
        str(p.relative_to(ROOT)): n
        for p in sources(*FLOORS, "modeling", "etron_partner")
        if (n := len(p.read_text().splitlines())) > 450
    }
    assert long == {}


def test_empty_init_files():
    assert [str(path) for path in sources(*FLOORS) if path.name == "__init__.py" and path.read_text().strip()] == []
