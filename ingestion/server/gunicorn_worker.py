"""gunicorn's gevent worker, with a short way for the requests that take the load.

For a hot path this worker makes the environ that its view needs and sends head and body in one
write. The first request of a connection goes through the strict parser; those that follow are
parsed here as long as they are plain (`plain_request.py`). What answers anything but a hot path
is gunicorn's own.
"""

import errno
import socket
from io import BytesIO
from wsgiref.types import WSGIEnvironment

import gevent
from gevent.event import Event
from gunicorn.http.errors import NoMoreData
from gunicorn.util import close, close_graceful
from gunicorn.workers.ggevent import GeventWorker

from ingestion.server.connections import Connection, Connections
from ingestion.server.gunicorn_types import Address, Body, Listener, Request
from ingestion.server.plain_request import parse_head
from ingestion.server.serving import serve
from ingestion.server.sockets import count_files, read_soon, send
from ingestion.server.strict_request import StrictParser
from ingestion.server.turns import Turns
from ingestion.server.wire_answer import Answer, render_answer

_KIBIBYTE = 1024
_MAX_PLAIN_BYTES = 1_100 * _KIBIBYTE  # no hot path takes more
# What a refusal left unread of a body, up to this much, is taken off the wire so that the
# connection can be kept. gunicorn would take off any amount, a KiB at a time: 90 ms of this
# process per MiB, enough for a client without a key to stop the service.
_MAX_DISCARDED_BYTES = 64 * _KIBIBYTE
# A client that still sends gets this long to read its answer before the connection is reset.
_LINGER_SECONDS = 2.0
_MAX_LINGER_BYTES = 2048 * _KIBIBYTE
# Clients that hang up, or have been cut off.
_GONE = (errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN, errno.EBADF)
_FILES_KEPT_FREE = 128  # for Redis, MongoDB, logs


