"""A large file to a running site: in pieces with checksums, cut ten times at random, and in one multipart post.

A real server (granian, as the site runs it). Every acknowledged piece is on disk; the post has no such promise before
its end and begins anew when it breaks. Both end with the same looks at the file; the sha256 must be that of the sender.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import random
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlparse

import requests

from benchmarks.timing import row
from tests.partner_world import PartnerWorld
from tests.running_site import RunningSite

SIZES = {False: 500_000_000, True: 20_000_000}
ROUNDS = {False: 3, True: 1}
PIECE = 8 * 2**20
CUTS = 10
PEER = "one multipart post to the same site"
TUS = {"Tus-Resumable": "1.0.0"}


def run(quick: bool) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = _write(folder / "large.csv", SIZES[quick])
        site = RunningSite(folder, ETRON_JOB_SILENCE_S="30")
        try:
            site.start()
            return _rows(Sender(site, file), ROUNDS[quick])
        finally:
            site.stop()


def _write(path: Path, size: int) -> Path:
    block = "".join(f"{hashlib.sha256(str(i).encode()).hexdigest()},{i % 7},{i:09d}\n" for i in range(50_000)).encode()
    with path.open("wb") as out:
        out.write(b"id,x,row\n")
        for _ in range(size // len(block) + 1):
            out.write(block)
    return path


def _rows(sender: Sender, rounds: int) -> list[dict[str, Any]]:
    sender.post()
    sender.pieces()
    runs = [(sender.pieces(), sender.pieces(CUTS), sender.post()) for _ in range(rounds)]
    whole, cut, post = (median(times) for times in zip(*runs, strict=True))
    size = f"{sender.size / 1e6:.0f} MB"
    names = {f"upload {size} in pieces": whole, f"upload {size} cut {CUTS} times at random": cut}
    made_of = ("django", "granian")
    return [row(name, ours, post, PEER, "s", "identical sha256", made_of) for name, ours in names.items()]


class Sender:
    """The partner's analyst with one file; every way of sending gives its seconds and compares the sha256."""

    def __init__(self, site: RunningSite, file: Path) -> None:
        self.site, self.file = site, file
        self.size = file.stat().st_size
        with file.open("rb") as stream:
            self.sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        world = PartnerWorld(site)
        self.token = world.token
        self.base = f"{site.url}/api/v1/projects/{world.project}"
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Token {self.token}"
        self.chance = random.Random(7)

    def post(self) -> float:
        started = time.perf_counter()
        body = Multipart(self.file)
        headers = {"Content-Type": f"multipart/form-data; boundary={body.boundary}"}
        answer = self.session.post(f"{self.base}/uploads", data=body, headers=headers, timeout=600)
        took = time.perf_counter() - started
        assert answer.status_code == 201, answer.text
        assert answer.json()["sha256"] == self.sha256
        return took

    def pieces(self, cuts: int = 0) -> float:
        started = time.perf_counter()
        words = {"filename": "large.csv", "sha256": self.sha256}
        told = ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in words.items())
        headers = {**TUS, "Upload-Length": str(self.size), "Upload-Metadata": told}
        answer = self.session.post(f"{self.base}/incoming", headers=headers, timeout=60)
        assert answer.status_code == 201, answer.text
        url = self.site.url + answer.headers["Location"]
        places = sorted(self.chance.sample(range(self.size), cuts))
        with self.file.open("rb") as stream:
            at = 0
            while at < self.size:
                stream.seek(at)
                piece = stream.read(PIECE)
                if places and places[0] < at + len(piece):
                    self._cut(url, at, piece[: max(0, places.pop(0) - at)], len(piece))
                    at = self._offset(url)
                else:
                    at = self._append(url, at, piece)
        standing = self._standing(url)
        assert standing["state"] == "ready", standing
        return time.perf_counter() - started

    def _append(self, url: str, at: int, piece: bytes) -> int:
        checksum = base64.b64encode(hashlib.sha256(piece).digest()).decode()
        answer = self.session.patch(url, data=piece, headers=_piece(at) | {"Upload-Checksum": f"sha256 {checksum}"})
        if answer.status_code == 204:
            return int(answer.headers["Upload-Offset"])
        assert answer.status_code in {409, 423}, answer.text  # the piece that was cut is still being put away
        time.sleep(0.02)
        return self._offset(url)

    def _cut(self, url: str, at: int, part: bytes, length: int) -> None:
        """A connection that ends in the middle of a piece."""
        address = urlparse(url)
        headers = {"Host": address.netloc, "Authorization": f"Token {self.token}", "Content-Length": str(length)}
        lines = "".join(f"{name}: {value}\r\n" for name, value in (headers | _piece(at)).items())
        where = (str(address.hostname), int(address.port or 80))
        with contextlib.suppress(BrokenPipeError), socket.create_connection(where) as line:
            line.sendall(f"PATCH {address.path} HTTP/1.1\r\n{lines}\r\n".encode() + part)

    def _offset(self, url: str) -> int:
        return int(self.session.head(url, headers=TUS).headers["Upload-Offset"])

    def _standing(self, url: str) -> dict[str, Any]:
        while (standing := self.session.get(url, timeout=60).json())["state"] == "checking":
            time.sleep(0.05)
        return dict(standing)


def _piece(at: int) -> dict[str, str]:
    return {**TUS, "Upload-Offset": str(at), "Content-Type": "application/offset+octet-stream"}


class Multipart:
    """The body of a form with one file, read from disk while it is sent."""

    boundary = "etron-benchmark"

    def __init__(self, file: Path) -> None:
        head = (
            f'--{self.boundary}\r\nContent-Disposition: form-data; name="file"; filename="large.csv"\r\n'
            "Content-Type: text/csv\r\n\r\n"
        )
        self._ends = head.encode(), f"\r\n--{self.boundary}--\r\n".encode()
        self._length = sum(map(len, self._ends)) + file.stat().st_size
        self._blocks = self._read(file)

    def _read(self, file: Path) -> Iterator[bytes]:
        yield self._ends[0]
        with file.open("rb") as stream:
            while block := stream.read(2**20):
                yield block
        yield self._ends[1]

    def __len__(self) -> int:
        return self._length

    def read(self, size: int = -1) -> bytes:
        del size
        return next(self._blocks, b"")
