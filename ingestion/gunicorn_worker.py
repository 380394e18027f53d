"""gunicorn's gevent worker, with a short way for the requests that take the load.

gunicorn parses and keeps the connection; for a hot path this worker makes the environ that its
view needs and sends head and body in one write. Everything else is gunicorn's own.
"""

import time
from typing import Any

from gunicorn.workers.ggevent import GeventWorker

_CLOSE_AFTER = (413,)  # the body is still to come and nobody wants it


class Worker(GeventWorker):  # type: ignore[misc]
    """Serves what `HotPath` knows of without gunicorn's environ and response objects."""

    alive: bool

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> Any:
        hot = self.wsgi
        plain = isinstance(addr, tuple) and not req._expected_100_continue
        if not plain or not hot.is_hot(req.path) or req.proxy_protocol_info:
            return super().handle_request(listener_name, req, sock, addr)
        self.nr += 1
        if self.nr >= self.max_requests and self.alive:
            self.log.info("Autorestarting worker after current request.")
            self.alive = False
        status_line, response, headers = hot.answer(_make_environ(req, addr))
        closes = not self.alive or response.status_code in _CLOSE_AFTER or req.should_close()
        content = response.content
        head = [
            f"HTTP/{req.version[0]}.{req.version[1]} {status_line}",
            f"Date: {_http_date()}",
            f"Connection: {'close' if closes else 'keep-alive'}",
            f"Content-Length: {len(content)}",
        ]
        head += [f"{name}: {value}" for name, value in headers if name != "Content-Length"]
        head.append("\r\n")
        body = b"" if req.method == "HEAD" else content
        sock.sendall("\r\n".join(head).encode("latin-1") + body)
        if closes:
            raise StopIteration
        return True


def _make_environ(req: Any, addr: tuple[str, int]) -> dict[str, Any]:
    """The part of a WSGI environ that the hot views read; repeated headers are joined."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": req.method,
        "PATH_INFO": req.path,
        "REMOTE_ADDR": addr[0],
        "wsgi.input": req.body,
        "wsgi.input_terminated": True,
    }
    for name, value in req.headers:
        if name == "CONTENT-TYPE" or name == "CONTENT-LENGTH":
            environ[name.replace("-", "_")] = value
            continue
        key = "HTTP_" + name.replace("-", "_")
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    return environ


_date = (0, "")


def _http_date() -> str:
    """The Date header (RFC 9110, section 5.6.7), made once a second."""
    global _date
    now = int(time.time())
    if _date[0] != now:
        _date = (now, time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(now)))
    return _date[1]
