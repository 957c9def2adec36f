"""Files that come in pieces: whatever breaks, the file that arrives is the one that was sent."""

import base64
import errno
import hashlib
import io
import os
import random
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from datafactory.models import IncomingUpload, Sample, Upload
from datafactory.services import arriving, incoming, sweeping
from datafactory.services.arriving import Hold
from projects import audit, sharing, storage
from projects.errors import DomainError
from projects.models import AuditEvent, Authorisation, Job, ProjectMember
from projects.services import artifacts
from tests.datafactory.files import clean_rows, csv_bytes, with_column

pytestmark = pytest.mark.django_db
CONTENT = csv_bytes(clean_rows(4_000))  # about 0.4 MB
SIZE = len(CONTENT)


def words(**told):
    return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in told.items())


class Sender:
    """One person's program that speaks tus with the site."""

    def __init__(self, client, base):
        self.client, self.base, self.url = client, base, ""

    def ask(self, method, url=None, data=b"", type="", **headers):
        # "upload_offset" is the header Upload-Offset
        given = {"HTTP_TUS_RESUMABLE": "1.0.0"} | {f"HTTP_{name.upper()}": str(v) for name, v in headers.items()}
        return self.client.generic(method, url or self.url, data, content_type=type, **given)

    def begin(self, size=SIZE, **told):
        answer = self.ask("POST", self.base, upload_length=size, upload_metadata=words(**{"filename": "a.csv"} | told))
        if answer.status_code == 201:
            self.url = answer.headers["Location"]
        return answer

    def append(self, data, offset, **headers):
        return self.ask("PATCH", data=data, type="application/offset+octet-stream", upload_offset=offset, **headers)

    def offset(self):
        return int(self.ask("HEAD").headers["Upload-Offset"])

    def standing(self):
        return self.client.get(self.url).json()

    def send(self, content=CONTENT, piece=100_000):
        """From where the upload stands to its end."""
        while (at := self.offset()) < len(content):
            answer = self.append(content[at : at + piece], at)
            assert answer.status_code == 204, answer.content
        return self.standing()

    @property
    def row(self):
        return IncomingUpload.objects.get(pk=self.url.rsplit("/", 1)[1])

    @property
    def path(self):
        return arriving.file_of(self.row)


@pytest.fixture
def sender(project, people, api_of):
    return Sender(api_of(people.partner), f"/api/v1/projects/{project.slug}/incoming")


@pytest.fixture
def broken():
    """``broken(data)``: a body that ends there, as when the connection breaks."""
    return io.BytesIO


def files_of(settings):
    return [path for path in Path(settings.ARTIFACT_ROOT).rglob("*") if path.is_file()]


def actions():
    return list(AuditEvent.objects.order_by("seq").values_list("action", flat=True))


def test_a_file_in_pieces_becomes_an_upload_like_any_other(sender, project, people, api_of, run_jobs):
    answer = sender.begin(sha256=hashlib.sha256(CONTENT).hexdigest())
    assert answer.status_code == 201
    assert answer.headers["Tus-Resumable"] == "1.0.0"
    assert answer.headers["Upload-Expires"].endswith("GMT")
    told = sender.send()
    assert told["state"] == "ready"
    upload = Upload.objects.get(pk=told["upload"])
    assert (upload.filename, upload.size_bytes) == ("a.csv", len(CONTENT))
    assert upload.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert upload.sniff["columns"][1]["algorithm"] == "sha256"
    assert sender.path.read_bytes() == CONTENT
    plan = {"ids": [{"column": "mobile", "namespace": "mobile", "algorithm": "sha256"}], "label": "bad"}
    with run_jobs():
        body = {"upload": told["upload"], "plan": plan}
        ordered = sender.client.post(f"/api/v1/projects/{project.slug}/samples", body, format="json")
    assert ordered.status_code == 202
    assert sender.client.get(ordered.json()["url"]).json()["summary"]["n_rows"] == 4_000
    assert {"upload.begun", "upload.received"} <= set(actions())
    assert audit.verify() == []


