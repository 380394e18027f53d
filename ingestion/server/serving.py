"""What a worker of gunicorn does from its start to its end: accept, until it is told to stop.

gunicorn's own looks once a second whether it shall stop, then once a second whether all is
answered, and waits for connections on which nothing is asked: a stop would take seconds, and with
one idle client all of the time that it is given. Here it takes as long as what is being answered.

Imported by gunicorn's master before gevent patches its workers.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Protocol

import gevent
from gevent.event import Event
from gevent.pool import Pool
from gevent.server import StreamServer
from gunicorn.sock import ssl_context

from ingestion.server.gunicorn_types import Config, Listener

_NOTIFY_SECONDS = 1.0
_POLL_SECONDS = 0.05


class Serving(Protocol):
    """What is needed of the worker."""

    alive: bool
    cfg: Config
    sockets: list[Listener]
    worker_connections: int
    handle: Callable[..., None]

    def notify(self) -> None:
        """Tell the master that this process does its work."""


def serve(worker: Serving, told: Event, end_idle: Callable[[], None]) -> bool:
    """Serve until the worker is not alive any more, and answer what was begun by then.

    `told` may be set to have it look at once; `end_idle` ends the connections on which nothing is
    asked. Returns whether all was answered in the time that gunicorn's `graceful_timeout` gives.
    """
    servers = [_accept(worker, listener) for listener in worker.sockets]
    while worker.alive:
        worker.notify()
        told.wait(_NOTIFY_SECONDS)
    for server in servers:
        server.close()

    deadline = time.monotonic() + worker.cfg.graceful_timeout
    while any(server.pool for server in servers):
        if time.monotonic() > deadline:
            for server in servers:
                server.stop(timeout=1)
            return False
        worker.notify()
        end_idle()
        gevent.sleep(_POLL_SECONDS)
    return True


def _accept(worker: Serving, listener: Listener) -> StreamServer:
    tls = {"ssl_context": ssl_context(worker.cfg)} if worker.cfg.is_ssl else {}
    pool = Pool(worker.worker_connections)
    server = StreamServer(listener, handle=partial(worker.handle, listener), spawn=pool, **tls)
    if worker.cfg.workers > 1:
        server.max_accept = 1  # the others get their share
    server.start()
    return server
