"""What was exported here and imported by another service answers each question there as it did.

That one is a `make run` of its own: other servers, secret, folders, ids and keys. Its processes are
killed at random meanwhile. `IMPORT_EVENTS=1000000` tries it with as many.
"""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any, Final

import pytest
from django.core.management import call_command

from local.manage import build_environment
from local.process.ports import find_free_port
from tests.conftest import TestProject
from tests.imports.test_questions import EVENTS, QUESTIONS, ask_all, fill
from tests.local.running import WORKER, Service
from tests.paths import ROOT
from tests.processes import find_descendants, kill

PIECE_BYTES: Final = 2 * 1024 * 1024
KILLS: Final = 6
MONGOD: Final = "mongod"


class Instance:
    """Another service, spoken to as a script does."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.credentials = service.wait_until_ready()
        told = self.manage(
            *("create_api_key", "Moved here", "--create-project"),
            *("--name", "the script", "--scopes", "admin"),
        )
        [self.key] = re.findall(r"ak_live_\S+", told)

    def manage(self, *arguments: str) -> str:
        environment = build_environment(self.service.directory, os.environ)
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        ).stdout

    def ask(self, method: str, path: str, body: bytes | dict[str, Any] | None = None) -> Any:
        """The JSON of an answer; the same is asked again while there is none."""
        until = time.monotonic() + 120
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        kind = "application/json" if isinstance(body, dict) else "application/octet-stream"
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": kind}
        while True:
            request = urllib.request.Request(
                self.service.url + path, data=data, headers=headers, method=method
            )
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as exc:
                told = json.load(exc)
                if exc.code == 409:
                    return told
                assert exc.code in (429, 503), (path, told)
            except OSError:
                pass
            assert time.monotonic() < until, f"no answer to {method} {path}"
            time.sleep(0.2)

    def ask_all(self) -> list[Any]:
        answers = []
        for path, asked in QUESTIONS:
            if path.startswith("/query"):
                told = self.ask("POST", path, asked)
            else:
                query = "&".join(f"{name}={value}" for name, value in asked.items())
                told = self.ask("GET", f"{path}?{query}")
            told.pop("meta", None)
            answers.append(told)
        return answers

    def bring(self, path: Path, **more: Any) -> str:
        """Send a file; the path of its import."""
        size = path.stat().st_size
        asked = self.ask("POST", "/imports", {"file": path.name, "bytes": size, **more})
        place, at = f"/imports/{asked['importId']}", 0
        with path.open("rb") as file:
            while at < size:
                file.seek(at)
                sent = self.ask("PUT", f"{place}/file?at={at}", file.read(PIECE_BYTES))
                at = sent["received"]
        return place

    def kill_one(self, chance: random.Random) -> str:
        """SIGKILL to a worker, one of its processes, all of the web, or the store of events."""
        whom = chance.choice(("worker", "worker's", "web", "store"))
        found = self.find(whom)
        if found is not None:
            kill(found)
        return whom if found is not None else "nobody"

    def find(self, whom: str) -> int | None:
        if whom == "store":
            return self.find_server(MONGOD)
        if whom == "web":
            return self.service.find_program("-m", "gunicorn")
        worker = self.service.find_program(*WORKER)
        if whom == "worker" or worker is None:
            return worker
        below = find_descendants(worker)
        return below[-1] if below else worker

    def find_server(self, name: str) -> int | None:
        for pid in find_descendants(self.service.process.pid):
            try:
                if Path(f"/proc/{pid}/comm").read_text().strip() == name:
                    return pid
            except OSError:
                continue
        return None


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Instance]:
    service = Service(
        tmp_path / "elsewhere", find_free_port(), REPORTING_RATE="100000/m", CLAIM_IDLE_SECONDS="5",
        SECRET_KEY="another-secret-which-is-long-enough-for-the-checks-9876543210",
    )  # fmt: skip
    try:
        yield Instance(service)
    finally:
        service.process.send_signal(signal.SIGINT)
        try:
            service.process.wait(60)
        finally:
            service.process.kill()
            service.process.wait()


def wait_until_done(instance: Instance, place: str, seconds: float) -> dict[str, Any]:
    until = time.monotonic() + seconds
    while True:
        found: dict[str, Any] = instance.ask("GET", place)
        if found["state"] in ("done", "failed", "cancelled", "expired"):
            return found
        assert time.monotonic() < until, found
        time.sleep(0.5)


@pytest.mark.nightly
@pytest.mark.timeout(3000)
def test_another_service_says_the_same_of_what_was_exported_here(
    project: TestProject, elsewhere: Instance, tmp_path: Path
) -> None:
    chance = random.Random(int(os.environ.get("IMPORT_SEED", "22")))
    fill(project)
    expected = ask_all(project)
    output = tmp_path / "events.parquet"
    begun = time.monotonic()
    call_command(
        "export_events", project.row.id, "--format", "parquet", "--output", str(output),
        stdout=StringIO(),
    )  # fmt: skip
    exported = time.monotonic()
    manifest = json.loads(output.with_name("events.parquet.manifest.json").read_text())
    [told] = manifest["files"]
    own = {"source": "own", "confirmed": True, "sha256": told["sha256"]}
    place = elsewhere.bring(output, **own)
    sent = time.monotonic()
    killed = []
    for _ in range(KILLS):
        time.sleep(chance.uniform(0, 1 + EVENTS / 40_000))
        killed.append(elsewhere.kill_one(chance))
    done = wait_until_done(elsewhere, place, 600 + EVENTS / 500)
    imported = time.monotonic()
    assert done["state"] == "done", done
    assert done["sha256"] == told["sha256"]
    assert done["counts"] == {"imported": EVENTS, "stored": 0, "erased": 0}
    assert elsewhere.ask_all() == expected
    again = wait_until_done(elsewhere, elsewhere.bring(output, **own), 600 + EVENTS / 500)
    assert again["counts"] == {"imported": 0, "stored": EVENTS, "erased": 0}
    assert elsewhere.ask_all() == expected
    print(f"{EVENTS} events ({told['bytes']:,} bytes): exported in {exported - begun:.0f} s, sent "
          f"in {sent - exported:.0f} s, imported in {imported - sent:.0f} s while {killed} were "
          f"killed, again in {time.monotonic() - imported:.0f} s")  # fmt: skip
