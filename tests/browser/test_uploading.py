"""Files leave the browser in pieces that go on after a break, and ids can be hashed before anything leaves."""

import csv
import hashlib
import io
import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import expect

from datafactory.models import IncomingUpload, Upload
from etron_partner.personal import tokens
from projects import storage
from tests.browser.recorder import Recorder
from tests.datafactory.files import clean_rows, csv_bytes

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests/golden/id_normalisation.json"
PIECE = 4 * 1024**2


@pytest.fixture(autouse=True)
def _small_artifacts(settings):
    settings.INCOMING_INLINE_BYTES = 256 * 1024**2


@pytest.fixture
def wire(live_server):
    recorder = Recorder(live_server.thread.port)
    yield recorder
    recorder.close()


@pytest.fixture
def visit(chromium, bundle, client_of, people):
    """``visit(url)``: the partner's browser; faults that a broken connection leaves on the console do not count."""
    contexts = []

    def goto(base, path):
        context = chromium.new_context(viewport={"width": 1280, "height": 900})
        contexts.append(context)
        cookie = client_of(people.partner).cookies["sessionid"].value
        context.add_cookies([{"name": "sessionid", "value": cookie, "url": base}])
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.goto(base + path)
        return page

    yield goto
    for context in contexts:
        context.close()


def write(tmp_path, content, name="sample.csv"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


def offsets(page):
    """The list that fills with the places at which pieces begin."""
    found = []

    def look(request):
        if request.method == "PATCH":
            found.append(int(request.headers["upload-offset"]))

    page.on("request", look)
    return found


def arrived(page):
    page.get_by_role("heading", name="What the columns are").wait_for(timeout=30_000)
    return Upload.objects.get()


def test_a_file_goes_on_after_a_pause_a_break_and_a_reload(visit, live_server, project, tmp_path):
    content = csv_bytes(clean_rows(150_000))
    assert len(content) > 3 * PIECE
    file = write(tmp_path, content)
    page = visit(live_server.url, f"/projects/{project.slug}/samples/new/")
    begun = offsets(page)
    hold = {"on": True}

    def second_piece(route):
        if route.request.method == "PATCH" and route.request.headers["upload-offset"] == str(PIECE) and hold["on"]:
            return None  # never answered: the piece hangs until the sender pauses
        return route.continue_()

    page.route("**/incoming/*", second_piece)
    page.set_input_files("input[type=file]", file)
    page.get_by_role("button", name="Upload").click()
    expect(page.locator("[data-upload-bytes]")).to_contain_text("MB")
    while PIECE not in begun:
        page.wait_for_timeout(50)
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("[data-upload-state]")).to_have_text("Paused")
    page.reload()
    hold["on"] = False
    expect(page.locator("#unfinished")).to_contain_text("sample.csv")
    expect(page.locator("#unfinished")).to_contain_text("Choose the same file")
    del begun[:]
    broken = {"left": 2}

    def breaks(route):
        if route.request.method == "PATCH" and broken["left"]:
            broken["left"] -= 1
            return route.abort("connectionreset")
        return route.continue_()

    page.unroute_all()
    page.route("**/incoming/*", breaks)
    page.set_input_files("input[type=file]", file)
    page.get_by_role("button", name="Upload").click()
    upload = arrived(page)
    assert broken["left"] == 0
    assert min(begun) == PIECE
    assert upload.sha256 == hashlib.sha256(content).hexdigest()
    assert IncomingUpload.objects.count() == 1


def test_what_was_left_can_be_thrown_away(visit, live_server, project, people, tmp_path):
    from datafactory.services import incoming

    row = incoming.begin(user=people.partner, project=project, filename="left.csv", size_bytes=1000)
    page = visit(live_server.url, f"/projects/{project.slug}/samples/new/")
    expect(page.locator("[data-unfinished]")).to_contain_text("left.csv")
    page.get_by_role("button", name="Throw away").click()
    expect(page.locator("[data-unfinished]")).to_have_count(0)
    assert not IncomingUpload.objects.exists()
    assert not storage.folder(row.path).exists()


