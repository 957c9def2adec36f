"""What a partner does alone: checking, hashing, configuration, ways to end."""

import csv
import gzip
import io
import json
import os
import stat
import subprocess
import sys

import pytest

from etron_partner import command
from tests.datafactory.files import PLAN, clean_rows, csv_bytes, hashed, with_column, with_value

ROLES = ["--id", "mobile:mobile:sha256", "--row-id", "app_id", "--observed-at", "applied_on", "--label", "bad"]


@pytest.fixture
def sample(tmp_path):
    """``sample(content)``: a file with these bytes."""

    def write(content=None, name="sample.csv"):
        path = tmp_path / name
        path.write_bytes(csv_bytes() if content is None else content)
        return path

    return write


def codes(done):
    return {problem["code"]: (problem["column"], problem["rows"][:3]) for problem in done.body["problems"]}


def test_a_clean_file_is_fine(run, sample):
    done = run("check", sample(), *ROLES)
    assert (done.status, done.out) == (0, "40 rows: nothing is wrong\n")


def test_a_plan_names_the_columns_as_the_platform_takes_it(run, sample, tmp_path):
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(PLAN))
    done = run("check", sample(csv_bytes(with_value(7, "bad", "9"))), "--plan", plan, json_=True)
    assert (done.status, codes(done)) == (1, {"label_value": ("bad", [7])})


@pytest.mark.parametrize(
    ("rows", "code", "column", "row"),
    [
        (with_value(7, "mobile", "abc"), "id_format", "mobile", 7),
        (with_value(9, "mobile", hashed(8, "md5")), "id_other_algorithm", "mobile", 9),
        (with_value(3, "app_id", "A00000"), "row_id_twice", "app_id", 3),
        (with_value(4, "app_id", ""), "row_id_missing", "app_id", 4),
        (with_value(5, "applied_on", "2199-01-01"), "time_in_future", "applied_on", 5),
        (with_value(6, "applied_on", "soon"), "time_format", "applied_on", 6),
        (with_value(6, "applied_on", ""), "time_missing", "applied_on", 6),
        (with_value(8, "bad", "perhaps"), "label_value", "bad", 8),
        (with_column("city", lambda i: f"1380013{i:04d}"), "raw_mobile", "city", 1),
        (with_column("city", lambda i: f"li{i}@example.com"), "raw_email", "city", 1),
        (with_column("mobile", lambda i: f"1380013{i:04d}"), "raw_mobile", "mobile", 1),
        (with_column("mobile", lambda i: ""), "id_empty", "mobile", None),
    ],
)
def test_what_the_platform_would_refuse_is_found_with_row_and_column(run, sample, rows, code, column, row):
    done = run("check", sample(csv_bytes(rows)), *ROLES, json_=True)
    found = codes(done)
    assert done.status == 1
    assert found[code] == (column, [row] if row else []) or (found[code][0] == column and found[code][1][0] == row)


def test_a_finding_never_quotes_a_personal_value(run, sample):
    rows = with_column("mobile", lambda i: f"1380013{i:04d}")
    done = run("check", sample(csv_bytes(rows)), *ROLES)
    assert done.status == 1
    assert "1380013" not in done.out + done.err


def test_warnings_do_not_stop(run, sample):
    done = run("check", sample(csv_bytes(with_column("mobile", lambda i: hashed(i).upper()))), *ROLES, json_=True)
    assert (done.status, list(codes(done))) == (0, ["id_upper"])


def test_a_ragged_row_is_named(run, sample):
    done = run("check", sample(csv_bytes() + b"A99,only,three\n"), *ROLES, json_=True)
    assert (done.status, codes(done)["ragged"]) == (1, ("(row)", [41]))


@pytest.mark.parametrize(
    ("encoding", "delimiter"), [("utf-8", ","), ("utf-8-sig", ";"), ("gb18030", "\t"), ("utf-16", ",")]
)
def test_encodings_and_delimiters_are_found_out(run, sample, encoding, delimiter):
    content = csv_bytes(clean_rows(400), delimiter=delimiter, encoding=encoding)
    done = run("check", sample(content), *ROLES, json_=True)
    assert (done.status, done.body["n_rows"], done.body["delimiter"]) == (0, 400, delimiter)
    packed = sample(gzip.compress(content), "sample.csv.gz")
    assert run("check", packed, *ROLES).status == 0


def test_bytes_of_another_encoding_are_placed(run, sample):
    content = csv_bytes(clean_rows(40)) + b'A99,x,2024-01-01,0,1,"\xff\xfe\xff"\n'
    done = run("check", sample(content), *ROLES, "--encoding", "utf-8", json_=True)
    assert done.status == 1
    assert "encoding" in codes(done)


@pytest.mark.parametrize("content", [b"", b"\n", b"\x00\x01\x02"])
def test_what_is_no_table_is_refused(run, sample, content):
    assert run("check", sample(content), json_=True).status == 1


def raw_rows(n=30):
    return [[f"A{i}", f"+86 1380013{i:04d}", "11010519491231002x", "1", "王小明"] for i in range(n)]


RAW_NAMES = ("app", "mobile", "idno", "bad", "name")


