"""An object store for the tests, and what a test does to it behind the service's back."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.request import Request, urlopen
from uuid import uuid4

import obstore
from obstore.store import S3Store

from local.process.ports import find_free_port, is_port_answering
from tests.paths import ROOT

BUCKET: Final = "columns"
_START_SECONDS: Final = 30
# moto takes everybody's word for who they are.
_SIGNED: Final = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=test/20200101/us-east-1/s3/aws4_request",
    "Content-Type": "application/xml",
}
_VERSIONING: Final = (
    '<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    "<Status>{}</Status></VersioningConfiguration>"
)


@dataclass(frozen=True)
class ObjectStore:
    port: int

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
        }

    def ask(self, path: str, method: str = "PUT", body: str = "") -> bytes:
        url = f"http://127.0.0.1:{self.port}/{path}"
        request = Request(url, body.encode(), _SIGNED, method=method)
        with urlopen(request, timeout=10) as answer:
            return bytes(answer.read())


@dataclass(frozen=True)
class Bucket:
    """What is of one test: the objects below a prefix of its own."""

    store: ObjectStore
    bucket: str
    prefix: str

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"

    @property
    def _objects(self) -> S3Store:
        return S3Store(
            self.bucket,
            prefix=self.prefix,
            endpoint=self.store.environment["AWS_ENDPOINT_URL"],
            access_key_id="test",
            secret_access_key="test",
            region="us-east-1",
            client_options={"allow_http": True},
        )

    def names(self) -> set[str]:
        """Without the marker and the probe, which are no segments."""
        found = [each["path"] for some in obstore.list(self._objects) for each in some]
        return {name for name in found if "/" in name}

    def read(self, name: str) -> bytes:
        return bytes(obstore.get(self._objects, name).bytes())

    def write(self, name: str, data: bytes) -> None:
        obstore.put(self._objects, name, data)

    def delete(self, name: str) -> None:
        obstore.delete(self._objects, name)

    def fail(self, **fault: Any) -> None:
        """As `server.Faulty` has it; without any: no more."""
        self.store.ask("-/fault", body=json.dumps(fault))

    def version(self, status: str) -> None:
        """Enabled or Suspended."""
        self.store.ask(f"{self.bucket}?versioning", body=_VERSIONING.format(status))

    def list_versions(self) -> str:
        return self.store.ask(f"{self.bucket}?versions&prefix={self.prefix}", "GET").decode()


@contextmanager
def run_object_store(log: Path) -> Iterator[ObjectStore]:
    port = find_free_port()
    command = [sys.executable, "-W", "ignore", "-m", "tests.columns.buckets.server", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output, env=os.environ)
    try:
        begun = time.monotonic()
        while not is_port_answering(port):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() - begun < _START_SECONDS
            time.sleep(0.05)
        yield ObjectStore(port)
    finally:
        process.kill()
        process.wait()


def make_bucket(store: ObjectStore) -> Bucket:
    """A bucket of its own where its settings may be changed."""
    name = f"{BUCKET}-{uuid4().hex[:12]}"
    store.ask(name)
    return Bucket(store, name, "analytics/events")


def flip_a_bit(data: bytes) -> bytes:
    return data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 4]) + data[len(data) // 2 + 1 :]
