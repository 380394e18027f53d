"""Mail, where it is set up: `EMAIL_HOST` says so."""

import smtplib
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Event, Thread
from typing import Any

import structlog
from django.conf import settings
from django.core.mail import send_mail
from django.core.mail.backends.smtp import EmailBackend

log = structlog.get_logger(__name__)

# What a server may take from its greeting to its farewell, however slowly it says each line.
WHOLE_SECONDS = 20.0
AGAIN_SECONDS = 1.0


def can_mail() -> bool:
    return bool(settings.EMAIL_HOST)


def mail(address: str, subject: str, text: str) -> bool:
    """Whether the server took it; why it did not is in the log, without address and text."""
    if not can_mail():
        return False
    try:
        send_mail(" ".join(subject.split()), text, None, [address])
    except (OSError, ValueError) as exc:  # smtplib's errors are of the first kind
        log.warning("mail_not_sent", error=type(exc).__name__)
        return False
    return True


class _Watched:
    """Tells who it is before it is greeted, which is when it may begin to wait."""

    def __init__(self, *args: Any, tell: Callable[[Any], None], **kwargs: Any) -> None:
        tell(self)
        super().__init__(*args, **kwargs)


class _Plain(_Watched, smtplib.SMTP):
    pass


class _Encrypted(_Watched, smtplib.SMTP_SSL):
    pass


class BoundedBackend(EmailBackend):
    """Django's, whose EMAIL_TIMEOUT is for each word of the server, within WHOLE_SECONDS in all.

    When they are over the connection is cut, and whoever waits for the server is told that it went.
    """

    _closed: Event | None = None
    _watched: smtplib.SMTP | None = None

    @property
    def connection_class(self) -> Any:
        return partial(_Encrypted if self.use_ssl else _Plain, tell=self._watch)

    def open(self) -> bool | None:
        if self._closed is None:
            self._closed = Event()
            Thread(target=self._cut_late, args=(self._closed,), daemon=True).start()
        try:
            return super().open()
        except OSError:
            with suppress(OSError):
                self.close()
            raise

    def close(self) -> None:
        try:
            super().close()
        finally:
            if self._closed is not None:
                self._closed.set()
            self._closed = self._watched = None

    def _watch(self, connection: smtplib.SMTP) -> None:
        self._watched = connection

    def _cut_late(self, closed: Event) -> None:
        """The socket itself is shut: that of TLS would go on in the clear for who writes to it."""
        seconds = WHOLE_SECONDS
        while not closed.wait(seconds):
            sock = getattr(self._watched, "sock", None)
            if sock is not None:
                with suppress(OSError):
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)
            seconds = AGAIN_SECONDS
