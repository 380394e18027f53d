"""A proxy in front of the service that treats the first requests badly, and then does its work."""

import http.client
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from local.process.ports import LOOPBACK

_WAIT_SECONDS = 30.0
_HOPS = ("connection", "keep-alive", "transfer-encoding", "content-length")
_CLOSE_WITH_RESET = struct.pack("ii", 1, 0)


class Fault(StrEnum):
    """What becomes of a request."""

    UNAVAILABLE = "503"
    TOO_MANY = "429"
    RESET = "reset"  # before the service has it
    LOST = "lost"  # the service has it, and the connection breaks before the answer
    SILENT = "silent"  # the service has it, and nothing comes until the client hangs up


@dataclass(frozen=True)
class Exchange:
    """A request as it came, and the status that the client saw; None: no answer."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    status: int | None


class UnreliableProxy(ThreadingHTTPServer):
    """Requests that `spoils` names meet the `faults`, one each; all others reach the service."""

    daemon_threads = True

    def __init__(
        self, upstream_port: int, faults: Iterable[Fault], spoils: Callable[[str, str], bool]
    ) -> None:
        super().__init__((LOOPBACK, 0), _Handler)
        self.upstream_port = upstream_port
        self.exchanges: list[Exchange] = []
        self._faults = list(faults)
        self._spoils = spoils
        self._mutex = threading.Lock()

    @property
    def address(self) -> str:
        return f"http://{LOOPBACK}:{self.server_port}"

    @property
    def faults_left(self) -> list[Fault]:
        return list(self._faults)

    def next_fault(self, method: str, path: str) -> Fault | None:
        with self._mutex:
            return self._faults.pop(0) if self._faults and self._spoils(method, path) else None

    def note(self, exchange: Exchange) -> None:
        with self._mutex:
            self.exchanges.append(exchange)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is what this is for."""


def is_sending(method: str, path: str) -> bool:
    return method == "POST"


@contextmanager
def unreliable(
    upstream_port: int,
    faults: Iterable[Fault] = (),
    spoils: Callable[[str, str], bool] = is_sending,
) -> Iterator[UnreliableProxy]:
    with UnreliableProxy(upstream_port, faults, spoils) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _WAIT_SECONDS
    server: UnreliableProxy

    def _handle(self) -> None:
        body = self._read_body()
        path = self.path.partition("?")[0]
        fault = self.server.next_fault(self.command, path)
        status: int | None = None
        if fault in (Fault.UNAVAILABLE, Fault.TOO_MANY):
            status = int(fault)
            self._note(body, status)
            self._refuse(status)
        elif fault is Fault.RESET:
            self._note(body, None)
            self._reset()
        else:
            status, headers, answer = self._forward(body)
            self._note(body, status if fault is None else None)
            if fault is None:
                self._answer(status, headers, answer)
            elif fault is Fault.LOST:
                self._reset()
            else:
                self._wait_for_client()

    do_GET = do_POST = do_OPTIONS = do_HEAD = _handle

    def _note(self, body: bytes, status: int | None) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.note(Exchange(self.command, self.path, headers, body, status))

    def _read_body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(chunks)

    def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        """Chunked where it came so: the service has to read what the client sends."""
        chunked = "Transfer-Encoding" in self.headers
        headers = {name: text for name, text in self.headers.items() if name.lower() not in _HOPS}
        headers |= {"Transfer-Encoding": "chunked"} if chunked else {}
        if not chunked and (body or self.command == "POST"):
            headers["Content-Length"] = str(len(body))
        connection = http.client.HTTPConnection(
            LOOPBACK, self.server.upstream_port, timeout=_WAIT_SECONDS
        )
        try:
            sent = iter([body]) if chunked else body
            connection.request(self.command, self.path, sent, headers, encode_chunked=chunked)
            response = connection.getresponse()
            return response.status, response.getheaders(), response.read()
        finally:
            connection.close()

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in _HOPS:
                self.send_header(name, value)
        if status >= 200 and status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _refuse(self, status: int) -> None:
        body = b'{"code":%d,"detail":"Not now."}' % status
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Retry-After", "1")
        self.send_header("Access-Control-Allow-Origin", self.headers.get("Origin", "*"))
        self.send_header("Access-Control-Expose-Headers", "Retry-After")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _CLOSE_WITH_RESET)
        self.connection.close()
        self.close_connection = True

    def _wait_for_client(self) -> None:
        self.connection.recv(1)
        self.close_connection = True

    def log_message(self, format: str, *arguments: object) -> None:
        """The exchanges are the log."""
