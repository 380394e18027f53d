"""The 64-bit hashes that stand for values and people in the rollups.

All are blake2b cut to 8 bytes, read as a little-endian unsigned integer. Two of n values share a
hash with a probability of about n**2 / 2**65: 3e-8 among the million paths of a day, 3e-4 among
a hundred million. Two values that do are counted in one row, under one of the two names; two
people that do are counted once.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import Final

HASH_BYTES: Final = 8
U64_MASK: Final = (1 << 64) - 1
"""`visitor & U64_MASK` reads the signed visitor of a stored event as the member it is here."""

# A miss costs about a microsecond. Values of 2,047 characters fill a cache to 32 MiB at most.
_CACHED_VALUES: Final = 1 << 12
_CACHED_USERS: Final = 1 << 14


@lru_cache(maxsize=_CACHED_VALUES)
def hash_value(value: str) -> int:
    """Hash a dimension's value to the key of its row, the same in every project."""
    return int.from_bytes(blake2b(value.encode(), digest_size=HASH_BYTES).digest(), "little")


def hash_user(project: bytes, user_id: str) -> int:
    """Hash a userId under its project, so that one user of two projects has nothing in common."""
    digest = blake2b(user_id.encode(), digest_size=HASH_BYTES, key=project).digest()
    return int.from_bytes(digest, "little")


hash_stored_user = lru_cache(maxsize=_CACHED_USERS)(hash_user)
"""As `hash_user`, for who meets a user again and keeps nothing of it."""

TOTAL_HASH: Final = hash_value("")
"""The key of the one row of the total."""