class Worker(GeventWorker):  # type: ignore[misc]
    """Serves what `HotPath` knows of without gunicorn's environ and response objects."""

    alive: bool

    def init_process(self) -> None:
        self._told = Event()  # to stop
        super().init_process()

    def run(self) -> None:
        # gunicorn stops accepting where its pool is full: some room is left for who comes then.
        most = min(self.worker_connections, count_files() - _FILES_KEPT_FREE)
        most_per_address = max(1, self.worker_connections // 4)
        self.connections = Connections(max(1, most * 19 // 20), most_per_address)
        self.turns = Turns(self.wsgi, self._note_served)
        if not serve(self, self._told, self.connections.end_idle):
            self.log.warning("Not all was answered in the time that a stop has (pid:%s)", self.pid)

    def handle_exit(self, sig: int, frame: object) -> None:
        super().handle_exit(sig, frame)
        self._told.set()

    def handle(self, listener: Listener, client: socket.socket, addr: Address) -> None:
        """A client that does not read its answer is given up, as is one that sends no request."""
        connection = Connection(client, self.wsgi.find_address(addr), self.cfg.keepalive + 1)
        try:
            self._note_dropped(self.connections.enter(connection), "full")
            self._serve(connection, listener.getsockname(), client, addr)
        except (StopIteration, NoMoreData, TimeoutError, gevent.GreenletExit):
            pass
        except OSError as error:
            if error.errno not in _GONE:
                self.log.exception("Socket error processing request.")
        except BaseException as error:
            self.handle_error(None, client, addr, error)
        finally:
            self.connections.leave(connection)
            close(client)

    def _serve(
        self, connection: Connection, listener_name: Address, client: socket.socket, addr: Address
    ) -> None:
        parser = StrictParser(self.cfg, connection, addr)
        while True:
            connection.expect_head(self.wsgi.head_timeout_seconds)
            self._note_dropped(self.connections.begin_asking(connection), "address")
            try:
                request = next(parser)
            except TimeoutError as error:
                if connection.has_begun:
                    connection.idle_since = 0.0  # it lingers, and goes before any other
                    self.handle_error(None, client, addr, error)
                return
            finally:
                self.connections.end_asking(connection)
            self.handle_request(listener_name, request, client, addr)
            if request.should_close():
                return
            if not connection.buf.tell():
                connection.unread(connection.await_request())

    def _note_dropped(self, dropped: Connection | None, reason: str) -> None:
        if dropped is not None:
            self.wsgi.note_dropped(reason)

    def handle_error(
        self, req: Request | None, client: socket.socket, addr: Address, exc: BaseException
    ) -> None:
        try:
            client.sendall(self.wsgi.render_error(exc))
        except OSError:
            return
        close_graceful(client, _LINGER_SECONDS, _MAX_LINGER_BYTES)

    def handle_request(
        self, listener_name: Address, req: Request, sock: socket.socket, addr: Address
    ) -> bool:
        unread_bytes = getattr(req.body.reader, "length", None)  # None: chunked
        if unread_bytes is None or unread_bytes > req.unreader.buf.tell():
            req.unreader.expect_body(self.wsgi.body_timeout_seconds)
        try:
            self._handle_request(listener_name, req, sock, addr)
            if self._may_be_plain(req, addr):
                self._serve_what_follows(req, sock, addr)
        except TimeoutError:
            raise StopIteration from None
        return True

    def _handle_request(
        self, listener_name: Address, req: Request, sock: socket.socket, addr: Address
    ) -> None:
        hot = self.wsgi
        is_plain = not req._expected_100_continue and hot.is_hot(req.path, req.method)
        if not is_plain or not isinstance(addr, tuple):
            try:
                super().handle_request(listener_name, req, sock, addr)
            finally:
                if _is_left_unread(req.body):
                    _hang_up(req, sock)
            return
        answer = self._answer(_make_environ(req, addr))
        unread = _is_left_unread(req.body)
        closes = unread or req.body.failed or not self.alive or req.should_close()
        send(sock, render_answer(req.version, answer, closes=closes, has_body=req.method != "HEAD"))
        if unread:
            _hang_up(req, sock)
        if closes:
            raise StopIteration

    def _serve_what_follows(self, req: Request, sock: socket.socket, addr: Address) -> None:
        """The requests after `req` for as long as they are plain."""
        rest: bytes | None = req.unreader.take_buffered()
        path, seat = req.path, None
        while rest is not None:
            if path in self.wsgi.in_turns and isinstance(addr, tuple) and not self.cfg.is_ssl:
                seat = seat or self.turns.make_seat(req.unreader, addr)
                rest = self.turns.serve(seat, rest, self.cfg.keepalive + 1)
            else:
                rest = rest or req.unreader.await_request()
            path, rest = self._serve_plain(rest, req, sock, addr)

    def _may_be_plain(self, req: Request, addr: Address) -> bool:
        """Whether what follows `req` may be parsed here."""
        told_by_proxy = bool(self.cfg.secure_scheme_headers)
        return isinstance(addr, tuple) and not told_by_proxy and _is_read_whole(req.body)

    def _serve_plain(
        self, data: bytes, req: Request, sock: socket.socket, addr: Address
    ) -> tuple[str, bytes | None]:
        """Serve the request that begins `data`, if it is plain and soon here: path, what follows.

        If not, None: the strict parser goes on with these bytes after `req`, its last.
        """
        if not data:
            raise StopIteration
        head = parse_head(data, self.wsgi.plain_lines)
        if head and len(data) < head.end <= _MAX_PLAIN_BYTES:
            data += read_soon(sock, head.end - len(data))
        if head is None or len(data) < head.end:
            req.unreader.unread(data)
            return "", None
        environ = head.environ | {
            "REMOTE_ADDR": addr[0],
            "wsgi.url_scheme": "https" if self.cfg.is_ssl else "http",
            "wsgi.input": BytesIO(data[head.body_begin : head.end]),
        }
        answer = self._answer(environ)
        closes = not self.alive
        send(sock, render_answer((1, 1), answer, closes=closes))
        if closes:
            raise StopIteration
        if answer[1].status_code >= 400:
            gevent.sleep(0)  # it waited for nothing: the others take turns with it
        return environ["PATH_INFO"], data[head.end :]

    def _answer(self, environ: WSGIEnvironment) -> Answer:
        self._note_served()
        answer: Answer = self.wsgi.answer(environ)
        return answer

    def _note_served(self) -> bool:
        """Count a request; whether this process has served its last one."""
        self.nr += 1
        if self.nr >= self.max_requests and self.alive:
            self.log.info("Autorestarting worker after current request.")
            self.alive = False
        return not self.alive


def _is_left_unread(body: Body) -> bool:
    """Whether so much of a body is still to come that the connection is not worth it."""
    reader = body.reader
    unread_bytes: int = getattr(reader, "length", 0)
    return unread_bytes > _MAX_DISCARDED_BYTES or getattr(reader, "parser", None) is not None


def _is_read_whole(body: Body) -> bool:
    """Whether the next byte of the connection is of another request."""
    reader = body.reader
    unread_bytes: int = getattr(reader, "length", 0)
    return not (body.failed or unread_bytes or getattr(reader, "parser", None))


def _hang_up(req: Request, sock: socket.socket) -> None:
    req.body.failed = True  # gunicorn's sign that no other request follows
    close_graceful(sock, _LINGER_SECONDS, _MAX_LINGER_BYTES)


def _make_environ(req: Request, addr: tuple[str, int]) -> WSGIEnvironment:
    """The part of a WSGI environ that the hot views read; repeated headers are joined."""
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": req.method,
        "PATH_INFO": req.path,
        "REMOTE_ADDR": addr[0],
        "wsgi.url_scheme": req.scheme,
        "wsgi.input": req.body,
        "wsgi.input_terminated": True,
    }
    if req.query:
        environ["QUERY_STRING"] = req.query
    for name, value in req.headers:
        if name == "CONTENT-TYPE" or name == "CONTENT-LENGTH":
            environ[name.replace("-", "_")] = value
            continue
        key = "HTTP_" + name.replace("-", "_")
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    return environ
