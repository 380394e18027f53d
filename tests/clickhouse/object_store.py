"""A folder as an object store has it: what ClickHouse asks of S3 to read named objects, no more."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

BUCKET = "bucket"


class Store(ThreadingHTTPServer):
    daemon_threads = True
    root: Path
    asked: list[str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{BUCKET}"


class _Handler(BaseHTTPRequestHandler):
    server: Store
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        key = unquote(url.path).removeprefix(f"/{BUCKET}").lstrip("/")
        self.server.asked.append(f"{self.command} {key}")
        path = self.server.root / key
        if not path.is_file():
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        else:
            self._send(path.read_bytes())

    def _send(self, content: bytes) -> None:
        unit, _, span = self.headers.get("Range", "").partition("=")
        if unit != "bytes":
            self._answer(200, content)
            return
        first, _, last = span.partition("-")
        start, end = int(first), min(int(last or len(content)), len(content) - 1)
        part = content[start : end + 1]
        self._answer(206, part, {"Content-Range": f"bytes {start}-{end}/{len(content)}"})

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"ETag": '"x"', "Accept-Ranges": "bytes", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@contextmanager
def object_store(root: Path) -> Iterator[Store]:
    with Store(("127.0.0.1", 0), _Handler) as server:
        server.root, server.asked = root, []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
