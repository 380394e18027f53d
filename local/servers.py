"""Embedded Redis and MongoDB servers, for `make run`, the tests and the benchmarks.

    with RedisServer(directory / "stream") as redis, MongoServer(directory / "mongo") as mongo:
        use(redis.url, mongo.uri)

Each keeps its data, its log and its port in its own directory. A second start on the directory
finds the data again.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from local.binaries import find_mongod, find_redis_server
from local.ports import LOOPBACK
from local.server import Server, ServerStartError

__all__ = ["MongoServer", "RedisServer", "ServerStartError"]

REPLICA_SET = "rs0"
MEBIBYTE = 1024 * 1024
STREAM_MAXMEMORY_BYTES = 512 * MEBIBYTE
# Longer than any transaction of the service. The locks of one whose client vanished are held for
# so long, where nobody ends its session; MongoDB's own default is a minute.
TRANSACTION_LIFETIME_SECONDS = 15


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
        }
        arguments = [part for key, value in options.items() for part in (f"--{key}", value)]
        return [find_redis_server(), *arguments]

    def _is_ready(self, port: int) -> bool:
        from local.probes import is_redis_ready  # the server starts meanwhile

        return is_redis_ready(port, self.pid)


class MongoServer(Server):
    """A single-node replica set, which transactions need. Its journal survives a SIGKILL.

    It aborts a transaction after TRANSACTION_LIFETIME_SECONDS, whatever became of its client.
    The replica set follows the server when it comes up on another port than the last time.
    """

    name = "mongod"

    def __init__(
        self, directory: Path, port: int | None = None, *, extra_arguments: Sequence[str] = ()
    ) -> None:
        super().__init__(directory, port, extra_arguments)

    @property
    def uri(self) -> str:
        return self.uri_for("analytics")

    def uri_for(self, database: str) -> str:
        return f"mongodb://{LOOPBACK}:{self.port}/{database}?replicaSet={REPLICA_SET}"

    def _build_command(self, port: int) -> list[str | Path]:
        data = self.directory / "data"
        data.mkdir(exist_ok=True)
        options = {
            "bind_ip": LOOPBACK,
            "port": str(port),
            "dbpath": str(data),
            "logpath": str(self.directory / f"{self.name}.log"),
            "replSet": REPLICA_SET,
            "networkMessageCompressors": "disabled",
            "wiredTigerCacheSizeGB": "0.5",
            "oplogSize": "256",
        }
        arguments = [part for key, value in options.items() for part in (f"--{key}", value)]
        parameters = [
            "diagnosticDataCollectionEnabled=false",
            # No member to hand over to: nobody is served by waiting.
            "shutdownTimeoutMillisForSignaledShutdown=0",
            f"transactionLifetimeLimitSeconds={TRANSACTION_LIFETIME_SECONDS}",
        ]
        arguments += [part for value in parameters for part in ("--setParameter", value)]
        return [find_mongod(), "--nounixsocket", "--logappend", *arguments]

    def _is_ready(self, port: int) -> bool:
        from local.probes import is_mongod_ready  # the server starts meanwhile

        return is_mongod_ready(port, self.pid, REPLICA_SET)

    def _explain_failure(self) -> str:
        explanation = super()._explain_failure()
        if "error while loading shared libraries" in explanation:
            return (
                "The embedded mongod needs libcurl 4 and OpenSSL 3 on this machine. On Debian and "
                "Ubuntu: `apt-get install libcurl4 libssl3`. Or run `docker compose up`, or set "
                f"MONGO_URI to a MongoDB replica set of your own.\n{explanation}"
            )
        return explanation
