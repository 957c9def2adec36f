"""Tables of PostgreSQL, MySQL and an S3-compatible store come over as files do, and nothing else does."""

import os
import socket
import threading
from datetime import UTC, date, datetime, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datafactory.engine.connectors import Wanted, copy_table, kind_of, open_connector
from datafactory.engine.plans import Limits
from datafactory.models import SourceVersion, Upload
from modeling.errors import DataError
from projects.models import AuditEvent
from tests.datafactory.files import hashed

POSTGRES = os.environ.get("ETRON_TEST_POSTGRES_URL", "")
STRICT = os.environ.get("ETRON_TEST_STRICT") == "1"
MYSQL = os.environ.get("ETRON_TEST_MYSQL_URL", "mysql://root@127.0.0.1:3306/mysql")
DAYS = [date(2024, 1, 1 + n) for n in range(1, 6)]
NOON = time(12, 30)
ROWS = [
    (hashed(n), datetime.combine(day, NOON), day, n * 10, f"{n}.10", n / 4, f'group "{n}", é')
    for n, day in enumerate(DAYS, 1)
]
COLUMNS = ("id", "changed_at", "opened", "n", "amount", "rate", 'odd "name` %s')


class Store(BaseHTTPRequestHandler):
    """As much of S3 as reading needs: list, head, and ranges of objects in ``files``."""

    files: dict[str, bytes]

    def do_HEAD(self):
        self.do_GET(body=False)

    def do_GET(self, body=True):
        parts = urlsplit(self.path)
        bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
        if not key:
            return self._list(parse_qs(parts.query).get("prefix", [""])[0])
        content = self.files.get(f"{bucket}/{key}")
        if content is None:
            self.send_response(404)
            self.send_header("Content-Length", "0")
            return self.end_headers()
        first, last = 0, len(content) - 1
        if wanted := self.headers.get("Range"):
            first, last = (int(n) if n else last for n in wanted.removeprefix("bytes=").split("-"))
        part = content[first : last + 1]
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(part)))
        self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        self.send_header("Last-Modified", "Mon, 01 Jan 2024 00:00:00 GMT")
        self.end_headers()
        if body:
            self.wfile.write(part)

    def _list(self, prefix):
        names = sorted(name.partition("/")[2] for name in self.files)
        found = "".join(
            f"<Contents><Key>{escape(name)}</Key><LastModified>2024-01-01T00:00:00.000Z</LastModified><ETag>x</ETag>"
            f"<Size>{len(self.files[f'bucket/{name}'])}</Size></Contents>"
            for name in names
            if name.startswith(prefix)
        )
        xml = f'<?xml version="1.0"?><ListBucketResult><IsTruncated>false</IsTruncated>{found}</ListBucketResult>'
        self.send_response(200)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(xml.encode())))
        self.end_headers()
        self.wfile.write(xml.encode())

    def log_message(self, *arguments):
        """Silent."""


def parquet(rows):
    table = pa.table({name: [row[n] for row in rows] for n, name in enumerate(COLUMNS)})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return sink.getvalue().to_pybytes()


@pytest.fixture
def store():
    Store.files = {
        "bucket/lake/loans/2024-01.parquet": parquet(ROWS[:2]),
        "bucket/lake/loans/2024-02.parquet": parquet(ROWS[2:]),
        "bucket/lake/notes.txt": b"nothing",
        "bucket/other/secret.parquet": parquet(ROWS),
    }
    server = ThreadingHTTPServer(("127.0.0.1", 0), Store)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = quote(f"http://127.0.0.1:{server.server_port}", safe="")
    yield f"s3://key:secret@bucket/lake?endpoint={endpoint}"
    server.shutdown()


@pytest.fixture
def postgres():
    if not POSTGRES:
        if STRICT:
            pytest.fail("ETRON_TEST_POSTGRES_URL is not set")
        pytest.skip("no ETRON_TEST_POSTGRES_URL")
    import psycopg

    with psycopg.connect(POSTGRES, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS lending CASCADE")
        connection.execute("CREATE SCHEMA lending")
        connection.execute(
            "CREATE TABLE lending.loans (id text, changed_at timestamptz, opened date, n int, amount numeric(18, 2), "
            'rate double precision, "odd ""name` %s" varchar(40))'
        )
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO lending.loans VALUES (%s, %s::timestamp AT TIME ZONE 'UTC', %s, %s, %s, %s, %s)", ROWS
            )
    yield POSTGRES
    with psycopg.connect(POSTGRES, autocommit=True) as connection:
        connection.execute("DROP SCHEMA lending CASCADE")


