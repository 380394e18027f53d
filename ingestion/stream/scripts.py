"""The Lua scripts that Redis runs for us, each beside its digest."""

from collections.abc import Sequence
from hashlib import sha1
from pathlib import Path
from typing import NamedTuple

import redis

from ingestion.stream.answers import Reply

_FOLDER = Path(__file__).parent / "lua"


class Script(NamedTuple):
    source: bytes
    digest: bytes  # hex SHA-1, the name Redis gives it


def _load(name: str) -> Script:
    source = (_FOLDER / f"{name}.lua").read_bytes()
    return Script(source, sha1(source, usedforsecurity=False).hexdigest().encode())


ADMIT = _load("admit")
ACK = _load("ack")
CHECKPOINT = _load("checkpoint")
CLAIM = _load("claim")
CLOSE_DAYS = _load("close_days")
ENSURE_GROUP = _load("ensure_group")
FENCE = _load("fence")
FORGET_CONSUMER = _load("forget_consumer")
READ_COUNTERS = _load("read_counters")
REPLAY = _load("replay")


def run_script(
    client: redis.Redis, script: Script, keys: Sequence[str | bytes], arguments: Sequence[object]
) -> Reply:
    """EVAL by digest, loading the script where Redis does not know it.

    A server that has become a replica is left, as by all other commands of the client.
    """
    try:
        return client.execute_command("EVALSHA", script.digest, len(keys), *keys, *arguments)
    except redis.exceptions.NoScriptError:
        return client.execute_command("EVAL", script.source, len(keys), *keys, *arguments)
    except redis.exceptions.ResponseError as exc:
        if is_of_replica(str(exc)):
            client.connection_pool.disconnect(inuse_connections=False)
        raise


def is_of_replica(error: str) -> bool:
    """Whether Redis refused a script's write because it is no primary any more.

    Redis 6.2 does not begin such an error with the word, so that redis-py does not know it.
    """
    return "READONLY" in error
