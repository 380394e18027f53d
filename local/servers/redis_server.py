"""Valkey, or a Redis on PATH: it keeps the stream, or serves Celery and the cache."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from local.process.ports import LOOPBACK
from local.servers.binaries import find_redis_server
from local.servers.probes import is_redis_ready
from local.servers.server import Server

MEBIBYTE = 1024 * 1024
STREAM_MAXMEMORY_BYTES = 512 * MEBIBYTE


class RedisServer(Server):
    """`kind="stream"` keeps events: each append is on the disk before its answer.

    `kind="broker"` serves Celery and the cache: on the disk within a second, no memory limit.
    Neither ever evicts. `maxmemory_bytes`: 0 for no limit, None for the default of the kind.
    """

    def __init__(
        self,
        directory: Path,
        port: int | None = None,
        kind: Literal["stream", "broker"] = "stream",
        *,
        maxmemory_bytes: int | None = None,
        extra_arguments: Sequence[str] = (),
    ) -> None:
        super().__init__(directory, port, extra_arguments)
        self.name = f"redis-{kind}"
        self.kind = kind
        if maxmemory_bytes is None:
            maxmemory_bytes = STREAM_MAXMEMORY_BYTES if kind == "stream" else 0
        self.maxmemory_bytes = maxmemory_bytes

    @property
    def url(self) -> str:
        return self.url_for(0)

    def url_for(self, database: int) -> str:
        return f"redis://{LOOPBACK}:{self.port}/{database}"

    def _build_command(self, port: int) -> list[str | Path]:
        options = {
            "bind": LOOPBACK,
            "port": str(port),
            "dir": str(self.directory),
            "logfile": str(self.directory / f"{self.name}.log"),
            "save": "",
            "appendonly": "yes",
            "appendfsync": "always" if self.kind == "stream" else "everysec",
            "maxmemory": str(self.maxmemory_bytes),
            "maxmemory-policy": "noeviction",
            "hz": "2",  # how often it looks what is to be done while nobody asks anything
        }
        if self.kind == "stream":
            # Hashes of many projects and keys, of which the admission script reads a few fields:
            # a small one is a list, and searched from its beginning.
            options["hash-max-ziplist-entries"] = "16"  # as every release calls it
        arguments = [part for key, value in options.items() for part in (f"--{key}", value)]
        return [find_redis_server(), *arguments]

    def _is_ready(self, port: int) -> bool:
        return is_redis_ready(port, self.pid)