def test_a_source_gets_its_file_in_pieces(people, api_of, platform):
    keeper = api_of(people.modeler)
    keeper.post("/api/v1/sources", {"slug": "lending", "name": "Lending", "kind": "events"}, format="json")
    sender = Sender(keeper, "/api/v1/sources/lending/incoming")
    assert sender.begin().status_code == 201
    told = sender.send()
    assert Upload.objects.get(pk=told["upload"]).institution == platform
    assert Sender(api_of(people.partner), sender.base).begin().status_code in {403, 404}


def test_options_say_what_the_door_can_do(sender, settings):
    told = sender.client.options(sender.base).headers
    assert (told["Tus-Version"], told["Tus-Max-Size"]) == ("1.0.0", str(settings.UPLOAD_MAX_BYTES))
    assert set(told["Tus-Extension"].split(",")) == {"creation", "checksum", "expiration", "termination"}
    assert set(told["Tus-Checksum-Algorithm"].split(",")) == {"sha1", "sha256"}


@pytest.mark.parametrize("seed", range(5))
def test_ten_interruptions_at_random_places(sender, seed, settings, monkeypatch):
    """Connections that break, processes that die with too many or too few bytes on disk: the checksum is the same."""
    monkeypatch.setattr(arriving, "SYNC_BYTES", 30_000)
    monkeypatch.setattr(arriving, "BLOCK_BYTES", 7_000)
    monkeypatch.setattr(arriving, "QUIET_S", 0)
    chance = random.Random(seed)
    sender.begin(sha256=hashlib.sha256(CONTENT).hexdigest())
    acknowledged = 0
    for place in sorted(chance.sample(range(1, len(CONTENT)), 10)):
        at = sender.offset()
        assert at >= acknowledged
        piece = CONTENT[at : max(at, place) + chance.randrange(1, 60_000)]
        chance.choice([interrupt, kill])(sender.row, at, piece, chance)
        acknowledged = max(acknowledged, min(sender.row.received_bytes, len(CONTENT)))
        assert sender.path.read_bytes()[: sender.offset()] == CONTENT[: sender.offset()]
    told = sender.send(piece=chance.randrange(1_000, 200_000))
    assert told["state"] == "ready", told
    assert sender.path.read_bytes() == CONTENT
    assert Upload.objects.get().sha256 == hashlib.sha256(CONTENT).hexdigest()


def interrupt(row, at, piece, chance):
    """More was announced than comes; what came is kept."""
    came = chance.randrange(len(piece) + 1)
    incoming.receive(row=row, offset=at, length=len(piece), body=io.BytesIO(piece[:came]))
    row.refresh_from_db()
    assert row.received_bytes == at + came


def kill(row, at, piece, chance):
    """The process dies between two blocks: nobody gives the file back, and garbage may follow what was kept."""
    hold = Hold(row, at)
    hold.__enter__()
    arriving.pour(hold, io.BytesIO(piece), len(piece), None)
    os.close(hold._handle)
    with arriving.file_of(row).open("r+b") as file:
        if chance.random() < 0.5:
            file.seek(0, os.SEEK_END)
            file.write(os.urandom(chance.randrange(1, 5_000)))
        else:
            file.truncate(chance.randrange(hold.kept, hold.position + 1))


def test_a_connection_that_breaks_with_an_error_keeps_what_came(sender):
    class Body(io.BytesIO):
        def read(self, size=-1):
            block = super().read(size)
            if not block:
                raise OSError("Connection reset by peer")
            return block

    sender.begin()
    incoming.receive(row=sender.row, offset=0, length=200_000, body=Body(CONTENT[:150_000]))
    assert sender.offset() == 150_000
    assert sender.send()["state"] == "ready"


def test_a_full_disk_is_said_plainly(sender, monkeypatch):
    sender.begin()

    def full(handle, data, at):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        answer = sender.append(CONTENT, 0)
    assert (answer.status_code, answer.json()["code"]) == (507, "disk_full")
    assert sender.send()["state"] == "ready"


def test_what_was_told_can_be_asked_for(sender):
    sender.begin(encoding="utf-8")
    told = sender.ask("HEAD").headers
    assert (told["Upload-Length"], told["Cache-Control"]) == (str(SIZE), "no-store")
    assert told["Upload-Metadata"] == words(filename="a.csv", encoding="utf-8")


