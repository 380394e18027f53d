"""Whose allowance an address has, of the few that the public keys of a project keep.

A table of CELLS allowances for each key, however many addresses send: what they take in Redis is
bounded. An address is not to be read from its cell, nor are two with one cell the same.
"""

import hashlib
from functools import cache, lru_cache

from django.conf import settings

from analytics.keys.failures import group_address

CELLS = 4_096


@lru_cache(10_000)
def find_cell(address: str | None) -> bytes:
    """The cell of an address, or of the /64 network of an IPv6 address, in digits."""
    text = group_address(address).encode()
    digest = hashlib.blake2b(text, digest_size=8, key=_secret()).digest()
    return b"%d" % (int.from_bytes(digest, "big") % CELLS)


@cache
def _secret() -> bytes:
    """Of this deployment, so that nobody makes addresses that share the cell of another."""
    return hashlib.sha256(b"cells of addresses:" + settings.SECRET_KEY.encode()).digest()
