"""mongod as a replica set of one, which transactions need."""

from collections.abc import Sequence
from pathlib import Path

from local.process.ports import LOOPBACK
from local.servers.binaries import find_mongod
from local.servers.probes import is_mongod_ready
from local.servers.server import Server

REPLICA_SET = "rs0"
# Longer than any transaction of the service. The locks of one whose client vanished are held for
# so long, where nobody ends its session; MongoDB's own default is a minute.
TRANSACTION_LIFETIME_SECONDS = 15
# It takes memory for as many sessions at its start: its own default, 33,000, is 38 MiB. zstd at its
# own level, 3, takes a third of the CPU time that it does at MongoDB's, 6.
ENGINE_CONFIG = "session_max=2000,builtin_extension_config=(zstd=(compression_level=3))"


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
            "wiredTigerCacheSizeGB": "0.25",
            "wiredTigerEngineConfigString": ENGINE_CONFIG,
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