@pytest.fixture
def mysql():
    parts = urlsplit(MYSQL)
    try:
        socket.create_connection((parts.hostname, parts.port or 3306), 2).close()
    except OSError:
        pytest.skip("no MySQL server (ETRON_TEST_MYSQL_URL)")
    import pymysql

    connection = pymysql.connect(
        host=parts.hostname, port=parts.port or 3306, user=parts.username, password=unquote(parts.password or "")
    )
    with connection, connection.cursor() as cursor:
        cursor.execute("DROP DATABASE IF EXISTS etron_lending")
        cursor.execute("CREATE DATABASE etron_lending CHARACTER SET utf8mb4")
        cursor.execute("SET time_zone = '+00:00'")
        cursor.execute(
            "CREATE TABLE etron_lending.loans (id char(64), changed_at timestamp, opened date, n int, "
            'amount decimal(18, 2), rate double, `odd "name`` %%s` varchar(40))',
            (),
        )
        cursor.executemany("INSERT INTO etron_lending.loans VALUES (%s, %s, %s, %s, %s, %s, %s)", ROWS)
        connection.commit()
        yield parts._replace(path="/etron_lending").geturl()
        cursor.execute("DROP DATABASE etron_lending")


TABLES = {"postgres": "lending.loans", "mysql": "loans", "store": "loans/"}


@pytest.fixture(params=TABLES)
def place(request):
    """Address and table of each kind of store."""
    return request.getfixturevalue(request.param), TABLES[request.param]


def brought(url, wanted, path, limits=Limits()):  # noqa: B008 - frozen
    connector = open_connector(url)
    try:
        n = copy_table(connector, wanted, path, limits)
    finally:
        connector.close()
    table = pq.read_table(path)
    assert table.num_rows == n
    return table


def test_all_rows_come_over_with_their_types(place, tmp_path):
    url, table = place
    found = brought(url, Wanted(table), tmp_path / "x.parquet").sort_by("n")
    assert tuple(found.column_names) == COLUMNS
    assert found["n"].to_pylist() == [row[3] for row in ROWS]
    assert found["rate"].to_pylist() == [row[5] for row in ROWS]
    assert found["opened"].to_pylist() == [row[2] for row in ROWS]
    assert found["amount"].to_pylist() == [row[4] for row in ROWS]
    assert found["id"].to_pylist() == [row[0] for row in ROWS]
    assert found[COLUMNS[-1]].to_pylist() == [row[6] for row in ROWS]
    moments = [moment.replace(tzinfo=None) for moment in found["changed_at"].to_pylist()]
    assert moments == [row[1] for row in ROWS]


@pytest.mark.parametrize(
    ("column", "since", "n"), [("changed_at", "2024-01-04T12:30:00", 2), ("n", "20", 3), ("opened", "2024-01-05", 1)]
)
def test_only_what_changed_since_comes_over(place, tmp_path, column, since, n):
    url, table = place
    found = brought(url, Wanted(table, ("n", "id"), column, since), tmp_path / "x.parquet")
    assert found.column_names == ["n", "id"]
    assert found["n"].to_pylist() == [row[3] for row in ROWS][-n:]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"table": "pg_catalog.pg_authid"}, "table_unknown"),
        ({"table": "../other/secret.parquet"}, "table_unknown"),
        ({"table": 'loans"; DROP TABLE loans; --'}, "table_unknown"),
        ({"columns": ("n", "1); DROP TABLE loans; --")}, "column_unknown"),
        ({"since_column": "1=1 OR n", "since": "0"}, "column_unknown"),
        ({"since_column": "n", "since": "0 OR 1=1"}, "since_value"),
        ({"since_column": "n", "since": "1000"}, "no_rows"),
    ],
)
def test_what_is_no_table_no_column_and_no_value_is_refused(place, tmp_path, change, code):
    url, table = place
    with pytest.raises(DataError) as error:
        brought(url, Wanted(**({"table": table} | change)), tmp_path / "x.parquet")
    assert error.value.code == code


def test_limits_hold_while_rows_come(place, tmp_path):
    url, table = place
    for limits, code in ((Limits(max_rows=3), "too_many_rows"), (Limits(max_columns=2), "too_many_columns")):
        with pytest.raises(DataError) as error:
            brought(url, Wanted(table), tmp_path / "x.parquet", limits)
        assert error.value.code == code


class Recorded:
    """A MySQL server as far as the connector sees one: what it was asked, and canned answers."""

    def __init__(self, **options):
        self.options, self.asked, self.rows = options, [], []

    def cursor(self):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def execute(self, query, values):
        self.asked.append(query % tuple(f"<{value!r}>" for value in values))
        answers: dict[str, list[Any]] = {
            "information_schema.tables": [("loans",)],
            "information_schema.columns": [("i`d", "char", "char(64)"), ("n", "bigint", "bigint unsigned")],
            "FROM `loans`": [(b"x", 2**64 - 1), (None, None)],
        }
        self.rows = next((rows for part, rows in answers.items() if part in query), [])

    def fetchall(self):
        return self.fetchmany(None)

    def fetchmany(self, n):
        rows, self.rows = self.rows, []
        return rows

    def close(self):
        """Nothing is open."""


