"""The engine of ClickHouse, as chDB has it, in a process of its own."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.clickhouse.install import PYTHON

SERVER = Path(__file__).with_name("chdb_server.py")
USER, PASSWORD = "reader", "let%20me%20read"
"""As they stand in an address."""


@contextmanager
def chdb_server() -> Iterator[str]:
    """Its address, as CLICKHOUSE_URL has it."""
    command = [str(PYTHON), str(SERVER)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            port = int(process.stdout.readline())
            yield f"http://{USER}:{PASSWORD}@127.0.0.1:{port}"
        finally:
            process.stdin.close()
            process.wait(timeout=30)
