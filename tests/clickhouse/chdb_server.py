"""The engine of ClickHouse, as chDB has it, behind the part of its HTTP interface that is used.

A program of its own, in an environment of its own (`make test-clickhouse`): chDB hangs in a forked
child, and takes 300 MB that nothing else needs. Without arguments it listens on a free port of
127.0.0.1, which it tells in its first line, and ends when its standard input does.

What is ClickHouse's own here: SQL, functions, Parquet, formats, parameters, settings and errors.
What is played: HTTP, users, external data (a temporary table out of the file), and that somebody
looks whether the client is still there; how a statement then ends is ClickHouse's own.
"""

import contextlib
import json
import os
import re
import select
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import chdb

USER, PASSWORD = "reader", "let me read"
"""The one user, beside `default` with no password."""

_OF_HTTP = {
    "query", "database", "query_id", "session_id", "session_timeout", "session_check", "compress",
    "decompress", "wait_end_of_query", "client_protocol_version", "default_format", "user",
    "send_progress_in_http_headers", "http_headers_progress_interval_ms", "password",
    "enable_http_compression", "buffer_size",
}  # fmt: skip
_FORMAT = re.compile(r"\sFORMAT\s+(\w+)\s*$")
_CODE = re.compile(r"Code: (\d+)\.")

_root = Path(tempfile.mkdtemp(prefix="chdb-"))
_held = chdb.connect(str(_root / "engine"))  # or the engine ends with its last connection
_at_once = threading.Lock()  # one handle is made, and one statement run, at a time


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if urlsplit(self.path).path == "/ping":
            self._answer(200, b"Ok.\n")
        else:
            self.do_POST()

    def do_POST(self) -> None:
        given = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        files: dict[str, bytes] = {}
        kind = self.headers.get("Content-Type", "")
        if kind.startswith("multipart/form-data"):
            texts, files = _split_form(body, kind.partition("boundary=")[2].strip('"'))
            given |= texts
            body = b""
        user = (self.headers.get("X-ClickHouse-User") or _basic(self.headers)).partition(":")
        statement = given.get("query", "") + body.decode()
        if (user[0], user[2]) not in ((USER, PASSWORD), ("default", "")):
            self._fail("Code: 516. DB::Exception: Authentication failed. (AUTHENTICATION_FAILED)")
            return
        try:
            with _at_once, self._looked_after(given):
                answer = _run(statement, given, files)
        except Exception as exc:
            self._fail(str(exc))
            return
        self._answer(200, answer[0], {"X-ClickHouse-Format": answer[1]})

    @contextlib.contextmanager
    def _looked_after(self, given: dict[str, str]) -> Iterator[None]:
        """Where it is asked for, the statement within ends when the client goes."""
        if given.get("cancel_http_readonly_queries_on_client_close") != "1":
            yield
            return
        given["log_comment"] = os.urandom(8).hex()
        done, is_done = socket.socketpair()

        def look() -> None:
            there, _, _ = select.select([self.connection, is_done], [], [])
            if is_done not in there and not self.connection.recv(1, socket.MSG_PEEK):
                _held.query(f"KILL QUERY WHERE Settings['log_comment'] = '{given['log_comment']}'")

        looking = threading.Thread(target=look)
        looking.start()
        try:
            yield
        finally:
            done.close()
            looking.join()
            is_done.close()

    def _fail(self, text: str) -> None:
        at = text.find("Code: ")
        found = _CODE.search(text)
        code = found[1] if found else "1001"
        self._answer(403 if code == "516" else 500, text[max(at, 0) :].encode(), {
            "X-ClickHouse-Exception-Code": code
        })  # fmt: skip

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("X-ClickHouse-Summary", json.dumps({"read_rows": "0"}))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


def _basic(headers: Any) -> str:
    import base64

    kind, _, token = headers.get("Authorization", "").partition(" ")
    return base64.b64decode(token).decode() if kind == "Basic" else "default:"


def _split_form(body: bytes, boundary: str) -> tuple[dict[str, str], dict[str, bytes]]:
    texts: dict[str, str] = {}
    files: dict[str, bytes] = {}
    for part in body.split(f"--{boundary}".encode())[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        content = content.removesuffix(b"\r\n")
        name = re.search(rb'; name="([^"]*)"', head)
        assert name
        if b"filename=" in head:
            files[name[1].decode()] = content
        else:
            texts[name[1].decode()] = content.decode()
    return texts, files


def _run(statement: str, given: dict[str, str], files: dict[str, bytes]) -> tuple[bytes, str]:
    found = _FORMAT.search(statement)
    form = found[1] if found else given.get("default_format", "TabSeparated")
    if found:
        statement = statement[: found.start()]
    described = {f"{name}_{what}" for name in files for what in ("format", "structure", "types")}
    settings = {
        name: value
        for name, value in given.items()
        if not name.startswith("param_") and name not in _OF_HTTP and name not in described
    }
    parameters = {
        name.removeprefix("param_"): value
        for name, value in given.items()
        if name.startswith("param_")
    }
    connection = chdb.connect(str(_root / "engine"))
    written = []
    try:
        for name, content in files.items():
            path = _root / f"{name}-{os.urandom(8).hex()}"
            path.write_bytes(content)
            written.append(path)
            structure = given[f"{name}_structure"].replace("'", "\\'")
            connection.query(
                f"CREATE TEMPORARY TABLE {name} AS SELECT * FROM "
                f"file('{path}', '{given[f'{name}_format']}', '{structure}')"
            )
        if settings:
            connection.query(f"SET {', '.join(map(_assign, settings.items()))}")
        answer = connection.query(statement, form, params=parameters)
        return answer.bytes(), form
    finally:
        connection.close()
        for path in written:
            path.unlink()


def _assign(setting: tuple[str, str]) -> str:
    name, value = setting
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"{name} = '{escaped}'"


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()
    server.shutdown()
    _held.close()
    __import__("shutil").rmtree(_root, ignore_errors=True)


if __name__ == "__main__":
    main()
