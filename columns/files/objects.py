"""An object store, through obstore: a few calls, each of them whole or an error within its time.

A name is written once. Missing is `FileNotFoundError`; all else that a store may answer, or not
answer (no permission, archived, throttled, full, gone), is ColumnsUnavailable.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import structlog

from analytics.remembered import forgets
from columns.files.place import ColumnsUnavailable

if TYPE_CHECKING:
    from gevent.threadpool import ThreadPool
    from obstore.store import ObjectStore

log = structlog.get_logger(__name__)

T = TypeVar("T")

PATIENCE_SECONDS: Final = 10.0
"""So long a call is tried again where nobody waits for an answer. After that, who asks a store is
told at once that it fails, until it answers again: a worker has other things to do."""

_CONNECT_SECONDS = 2.0
_ASK_SECONDS = 5.0  # one answer, of a few MB at most
_SEND_BYTES_PER_SECOND = 256 * 1024  # that a store takes at least
_SEND_SECONDS = (15.0, 600.0)  # a whole file on its way: one of a few MB, and any
_PAUSE_SECONDS = (0.1, 2.0)  # between two tries: at first, and at most
_THREADS = 4  # that wait for a store while a process serves others


class Objects:
    """The objects under the prefix of a bucket, by their names below it."""

    def __init__(self, url: str) -> None:
        self._url = url

    @property
    def keeps_versions_by_itself(self) -> bool:
        """Whether the store tells a version of each object, be it kept or not."""
        return not self._url.startswith("s3://")

    def read(self, name: str, deadline: float | None = None) -> bytes:
        """A small object. Raises FileNotFoundError and ColumnsUnavailable."""
        import obstore

        return self._try(lambda store: bytes(obstore.get(store, name).bytes()), deadline)

    def read_range(self, name: str, start: int, length: int, deadline: float | None) -> bytes:
        """So many bytes, or all there are from `start` on. Raises as `read`."""
        import obstore

        return self._try(
            lambda store: bytes(obstore.get_range(store, name, start=start, length=length)),
            deadline,
        )

    def find_size(self, name: str, deadline: float | None = None) -> int:
        """Raises as `read`."""
        import obstore

        return self._try(lambda store: obstore.head(store, name)["size"], deadline)

    def write(self, name: str, data: bytes | memoryview, *, again: bool = False) -> str | None:
        """Write an object whole, in one request; the version that the store keeps it as, if any.

        One that is there already stays, unless `again`: of a name that nobody else draws it is this
        call's own, whose answer was lost. Raises ColumnsUnavailable.
        """
        import obstore
        from obstore.exceptions import AlreadyExistsError

        def write(store: "ObjectStore") -> str | None:
            try:
                mode: Any = "overwrite" if again else "create"
                return obstore.put(store, name, data, mode=mode, use_multipart=False)["version"]
            except AlreadyExistsError:
                return None

        seconds, longest = _SEND_SECONDS
        if len(data) > seconds * _SEND_BYTES_PER_SECOND:
            seconds = longest
        version = self._try(write, call_seconds=seconds)
        return None if version == "null" else version  # what a bucket says that keeps none any more

    def delete(self, name: str) -> None:
        """Also one that is not there. Raises ColumnsUnavailable."""
        import obstore

        try:
            self._try(lambda store: obstore.delete(store, name))
        except FileNotFoundError:
            return

    def list_names(self, folder: str | None = None) -> Iterator[str]:
        """Some names below a folder, or of all. Never what there is: what is listed in MongoDB is.

        Raises ColumnsUnavailable.
        """
        import obstore

        def list_some(store: "ObjectStore") -> list[str]:
            stream = obstore.list(store, folder, chunk_size=1_000)
            return [found["path"] for found in next(iter(stream), ())]

        yield from self._try(list_some)

    def _try(
        self,
        call: "Callable[[ObjectStore], T]",
        deadline: float | None = None,
        call_seconds: float = _ASK_SECONDS,
    ) -> T:
        """Call until it answers, or patience or the deadline (time.monotonic()) is near its end."""
        from obstore.exceptions import BaseError

        _refuse_forked()
        until = time.monotonic() + PATIENCE_SECONDS
        pause, longest = _PAUSE_SECONDS
        while True:
            try:
                result = _aside(lambda: call(_open(self._url, call_seconds)))
                _failing.discard(self._url)
                return result
            except FileNotFoundError:
                _failing.discard(self._url)
                raise
            except (BaseError, OSError) as exc:
                after = time.monotonic() + pause
                if after > until:
                    _failing.add(self._url)
                is_over = after > (deadline or until) or self._url in _failing
                if is_over or _is_refused(exc):
                    raise ColumnsUnavailable(f"{self._url}: {_first_line(exc)}") from exc
                log.info("object_store_tried_again", error=_first_line(exc))
            time.sleep(pause)
            pause = min(2 * pause, longest)


def _is_refused(exc: Exception) -> bool:
    """Whether it would be refused again: rights, a class of storage that is read by order, a range
    behind the end of an object."""
    from obstore.exceptions import NotSupportedError, PermissionDeniedError, UnauthenticatedError

    refused = (PermissionError, NotSupportedError, PermissionDeniedError, UnauthenticatedError)
    return isinstance(exc, refused) or "status code: 416" in _first_line(exc)


def _first_line(exc: Exception) -> str:
    return str(exc).partition("\n")[0][:300]


@cache
def _open(url: str, call_seconds: float) -> "ObjectStore":
    """By the usual variables of the environment (AWS_…, GOOGLE_…, AZURE_…)."""
    from obstore.store import from_url

    return from_url(
        url,
        retry_config={"max_retries": 0, "retry_timeout": timedelta(seconds=call_seconds)},
        client_options={
            "connect_timeout": timedelta(seconds=_CONNECT_SECONDS),
            "timeout": timedelta(seconds=call_seconds),
            "allow_http": _is_plain(),
        },
    )


def _is_plain() -> bool:
    """Whether the store that the environment names is to be asked without TLS."""
    names = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT", "AZURE_STORAGE_ENDPOINT")
    return any(os.environ.get(name, "").startswith("http://") for name in names)


_failing: set[str] = set()  # stores that had nobody's patience left
forgets(_open.cache_clear)
forgets(_failing.clear)
_asked_in: list[int] = []  # the process that was the first to ask


def _refuse_forked() -> None:
    """The threads of obstore are not there after a fork, and who asks waits for ever."""
    if not _asked_in:
        _asked_in.append(os.getpid())
    if _asked_in != [os.getpid()]:
        raise AssertionError("this process was forked from one that had asked an object store")


def _aside(call: Callable[[], T]) -> T:
    """Where this thread serves many requests let another wait for the store."""
    if not _serves_many():
        return call()
    result, error = _pool().spawn(_catch, call).get()
    if error is not None:
        raise error
    return cast(T, result)


def _serves_many() -> bool:
    if "gevent.monkey" not in sys.modules:
        return False
    from gevent import get_hub, monkey

    return monkey.is_module_patched("threading") and bool(get_hub().main_hub)


@cache
def _pool() -> "ThreadPool":
    from gevent.threadpool import ThreadPool

    return ThreadPool(_THREADS)


def _catch(call: Callable[[], T]) -> tuple[T | None, Exception | None]:
    """gevent prints what a thread raises, even where it is expected."""
    try:
        return call(), None
    except Exception as exc:
        return None, exc
