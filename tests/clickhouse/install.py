"""Install chDB into an environment of its own: `python -m tests.clickhouse.install`.

That is `.env` beside this file, which git ignores. It takes a few hundred megabytes.
"""

import hashlib
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ENVIRONMENT = FOLDER / ".env"
PYTHON = ENVIRONMENT / "bin/python"

_LOCK = FOLDER / "requirements-chdb.txt"
_INSTALLED = ENVIRONMENT / "installed"
_UV = Path(sys.executable).with_name("uv")


def install() -> None:
    """Unless what is pinned is there already."""
    digest = hashlib.sha256(_LOCK.read_bytes()).hexdigest()
    if _INSTALLED.exists() and _INSTALLED.read_text() == digest:
        return
    _run("venv", "--quiet", "--clear", "--python", sys.executable, ENVIRONMENT)
    options = ("--quiet", "--python", PYTHON, "--require-hashes", "--requirement", _LOCK)
    _run("pip", "install", *options)
    _INSTALLED.write_text(digest)


def _run(*command: str | Path) -> None:
    subprocess.run([str(_UV), *map(str, command)], check=True)


if __name__ == "__main__":
    install()
