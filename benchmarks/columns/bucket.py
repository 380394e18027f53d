"""Questions from a folder, and from a bucket of moto's server through a warm cache."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any
from urllib.request import Request, urlopen

from benchmarks.columns.stored import load_columns, start
from benchmarks.stack import open_stack
from local.process.ports import find_free_port, is_port_answering

Result = dict[str, Any]

PROGRAM = "benchmarks.programs.ask_folders"
_SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=a/20200101/us-east-1/s3/aws4_request"}


def run(*, quick: bool) -> Result:
    """By turns in one process."""
    events, rounds = (100_000, 2) if quick else (1_000_000, 4)
    with open_stack(reference=False) as stack, object_store() as environment:
        load_columns(stack, events)
        stack.environment |= environment
        stack.environment["COLUMNS_CACHE_DIR"] = str(stack.folder / "cache")
        arguments = ("s3://columns/bench", str(rounds), stack.read_key)
        asking = start(stack, PROGRAM, *arguments, stdout=subprocess.PIPE)
        printed, _ = asking.communicate()
        if asking.returncode:
            raise RuntimeError("the program failed")
    took = json.loads(printed.splitlines()[-1])
    folder, bucket = (median(took[kind]) for kind in ("folder", "bucket"))
    return {
        "bucket": {
            "events": events,
            "folder_ms": folder * 1_000,
            "bucket_ms": bucket * 1_000,
            "ratio": bucket / folder,
            "samples": [took["folder"], took["bucket"]],
        }
    }


@contextmanager
def object_store() -> Iterator[dict[str, str]]:
    port = find_free_port()
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not is_port_answering(port):
            time.sleep(0.05)
        url = f"http://127.0.0.1:{port}"
        urlopen(Request(f"{url}/columns", b"", _SIGNED, method="PUT"), timeout=10).close()
        yield {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "a",
            "AWS_SECRET_ACCESS_KEY": "b",
            "AWS_REGION": "us-east-1",
        }
    finally:
        server.kill()
        server.wait()