def test_without_scripts_the_form_posts(chromium, live_server, client_of, people, project, tmp_path):
    context = chromium.new_context(java_script_enabled=False)
    cookie = client_of(people.partner).cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": cookie, "url": live_server.url}])
    page = context.new_page()
    page.goto(f"{live_server.url}/projects/{project.slug}/samples/new/")
    page.set_input_files("input[type=file]", write(tmp_path, csv_bytes()))
    page.get_by_role("button", name="Upload").click()
    assert arrived(page).filename == "sample.csv"
    assert not IncomingUpload.objects.exists()
    context.close()


NAMES = ["app_id", "phone", "card", "name", "applied_on", "bad", "note"]


def raw_rows(n=3000):
    """Phones and id cards in the forms that people write, and notes that try the CSV rules."""
    rows = []
    for i in range(n):
        digits = f"1380{i:07d}"
        phone = [digits, f"+86 {digits}", f"{digits[:3]}-{digits[3:7]}-{digits[7:]}", digits.translate(WIDE)][i % 4]
        note = ["", 'said "yes"', "two\nlines", "a,b"][i % 4]
        name = "王李张刘"[i % 4] + "伟芳娜敏静"[i % 5]
        rows.append([f"A{i:05d}", phone, id_card(i), name, f"2024-{i % 6 + 1:02d}-15", str(int(i % 4 == 0)), note])
    return rows


WIDE = {ord("0") + n: ord("０") + n for n in range(10)}


def id_card(i):
    body = f"110105{1950 + i % 50}0101{i % 1000:03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10x98765432"[sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True)) % 11]


def raw_csv(rows, encoding="utf-8"):
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows([NAMES, *rows])
    return text.getvalue().encode(encoding)


def rows_of(upload):
    return list(csv.reader(io.StringIO(storage.folder(upload.path).read_bytes().decode(), newline="")))


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_only_hashes_leave_the_browser(visit, wire, project, tmp_path, encoding):
    """Every byte that the browser sends is looked through; the file that arrives holds the hashes of these people."""
    rows = raw_rows()
    file = write(tmp_path, raw_csv(rows, encoding))
    page = visit(wire.url, f"/projects/{project.slug}/samples/new/")
    page.set_input_files("input[type=file]", file)
    page.get_by_label("Hash ids in this browser").check()
    expect(page.get_by_label("phone", exact=True)).to_have_value("mobile")
    expect(page.get_by_label("card", exact=True)).to_have_value("idno")
    expect(page.get_by_label("name", exact=True)).to_have_value("drop")
    expect(page.get_by_label("applied_on", exact=True)).to_have_value("")
    page.get_by_role("button", name="Upload").click()
    upload = arrived(page)
    sent = wire.everything()
    assert sha256("13800000042").encode() in sent  # the recorder sees what is sent
    for i, (_app, phone, card, *_rest) in enumerate(rows):
        for raw in (phone, f"1380{i:07d}", card, card.upper(), rows[i][3]):
            assert raw.encode(encoding) not in sent
            assert raw.encode() not in sent
    expected = [[row[0], sha256(f"1380{i:07d}"), sha256(row[2].upper()), *row[4:]] for i, row in enumerate(rows)]
    assert rows_of(upload) == [[name for name in NAMES if name != "name"], *expected]
    assert [column["algorithm"] for column in upload.sniff["columns"]][:3] == ["", "sha256", "sha256"]


def test_refused_raw_numbers_are_offered_to_be_hashed(visit, live_server, project, tmp_path):
    file = write(tmp_path, raw_csv(raw_rows(200)))
    page = visit(live_server.url, f"/projects/{project.slug}/samples/new/")
    page.set_input_files("input[type=file]", file)
    page.get_by_role("button", name="Upload").click()
    expect(page.locator("[data-upload-error]")).to_contain_text("raw personal data")
    expect(page.locator("[data-hash-again]")).to_be_visible()
    expect(page.get_by_label("phone", exact=True)).to_have_value("mobile")
    assert not Upload.objects.exists()
    page.get_by_label("Hash", exact=True).select_option("md5")
    page.get_by_role("button", name="Upload").click()
    assert arrived(page).sniff["columns"][1]["algorithm"] == "md5"


