"""Sending over a line that breaks: against a small server that speaks tus 1.0 and loses things on purpose."""

import hashlib
import json
import random
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from etron_partner import notes, sending
from etron_partner.failures import Failure
from etron_partner.settings import Connection
from etron_partner.site import Site

LOCATION = "/api/v1/projects/loan/incoming/1"


class Line(ThreadingHTTPServer):
    """What the platform has, and what will go wrong."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Platform)
        self.faults, self.begun, self.data, self.size, self.metadata = [], 0, bytearray(), 1, ""
        self.head_status, self.verdict, self.chance = 200, "ready", random.Random(7)


class Platform(BaseHTTPRequestHandler):
    """One upload. ``server.faults`` are done to the next pieces, one each."""

    protocol_version = "HTTP/1.1"
    server: "Line"

    def log_message(self, *args):
        pass

    def answer(self, status, headers=(), body=b""):
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.server.begun += 1
        self.server.metadata = self.headers["Upload-Metadata"]
        self.server.data = bytearray()
        self.server.size = int(self.headers["Upload-Length"])
        self.answer(201, {"Location": LOCATION, "Tus-Resumable": "1.0.0"})

    def do_HEAD(self):
        self.answer(self.server.head_status, {"Upload-Offset": len(self.server.data)})

    def do_GET(self):
        whole = len(self.server.data) == self.server.size
        state = self.server.verdict if whole else "receiving"
        error = {"code": "raw_mobile", "message": "Column x holds raw mobile numbers.", "detail": None}
        body = {"state": state, "upload": "42", "error": error if state == "refused" else None}
        self.answer(200, {"Content-Type": "application/json"}, json.dumps(body).encode())

    def do_PATCH(self):
        assert self.headers["Tus-Resumable"] == "1.0.0"
        assert self.headers["Content-Type"] == "application/offset+octet-stream"
        fault = self.server.faults.pop(0) if self.server.faults else ""
        length = int(self.headers["Content-Length"])
        kept = self.server.chance.randrange(length) if fault in {"break", "lose answer"} else length
        piece = self.rfile.read(kept if fault == "break" else length)
        if fault in {"busy", "locked", "checksum"}:
            self.answer({"busy": 503, "locked": 423, "checksum": 460}[fault])
            return
        if int(self.headers["Upload-Offset"]) != len(self.server.data):
            self.answer(409)
            return
        self.server.data += piece
        if fault:
            self.close_connection = True
            self.connection.close()
            return
        self.answer(204, {"Upload-Offset": len(self.server.data)})


@pytest.fixture
def platform(monkeypatch):
    monkeypatch.setattr("etron_partner.sending.PAUSES_S", (0,) * 8)
    monkeypatch.setattr("etron_partner.site.PAUSES_S", (0,) * 8)
    server = Line()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def site(platform):
    return Site(Connection(f"http://127.0.0.1:{platform.server_port}", "t"))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "sample.csv"
    path.write_bytes(random.Random(1).randbytes(300_000))
    return path


def send(site, file, **options):
    return sending.send_file(site, "loan", file, sending.sha256_of(file), piece_bytes=20_000, **options)


def test_a_file_arrives_whole_with_its_name_and_hash(platform, site, file):
    seen = []
    done = send(site, file, progress=lambda *figures: seen.append(figures))
    assert platform.data == file.read_bytes()
    assert (done.upload, done.resumed_at, done.size_bytes) == ("42", 0, 300_000)
    assert done.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert re.fullmatch(r"filename \S+,sha256 \S+", platform.metadata)
    assert seen[-1] == (300_000, 300_000)
    assert seen == sorted(seen)


@pytest.mark.parametrize("seed", range(4))
def test_ten_breaks_at_random_and_the_file_is_the_same(platform, site, file, seed):
    chance = random.Random(seed)
    kinds = ["break", "lose answer", "busy", "locked", "checksum"]
    platform.faults = [chance.choice([*kinds, ""]) for _ in range(14)]
    platform.chance = chance
    send(site, file)
    assert hashlib.sha256(platform.data).hexdigest() == hashlib.sha256(file.read_bytes()).hexdigest()
    assert platform.begun == 1


def test_a_new_run_continues_where_the_last_one_stopped(platform, site, file):
    def stop(done, total):
        if done >= 100_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        send(site, file, progress=stop)
    assert notes.of(notes.UPLOADS)
    done = send(site, file)
    assert done.resumed_at >= 100_000
    assert platform.begun == 1
    assert platform.data == file.read_bytes()
    assert not notes.of(notes.UPLOADS)


def test_another_file_of_the_same_name_does_not_continue_it(platform, site, file):
    with pytest.raises(KeyboardInterrupt):
        send(site, file, progress=lambda done, total: (_ for _ in ()).throw(KeyboardInterrupt) if done else None)
    file.write_bytes(b"other" * 10_000)
    assert send(site, file).resumed_at == 0
    assert platform.begun == 2
    assert platform.data == file.read_bytes()


def test_an_upload_that_is_gone_is_begun_anew(platform, site, file):
    notes.keep(notes.UPLOADS, f"{site.base} loan {sending.sha256_of(file)}", LOCATION)
    platform.head_status = 404
    assert send(site, file).resumed_at == 0


def test_a_line_that_never_holds_is_given_up(platform, site, file):
    platform.faults = ["busy"] * 100
    with pytest.raises(Failure) as caught:
        send(site, file)
    assert (caught.value.code, caught.value.status) == ("no_connection", 2)


def test_a_file_that_the_platform_refuses_is_refused_in_its_words(platform, site, file):
    platform.verdict = "refused"
    with pytest.raises(Failure) as caught:
        send(site, file)
    assert (caught.value.code, caught.value.status) == ("raw_mobile", 1)
    assert "raw mobile numbers" in caught.value.message


def test_a_path_never_leads_to_another_host(site):
    assert site.url("https://elsewhere.example/x").startswith(f"{site.base}/api/v1/")
    assert site.url(LOCATION) == f"{site.base}{LOCATION}"