def test_a_file_that_is_checked_cannot_be_thrown_away(sender, settings, run_jobs):
    settings.INCOMING_INLINE_BYTES = 10
    sender.begin()
    with run_jobs():
        sender.append(CONTENT, 0)
        assert sender.ask("DELETE").json()["code"] == "upload_checking"
    assert sender.standing()["state"] == "ready"


@pytest.mark.parametrize("encoding", ["hex", "zip", "no-such", "rot13", "a\0b"])
def test_an_encoding_that_is_none_is_refused_before_the_file_comes(sender, encoding):
    answer = sender.begin(encoding=encoding)
    assert (answer.status_code, answer.json()["code"]) == (422, "encoding_unknown")


def test_bytes_that_the_disk_lost_are_asked_for_again(sender):
    """The smaller of row and file: nothing is assembled around a hole."""
    sender.begin()
    sender.append(CONTENT[:200_000], 0)
    os.truncate(sender.path, 50_000)
    assert sender.offset() == 50_000
    assert sender.append(CONTENT[200_000:], 200_000).status_code == 409
    assert sender.send()["state"] == "ready"
    assert sender.path.read_bytes() == CONTENT


@pytest.mark.parametrize("offset", [0, 99_999, 100_001, 200_000])
def test_a_wrong_offset_changes_nothing(sender, offset):
    sender.begin()
    sender.append(CONTENT[:100_000], 0)
    answer = sender.append(CONTENT[offset : offset + 5_000], offset)
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_offset")
    assert answer.json()["detail"] == {"offset": 100_000}
    assert answer.headers["Tus-Resumable"] == "1.0.0"
    assert sender.path.read_bytes() == CONTENT[:100_000]


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_a_piece_with_a_wrong_checksum_is_not_kept(sender, algorithm):
    sender.begin()
    sender.append(CONTENT[:50_000], 0)
    piece = CONTENT[50_000:300_000]
    good = base64.b64encode(hashlib.new(algorithm, piece).digest()).decode()
    answer = sender.append(piece[:-1] + b"?", 50_000, upload_checksum=f"{algorithm} {good}")
    assert (answer.status_code, answer.json()["code"]) == (460, "checksum_mismatch")
    assert sender.offset() == 50_000
    assert sender.path.stat().st_size == 50_000
    assert sender.append(piece, 50_000, upload_checksum=f"{algorithm} {good}").status_code == 204
    assert sender.offset() == 300_000


def test_a_piece_that_breaks_off_under_a_checksum_is_not_kept(sender, broken):
    sender.begin()
    checksum = incoming.Checksum("sha256", hashlib.sha256(CONTENT[:1000]).digest())
    with pytest.raises(DomainError) as caught:
        incoming.receive(row=sender.row, offset=0, length=5000, body=broken(CONTENT[:1000]), checksum=checksum)
    assert caught.value.status == 460
    assert (sender.offset(), sender.path.stat().st_size) == (0, 0)


@pytest.mark.parametrize("header", ["md5 AAAA", "sha256", "sha256 !!!", "sha1"])
def test_a_checksum_of_another_kind_is_refused(sender, header):
    sender.begin()
    assert sender.append(b"x", 0, upload_checksum=header).status_code == 400
    assert sender.offset() == 0


def test_a_file_that_is_not_the_announced_one_is_not_kept(sender, settings):
    sender.begin(sha256=hashlib.sha256(b"another").hexdigest())
    told = sender.send()
    assert (told["state"], told["error"]["code"]) == ("refused", "checksum_mismatch")
    assert not Upload.objects.exists()
    assert files_of(settings) == []
    assert "upload.refused" in actions()


def test_raw_numbers_are_refused_and_nothing_stays(sender, settings):
    content = csv_bytes(with_column("mobile", lambda i: f"1380013{i:04d}"))
    sender.begin(len(content))
    told = sender.send(content)
    assert (told["state"], told["error"]["code"]) == ("refused", "raw_mobile")
    assert told["error"]["detail"] == {"row": 1, "column": "mobile"}
    assert "mobile" in told["error"]["message"]
    assert not Upload.objects.exists()
    assert files_of(settings) == []
    assert sender.offset() == len(content)
    assert sender.append(b"", len(content)).status_code == 204


