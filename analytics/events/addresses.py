"""IP addresses in one spelling."""

import socket

from analytics.events.invalid_event import InvalidEvent


def parse_ip(text: str) -> str:
    """An IPv4 or IPv6 address in its usual spelling; `::ffff:1.2.3.4` becomes `1.2.3.4`."""
    if ":" not in text:
        try:
            return socket.inet_ntop(socket.AF_INET, socket.inet_pton(socket.AF_INET, text))
        except (OSError, ValueError):
            raise InvalidEvent("ip", "bad_ip", "ip is not an IPv4 or IPv6 address.") from None
    try:
        packed = socket.inet_pton(socket.AF_INET6, text)
    except (OSError, ValueError):
        raise InvalidEvent("ip", "bad_ip", "ip is not an IPv4 or IPv6 address.") from None
    if packed.startswith(b"\x00" * 10 + b"\xff\xff"):
        return socket.inet_ntop(socket.AF_INET, packed[12:])
    return socket.inet_ntop(socket.AF_INET6, packed)
