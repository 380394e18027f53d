"""What of an address a project keeps."""

import socket


def apply_ip_rule(rule: str, ip: str | None) -> str | None:
    """`ip` as the project may keep it: whole, less its last 8 bits (IPv6: 80), or not at all."""
    if ip is None or rule == "drop":
        return None
    if rule == "keep":
        return ip
    if ":" in ip:
        try:
            kept = socket.inet_pton(socket.AF_INET6, ip)[:6]
        except OSError:  # no address of a client, and so nothing to keep
            return None
        return socket.inet_ntop(socket.AF_INET6, kept + b"\x00" * 10)
    return ip.rpartition(".")[0] + ".0"
