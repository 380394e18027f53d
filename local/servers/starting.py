"""The servers of `make run`: those that the environment does not name, started side by side."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import ExitStack
from pathlib import Path

from local.process.supervisor import Supervisor, log
from local.servers.mongo_server import MongoServer
from local.servers.redis_server import RedisServer
from local.servers.server import Server

POLL_SECONDS = 0.05
ADDRESSES = ("REDIS_URL", "BROKER_URL", "CACHE_URL", "MONGO_URI")


def plan_servers(
    data_directory: Path, environment: Mapping[str, str]
) -> tuple[list[Server], dict[str, str]]:
    """The servers to start, each with a port by now, and the addresses of all."""
    given = {name: environment[name] for name in ADDRESSES if environment.get(name)}
    servers: list[Server] = []
    addresses: dict[str, str] = {}

    def plan(server: Server) -> None:
        server.choose_port()
        servers.append(server)

    if "REDIS_URL" not in given:
        plan(stream := RedisServer(data_directory / "redis-stream"))
        addresses["REDIS_URL"] = stream.url
    if not {"BROKER_URL", "CACHE_URL"} <= given.keys():
        plan(broker := RedisServer(data_directory / "redis-broker", kind="broker"))
        addresses |= {"BROKER_URL": broker.url_for(0), "CACHE_URL": broker.url_for(1)}
    if "MONGO_URI" not in given:
        plan(mongo := MongoServer(data_directory / "mongo"))
        addresses["MONGO_URI"] = mongo.uri
    return servers, {**addresses, **given}


class StartingServers:
    """Starts them all at once; the clean-ups stop what was started."""

    def __init__(self, servers: list[Server], cleanups: ExitStack) -> None:
        for server in servers:
            log(f"starting {server.name}")
            cleanups.callback(server.stop)
        threads = ThreadPoolExecutor(max(1, len(servers)))
        cleanups.callback(threads.shutdown)  # none may start after it was stopped
        self._starts: dict[Future[None], Server] = {
            threads.submit(server.start): server for server in servers
        }

    def finish(self, supervisor: Supervisor, check: Callable[[], None]) -> None:
        """Returns when all answer, watched from now on; calls `check` meanwhile.

        Raises ServerStartError, MissingBinaryError, and what `check` raises.
        """
        waiting = set(self._starts)
        while waiting:
            done, waiting = wait_for(waiting, POLL_SECONDS)
            for start in done:
                start.result()
                supervisor.watch(self._starts[start])
            check()
