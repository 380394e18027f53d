"""The Lua scripts that Redis runs for us, each beside its digest."""

from hashlib import sha1
from pathlib import Path
from typing import NamedTuple

_FOLDER = Path(__file__).parent / "lua"


class Script(NamedTuple):
    source: bytes
    digest: bytes  # hex SHA-1, the name Redis gives it


def _load(name: str) -> Script:
    source = (_FOLDER / f"{name}.lua").read_bytes()
    return Script(source, sha1(source, usedforsecurity=False).hexdigest().encode())


ADMIT = _load("admit")
ACK = _load("ack")
CLAIM_GONE = _load("claim_gone")
ENSURE_GROUP = _load("ensure_group")
FORGET_CONSUMER = _load("forget_consumer")
READ_COUNTERS = _load("read_counters")
