"""Servers that webhooks are sent to: on real sockets of 127.0.0.1, with TLS, kind and hostile."""

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

HOST = "hooks.example"

# Takes the connection and what was asked, and answers it.
Answer = Callable[[ssl.SSLSocket, bytes], None]


def make_certificate(folder: Path) -> Path:
    """A key and a certificate of its own for HOST, and for this machine, in one file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl to make a certificate with")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        [
            openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj", f"/CN={HOST}",
            "-addext", f"subjectAltName=DNS:{HOST},IP:127.0.0.1",
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    both = folder / "both.pem"
    both.write_bytes(key.read_bytes() + certificate.read_bytes())
    return both


class Hook:
    """A server that keeps what it was asked; `answer` is how it behaves."""

    def __init__(self, certificate: Path, answer: Answer) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._context.sni_callback = self._take_name
        self._answer = answer
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.requests: list[bytes] = []
        self.names: list[str | None] = []
        self.connections = 0
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}/in"

    def serve(self) -> None:
        while True:
            try:
                plain, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(plain,), daemon=True).start()

    def close(self) -> None:
        self.closing.set()
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _take_name(self, _: ssl.SSLObject, name: str, __: ssl.SSLContext) -> None:
        self.names.append(name)

    def _talk(self, plain: socket.socket) -> None:
        with suppress(OSError), plain:
            plain.settimeout(20)
            with self._context.wrap_socket(plain, server_side=True) as connection:
                request = read_request(connection)
                self.requests.append(request)
                self._answer(connection, request)


def read_request(connection: ssl.SSLSocket) -> bytes:
    came = b""
    while b"\r\n\r\n" not in came:
        came += receive(connection)
    head, _, body = came.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    while len(body) < length:
        body += receive(connection)
    return head + b"\r\n\r\n" + body


def receive(connection: ssl.SSLSocket) -> bytes:
    """Raises ConnectionError when whoever asks has left: else a thread would wait on for ever, and
    keep a processor busy."""
    if part := connection.recv(4096):
        return part
    raise ConnectionError


def say(text: str) -> Answer:
    return lambda connection, _: connection.sendall(text.encode())


@contextmanager
def listening(certificate: Path, answer: Answer) -> Iterator[Hook]:
    hook = Hook(certificate, answer)
    thread = threading.Thread(target=hook.serve)
    thread.start()
    try:
        yield hook
    finally:
        hook.close()
        thread.join(timeout=10)
