"""`make audit`: known vulnerabilities among the pinned packages."""

import json
import os
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from local.pins import audit


class Advisories(BaseHTTPRequestHandler):
    """Knows of one bad version, as osv.dev would tell it."""

    asked: ClassVar[list[Any]] = []

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        queries = json.loads(self.rfile.read(length))["queries"]
        self.asked.append(queries)
        results = [
            {"vulns": [{"id": "GHSA-0001"}]} if query["version"] == "0.1" else {}
            for query in queries
        ]
        body = json.dumps({"results": results}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def service() -> Iterator[str]:
    Advisories.asked = []
    with HTTPServer(("127.0.0.1", 0), Advisories) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / ".venv").mkdir()
    (tmp_path / "requirements.txt").write_text("# Direct\nGood==1.0\nother-one==2.0 ; x == 'y'\n")
    (tmp_path / "requirements-dev.txt").write_text("-r requirements.txt\nthird.one==3\n")
    return tmp_path


def test_every_pinned_package_is_looked_up(root: Path, service: str) -> None:
    assert audit.main(root, service) == 0
    [queries] = Advisories.asked
    assert [(query["package"]["name"], query["version"]) for query in queries] == [
        ("Good", "1.0"),
        ("other-one", "2.0"),
        ("third.one", "3"),
    ]


def test_a_known_vulnerability_fails(
    root: Path, service: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "requirements.txt").write_text("Bad==0.1\n")

    assert audit.main(root, service) == 1
    assert "Bad 0.1: GHSA-0001" in capsys.readouterr().out


def test_a_vulnerability_that_does_not_concern_us_passes(
    root: Path, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "requirements.txt").write_text("Bad==0.1\n")
    monkeypatch.setattr(audit, "IGNORED", {"GHSA-0001": "only its Windows part"})

    assert audit.main(root, service) == 0


def test_without_a_network_there_is_a_notice(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit.main(root, "http://127.0.0.1:9") == 0
    assert "Not audited" in capsys.readouterr().out
    assert not (root / ".venv" / ".audited").exists()


def test_a_clean_answer_is_good_for_a_day_or_until_a_pin_changes(root: Path, service: str) -> None:
    past = time.time() - 10
    for file in root.glob("*.txt"):
        os.utime(file, (past, past))
    for _ in range(3):
        assert audit.main(root, service) == 0
    assert len(Advisories.asked) == 1

    stamp = root / ".venv" / ".audited"
    yesterday = time.time() - 90_000
    for file in [stamp, *root.glob("*.txt")]:
        os.utime(file, (yesterday, yesterday))
    audit.main(root, service)
    assert len(Advisories.asked) == 2

    (root / "requirements.txt").write_text("Good==1.1\n")
    os.utime(stamp, (past, past))
    audit.main(root, service)
    assert len(Advisories.asked) == 3


def test_the_projects_own_pins_are_read() -> None:
    names = {name for name, _ in audit.read_pins(audit.ROOT.glob("requirements*.txt"))}

    assert {"django", "redis", "pytest", "mypy"} <= names
