"""Install the vendors' clients into `.env`, which git ignores: `python -m tests.clients.install`.

Those for Python into a virtual environment of their own, those for Node and browsers by npm.
Without Node the latter are left out, and their tests say so.
"""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ENVIRONMENT = FOLDER / ".env"
PYTHON = ENVIRONMENT / "python/bin/python"
MODULES = ENVIRONMENT / "node_modules"

_PYTHON_LOCK = FOLDER / "requirements-clients.txt"
_NODE_FILES = tuple(FOLDER / name for name in ("package.json", "package-lock.json", ".npmrc"))
_INSTALLED = ENVIRONMENT / "installed.json"
_UV = Path(sys.executable).with_name("uv")
_OLDEST_NODE = 20


def find_node() -> str | None:
    """The `node` to run the clients with; None where there is none that is new enough."""
    node = shutil.which("node")
    if node is None:
        return None
    version = subprocess.run([node, "--version"], capture_output=True, text=True).stdout
    major = version.removeprefix("v").partition(".")[0]
    return node if major.isdigit() and int(major) >= _OLDEST_NODE else None


def install() -> None:
    """Install what is not installed yet, or was of other pins."""
    ENVIRONMENT.mkdir(exist_ok=True)
    installed = _read_installed()
    _install_once("python", (_PYTHON_LOCK,), installed)
    if find_node() and shutil.which("npm"):
        _install_once("node", _NODE_FILES, installed)
    else:
        print(
            f"Without npm and Node {_OLDEST_NODE} or newer the clients for Node and browsers are "
            "not installed, and their tests are skipped."
        )


def _install_once(kind: str, pins: tuple[Path, ...], installed: dict[str, str]) -> None:
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in pins)).hexdigest()
    if installed.get(kind) == digest:
        return
    (_install_python if kind == "python" else _install_node)()
    installed[kind] = digest
    _INSTALLED.write_text(json.dumps(installed))


def _install_python() -> None:
    _run(_UV, "venv", "--quiet", "--clear", "--python", sys.executable, ENVIRONMENT / "python")
    options = ("--quiet", "--python", PYTHON, "--require-hashes", "--requirement", _PYTHON_LOCK)
    _run(_UV, "pip", "install", *options)


def _install_node() -> None:
    for file in _NODE_FILES:
        shutil.copy(file, ENVIRONMENT)
    _run("npm", "ci", "--loglevel=error", directory=ENVIRONMENT)


def _run(*command: str | Path, directory: Path | None = None) -> None:
    subprocess.run(list(map(str, command)), check=True, cwd=directory)


def _read_installed() -> dict[str, str]:
    try:
        found: dict[str, str] = json.loads(_INSTALLED.read_text())
    except (OSError, ValueError):
        return {}
    return found


if __name__ == "__main__":
    install()
