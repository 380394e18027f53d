"""The engines of a process, each for one question at a time.

A question that computes would stall every other request of a process that serves many in one
thread: there it runs in a thread of the system's own.
"""

import threading
import time
import traceback
from collections.abc import Callable
from functools import cache
from os import cpu_count
from typing import TypeVar, cast

import duckdb
import structlog
from django.conf import settings
from gevent import monkey
from gevent.threadpool import ThreadPool

from analytics.remembered import forgets
from analytics.web.asker import HasLeft, find_asker
from columns.files.engine import open_engine
from columns.files.folder import engine_folder
from columns.files.scratch import make_scratch
from reporting.columns.slots.refusals import busy, cannot_read, failed, too_large, too_long
from reporting.columns.slots.turns import Turns, asks_as_guest

log = structlog.get_logger(__name__)

T = TypeVar("T")
Engine = duckdb.DuckDBPyConnection

_MOST_THREADS = 2
# An interruption that falls between two statements is lost: so it is said again.
_INTERRUPT_SECONDS = 0.02
_LOOK_SECONDS = 0.5  # whether anybody waits for the answer


class Slots:
    """Engines that are made when they are first needed, never before a fork."""

    def __init__(self, count: int, memory_mb: int) -> None:
        self._turns = Turns(count)
        self._memory_mb = memory_mb // count
        self._idle: list[Engine] = []

    def run(self, project_id: bytes, deadline: float, work: Callable[[Engine], T]) -> T:
        asked, guest = time.monotonic(), asks_as_guest()
        if not self._turns.take(project_id, deadline, guest=guest):
            raise busy()
        begun = time.monotonic()
        try:
            return self._run(deadline, work)
        except duckdb.InterruptException as exc:
            waited_longer = begun - asked > time.monotonic() - begun
            raise (busy() if waited_longer else too_long()) from exc
        except duckdb.OutOfMemoryException as exc:
            raise too_large() from exc
        except (duckdb.Error, OSError) as exc:
            if _is_of_a_file(exc):
                log.warning("columns_not_read", error=str(exc).partition("\n")[0])
                raise cannot_read() from exc
            if not isinstance(exc, duckdb.Error):
                raise
            # Its text may quote values of events.
            stack = "".join(traceback.format_tb(exc.__traceback__))
            log.error("engine_failed", error=type(exc).__name__, stack=stack)
            raise failed() from exc
        finally:
            self._turns.give_back(project_id, guest=guest)

    def close(self) -> None:
        """The engines that nobody uses."""
        while self._idle:
            self._idle.pop().close()

    def _run(self, deadline: float, work: Callable[[Engine], T]) -> T:
        engine = self._idle.pop() if self._idle else self._open(_MOST_THREADS)
        try:
            result = _work(engine, deadline, work)
        except duckdb.OutOfMemoryException:
            engine.close()
            return self._run_alone(deadline, work)
        except (duckdb.FatalException, duckdb.InternalException):
            engine.close()  # it answers nothing any more
            raise
        except BaseException:
            self._idle.append(engine)
            raise
        self._idle.append(engine)
        return result

    def _run_alone(self, deadline: float, work: Callable[[Engine], T]) -> T:
        """Each thread holds the rows that it reads: with one there is room for twice as long ones.

        Two have none for 2,048 events of 4 KB where the share is 128 MB.
        """
        engine = self._open(threads=1)
        try:
            return _work(engine, deadline, work)
        finally:
            engine.close()

    def _open(self, threads: int) -> Engine:
        columns, folder = engine_folder(), make_scratch()
        return run_in_thread(
            lambda: open_engine(
                memory_mb=self._memory_mb,
                threads=min(threads, cpu_count() or 1),
                folders=[columns, folder],
                temp_folder=folder / "engines",
                limit_seconds=settings.QUERY_TIMEOUT_SECONDS,
            )
        )


@cache
def _slots() -> Slots:
    return Slots(settings.QUERY_CONCURRENCY, settings.QUERY_MEMORY_MB)


@forgets
def close_engines() -> None:
    if _slots.cache_info().currsize:
        _slots().close()
        _slots.cache_clear()


def run(project_id: bytes, deadline: float, work: Callable[[Engine], T]) -> T:
    """Let `work` use an engine for a question of a project, until `deadline` (time.monotonic()).

    It may run in another thread and uses nothing but the engine, whose tables end with it. A
    project has at most half of the engines, rounded up, and those that wait take turns by project;
    within `as_guest` it waits behind all others.

    Raises BadRequest (`query_timeout`) at the deadline, or where who asked has left
    (analytics/web/asker.py), (`query_too_large`) where it needs more memory than its share;
    Unavailable (`query_busy`) where others were before it until then, (`columns_unavailable`) where
    a file cannot be read, (`query_failed`) where the engine fails, which is then made anew if it
    has to be; and what else `work` raises.
    """
    return _slots().run(project_id, deadline, work)


def run_in_thread(work: Callable[[], T]) -> T:
    """Where this thread serves many requests let another do the work, else do it here."""
    if not monkey.is_module_patched("threading"):
        return work()
    task = _pool().spawn(_catch, work)
    try:
        result, error = task.get()
    except BaseException:  # of who waits
        task.wait()  # nobody takes from under the work what it uses
        raise
    if error is not None:
        raise error
    return cast(T, result)


@cache
def _pool() -> ThreadPool:
    return ThreadPool(settings.QUERY_CONCURRENCY + 1)


def _catch(work: Callable[[], T]) -> tuple[T | None, Exception | None]:
    """gevent prints what a thread raises, even where it is expected."""
    try:
        return work(), None
    except Exception as exc:
        return None, exc


def _work(engine: Engine, deadline: float, work: Callable[[Engine], T]) -> T:
    """On a connection of its own, whose temporary tables nobody else sees."""
    with engine.cursor() as connection:
        done = threading.Event()
        watcher = threading.Thread(
            target=_interrupt,
            args=(connection, deadline, find_asker(), done),
            name="deadline",
            daemon=True,
        )
        watcher.start()
        try:
            return run_in_thread(lambda: work(connection))
        finally:
            done.set()
            watcher.join()


def _is_of_a_file(exc: Exception) -> bool:
    """Whether a file cannot be read, or is not as it was when it was checked.

    Most damages that an engine finds are invalid input, and some have no class of their own.
    """
    return type(exc) is duckdb.Error or isinstance(
        exc, (OSError, duckdb.IOException, duckdb.InvalidInputException)
    )


def _interrupt(
    connection: Engine, deadline: float, has_left: HasLeft, done: threading.Event
) -> None:
    """At the deadline, or where nobody waits for the answer any more."""
    is_over = False
    while True:
        left_seconds = max(0.0, deadline - time.monotonic())
        if done.wait(_INTERRUPT_SECONDS if is_over else min(left_seconds, _LOOK_SECONDS)):
            return
        is_over = is_over or time.monotonic() >= deadline or has_left()
        if is_over:
            connection.interrupt()
