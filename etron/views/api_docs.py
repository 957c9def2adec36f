"""The REST interface in words, from the same schema that /api/schema/ serves; nothing is fetched from elsewhere."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from drf_spectacular.generators import SchemaGenerator

ACTS = {"approve", "refuse"}  # of the noun before them
METHODS = ("get", "post", "put", "patch", "delete")
DEPTH = 4  # of examples made from schemas: deeper objects show as {}


@dataclass(frozen=True)
class Field:
    name: str
    kind: str
    required: bool
    text: str


@dataclass(frozen=True)
class Operation:
    anchor: str
    method: str
    path: str
    title: str
    text: str
    parameters: tuple[Field, ...]
    fields: tuple[Field, ...]
    curl: str
    answers: tuple[tuple[str, str], ...]


@lru_cache(maxsize=1)
def schema() -> dict[str, Any]:
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]
    found: dict[str, Any] = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return found


def api_docs(request: HttpRequest) -> HttpResponse:
    groups = grouped(schema())
    origin = request.build_absolute_uri("/").rstrip("/")
    return render(request, "etron/api_docs.html", {"groups": groups, "origin": origin, "info": schema()["info"]})


def grouped(found: Mapping[str, Any]) -> list[tuple[str, list[Operation]]]:
    """Operations by the first noun of their path, in the order of the paths."""
    groups: dict[str, list[Operation]] = {}
    for path, methods in found["paths"].items():
        for method in METHODS:
            if method in methods:
                groups.setdefault(noun(path), []).append(operation(found, path, method, methods[method]))
    return sorted(groups.items())


def noun(path: str) -> str:
    """``/api/v1/projects/{slug}/samples`` is about samples; what belongs to a project stands under its own noun."""
    words = [word for word in path.removeprefix("/api/v1/").strip("/").split("/") if word and not word.startswith("{")]
    if not words:
        return "api"
    return words[1] if words[0] == "projects" and len(words) > 1 and words[1] not in ACTS else words[0]


def operation(found: Mapping[str, Any], path: str, method: str, spec: Mapping[str, Any]) -> Operation:
    body = body_of(found, spec)
    first, _, rest = (spec.get("description") or spec.get("summary") or "").strip().partition("\n")
    return Operation(
        anchor=spec.get("operationId", f"{method}-{path}"),
        method=method.upper(),
        path=path,
        title=spec.get("summary") or first,
        text=rest.strip() if not spec.get("summary") else (spec.get("description") or "").strip(),
        parameters=tuple(parameter(one) for one in spec.get("parameters", ())),
        fields=tuple(fields(found, body)),
        curl=curl(found, path, method, body, example_of(spec)),
        answers=tuple((code, answer.get("description", "")) for code, answer in spec.get("responses", {}).items()),
    )


def parameter(spec: Mapping[str, Any]) -> Field:
    return Field(spec["name"], kind_of(spec.get("schema", {})), bool(spec.get("required")), spec.get("description", ""))


def content(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    kinds: Mapping[str, Any] = spec.get("requestBody", {}).get("content", {})
    for name in ("application/json", "multipart/form-data"):
        if name in kinds:
            found: Mapping[str, Any] = kinds[name]
            return found
    return next(iter(kinds.values()), {})


def body_of(found: Mapping[str, Any], spec: Mapping[str, Any]) -> Mapping[str, Any]:
    return resolved(found, content(spec).get("schema", {}))


def example_of(spec: Mapping[str, Any]) -> Any:
    """The example written by hand, if there is one."""
    examples = content(spec).get("examples", {})
    return next((one["value"] for one in examples.values() if "value" in one), None)


def resolved(found: Mapping[str, Any], part: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow ``$ref`` and a lone ``allOf``."""
    while True:
        if "$ref" in part:
            part = found["components"]["schemas"][part["$ref"].rpartition("/")[2]]
        elif len(part.get("allOf", ())) == 1:
            part = part["allOf"][0]
        else:
            return part


def fields(found: Mapping[str, Any], body: Mapping[str, Any]) -> Iterator[Field]:
    required = set(body.get("required", ()))
    for name, part in body.get("properties", {}).items():
        if not part.get("readOnly"):
            whole = resolved(found, part)
            text = part.get("description") or whole.get("description", "")
            yield Field(name, kind_of(whole), name in required, text)


def kind_of(part: Mapping[str, Any]) -> str:
    if "enum" in part:
        return " | ".join(str(value) for value in part["enum"] if value not in (None, ""))
    kind = part.get("type") or "object"
    kind = "/".join(kind) if isinstance(kind, list) else kind
    if kind == "array":
        return f"[{kind_of(part.get('items', {}))}]"
    return f"{kind}, {part['format']}" if part.get("format") in {"date-time", "uuid", "binary", "date"} else kind


def example(found: Mapping[str, Any], part: Mapping[str, Any], depth: int = 0) -> Any:
    """A small value of the right shape."""
    part = resolved(found, part)
    for key in ("example", "default"):
        if part.get(key) is not None:
            return part[key]
    if "enum" in part:
        return part["enum"][0]
    kind = part.get("type")
    if kind == "object" or "properties" in part:
        inner = part.get("properties", {}) if depth < DEPTH else {}
        wanted = {name: item for name, item in inner.items() if not item.get("readOnly")}
        return {name: example(found, item, depth + 1) for name, item in wanted.items()}
    if kind == "array":
        return [example(found, part.get("items", {}), depth + 1)] if depth < DEPTH else []
    return {"integer": 1, "number": 0.5, "boolean": True}.get(str(kind), part.get("format") or "…")


def curl(found: Mapping[str, Any], path: str, method: str, body: Mapping[str, Any], given: Any) -> str:
    lines = [
        f"curl {'' if method == 'get' else f'-X {method.upper()} '}$ETRON{path}",
        '-H "Authorization: Token $TOKEN"',
    ]
    files = [name for name, part in body.get("properties", {}).items() if part.get("format") == "binary"]
    if files:
        lines += [f"-F {name}=@file.csv" for name in files]
    elif body.get("properties") or given is not None:
        value = given if given is not None else example(found, body)
        lines += ['-H "Content-Type: application/json"', f"-d '{json.dumps(value, ensure_ascii=False)}'"]
    return " \\\n  ".join(lines)