def test_a_finish_whose_answer_was_lost_can_be_asked_again(sender):
    sender.begin()
    first = sender.send()
    for _ in range(2):
        answer = sender.append(b"", len(CONTENT))
        assert (answer.status_code, answer.headers["Upload-State"]) == (204, "ready")
        assert answer.headers["Upload-Id"] == first["upload"]
    assert sender.append(CONTENT[-10:], len(CONTENT) - 10).status_code == 409
    assert Upload.objects.count() == 1
    assert actions().count("upload.received") == 1


def test_a_large_file_is_looked_at_by_a_job(sender, settings, run_jobs):
    settings.INCOMING_INLINE_BYTES = 1000
    sender.begin()
    with run_jobs():
        answer = sender.append(CONTENT, 0)
        assert answer.headers["Upload-State"] == "checking"
    told = sender.standing()
    assert told["state"] == "ready"
    job = Job.objects.get(pk=told["job"])
    assert (job.state, job.name, job.rows_done) == ("finished", "datafactory.check_upload", len(CONTENT))


def test_the_job_of_a_refused_file_says_why(sender, settings, run_jobs):
    settings.INCOMING_INLINE_BYTES = 10
    content = csv_bytes(with_column("mobile", lambda i: f"1380013{i:04d}"))
    sender.begin(len(content))
    with run_jobs():
        sender.append(content, 0)
    assert sender.standing()["error"]["code"] == "raw_mobile"
    assert Job.objects.get().error_code == "raw_mobile"
    assert files_of(settings) == []


def test_a_whole_file_whose_process_died_is_looked_at_after_all(sender, settings, run_jobs, monkeypatch):
    sender.begin()
    with monkeypatch.context() as patch:
        patch.setattr(incoming, "conclude", lambda row: None)
        sender.append(CONTENT, 0)
    assert sender.standing()["state"] == "checking"
    IncomingUpload.objects.update(touched_at=timezone.now() - timedelta(seconds=incoming.SETTLE_S + 1))
    with run_jobs():
        sweeping.sweep()
    assert sender.standing()["state"] == "ready"


def test_beyond_the_announced_length(sender, settings):
    sender.begin(1000)
    assert sender.append(CONTENT[:1001], 0).status_code == 413
    assert sender.offset() == 0
    settings.UPLOAD_MAX_BYTES = 10_000
    answer = sender.begin(10_001)
    assert (answer.status_code, answer.json()["code"]) == (413, "file_too_large")
    assert IncomingUpload.objects.count() == 1


def test_an_institution_has_only_so_many_open(sender, settings):
    settings.INCOMING_OPEN = 2
    answers = [sender.begin().status_code for _ in range(3)]
    assert answers == [201, 201, 429]
    sender.send()
    assert sender.begin().status_code == 201


@pytest.mark.parametrize(
    ("status", "change"),
    [
        (412, {"tus_resumable": "0.2.2"}),
        (400, {"upload_length": "-5"}),
        (400, {"upload_length": "many"}),
        (422, {"upload_length": 0}),
        (400, {"upload_metadata": "filename ???"}),
        (422, {"upload_metadata": words(sha256="nohash")}),
    ],
)
def test_beginnings_that_make_no_sense(sender, status, change):
    headers = {"upload_length": 10, "upload_metadata": ""} | change
    assert sender.ask("POST", sender.base, **headers).status_code == status
    assert not IncomingUpload.objects.exists()


def test_pieces_that_make_no_sense(sender):
    sender.begin()
    assert sender.append(b"", 0, transfer_encoding="chunked").status_code == 411
    assert sender.ask("PATCH", data=b"x", type="text/csv", upload_offset=0).status_code == 415
    assert sender.append(b"x", "").status_code == 400
    assert sender.append(b"x", 0, tus_resumable="2").status_code == 412
    assert sender.offset() == 0


def test_a_method_may_hide_in_a_header(sender):
    sender.begin()
    piece = {"type": "application/offset+octet-stream", "upload_offset": 0}
    assert sender.ask("POST", data=CONTENT[:10], x_http_method_override="PATCH", **piece).status_code == 204
    assert sender.offset() == 10


