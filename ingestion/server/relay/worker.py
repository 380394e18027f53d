"""gunicorn's worker of either kind: one that accepts, or one that answers what is relayed to it.

Imported by gunicorn's master, before gevent patches and before Django is loaded.
"""

import select
import socket
import sys
from io import BytesIO
from typing import Any
from wsgiref.types import WSGIApplication, WSGIEnvironment

from gevent import monkey
from gevent.select import poll
from gevent.socket import socket as gevent_socket
from gunicorn.util import close

from analytics.web.asker import asked_by
from ingestion.server.crew import Crew
from ingestion.server.gunicorn_types import Address, Listener, Request
from ingestion.server.gunicorn_worker import Worker as AcceptingWorker
from ingestion.server.relay.frames import (
    BLOCK,
    BLOCK_BYTES,
    END,
    HEAD,
    READY,
    FileBlocks,
    RelayedHead,
    RelayedRequest,
    decode_request,
    encode,
    make_frame,
    read_frame,
    split_blocks,
)

# The request has been sent as this connection was made; an answer waits for its reader.
_REQUEST_SECONDS = 10.0
_ANSWER_SECONDS = 120.0


class Worker(AcceptingWorker):
    """`worker_kinds.py` says before the fork which kind it is, and what it listens to."""

    is_reporting = False

    def patch(self) -> None:
        """Only what the master left out for itself when it patched (`config/gunicorn.py`)."""
        monkey.patch_os()
        monkey.patch_signal()
        self.sockets: list[Any] = [
            gevent_socket(listener.FAMILY, socket.SOCK_STREAM, fileno=listener.sock.detach())
            for listener in self.sockets
        ]

    def init_process(self) -> None:
        self._crew = Crew()
        super().init_process()

    def handle(self, listener: Listener, client: socket.socket, addr: Address) -> None:
        if not self.is_reporting:
            super().handle(listener, client, addr)
            return
        try:
            client.settimeout(_REQUEST_SECONDS)
            client.sendall(make_frame(READY))
            _, content = read_frame(client)
            if not _has_left(client):
                self._note_request()
                client.settimeout(_ANSWER_SECONDS)
                request = decode_request(content)
                self._crew.run(lambda: answer_relayed(self.wsgi, request, client))
        except OSError as exc:
            self.log.debug("The accepting process has left: %r", exc)
        except Exception:
            self.log.exception("A relayed request failed")
        finally:
            close(client)

    def _handle_request(
        self, listener_name: Address, req: Request, sock: socket.socket, addr: Address
    ) -> None:
        """Hang up where it was told to stop meanwhile: a report may take long."""
        super()._handle_request(listener_name, req, sock, addr)
        if not self.alive:
            raise StopIteration

    def _note_request(self) -> None:
        self.nr += 1
        if self.nr >= self.max_requests and self.alive:
            self.log.info("Autorestarting worker after current request.")
            self.alive = False


def _has_left(client: socket.socket) -> bool:
    """Whether the accepting process waits no more: it has nothing else to send."""
    if client.fileno() < 0:
        return True
    poller = poll()
    poller.register(client, select.POLLIN)
    return bool(poller.poll(0))


def answer_relayed(
    application: WSGIApplication, request: RelayedRequest, client: socket.socket
) -> None:
    """Let a WSGI application answer, and send what it says as it comes.

    While it works it may ask whether anybody waits for that (analytics/web/asker.py).
    """
    head: list[RelayedHead] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], exc_info: object = None
    ) -> Any:  # the old way to write a body, which Django does not use
        head[:] = [RelayedHead(status, headers)]

    with asked_by(lambda: _has_left(client)):
        blocks = application(_make_environ(request), start_response)
    try:
        said = make_frame(HEAD, encode(head[0]))
        for content in blocks:
            for block in split_blocks(content):
                said += make_frame(BLOCK, block)
                if len(said) >= BLOCK_BYTES:
                    client.sendall(said)
                    said = b""
        client.sendall(said + make_frame(END))  # most answers go at once: the other wakes once
    finally:
        if hasattr(blocks, "close"):
            blocks.close()


def _make_environ(request: RelayedRequest) -> WSGIEnvironment:
    return {
        **request.environ,
        "wsgi.version": (1, 0),
        "wsgi.input": BytesIO(request.body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.file_wrapper": FileBlocks,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