def test_a_raw_column_that_was_left_as_it_is_stops_the_file(visit, wire, project, tmp_path):
    file = write(tmp_path, raw_csv(raw_rows(200)))
    page = visit(wire.url, f"/projects/{project.slug}/samples/new/")
    page.set_input_files("input[type=file]", file)
    page.get_by_label("Hash ids in this browser").check()
    page.get_by_label("card", exact=True).select_option("")
    page.get_by_role("button", name="Upload").click()
    expect(page.locator("[data-upload-error]")).to_contain_text("Column card holds raw numbers")
    assert b"/incoming" not in wire.everything()
    assert not IncomingUpload.objects.exists()


def test_a_file_without_a_header_is_not_hashed_in_part(visit, wire, project, tmp_path):
    """Its first row would be taken for names and leave as it is."""
    file = write(tmp_path, raw_csv(raw_rows(200)).split(b"\r\n", 1)[1])
    page = visit(wire.url, f"/projects/{project.slug}/samples/new/")
    page.set_input_files("input[type=file]", file)
    page.get_by_label("Hash ids in this browser").check()
    expect(page.locator("[data-upload-error]")).to_contain_text("The first row holds values")
    page.get_by_role("button", name="Upload").click()
    expect(page.locator("[data-upload-error]")).to_contain_text("Choose at least one column")
    assert b"/incoming" not in wire.everything()


def test_values_of_another_kind_are_told_before_they_leave_empty(visit, live_server, project, tmp_path):
    rows = raw_rows(200)
    rows[16][1] = "no phone"
    file = write(tmp_path, raw_csv(rows))
    page = visit(live_server.url, f"/projects/{project.slug}/samples/new/")
    page.set_input_files("input[type=file]", file)
    page.get_by_label("Hash ids in this browser").check()
    page.get_by_label("phone", exact=True).wait_for()
    page.get_by_role("button", name="Upload").click()
    expect(page.locator("[data-upload-state]")).to_contain_text("Column phone: 1 values")
    expect(page.locator("[data-upload-state]")).to_contain_text("row 17")
    page.get_by_role("button", name="Send it all the same").click()
    phones = [row[1] for row in rows_of(arrived(page))[1:]]
    assert [n for n, phone in enumerate(phones) if not phone] == [16]


def in_node(code, rows):
    """What a program in node prints as JSON; it finds ``rows`` and the page's rules of ids."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    head = 'import * as ids from "./static/js/hash_ids.js"; const rows = JSON.parse(process.argv[1]);'
    command = [node, "--input-type=module", "-e", f"{head} console.log(JSON.stringify({code}))", json.dumps(rows)]
    return json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)


def test_the_browser_normalises_as_everybody_does():
    """The vectors that the command line and the server are held to."""
    vectors = json.loads(GOLDEN.read_text())
    code = """rows.map(({ kind, raw }) => {
        const normalised = ids.normalise(kind, raw);
        const hash = (name) => (normalised === null ? null : ids.hashed(normalised, name));
        return { kind, raw, normalised, md5: hash("md5"), sha256: hash("sha256") };
    })"""
    assert in_node(code, vectors) == vectors


KINDS = {"mobile": "mobile", "id_card": "idno", "id_card_15": "idno15", "bank_card": "bankcard", "email": "email"}
SCRAPS = ["13800138000", "+86 138-0013-8000", "11010519491231002X", "110105491231002", "4111 1111 1111 1111", "a@b.cn"]
SCRAPS += [
    "１３８００１３８０００",
    "e3b0c44298fc1c149afbf4c8996fb924",
    ".",
    ".0",
    " ",
    "x",
    "；",
    "86",
    "0086",
    "12345678901",
    "-",
]


def test_the_browser_recognises_raw_numbers_as_everybody_does():
    chance = random.Random(5)
    texts = ["".join(chance.choices(SCRAPS, k=chance.randrange(1, 5))) for _ in range(1000)]
    expected = [[[KINDS[kind], hit] for kind, hit in tokens(text)] for text in texts]
    assert in_node("rows.map((text) => [...ids.rawKinds(text)])", texts) == expected
    assert sum(map(bool, expected)) > 300
