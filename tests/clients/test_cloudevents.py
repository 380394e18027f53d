"""The CloudEvents project's own clients, which send once and tell their program of the answer."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.clients.driving import read_stored, run_client
from tests.clients.unreliable import unreliable
from tests.conftest import TestProject
from tests.service import Gunicorn

pytest_plugins = ("tests.service",)
pytestmark = pytest.mark.clients

EVENTS = 10
AT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)


@pytest.mark.parametrize(
    ("program", "mode"),
    [
        *(("cloudevents_node.mjs", mode) for mode in ("binary", "structured")),
        *(("cloudevents_python.py", mode) for mode in ("binary", "structured", "batch")),
    ],
)
def test_every_event_is_stored_once_however_often_it_is_sent(
    gunicorn: Gunicorn, project: TestProject, program: str, mode: str
) -> None:
    with unreliable(gunicorn.port) as proxy:
        told = {"host": proxy.address, "key": project.ingest_key, "at": AT.isoformat()}
        results = [run_client(program, **told, mode=mode, events=EVENTS) for _ in range(2)]
        sent = [exchange.headers for exchange in proxy.exchanges]

    for result in results:
        answers = [json.loads(answer) for answer in result["answers"]]
        assert all(answer["status"] == "queued" for answer in answers)
    stored = read_stored(project)
    assert len(stored) == EVENTS
    by_name = {event["event"]: event for event in stored}
    for number in range(EVENTS):
        event = by_name[f"event-{number}"]
        assert event["eventId"] == f"/shop id-{number}"
        assert (event["path"], event["userId"]) == ("/product/42", "user-1")
        assert event["timestamp"] == AT
        assert event["properties"] == {"number": number, "text": "ä", "source": "/shop"}
    if program.endswith(".mjs"):
        assert {headers.get("transfer-encoding") for headers in sent} == {"chunked"}
