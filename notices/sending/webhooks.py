"""Post a notice to a webhook. Its answer is read as far as its status, and shown to nobody.

A redirect is not followed: it could lead where `connection.py` would not go. What is sent again has
the same id, so that whoever takes it can tell.
"""

import re
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from django.conf import settings

from notices.documents import Outcome
from notices.sending.connection import NotAllowed, NotReached, connect
from notices.sending.deadline import Deadline
from notices.sending.endpoint import BadUrl, Endpoint, read_endpoint
from notices.sending.outcome import SENT, failed, retry
from notices.sending.signing import BadSecret, sign

WHOLE_SECONDS = 20.0  # of an attempt, from the name to the end of the answer
FIRST_BYTE_SECONDS = 10.0
DRAIN_SECONDS = 3.0
MAX_HEAD_BYTES = 16 * 1024
MAX_BODY_BYTES = 64 * 1024
MAX_RETRY_AFTER_SECONDS = 86_400

# Of 4xx those that say "later"; the others will be said again.
_LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?\r?\n")
_RETRY_AFTER = re.compile(rb"^retry-after:[ \t]*([0-9]{1,9})[ \t]*\r?$", re.I | re.M)
_HEAD_END = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True, slots=True)
class _Head:
    status: int
    retry_after_seconds: int | None
    rest: bytes  # what came behind it


class _BadAnswer(Exception):
    """Not one of HTTP/1."""


def post(url: str, body: bytes, message_id: str, secret: str) -> Outcome:
    """One attempt, of WHOLE_SECONDS at most. With a secret it is signed. Raises nothing."""
    try:
        endpoint = read_endpoint(url)
        signed = sign(secret, message_id, int(time.time()), body) if secret else {}
    except BadUrl as exc:
        return failed(str(exc))
    except BadSecret:
        return failed("Its secret is not one of ours.")
    deadline = Deadline(WHOLE_SECONDS)
    try:
        connection = connect(endpoint, deadline)
    except NotAllowed as exc:
        return failed(str(exc))
    except NotReached as exc:
        return retry(str(exc))
    try:
        with connection:
            _send(connection, _write(endpoint, body, signed), deadline)
            head = _read_head(connection, deadline)
            _drain(connection, head.rest)
    except TimeoutError:
        return retry("It did not answer in time.")
    except OSError:
        return retry("It broke the connection off.")
    except _BadAnswer:
        return retry("Its answer is not one of HTTP.")
    return judge(head.status, head.retry_after_seconds)


def judge(status: int, retry_after_seconds: int | None = None) -> Outcome:
    if 200 <= status < 300:
        return SENT
    if 300 <= status < 400:
        return failed(f"It answered {status}, a redirect, which is not followed.")
    why = f"It answered {status}."
    if status in _LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return retry(why, retry_after_seconds)
    return failed(why)


def _write(endpoint: Endpoint, body: bytes, headers: Mapping[str, str]) -> bytes:
    lines = [
        f"POST {endpoint.target} HTTP/1.1",
        f"Host: {endpoint.authority}",
        f"User-Agent: analytics-service/{settings.VERSION}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join((*lines, "", "")).encode("ascii") + body


def _send(connection: ssl.SSLSocket, request: bytes, deadline: Deadline) -> None:
    rest = memoryview(request)
    while rest:
        connection.settimeout(deadline.left(FIRST_BYTE_SECONDS))
        rest = rest[connection.send(rest) :]


def _read_head(connection: ssl.SSLSocket, deadline: Deadline) -> _Head:
    """Of the first answer that is not an interim one. Raises OSError and _BadAnswer."""
    came = b""
    first = Deadline(FIRST_BYTE_SECONDS)
    read = 0
    while True:
        while found := _HEAD_END.search(came):
            status = _STATUS_LINE.match(came)
            if status is None:
                raise _BadAnswer
            if int(status[1]) >= 200:
                wait = _RETRY_AFTER.search(came, 0, found.end())
                seconds = min(int(wait[1]), MAX_RETRY_AFTER_SECONDS) if wait else None
                return _Head(int(status[1]), seconds, came[found.end() :])
            came = came[found.end() :]
        if read > MAX_HEAD_BYTES:
            raise _BadAnswer
        waits = deadline if read else first
        connection.settimeout(deadline.left(waits.left(FIRST_BYTE_SECONDS)))
        part = connection.recv(4096)
        if not part:
            raise ConnectionResetError
        read += len(part)
        came += part


def _drain(connection: ssl.SSLSocket, came: bytes) -> None:
    """Some servers stop their work when nobody waits for the answer, so it is waited for a little.

    How it ends is of no interest: the status was there.
    """
    read, deadline = len(came), Deadline(DRAIN_SECONDS)
    try:
        while read < MAX_BODY_BYTES:
            connection.settimeout(deadline.left(DRAIN_SECONDS))
            part = connection.recv(4096)
            if not part:
                return
            read += len(part)
    except OSError:
        return
