"""A TLS connection to where a webhook is: its name is looked up once, judged, and connected to.

Whoever answers for the name cannot say one address to the judge and another to the connection.
"""

import socket
import ssl
from collections.abc import Sequence
from queue import Empty, SimpleQueue
from threading import Thread

from django.conf import settings

from notices.sending.addresses import is_allowed, read_address
from notices.sending.deadline import Deadline
from notices.sending.endpoint import Endpoint

RESOLVE_SECONDS = 5.0
CONNECT_SECONDS = 5.0
MAX_TRIED = 3  # of the addresses of a name


class NotReached(Exception):
    """Nothing was sent; another time it may be. The text is a sentence of ours."""


class NotAllowed(Exception):
    """The service does not connect to such an address."""


def connect(endpoint: Endpoint, deadline: Deadline) -> ssl.SSLSocket:
    """Raises NotReached and NotAllowed."""
    try:
        plain = _connect_first(look_up(endpoint, deadline), endpoint.port, deadline)
    except TimeoutError:
        raise NotReached("It did not answer in time.") from None
    try:
        plain.settimeout(deadline.left(CONNECT_SECONDS))
        return _trusting().wrap_socket(plain, server_hostname=endpoint.host)
    except ssl.SSLCertVerificationError:
        plain.close()
        raise NotReached("Its certificate is not one that is trusted for its name.") from None
    except TimeoutError:
        plain.close()
        raise NotReached("It did not answer in time.") from None
    except (OSError, ValueError):  # of names that no certificate can have: the second
        plain.close()
        raise NotReached("It does not speak TLS as it should.") from None


def check_literal(endpoint: Endpoint) -> None:
    """What can be said of a host without asking for its name. Raises NotAllowed."""
    host = endpoint.host
    if host == "localhost" or host.endswith(".localhost"):
        host = "127.0.0.1"  # RFC 6761
    try:
        read_address(host)
    except ValueError:
        return
    _judge([host])


def look_up(endpoint: Endpoint, deadline: Deadline) -> list[str]:
    """The addresses of its host, all of them allowed. Raises NotReached, NotAllowed."""
    found = _resolve(endpoint, deadline.left(RESOLVE_SECONDS))
    _judge(found)
    return found


def _judge(addresses: Sequence[str]) -> None:
    """Raises NotAllowed."""
    if not all(is_allowed(address, settings.WEBHOOK_ALLOWED_NETWORKS) for address in addresses):
        raise NotAllowed("Its address is not a public one.")


def _resolve(endpoint: Endpoint, seconds: float) -> list[str]:
    """The system's resolver knows no limit of time, so it is asked beside."""
    answers: SimpleQueue[list[str] | OSError] = SimpleQueue()

    def ask() -> None:
        try:
            found = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as exc:
            answers.put(OSError(str(exc)))
        else:
            answers.put(list(dict.fromkeys(str(each[4][0]) for each in found)))

    Thread(target=ask, name="resolve-webhook", daemon=True).start()
    try:
        answer = answers.get(timeout=seconds)
    except Empty:
        raise NotReached("Its name was not found in time.") from None
    if isinstance(answer, OSError) or not answer:
        raise NotReached("Its name is not known.")
    return answer


def _connect_first(addresses: Sequence[str], port: int, deadline: Deadline) -> socket.socket:
    """To the first address that answers. Raises NotReached, TimeoutError."""
    for address in addresses[:MAX_TRIED]:
        try:
            return open_socket(address, port, deadline.left(CONNECT_SECONDS))
        except TimeoutError:
            deadline.left(CONNECT_SECONDS)
        except OSError:
            continue
    raise NotReached("Nobody answers at its address.")


def open_socket(address: str, port: int, seconds: float) -> socket.socket:
    """To an address and not to a name, so that nobody is asked again. Raises OSError."""
    opened = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    try:
        opened.settimeout(seconds)
        opened.connect((address, port))
    except OSError:
        opened.close()
        raise
    return opened


def _trusting() -> ssl.SSLContext:
    """Of the authorities that this machine trusts, or those that SSL_CERT_FILE names."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
