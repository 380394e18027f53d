"""The Docker engine that DOCKER_HOST names, and what has to be there for it to be used."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence

LEAST_COMPOSE = (2, 24)
HOW_TO_GET_ONE = """\
`make test-containers` needs a Docker engine and Docker Compose 2.24 or newer, and {what}.
Install Docker (https://docs.docker.com/engine/install/), or name an engine that you reach:
    DOCKER_HOST=unix:///run/docker.sock make test-containers
    DOCKER_HOST=ssh://me@example.com make test-containers
Everything else is tested without one: make test"""
# Nothing else of this environment: neither a shell's settings nor those of the tests shall become
# the deployment's, as Docker Compose would have it.
_HANDED_ON = re.compile(
    r"PATH|HOME|USER|TMPDIR|LANG|SSH_.*|DOCKER_.*|BUILDKIT_.*|BUILDX_.*|XDG_.*|"
    r"(https?|no|all)_proxy",
    re.IGNORECASE,
)


class EngineMissing(Exception):
    """No engine answers, or its Compose is too old; the message says what to do."""


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if _HANDED_ON.fullmatch(name)}


def run(
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    directory: str | None = None,
    stdin: str | None = None,
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env=environment or clean_environment(),
        cwd=directory,
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        text=True,
        check=False,
    )


def check_engine() -> str:
    """Names the engine and Compose. Raises EngineMissing."""
    try:
        engine = run(["docker", "version", "--format", "{{.Server.Version}}"])
    except OSError as error:
        raise explain("there is no `docker` on the PATH") from error
    if engine.returncode:
        last_line = (engine.stderr.strip() or "it said nothing").splitlines()[-1]
        raise explain(f"no engine answers: {last_line.rstrip('.')}")
    compose = run(["docker", "compose", "version", "--short"])
    version = re.match(r"v?(\d+)\.(\d+)", compose.stdout)
    if compose.returncode or not version:
        raise explain("there is no `docker compose`")
    if (int(version[1]), int(version[2])) < LEAST_COMPOSE:
        raise explain(f"this Compose is {compose.stdout.strip()}")
    return f"Docker {engine.stdout.strip()}, Compose {compose.stdout.strip()}"


def explain(what: str) -> EngineMissing:
    return EngineMissing(HOW_TO_GET_ONE.format(what=what))


if __name__ == "__main__":
    try:
        print(check_engine())
    except EngineMissing as missing:
        sys.exit(str(missing))
