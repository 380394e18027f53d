"""An answer of the hot paths as it goes out, in one piece."""

import time
from typing import Protocol

from gunicorn import util


class Response(Protocol):
    """What we use of Django's, which is not loaded yet when this is, and of a Reply."""

    status_code: int

    @property
    def content(self) -> bytes: ...


# Status line, response, and all headers.
Answer = tuple[str, Response, list[tuple[str, str]]]


def render_answer(
    version: tuple[int, int], answer: Answer, *, closes: bool, has_body: bool = True
) -> bytes:
    status_line, response, headers = answer
    content = response.content
    head = [
        f"HTTP/{version[0]}.{version[1]} {status_line}",
        f"Date: {http_date()}",
        f"Connection: {'close' if closes else 'keep-alive'}",
    ]
    if response.status_code not in (204, 304):  # RFC 9110, section 8.6: they have no length
        head.append(f"Content-Length: {len(content)}")
    head += [f"{name}: {value}" for name, value in headers if name != "Content-Length"]
    head.append("\r\n")
    return "\r\n".join(head).encode("latin-1") + (content if has_body else b"")


_date = (0, "")


def http_date() -> str:
    """The Date header (RFC 9110, section 5.6.7), made once a second."""
    global _date
    now = int(time.time())
    if _date[0] != now:
        _date = (now, util.http_date(now))
    return _date[1]
