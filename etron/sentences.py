"""Sentences that pure code says to people. It knows no gettext, so they are found where they stand in the source."""

import ast
from collections.abc import Iterator
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.utils import translation

from projects.models import Artifact

ROOMS = ("modeling", "datafactory/engine", "models_registry/engine", "risk_products/engine")
PLACES = {
    "DataError": 1,
    "progress": 2,
    "say": 0,
    "passed": 1,
    "warned": 1,
    "_finding": 2,
}  # which argument is for people


def sentences() -> set[str]:
    """Every sentence and word of pure code that a page may show."""
    paths = (path for room in ROOMS for path in (settings.BASE_DIR / room).rglob("*.py"))
    found = {text for path in paths for text in of_module(path) if any(letter.isalpha() for letter in text)}
    return found | nouns()


def nouns() -> set[str]:
    """What the stages are called: an artifact without a name of its own is shown as "match 2"."""
    with translation.override("en"):
        return {str(model._meta.verbose_name) for model in apps.get_models() if issubclass(model, Artifact)}


def of_module(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from of_call(node)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            yield from of_assignment(node)


def of_call(node: ast.Call) -> Iterator[str]:
    place = PLACES.get(getattr(node.func, "id", getattr(node.func, "attr", "")))
    if place is not None and len(node.args) > place:
        yield from constants(node.args[place])


def of_assignment(node: ast.Assign | ast.AnnAssign) -> Iterator[str]:
    """``template = "…"`` handed on later, and the tuple WORDS of the charts."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    names = {target.id for target in targets if isinstance(target, ast.Name)}
    if node.value is not None and names & {"template", "WORDS"}:
        yield from constants(node.value)


def constants(node: ast.expr) -> Iterator[str]:
    """Text written out, also in both branches of a choice."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=body, orelse=other):
            yield from constants(body)
            yield from constants(other)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for part in parts:
                yield from constants(part)
