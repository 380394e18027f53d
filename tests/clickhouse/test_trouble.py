"""ClickHouse slow, failing, gone, of another version, out of memory: 503 with a code, or 400 where
the question is at fault, and nothing half. What plays it here speaks HTTP, and misbehaves."""

import contextlib
import select
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from analytics.databases.clickhouse import ClickHouseError, close_client, read_rows
from analytics.web.problems import Problem
from columns.export import export_project
from reporting.columns.answer_source import ColumnsAnswerSource
from reporting.questions.language.table import Asker, parse_table_query
from reporting.questions.timestamps import parse_zone
from tests.conftest import TestProject
from tests.stored import store_events
from upkeep.watch.clickhouse import check_clickhouse

_ROWS = b"\x01\x01\x01x\x05Int64" + (7).to_bytes(8, "little")
"""The native format: one column, one row, its name and type, and 7."""

_EMPTY = b"\x00\x00"


class Fake(ThreadingHTTPServer):
    daemon_threads = True
    version = "26.9.2.1"
    status, code, body = 200, 0, _ROWS
    length: int | None = None  # that is told, where it is not the body's
    pause_seconds = 0.0
    asked: list[str]
    left: threading.Event


class _Handler(BaseHTTPRequestHandler):
    server: Fake
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fake, status, code, length = self.server, 200, 0, None
        fake.asked.append(self.path + body.decode(errors="replace"))
        if b"SELECT version()" in body or "version%28%29" in self.path:
            answer = f"{fake.version}\tUTC\n".encode()
        elif b"system.settings" in body:
            answer = _EMPTY
        else:
            self._pause(fake)
            status, code, answer, length = fake.status, fake.code, fake.body, fake.length
        self.send_response(status)
        if code:
            self.send_header("X-ClickHouse-Exception-Code", str(code))
        self.send_header("Content-Length", str(len(answer) if length is None else length))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(answer)
        self.close_connection = length is not None

    def _pause(self, fake: Fake) -> None:
        """Until the client goes, at most."""
        if fake.pause_seconds:
            there, _, _ = select.select([self.connection], [], [], fake.pause_seconds)
            if there and not self.connection.recv(1, socket.MSG_PEEK):
                fake.left.set()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def fake(settings: Any) -> Iterator[Fake]:
    with Fake(("127.0.0.1", 0), _Handler) as server:
        server.asked, server.left = [], threading.Event()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings.CLICKHOUSE_URL = f"http://ann:se%3Acret@127.0.0.1:{server.server_address[1]}"
        settings.CLICKHOUSE_FILES = "/columns"
        close_client()
        yield server
        close_client()
        server.shutdown()


def fail(seconds: float = 5.0) -> str:
    with pytest.raises(ClickHouseError) as raised:
        read_rows("SELECT 1", {}, {}, {}, seconds)
    return raised.value.reason


def test_rows_are_read_within_the_caps_of_a_question(fake: Fake, settings: Any) -> None:
    settings.CLICKHOUSE_MEMORY_MB, settings.CLICKHOUSE_THREADS = 100, 3

    assert read_rows("SELECT 7 AS x", {}, {"join_use_nulls": 1}, {}, 3.2) == (("x",), [(7,)])
    asked = fake.asked[-1]
    for part in (
        "max_execution_time=3", "max_memory_usage=104857600", "max_threads=3",
        "max_result_rows=250000", "max_result_bytes=67108864", "readonly=2", "join_use_nulls=1",
        "cancel_http_readonly_queries_on_client_close=1",
    ):  # fmt: skip
        assert part in asked


@pytest.mark.parametrize(
    ("code", "text", "reason"),
    [
        (159, "Timeout exceeded", "time"),
        (241, "Query memory limit exceeded: would use 4 GiB", "memory"),
        (241, "(total) memory limit exceeded", "busy"),
        (202, "Too many simultaneous queries", "busy"),
        (516, "Authentication failed", "refused"),
        (164, "Cannot modify setting in readonly mode", "refused"),
        (452, "Setting max_memory_usage shouldn't be greater than", "refused"),
        (396, "Limit for result exceeded", "memory"),
        (191, "Limit for IN-set exceeded", "memory"),
        (499, "S3 says no", "files"),
        (427, "OptimizedRegularExpression", "pattern"),
        (46, "Function with name `nope` does not exist", "failed"),
    ],
)
def test_what_it_says_is_told_apart(fake: Fake, code: int, text: str, reason: str) -> None:
    fake.status, fake.code = 500, code
    fake.body = f"Code: {code}. DB::Exception: {text}".encode()

    assert fail() == reason


@pytest.mark.parametrize(
    "body", [b"<html>it is a proxy</html>", b"\x01\x05\x01x\x05Int64\x00", b"\x01"]
)
def test_an_answer_that_is_none_is_no_answer(fake: Fake, body: bytes) -> None:
    fake.body = body

    assert fail() == "gone"


def test_half_an_answer_is_none(fake: Fake) -> None:
    fake.length = len(_ROWS) + 100

    assert fail() == "gone"


def test_an_error_in_the_middle_of_rows_is_none(fake: Fake) -> None:
    fake.body = _ROWS + b"Code: 241. DB::Exception: (total) memory limit exceeded"

    assert fail() in ("gone", "busy")


def test_one_that_does_not_answer_is_not_waited_for(fake: Fake, settings: Any) -> None:
    settings.QUERY_TIMEOUT_SECONDS, fake.pause_seconds = 0.2, 30.0

    assert fail(0.2) == "gone"


def test_whoever_is_not_waited_for_hears_that_nobody_waits(fake: Fake, settings: Any) -> None:
    """The connection is closed, at which ClickHouse ends the statement."""
    settings.QUERY_TIMEOUT_SECONDS, fake.pause_seconds = 0.2, 30.0
    fail(0.2)

    assert fake.left.wait(10)


def test_one_that_is_not_there_is_told(settings: Any) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        settings.CLICKHOUSE_URL = f"http://127.0.0.1:{free.getsockname()[1]}"
    close_client()

    assert fail() == "gone"


@pytest.mark.parametrize("version", ["18.16.1", "26.8.99.1", "what"])
def test_an_older_one_is_not_asked(fake: Fake, version: str) -> None:
    fake.version = version

    assert fail() == "version"


def test_what_a_question_is_told(fake: Fake, project: TestProject) -> None:
    """Nothing is made anew, and DuckDB does not answer in its place."""
    store_events(project, [{"path": "/"}])
    export_project(project.id)
    asker = Asker(project.id, datetime.now(UTC), parse_zone("UTC"), leaves_out_bots=True)
    query = parse_table_query(b'{"metrics": ["events"], "period": "7d"}', asker)
    told = []
    for fake.code in (159, 241, 202, 516, 499, 46):
        fake.status, fake.body = 500, f"Code: {fake.code}. DB::Exception: x".encode()
        with pytest.raises(Problem) as raised:
            ColumnsAnswerSource().answer_table(query)
        told.append((raised.value.status, raised.value.code))

    assert told == [
        (400, "query_timeout"),
        (400, "query_too_large"),
        (503, "query_busy"),
        (503, "clickhouse_unavailable"),
        (503, "columns_unavailable"),
        (503, "query_failed"),
    ]


def test_the_doctor_says_what_is_wrong(fake: Fake) -> None:
    fake.version = "18.16.1"
    [finding] = check_clickhouse()

    assert "18.16.1" in finding.what
    assert "newer" in finding.advice