def test_raw_numbers_become_hashes_in_a_copy(run, sample, tmp_path):
    path = sample(csv_bytes(raw_rows(), RAW_NAMES, encoding="gb18030"))
    columns = ["--column", "mobile:mobile:sha256", "--column", "idno:idno:md5"]
    done = run("hash", path, *columns, "--drop", "name", json_=True)
    assert (done.status, done.body["n_hashed"]) == (0, 60)
    out = tmp_path / "sample.hashed.csv"
    text = out.read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[7] == {
        "app": "A7",
        "mobile": hashed("13800130007"),
        "idno": hashed("11010519491231002X", "md5"),
        "bad": "1",
    }
    assert "1380013" not in text
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert run("check", out, "--id", "mobile:mobile:sha256", "--id", "idno:idno:md5").status == 0


@pytest.mark.parametrize("bad", ["1380013", hashed(1)])
def test_a_value_that_is_no_number_stops_the_hashing_and_leaves_nothing(run, sample, tmp_path, bad):
    rows = raw_rows()
    rows[4][1] = bad
    path = sample(csv_bytes(rows, RAW_NAMES))
    done = run("hash", path, "--column", "mobile:mobile:sha256", json_=True)
    assert (done.status, done.body["error"]["code"]) == (1, "invalid_values")
    assert done.body["error"]["detail"]["places"] == [{"row": 5, "column": "mobile"}]
    assert [one.name for one in tmp_path.iterdir() if "hashed" in one.name] == []
    done = run("hash", path, "--column", "mobile:mobile:sha256", "--invalid", "empty", json_=True)
    assert (done.status, done.body["n_hashed"], done.body["n_invalid"]) == (0, 29, 1)


@pytest.mark.parametrize(
    "arguments",
    [
        ["hash", "FILE", "--column", "mobile"],
        ["hash", "FILE", "--column", "mobile:mobile:sm3"],
        ["hash", "FILE", "--column", "nothing:mobile:md5"],
        ["hash", "FILE", "--column", "mobile:mobile:md5", "--out", "FILE"],
        ["check", "nowhere.csv"],
        ["check", "FILE", "--plan", "FILE"],
        ["check", "FILE", "--encoding", "klingon"],
        ["purge"],
        ["purge", "--sample", "1", "--project", "x"],
        ["report", "--project", "x"],
    ],
)
def test_wrong_use_ends_with_two(run, sample, arguments):
    path = str(sample())
    done = run(*[path if word == "FILE" else word for word in arguments], json_=True)
    assert done.status == 2, done.out
    assert done.body["error"]["message"]


def test_no_platform_at_the_address_ends_with_two(run, monkeypatch):
    monkeypatch.setattr("etron_partner.site.PAUSES_S", ())
    monkeypatch.setattr("etron_partner.site.retries", lambda: 0)
    done = run("--url", "http://127.0.0.1:9", "--token", "t", "report", "--project", "x", json_=True)
    assert (done.status, done.body["error"]["code"]) == (2, "no_connection")


def test_the_configuration_is_read_only_if_nobody_else_can(run, partner_home):
    partner_home.mkdir()
    path = partner_home / "config.ini"
    path.write_text("[platform]\nurl = ftp://wrong\ntoken = secret-%-token\n")
    path.chmod(0o644)
    done = run("report", "--project", "x", json_=True)
    assert (done.status, done.body["error"]["code"]) == (2, "config_readable")
    path.chmod(0o600)
    done = run("report", "--project", "x", json_=True)
    assert "https://" in done.body["error"]["message"], "now it was read"
    assert "secret" not in done.out


def test_purge_deletes_the_files_that_were_made_here(run, sample, tmp_path, partner_home):
    path = sample(csv_bytes(raw_rows(), RAW_NAMES))
    run("hash", path, "--column", "mobile:mobile:sha256")
    assert stat.S_IMODE(partner_home.stat().st_mode) == 0o700
    done = run("purge", "--local", json_=True)
    assert (done.status, done.body["files"]) == (0, [str((tmp_path / "sample.hashed.csv").resolve())])
    assert path.exists()
    assert not (tmp_path / "sample.hashed.csv").exists()
    assert run("purge", "--local", json_=True).body["files"] == []


def test_help_says_how_the_command_ends(capsys):
    with pytest.raises(SystemExit) as ended:
        command.main(["--help"])
    assert ended.value.code == 0
    assert "exit codes:" in capsys.readouterr().out


def test_without_the_extra_private_matching_says_what_to_install(run, sample, monkeypatch):
    monkeypatch.setitem(sys.modules, "private_set_intersection.python", None)
    monkeypatch.setattr("etron_partner.sessions.opened", lambda *args: {
        "id": "1", "project": "x", "reveal": "ids", "id_type": "mobile__sha256", "max_ids": 100, "n_platform": 1,
        "state": "ready",
    })  # fmt: skip
    monkeypatch.setattr("etron_partner.site.Site.bytes", lambda *args: b"")
    where = ["--url", "http://127.0.0.1:9", "--token", "t"]
    words = ["private-match", sample(), "--project", "x", "--session", "1", "--column", "mobile", "--yes"]
    done = run(*where, *words, json_=True)
    assert (done.status, done.body["error"]["code"]) == (2, "not_installed")
    assert "[private]" in done.body["error"]["message"]


def test_it_runs_as_a_module(sample):
    command_line = [sys.executable, "-m", "etron_partner", "check", str(sample()), *ROLES]
    done = subprocess.run(command_line, capture_output=True, text=True, check=False, env={**os.environ})
    assert (done.returncode, done.stdout) == (0, "40 rows: nothing is wrong\n")
