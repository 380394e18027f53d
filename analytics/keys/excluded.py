"""What a project leaves out: its own people, pages and machines that are not to be counted.

Judged where events come in, by the rules that ride in the record of the key.
"""

import ipaddress
from collections.abc import Callable
from functools import lru_cache

from analytics.keys.records import Excluded

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def is_address_excluded(excluded: Excluded, address: str | None) -> bool:
    """Whether `address`, in its usual spelling, is in one of the networks; None is in none."""
    if not excluded.networks or address is None:
        return False
    found = ipaddress.ip_address(address)
    return any(found in network for network in _read_networks(excluded.networks))


def is_page_excluded(excluded: Excluded, path: str, hostname: str | None) -> bool:
    """Whether path or hostname, both in the one spelling, are like one of the patterns."""
    if excluded.paths and any(matches(path) for matches in _read_patterns(excluded.paths)):
        return True
    if not excluded.hostnames or hostname is None:
        return False
    return any(matches(hostname) for matches in _read_patterns(excluded.hostnames))


@lru_cache(1_000)
def _read_networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(map(ipaddress.ip_network, texts))


@lru_cache(1_000)
def _read_patterns(texts: tuple[str, ...]) -> tuple[Callable[[str], bool], ...]:
    return tuple(map(read_pattern, texts))


def read_pattern(pattern: str) -> Callable[[str], bool]:
    """Whether a text is like `pattern`, in which each `*` is anything, also nothing.

    In time linear in the text, whatever the pattern, as no regular expression would be: what is
    between two stars is looked for where it comes first.
    """
    begin, *middle = pattern.split("*")
    if not middle:
        return pattern.__eq__
    end = middle.pop()

    def matches(text: str) -> bool:
        at, stop = len(begin), len(text) - len(end)
        if stop < at or not (text.startswith(begin) and text.endswith(end)):
            return False
        for part in middle:
            at = text.find(part, at, stop)
            if at < 0:
                return False
            at += len(part)
        return True

    return matches
