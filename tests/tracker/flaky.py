"""A network between pages and the service that drops, resets, delays and doubles, as told.

It takes a request whole, so that what becomes of it is one decision: of the request on its way, or
of the answer on its way back.
"""

import http.client
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from typing import Any

ANSWER_TIMEOUT_SECONDS = 30.0
LONGEST_DELAY_SECONDS = 0.4
PASS, DROP, RESET, LOSE, DELAY, TWICE, DOUBLE, GATEWAY = (
    "pass", "drop", "reset", "lose the answer", "delay", "send twice", "answer twice", "502",
)  # fmt: skip
FAULTS = (DROP, RESET, LOSE, DELAY, TWICE, DOUBLE, GATEWAY)
_OF_A_HOP = ("connection", "keep-alive", "transfer-encoding", "content-length", "date", "server")


class FlakyNetwork:
    """Listens at `port`; `ratio` is the part of the requests that meet with a fault."""

    def __init__(self, target_port: int, seed: int) -> None:
        self.ratio = 0.0
        self.seen: Counter[str] = Counter()
        self._random = random.Random(seed)
        self._faults = cycle(FAULTS)  # few requests, and each fault is met with
        self._mutex = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _make_handler(self, target_port))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def port(self) -> int:
        return self._server.server_port

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def choose(self) -> tuple[str, float]:
        """What becomes of the next request, and how long it takes."""
        with self._mutex:
            is_bad = self._random.random() < self.ratio
            fault = next(self._faults) if is_bad else PASS
            self.seen[fault] += 1
            return fault, self._random.random() * LONGEST_DELAY_SECONDS


def _make_handler(network: FlakyNetwork, target_port: int) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(*self._ask(b""))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            fault, delay_seconds = network.choose()
            if fault == DROP:
                self.close_connection = True
            elif fault == RESET:
                self._reset()
            elif fault == GATEWAY:
                self._answer(502, {}, b"")
            else:
                self._pass_on(body, fault, delay_seconds)

        def _pass_on(self, body: bytes, fault: str, delay_seconds: float) -> None:
            """The request arrives; what its sender hears of it is another matter."""
            if fault == DELAY:
                time.sleep(delay_seconds)
            answer = self._ask(body)
            if fault == TWICE:
                answer = self._ask(body)
            if fault == LOSE:
                self._reset()
            else:
                self._answer(*answer, times=2 if fault == DOUBLE else 1)

        def _ask(self, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
            connection = http.client.HTTPConnection(
                "127.0.0.1", target_port, timeout=ANSWER_TIMEOUT_SECONDS
            )
            connection.request(self.command, self.path, body, dict(self.headers.items()))
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            return answer.status, dict(answer.getheaders()), content

        def _answer(
            self, status: int, headers: Mapping[str, str], content: bytes, times: int = 1
        ) -> None:
            for _ in range(times):
                self.send_response(status)
                for name, value in headers.items():
                    if name.lower() not in _OF_A_HOP:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                if times > 1:  # else the second is taken for the answer to the next request
                    self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(content)

        def _reset(self) -> None:
            self.close_connection = True
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()

        def handle(self) -> None:
            try:
                super().handle()
            except (OSError, ValueError, http.client.HTTPException):
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler
