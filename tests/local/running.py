"""`make run` as a user has it: a process with a folder of its own, and what it started."""

import json
import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.paths import ROOT


def wait_until(condition: Callable[[], bool], timeout_seconds: float = 60) -> None:
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


class Service:
    """`python -m local.run` in a process of its own."""

    def __init__(self, directory: Path, port: int, **more: str) -> None:
        self.directory = directory
        self.url = f"http://127.0.0.1:{port}"
        self.log = directory.with_name(f"run-{time.monotonic_ns()}.log")
        own_servers = (
            "REDIS_URL", "BROKER_URL", "CACHE_URL", "MONGO_URI", "COLUMNS_URL", "EXPORTS_DIR",
            "IMPORTS_DIR", "QUERY_TEMP_DIR",
        )  # fmt: skip
        environment = {name: os.environ[name] for name in os.environ if name not in own_servers}
        environment |= {"DATA_DIR": str(directory), "PORT": str(port), "WEB_CONCURRENCY": "1"}
        environment |= more
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "local.run"],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
            )

    def wait_until_ready(self) -> dict[str, str]:
        """The credentials, as soon as the service greets its user."""
        wait_until(lambda: "The stats out:" in self.log.read_text(), timeout_seconds=90)
        file = self.directory / "credentials.json"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        credentials: dict[str, str] = json.loads(file.read_text())
        return credentials

    def find_processes(self) -> list[int]:
        """Everything that was started for this directory, whoever its parent is by now."""
        return [
            int(process.name)
            for process in Path("/proc").iterdir()
            if process.name.isdecimal()
            and f"DATA_DIR={self.directory}\0" in read_process_file(process.name, "environ")
        ]

    def find_program(self, *words: str) -> int | None:
        """The first process of ours whose command line has all the words."""
        for pid in sorted(self.find_processes()):
            command = read_process_file(pid, "cmdline").split("\0")
            if all(word in command for word in words):
                return pid
        return None


def read_process_file(pid: int | str, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes().decode(errors="replace")
    except OSError:  # gone, or not ours to read
        return ""


WORKER = ("-m", "config.worker")
