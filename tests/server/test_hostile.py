"""Hostile requests (`tests/hostile/bad_inputs.json`), each sent as its bytes stand there.

A case allows the statuses in `expect_status`; `docs/http-api.md` says which one is ours.
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from analytics.databases.mongo import EVENTS, collection
from analytics.projects.key_mirror import mirror_keys
from analytics.projects.models import ApiKey
from ingestion.drain.loop import drain
from tests.conftest import TestProject, make_project
from tests.paths import ROOT
from tests.processes import find_children, read_cpu_seconds
from tests.service import Answer, Gunicorn, Wire
from upkeep.ledger.lines import read_ledger

pytest_plugins = ("tests.service",)

pytestmark = pytest.mark.slow

CASES: list[dict[str, Any]] = json.loads(
    (ROOT / "tests" / "hostile" / "bad_inputs.json").read_text()
)
MOST_CPU_SECONDS = 5.0  # by the clock it may take longer, on a machine that does much else
PLACEHOLDER = re.compile(r"\{\{([A-Z_0-9]+)\}\}")


@dataclass(frozen=True)
class Scene:
    """The two projects of the cases, and what their placeholders stand for."""

    project: TestProject
    other: TestProject
    values: Mapping[str, str]


@pytest.fixture(scope="module")
def scene(served: TestProject) -> Scene:
    other = make_project("Other")
    revoked, revoked_text = ApiKey.issue(served.row, "revoked", ["ingest"])
    revoked.save()
    revoked.revoke()
    expired, expired_text = ApiKey.issue(served.row, "expired", ["ingest"])
    expired.save()
    # As time would, since no key can be made that has expired.
    past = timezone.now() - timedelta(days=1)
    ApiKey.objects.filter(pk=expired.pk).update(expires_at=past)
    mirror_keys()
    values = {
        "KEY": served.ingest_key,
        "KEY_MINUS_1": served.ingest_key[:-1],
        "READ_KEY": served.read_key,
        "OTHER_KEY": other.ingest_key,
        "REVOKED_KEY": revoked_text,
        "EXPIRED_KEY": expired_text,
        "OTHER_PROJECT": other.id.hex(),
    }
    return Scene(served, other, values)


def substitute(text: str, values: Mapping[str, str]) -> str:
    return PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), text)


def build_body(case: Mapping[str, Any], values: Mapping[str, str]) -> bytes:
    if "body_base64" in case:
        return base64.b64decode(case["body_base64"])
    if "body_parts" in case:  # [[text, times], ...]
        return b"".join(text.encode() * times for text, times in case["body_parts"])
    return substitute(case.get("body", ""), values).encode("utf-8", "surrogatepass")


def build_head(case: Mapping[str, Any], body: bytes, values: Mapping[str, str]) -> bytes:
    """The case's headers verbatim, and those that every client sends."""
    headers = {name: substitute(value, values) for name, value in case["headers"].items()}
    have = {name.lower() for name in headers}
    if "host" not in have:
        headers = {"Host": "127.0.0.1", **headers}
    sends_body = bool(body) or case["method"] in ("POST", "PUT")
    if sends_body and not have & {"content-length", "transfer-encoding"}:
        headers["Content-Length"] = str(len(body))
    if "connection" not in have:
        headers["Connection"] = "close"
    lines = [f"{case['method']} {substitute(case['path'], values)} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")


def exchange(wire: Wire, case: Mapping[str, Any], values: Mapping[str, str]) -> Answer:
    body = build_body(case, values)
    try:
        wire.send(build_head(case, body, values) + body)
        announced = case["headers"].get("Content-Length", "")
        if announced.isdigit() and int(announced) > len(body):
            wire.end_sending()
    except (BrokenPipeError, ConnectionResetError):
        pass  # answered and closed before all of the body was sent
    return wire.read_answer(case["method"])


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_hostile_request_gets_an_orderly_answer(
    gunicorn: Gunicorn, scene: Scene, case: dict[str, Any]
) -> None:
    workers = find_children(gunicorn.pid)
    used_before = read_cpu_seconds(*workers)
    with gunicorn.connect() as wire:
        answer = exchange(wire, case, scene.values)

    assert answer.status in case["expect_status"], f"{case['why']}: {answer.body[:500]!r}"
    assert read_cpu_seconds(*workers) - used_before < MOST_CPU_SECONDS
    assert b"Traceback" not in answer.body
    if answer.status >= 400:
        assert answer.code


def test_every_accepted_hostile_event_is_stored_and_the_books_balance(scene: Scene) -> None:
    while drain(0).work_left:
        pass

    for project in (scene.project, scene.other):
        lines = read_ledger(project.id)
        assert sum(line.accepted for line in lines) > 0
        assert all(line.difference == 0 and line.waiting == 0 for line in lines)
        assert sum(line.dead for line in lines) == 0
        stored = collection(EVENTS).count_documents({"project": project.id})
        assert stored == sum(line.stored for line in lines)


def test_nothing_hostile_left_a_traceback_in_the_log(gunicorn: Gunicorn, scene: Scene) -> None:
    assert "Traceback" not in gunicorn.read_log()
