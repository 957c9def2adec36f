"""One whole session of private matching: asked for, carried out, and the known rows written to a file of their own."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from etron_partner import notes, tables
from etron_partner.asking import Asker, Unfitting
from etron_partner.elements import Size
from etron_partner.failures import CANNOT, SAYS_NO, Failure
from etron_partner.hashing import ragged
from etron_partner.identifiers import HASH_LENGTHS, RAW, hash_format
from etron_partner.progress import Screen
from etron_partner.site import Site, refuse

BYTES = "application/octet-stream"
LEARNS = {
    "ids": "You learn, for each id of your file, whether the platform holds it, and how many ids it holds.",
    "size": "You learn about how many of your ids the platform holds, with the margin that is told; no single id.",
}
PLATFORM_LEARNS = (
    "The platform learns how many ids you ask for{size}. It learns no id: neither the known ones nor the others. "
    "Points of an elliptic curve under a secret that stays in this process are all that is sent."
)


@dataclass
class Outcome:
    """What came of a session, in sizes; ``bytes_*`` are bodies of this session alone."""

    session: str
    reveal: str
    n_rows: int
    n_ids: int
    n_platform: int | None
    n_known: int | None = None
    size: Size | None = None
    n_rows_kept: int | None = None
    out: str | None = None
    bytes_sent: int = 0
    bytes_received: int = 0
    seconds: float = 0.0


def learns(reveal: str) -> str:
    """What is said before a session starts."""
    size = ", and the number of shared ids that you report, in steps of ten" if reveal == "size" else ""
    return f"{LEARNS[reveal]}\n{PLATFORM_LEARNS.format(size=size)}"


def base(project: str) -> str:
    return f"projects/{project}/private-matches"


def ids_of(layout: tables.Layout, column: str, id_type: str) -> tuple[int, set[str]]:
    """Rows, and the distinct ids of a column; refused unless all are of the session's kind."""
    algorithm = id_type.rpartition("__")[2]
    found: set[str] = set()
    n_rows = 0
    for row, value, _values in _values_of(layout, column, algorithm):
        n_rows = row
        if not value:
            continue
        if algorithm != RAW and hash_format(value) != str(HASH_LENGTHS.get(algorithm)):
            text = f"Column {column}, row {row}: not {algorithm} in hex, as the session needs. Hash the file first."
            raise Failure("id_format", text, SAYS_NO, {"row": row})
        found.add(value)
    return n_rows, found


def _values_of(layout: tables.Layout, column: str, algorithm: str) -> Iterator[tuple[int, str, list[str]]]:
    position = layout.position(column)
    with tables.opened(layout) as (_raw, rows):
        try:
            for row, values in rows:
                value = values[position].strip()
                yield row, value if algorithm == RAW else value.lower(), values
        except tables.Ragged as error:
            raise ragged(layout, error) from None


def begin(site: Site, project: str, wanted: dict[str, Any]) -> Any:
    """Ask for a new session."""
    return site.call("POST", base(project), json=wanted)


def opened(site: Site, project: str, session: str, wait_s: float, screen: Screen) -> Any:
    """The session once it may be carried out; refused when it was refused, and when nobody decides in time."""
    path = f"{base(project)}/{session}"
    body = site.call("GET", path)
    if body["state"] in {"requested", "preparing"} and wait_s:
        screen.say("Waiting for the platform: " + ("approval" if body["state"] == "requested" else "set-up"))
        try:
            body = site.wait(path, lambda one: one["state"] not in {"requested", "preparing"}, wait_s)
        except Failure as error:
            if error.code != "too_slow":
                raise
            body = error.detail
    if body["state"] not in {"ready", "answered"}:
        text = f"The session is not ready: {body['state']}."
        if body["state"] in {"requested", "preparing"}:
            text += f" Run the command again with --session {session} when it is."
        raise Failure("private_match_not_ready", text, SAYS_NO, {"session": session, "state": body["state"]})
    return body


def carry_out(
    site: Site, session: Any, layout: tables.Layout, column: str, out: Path, screen: Screen, *, keep: bool = False
) -> Outcome:
    """Ask once, read the answer, write the known rows, and end the session unless ``keep``."""
    started, sent, received = time.monotonic(), site.sent, site.received
    path = f"{base(session['project'])}/{session['id']}"
    n_rows, ids = ids_of(layout, column, session["id_type"])
    if len(ids) > session["max_ids"]:
        text = f"The file holds {len(ids):,} ids and the session allows {session['max_ids']:,}. Nothing was sent."
        raise Failure("private_match_too_many", text, SAYS_NO)
    setup = site.bytes(f"{path}/setup")
    asker = Asker(ids, session["id_type"], session["reveal"])
    with screen.bar("Hiding ids", len(ids), "id") as progress:
        request = asker.request(progress)
    response = _exchange(site, path, request, hashlib.sha256(setup).hexdigest(), screen)
    outcome = Outcome(session["id"], session["reveal"], n_rows, len(ids), session["n_platform"])
    with screen.bar("Comparing", len(ids), "id") as progress:
        try:
            if session["reveal"] == "ids":
                known = asker.known(setup, response, progress)
                outcome.n_known = len(known)
            else:
                outcome.size = asker.size(setup, response, progress)
        except Unfitting:
            raise Failure("private_match_response", "The answer does not fit the request.", CANNOT) from None
    if outcome.size is not None:
        site.call("POST", f"{path}/size", json={"n_matched": min(outcome.size.n_shared, len(ids))})
    else:
        outcome.n_rows_kept, outcome.out = _write_known(layout, column, session["id_type"], known, out), str(out)
    if not keep:
        site.call("DELETE", path)
    outcome.bytes_sent, outcome.bytes_received = site.sent - sent, site.received - received
    outcome.seconds = round(time.monotonic() - started, 2)
    return outcome


def _exchange(site: Site, path: str, request: bytes, setup_sha256: str, screen: Screen) -> bytes:
    """Send the request (twice is safe: the same bytes get the same answer) and fetch the response when it is there."""
    headers = {"Content-Type": BYTES}
    refuse(site.patiently(lambda: site.send("POST", f"{path}/request", data=request, headers=headers)))
    screen.say("The platform answers …")
    body = site.wait(path, lambda one: one["state"] not in {"ready"}, 24 * 3600)
    if body["state"] != "answered":
        error = body.get("error") or {}
        text = error.get("message") or f"The session ended without an answer: {body['state']}."
        raise Failure(error.get("code") or "private_match_failed", text, SAYS_NO)
    answer = site.send("GET", f"{path}/response", headers={"Accept": "*/*"})
    refuse(answer)
    if answer.headers.get("Setup-SHA256", setup_sha256) != setup_sha256:
        text = "The platform made its set-up anew in the meantime. Begin a new session."
        raise Failure("private_setup_changed", text, SAYS_NO)
    return answer.content


def _write_known(layout: tables.Layout, column: str, id_type: str, known: set[str], out: Path) -> int:
    """The rows whose id is known, as they stand in the file, in UTF-8."""
    n_kept = 0
    with tables.written(out, list(layout.names)) as writer:
        for _row, value, values in _values_of(layout, column, id_type.rpartition("__")[2]):
            if value in known:
                writer.writerow(values)
                n_kept += 1
    notes.made(out)
    return n_kept
