"""A file on its way to the platform in pieces (tus 1.0): a broken line goes on where it stopped, as does a new run."""

from __future__ import annotations

import base64
import hashlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from etron_partner import notes
from etron_partner.asking import Progress, no_progress
from etron_partner.failures import CANNOT, SAYS_NO, Failure
from etron_partner.site import BUSY, PAUSES_S, Site, refuse

TUS = {"Tus-Resumable": "1.0.0"}
PIECE_BYTES = 8 * 1024**2
CHECKSUM_MISMATCH, LOCKED, CONFLICT = 460, 423, 409
_READ_BYTES = 1024**2


@dataclass(frozen=True)
class Sent:
    """A file that the platform has whole."""

    upload: str
    sha256: str
    size_bytes: int
    resumed_at: int


def sha256_of(path: Path, progress: Progress = no_progress) -> str:
    digest, size, done = hashlib.sha256(), path.stat().st_size, 0
    with path.open("rb") as stream:
        while chunk := stream.read(_READ_BYTES):
            digest.update(chunk)
            done += len(chunk)
            progress(done, size)
    return digest.hexdigest()


def send_file(
    site: Site,
    project: str,
    path: Path,
    sha256: str,
    *,
    piece_bytes: int = PIECE_BYTES,
    progress: Progress = no_progress,
) -> Sent:
    """Send what the platform does not have yet; the same file again continues an upload that broke off."""
    size = path.stat().st_size
    name = f"{site.base} {project} {sha256}"
    location, offset = _begun(site, project, path, sha256, name)
    resumed_at = offset
    with path.open("rb") as stream:
        progress(offset, size)
        broken = 0
        while offset < size:
            reached = _piece(site, location, stream, offset, piece_bytes)
            broken = 0 if reached > offset else broken + 1
            if broken:
                _pause(broken)
            offset = reached
            progress(offset, size)
    upload = _accepted(site, location)
    notes.keep(notes.UPLOADS, name, None)
    return Sent(upload, sha256, size, resumed_at)


def _begun(site: Site, project: str, path: Path, sha256: str, name: str) -> tuple[str, int]:
    """Where to send the pieces, and how much is there: of an upload of this file that broke off, or a new one."""
    known = notes.of(notes.UPLOADS).get(name)
    if known:
        answer = site.send("HEAD", known, headers=TUS)
        if answer.status_code == 200 and answer.headers.get("Upload-State", "receiving") not in {"refused", "failed"}:
            return known, int(answer.headers["Upload-Offset"])
    told = {"filename": path.name, "sha256": sha256}
    metadata = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in told.items())
    headers = {**TUS, "Upload-Length": str(path.stat().st_size), "Upload-Metadata": metadata}
    answer = site.send("POST", f"projects/{project}/incoming", headers=headers)
    refuse(answer)
    location = answer.headers["Location"]
    notes.keep(notes.UPLOADS, name, location)
    return location, int(answer.headers.get("Upload-Offset", 0))


def _piece(site: Site, location: str, stream: Any, offset: int, piece_bytes: int) -> int:
    """Send one piece; how much the platform has afterwards, asked anew when the line broke."""
    stream.seek(offset)
    piece = stream.read(piece_bytes)
    checksum = base64.b64encode(hashlib.sha256(piece).digest()).decode()
    headers = {
        **TUS,
        "Content-Type": "application/offset+octet-stream",
        "Upload-Offset": str(offset),
        "Upload-Checksum": f"sha256 {checksum}",
    }
    try:
        answer = site.send("PATCH", location, data=piece, headers=headers)
    except Failure:
        return _standing(site, location)
    if answer.status_code == 204:
        return int(answer.headers["Upload-Offset"])
    if answer.status_code in {CONFLICT, LOCKED, CHECKSUM_MISMATCH, *BUSY}:
        return _standing(site, location)
    refuse(answer)
    raise Failure("protocol", f"The platform answered {answer.status_code} to a piece of the file.", CANNOT)


def _standing(site: Site, location: str) -> int:
    answer: requests.Response = site.patiently(lambda: site.send("HEAD", location, headers=TUS))
    if answer.status_code in {404, 410}:
        text = "The platform has thrown the unfinished upload away. Send the file again."
        raise Failure("upload_gone", text, SAYS_NO)
    refuse(answer)
    return int(answer.headers["Upload-Offset"])


def _pause(broken: int) -> None:
    if broken > len(PAUSES_S):
        raise Failure("no_connection", "The line breaks again and again; run the same command later to continue.")
    time.sleep(PAUSES_S[broken - 1])


def _accepted(site: Site, location: str) -> str:
    """The id of the whole file, once the platform has hashed it and looked at it."""
    body = site.wait(location, lambda body: body["state"] in {"ready", "refused", "failed"}, 24 * 3600)
    if body["state"] != "ready":
        error = body.get("error") or {}
        text = str(error.get("message") or "The platform did not accept the file.")
        raise Failure(str(error.get("code") or body["state"]), text, SAYS_NO, error.get("detail"))
    return str(body["upload"])