def test_ending_an_upload(sender, settings):
    sender.begin()
    sender.append(CONTENT[:5000], 0)
    assert sender.ask("DELETE").status_code == 204
    assert sender.ask("HEAD").status_code == 404
    assert sender.append(CONTENT[5000:], 5000).status_code == 404
    assert files_of(settings) == []
    assert "upload.abandoned" in actions()
    sender.begin()
    sender.send()
    assert sender.ask("DELETE").status_code == 409
    assert sender.path.read_bytes() == CONTENT


def test_only_the_sender_goes_on(sender, people, api_of, partner_bank, make_user, project):
    other = make_user("helper", (partner_bank, "analyst"))
    ProjectMember.objects.create(project=project, user=other, institution=partner_bank, role="analyst")
    sharing.resync(project)
    sender.begin()
    for person, status in ((other, 404), (people.stranger, 404), (people.modeler, 403)):
        theirs = Sender(api_of(person), sender.base)
        theirs.url = sender.url
        assert theirs.append(CONTENT[:10], 0).status_code == status
        assert theirs.ask("HEAD").status_code == status
        assert theirs.ask("DELETE").status_code == status
    assert sender.offset() == 0


def test_nobody_goes_on_without_the_right(sender, people, project):
    sender.begin()
    ProjectMember.objects.filter(user=people.partner).delete()
    sharing.resync(project)
    assert sender.append(CONTENT[:10], 0).status_code == 404


def test_without_an_authorisation_nothing_begins(sender, settings):
    Authorisation.objects.update(expires_at=timezone.now())
    answer = sender.begin()
    assert (answer.status_code, answer.json()["code"]) == (409, "no_authorisation")
    assert files_of(settings) == []


def test_an_authorisation_that_ended_on_the_way_refuses_the_file(sender, settings):
    sender.begin()
    sender.append(CONTENT[:-10], 0)
    Authorisation.objects.update(expires_at=timezone.now())
    told = sender.send()
    assert (told["state"], told["error"]["code"]) == ("refused", "no_authorisation")
    assert files_of(settings) == []


def test_a_browser_needs_the_token_of_its_form(project, people):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(people.partner)
    sender = Sender(browser, f"/api/v1/projects/{project.slug}/incoming")
    assert sender.begin().status_code == 403
    page = browser.get(f"/projects/{project.slug}/samples/new/")
    token = str(page.context["csrf_token"])

    def ask(method, url=None, data=b"", type="", **headers):
        return Sender.ask(sender, method, url, data, type, x_csrftoken=token, **headers)

    answer = ask("POST", sender.base, upload_length=10, upload_metadata="")
    assert answer.status_code == 201
    sender.url = answer.headers["Location"]
    assert sender.append(b"0123456789", 0).status_code == 403
    piece = {"type": "application/offset+octet-stream", "upload_offset": 0}
    assert ask("PATCH", data=b"01234", **piece).status_code == 204
    assert sender.offset() == 5


def test_a_second_writer_waits_and_takes_over_a_silent_one(sender, monkeypatch):
    sender.begin()
    first = Hold(sender.row, 0)
    with first:
        first.write(b"first")
        assert sender.append(CONTENT[:100], 0).status_code == 423
        monkeypatch.setattr(arriving, "QUIET_S", 0)
        second = sender.append(CONTENT[:100], 0)
        assert second.status_code == 204
        for late in (lambda: first.write(b"late"), first.keep):
            with pytest.raises(DomainError) as caught:
                late()
            assert caught.value.code == "upload_taken"
        first.drop()
    assert sender.path.read_bytes() == CONTENT[:100]
    assert sender.offset() == 100
    assert sender.send()["state"] == "ready"


@pytest.mark.django_db(transaction=True)
def test_two_tabs_send_the_same_file_at_once(sender, monkeypatch):
    """Each asks for the offset and goes on from there; the file is whole and in order, whoever wins a piece."""
    monkeypatch.setattr(arriving, "BLOCK_BYTES", 1000)
    monkeypatch.setattr(arriving, "QUIET_S", 0.02)
    sender.begin(sha256=hashlib.sha256(CONTENT).hexdigest())
    outcomes = []

    def tab():
        from django.db import connection

        try:
            for _ in range(400):
                row = IncomingUpload.objects.get(pk=sender.row.pk)
                at = incoming.received_of(row)
                if at == len(CONTENT):
                    return
                piece = CONTENT[at : at + 20_000]
                try:
                    incoming.receive(row=row, offset=at, length=len(piece), body=io.BytesIO(piece))
                    outcomes.append("kept")
                except DomainError as error:
                    outcomes.append(error.code)
        finally:
            connection.close()

    tabs = [threading.Thread(target=tab) for _ in range(2)]
    for one in tabs:
        one.start()
    for one in tabs:
        one.join()
    assert sender.standing()["state"] == "ready"
    assert sender.path.read_bytes() == CONTENT
    assert Upload.objects.get().sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert set(outcomes) - {"kept", "upload_busy", "upload_taken", "wrong_offset"} == set()
    assert set(outcomes) != {"kept"}


