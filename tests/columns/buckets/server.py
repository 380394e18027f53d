"""moto's server of S3, with faults: python -m tests.columns.buckets.server PORT

`PUT /-/fault` says, as JSON, what is wrong from now on; `{}`: nothing.
"""

import json
import random
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

_ERROR = "<?xml version='1.0'?><Error><Code>{}</Code><Message>by the tests</Message></Error>"

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Faulty:
    """`seconds` that each answer takes; `share` of the calls that fail, those of `methods`, with
    `status` and `code`, for those whose path has `path` in it; `late`: so many calls for an object
    after its PUT say that there is none."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._fault: dict[str, Any] = {}
        self._late: dict[str, int] = {}

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        if path == "/-/fault":
            self._fault = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
            self._late.clear()
            start("204 No Content", [])
            return []
        fault = self._fault
        time.sleep(fault.get("seconds", 0))
        if fault.get("late"):
            if method == "PUT":
                self._late[path] = fault["late"]
            elif self._late.get(path, 0) > 0:
                self._late[path] -= 1
                return _refuse(environ, start, 404, "NoSuchKey")
        is_meant = method in fault.get("methods", (method,)) and fault.get("path", "") in path
        if is_meant and random.random() < fault.get("share", 0):
            return _refuse(environ, start, fault["status"], fault["code"])
        return self._application(environ, start)


def _refuse(
    environ: dict[str, Any], start: Callable[..., Any], status: int, code: str
) -> Iterable[bytes]:
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    body = _ERROR.format(code).encode()
    start(f"{status} {code}", [("Content-Type", "application/xml"),
                               ("Content-Length", str(len(body)))])  # fmt: skip
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def main(port: int) -> None:
    application = Faulty(DomainDispatcherApplication(create_backend_app))
    run_simple("127.0.0.1", port, application, threaded=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
