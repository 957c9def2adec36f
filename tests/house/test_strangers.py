"""Walks every address of the site: nobody without a right reaches anything, and members reach everything."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import get_resolver
from django.urls.resolvers import URLPattern

from projects import jobs
from tests.house.world import NAME, World, build_world
from tests.projects import tasks_for_tests  # noqa: F401 - the world holds one of their jobs

PUBLIC = {"livez", "readyz", "set_language", "projects:sign-in", "projects:sign-out", "projects:invitation-accept"}
OPEN_DOCS = {"api-schema", "api-docs"}  # what the API looks like is no secret
KEY_DOORS = {"api-score", "api-score-batch", "api-product-live"}  # answer to product keys: 401 without one
PAGE_METHODS = ("get", "post")
API_METHODS = ("get", "post", "put", "patch", "delete")
MEMBERS = ("modeler", "partner", "approver", "integrator", "administrator")

# Which row stands for a parameter, by the segment before it and its name.
ROWS = {
    "projects": lambda rows: rows["project"].slug,
    "authorisations": lambda rows: rows["authorisation"].pk,
    "members": lambda rows: rows["member"].pk,
    "institutions": lambda rows: rows["platform"].slug,
    "import-profiles": lambda rows: rows["import_profile"].pk,
    "invitations": lambda rows: rows["invitation"].pk,
    "people": lambda rows: rows["membership"].pk,
    "tokens": lambda rows: rows["token"].pk,
    "jobs": lambda rows: rows["job"].pk,
    "sources": lambda rows: rows["source"].slug,
    "flow": lambda rows: f"sample-{rows['sample'].pk}",
    "models": lambda rows: rows["model"].slug,
    "products": lambda rows: rows["product"].slug,
    "keys": lambda rows: rows["key"].pk,
    "calls": lambda rows: rows["call"].request_id,
    "watch-lists": lambda rows: rows["watch_list"].pk,
    "private-matches": lambda rows: rows["private_match"].pk,
    "accounts": lambda rows: rows["account"].account,
    **{
        noun: lambda rows: 1
        for noun in (
            "revisions",
            "samples",
            "matches",
            "features",
            "feature-tables",
            "runs",
            "evaluations",
            "value",
            "values",
        )
    },
}


def routes() -> Iterator[tuple[str, str]]:
    """``(route, name)`` of every address, with the parameters still in it."""

    def walk(patterns, prefix, namespace):
        for pattern in patterns:
            route = prefix + str(pattern.pattern)
            if isinstance(pattern, URLPattern):
                yield route, f"{namespace}{pattern.name}"
            else:
                inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
                yield from walk(pattern.url_patterns, route, inner)

    yield from walk(get_resolver().url_patterns, "", "")


def fill(route: str, rows: dict) -> str:
    """The route with the world's rows in the places of its parameters."""
    done: list[str] = []
    for segment in route.split("/"):
        parameter = re.fullmatch(r"<(?:\w+:)?(\w+)>(.*)", segment)
        done.append(segment if parameter is None else f"{value_of(parameter[1], done, rows)}{parameter[2]}")
    return "/" + "/".join(done)


def value_of(name: str, before: list[str], rows: dict) -> object:
    previous = before[-1] if before else ""
    if previous == "incoming":
        return rows["sample_incoming" if "projects" in before else "source_incoming"].pk
    if previous in {"new", "uploads"}:
        return rows["sample_upload" if "projects" in before else "source_upload"].pk
    if previous == "versions":
        return rows["model"].slug if name == "model" else 1
    if name == "number":
        return 1
    if name == "act":
        return "submit"
    if name == "name":
        return rows["feature_table"].profile["features"][0]["name"]
    if name == "token":
        return "no-such-invitation"
    assert previous in ROWS, f"Say in ROWS which row stands for <{name}> after {previous!r}."
    return ROWS[previous](rows)


@pytest.fixture
def world(people, project, platform, partner_bank) -> World:
    assert jobs.has_task("tests.count")
    return build_world(people, project, platform, partner_bank)


def ask(client: Client, method: str, path: str) -> tuple[int, str]:
    """Status and text of the answer; whatever it changed is undone."""
    data: Any = {} if method == "get" else {"data": json.dumps({}), "content_type": "application/json"}
    with transaction.atomic():
        answer: Any = getattr(client, method)(path, **data)
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        transaction.set_rollback(True)
    where = answer.headers.get("Location", "")
    return answer.status_code, body.decode(errors="replace") + where


def methods(path: str) -> tuple[str, ...]:
    return API_METHODS if path.startswith("/api/") else PAGE_METHODS


def failures(world: World, client: Client, wrong) -> list[str]:
    found = []
    for route, name in routes():
        path = fill(route, world.rows)
        if name == "projects:sign-out":  # it would end the walk
            continue
        for method in methods(path):
            status, text = ask(client, method, path)
            if complaint := wrong(name, route, path, status, text):
                found.append(f"{method.upper()} {path} ({name}): {status} {complaint}")
    return found


def test_who_is_not_signed_in_gets_nothing(world):
    def wrong(name, route, path, status, text):
        if name in PUBLIC | OPEN_DOCS:
            return f"shows {NAME}" if NAME in text and name not in PUBLIC else ""
        if path.startswith("/api/"):
            return "" if status in {401, 405} else "should be 401"
        return "" if status == 405 or (status == 302 and "/sign-in/" in text) else "should lead to sign-in"

    found = failures(world, Client(raise_request_exception=False), wrong)
    assert not found, "\n".join(found)


def refused(name, route, path, status, text):
    """What is wrong with an answer to somebody outside the project."""
    if name in PUBLIC | OPEN_DOCS:
        return ""
    if NAME.lower() in text.replace(path, "").lower():
        return f"shows {NAME}"
    if "<" not in route:
        return "fails" if status >= 500 else ""
    allowed = {404, 405} | ({401} if name in KEY_DOORS else set())
    return "" if status in allowed else "should be 404"


def test_strangers_get_404(world, client_of):
    client = client_of(world.people.stranger)
    client.raise_request_exception = False
    found = failures(world, client, refused)
    assert not found, "\n".join(found)


def test_a_superuser_who_is_no_member_gets_404(world, client_of, make_user):
    client = client_of(make_user("root", is_superuser=True, is_staff=True))
    client.raise_request_exception = False
    found = failures(world, client, refused)
    assert not found, "\n".join(found)


def test_members_reach_every_address(world, client_of):
    """Else the two tests above would prove nothing: a mistyped address is a 404 too."""
    clients = [client_of(getattr(world.people, name)) for name in MEMBERS]
    for client in clients:
        client.raise_request_exception = False
    paths = [fill(route, world.rows) for route, name in routes() if name not in PUBLIC and "<" in route]

    def reached(path):
        answers = (ask(client, method, path)[0] for client in clients for method in methods(path))
        return any(status not in {404, 405} for status in answers)

    missed = [path for path in paths if not reached(path)]
    assert not missed, "\n".join(missed)