def test_a_piece_is_never_held_in_memory(sender, monkeypatch):
    asked = []

    class Body:
        def read(self, size):
            asked.append(size)
            return b"x" * size

    sender.begin(5_000_000)
    incoming.receive(row=sender.row, offset=0, length=4_000_000, body=Body())
    assert max(asked) <= 1024**2
    assert sender.offset() == 4_000_000


def test_what_nobody_finished_is_swept(sender, settings):
    sender.begin()
    sender.append(CONTENT[:5000], 0)
    orphan = sender.path.with_name("orphan")
    orphan.write_bytes(b"left behind")
    fresh = sender.path.with_name("fresh")
    fresh.write_bytes(b"its row is being written")
    os.utime(orphan, (0, 0))
    assert sweeping.sweep() == 1
    assert not orphan.exists()
    assert fresh.exists()
    assert sender.offset() == 5000
    IncomingUpload.objects.update(touched_at=timezone.now() - timedelta(days=settings.INCOMING_DAYS, seconds=1))
    assert sweeping.sweep() == 1
    assert sender.ask("HEAD").status_code == 404
    assert files_of(settings) == [fresh]
    assert "upload.expired" in actions()
    assert sweeping.sweep() == 0


def test_an_accepted_file_waits_to_be_imported_but_not_for_ever(sender, settings):
    sender.begin()
    sender.send()
    path = sender.path
    os.utime(path, (0, 0))
    long_ago = timezone.now() - timedelta(days=settings.INCOMING_DAYS, seconds=1)
    IncomingUpload.objects.update(touched_at=long_ago)
    sweeping.sweep()
    assert not IncomingUpload.objects.exists()
    assert path.read_bytes() == CONTENT
    Upload.objects.update(created_at=long_ago)
    assert sweeping.sweep() == 1
    assert not path.exists()
    assert Upload.objects.count() == 1
    assert actions()[-1] == "upload.expired"


def test_an_imported_file_is_not_swept(sender, settings, project, people, authorisation):
    sender.begin()
    upload = Upload.objects.get(pk=sender.send()["upload"])
    fields = {"institution": upload.institution, "authorisation": authorisation, "upload": upload}
    artifacts.new(Sample, project=project, created_by=people.partner, plan={}, name="again", **fields)
    Upload.objects.update(created_at=timezone.now() - timedelta(days=400))
    sweeping.sweep()
    assert storage.folder(upload.path).is_file()


def test_the_page_shows_what_was_left(sender, client_of, people, project):
    page = f"/projects/{project.slug}/samples/new/"
    sender.begin()
    sender.append(CONTENT[: SIZE // 2], 0)
    client = client_of(people.partner)
    (line,) = client.get(page).context["sending"]["unfinished"]
    assert (line["state"], line["filename"], line["url"]) == ("receiving", "a.csv", sender.url)
    upload = sender.send()["upload"]
    (line,) = client.get(page).context["sending"]["unfinished"]
    assert line["state"] == "ready"
    assert client.get(line["next"]).status_code == 200
    assert upload in line["next"]
    assert b"has arrived" in client.get(page).content


@pytest.mark.django_db(transaction=True)
def test_the_watchdog_sweeps(sender, settings, monkeypatch):
    from django.core.management import call_command

    monkeypatch.setattr(sweeping, "_last_sweep", 0.0)
    sender.begin()
    IncomingUpload.objects.update(touched_at=timezone.now() - timedelta(days=30))
    call_command("run_watchdog", once=True)
    assert not IncomingUpload.objects.exists()
    assert files_of(settings) == []