def test_what_mysql_is_asked(tmp_path, monkeypatch):
    import pymysql

    seen = []

    def connect(**options):
        seen.append(Recorded(**options))
        return seen[-1]

    monkeypatch.setattr(pymysql, "connect", connect)
    url = "mysql://reader:s%40cret@db:3307/core?ssl_ca=/etc/ca.pem"
    found = brought(url, Wanted("loans", (), "i`d", "a"), tmp_path / "x.parquet")
    assert found.to_pydict() == {"i`d": ["x", None], "n": [str(2**64 - 1), None]}
    assert seen[0].options["password"] == "s@cret"
    assert seen[0].options["ssl"] == {"ca": "/etc/ca.pem"}
    assert seen[0].asked[:2] == ["SET SESSION TRANSACTION READ ONLY", "SET SESSION time_zone = '+00:00'"]
    assert seen[0].asked[-1] == "SELECT `i``d`, `n` FROM `loans` WHERE `i``d` > <'a'>"


def test_databases_are_only_read(postgres, mysql):
    for url, statement in ((postgres, "DELETE FROM lending.loans"), (mysql, "DELETE FROM loans")):
        connector = open_connector(url)
        with pytest.raises(Exception, match=r"(?i)read.only"):
            connector._rows(statement)  # type: ignore[attr-defined]
        connector.close()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://reader:hidden@127.0.0.1:1/core",
        "mysql://reader:hidden@127.0.0.1:1/core",
        "s3://reader:hidden@bucket?endpoint=http%3A%2F%2F127.0.0.1%3A1",
    ],
)
def test_a_store_that_is_silent_shows_no_address(url):
    with pytest.raises(DataError) as error:
        open_connector(url).tables()
    assert error.value.code == "connection_failed"
    assert error.value.__suppress_context__
    assert "hidden" not in str(error.value)


def test_other_kinds_are_refused():
    assert kind_of("file:///etc/passwd") == ""
    with pytest.raises(DataError, match="PostgreSQL, MySQL or S3"):
        open_connector("file:///etc/passwd")


# Through the site


@pytest.fixture
def lake(settings, store):
    settings.CONNECTIONS = {"lake": store, "odd": "file:///etc/passwd"}


PLAN = {"ids": [{"column": "id", "namespace": "mobile", "algorithm": "sha256"}], "event_time": "changed_at"}


def test_a_table_becomes_an_upload_and_then_a_version(built, lake, people):
    built.modeler.post("/api/v1/sources", {"slug": "loans", "name": "Loans", "kind": "events"}, format="json")
    door = "/api/v1/sources/loans/fetches"
    offered = built.modeler.get(f"{door}?connection=lake&table=loans/").json()
    assert offered["connections"] == [{"name": "lake", "kind": "S3"}]
    assert offered["tables"] == ["loans/", "loans/2024-01.parquet", "loans/2024-02.parquet"]
    assert offered["columns"] == list(COLUMNS)
    wanted = {"connection": "lake", "table": "loans/", "columns": ["id", "changed_at", "n", "amount"]}
    answer = built.post(door, wanted)
    assert answer.status_code == 202, answer.content
    upload = Upload.objects.get(pk=answer.json()["upload"])
    assert upload.filename == "loans.parquet"
    answer = built.post("/api/v1/sources/loans/versions", {"upload": str(upload.pk), "plan": PLAN})
    assert answer.status_code == 202, answer.content
    version = SourceVersion.objects.get()
    assert (version.summary["n_rows"], version.summary["n_ids"]) == (5, 5)
    line = AuditEvent.objects.get(action="source.fetch_ordered")
    assert line.detail["connection"] == "lake"
    assert "secret" not in str(line.detail)


def test_only_keepers_bring_tables_over(built, lake):
    built.modeler.post("/api/v1/sources", {"slug": "loans", "name": "Loans", "kind": "events"}, format="json")
    wanted = {"connection": "lake", "table": "loans/"}
    assert built.post("/api/v1/sources/loans/fetches", wanted, built.partner).status_code in {403, 404}
    assert built.post("/api/v1/sources/loans/fetches", wanted | {"connection": "odd"}).status_code == 404
    assert built.post("/api/v1/sources/loans/fetches", wanted | {"table": "nothing"}).status_code == 422


def test_the_page_goes_from_connection_to_columns(built, lake, client_of, people, run_jobs):
    built.modeler.post("/api/v1/sources", {"slug": "loans", "name": "Loans", "kind": "events"}, format="json")
    client, page = client_of(people.modeler), "/sources/loans/versions/new/fetch/"
    assert "lake · S3" in client.get(page).content.decode()
    assert "loans/2024-01.parquet" in client.get(f"{page}?connection=lake").content.decode()
    here = f"{page}?connection=lake&table=loans/"
    assert "changed_at" in client.get(here).content.decode()
    with run_jobs():
        answer = client.post(here, {"columns": ["id", "n"], "since_column": "n", "since": "20"})
    assert answer.status_code == 302
    upload = Upload.objects.get()
    assert client.get(f"/sources/loans/versions/new/{upload.pk}/").status_code == 200
    answer = client.post(here, {"columns": ["id"], "since_column": "n", "since": "x"})
    assert answer.status_code in {302, 422}


def test_times_of_stores_are_times(store, tmp_path):
    found = brought(store, Wanted("loans/2024-01.parquet", ("changed_at",)), tmp_path / "x.parquet")
    assert found["changed_at"].to_pylist()[0].replace(tzinfo=UTC) == datetime(2024, 1, 2, 12, 30, tzinfo=UTC)
