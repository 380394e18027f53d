"""The proxy that the clients are tried with does to them what it says."""

import http.client
import json

import pytest

from local.process.ports import LOOPBACK
from tests.clients.driving import read_stored
from tests.clients.unreliable import Fault, UnreliableProxy, unreliable
from tests.conftest import TestProject
from tests.service import Gunicorn

pytest_plugins = ("tests.service",)
pytestmark = pytest.mark.clients


def send(proxy: UnreliableProxy, key: str, event_id: str, *, chunked: bool = False) -> int | None:
    """The status of the answer; None where none comes within a moment."""
    connection = http.client.HTTPConnection(LOOPBACK, proxy.server_port, timeout=2.0)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    body = json.dumps({"path": "/", "eventId": event_id}).encode()
    try:
        connection.request("POST", "/event", iter([body]) if chunked else body, headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("fault", "status", "stored"),
    [
        *((Fault.UNAVAILABLE, 503, 0), (Fault.TOO_MANY, 429, 0), (Fault.RESET, None, 0)),
        *((Fault.LOST, None, 1), (Fault.SILENT, None, 1)),
    ],
)
def test_a_request_meets_its_fault_and_the_next_one_the_service(
    gunicorn: Gunicorn, project: TestProject, fault: Fault, status: int | None, stored: int
) -> None:
    with unreliable(gunicorn.port, [fault]) as proxy:
        assert send(proxy, project.ingest_key, "a") == status
        assert len(read_stored(project)) == stored
        assert send(proxy, project.ingest_key, "a") == 202

        assert [exchange.status for exchange in proxy.exchanges] == [status, 202]
        assert proxy.faults_left == []
    assert len(read_stored(project)) == 1


def test_a_chunked_body_reaches_the_service(gunicorn: Gunicorn, project: TestProject) -> None:
    with unreliable(gunicorn.port) as proxy:
        assert send(proxy, project.ingest_key, "a", chunked=True) == 202

        assert json.loads(proxy.exchanges[0].body)["eventId"] == "a"


def test_what_is_not_to_be_spoiled_is_not(gunicorn: Gunicorn, project: TestProject) -> None:
    def spoils(method: str, path: str) -> bool:
        return path == "/elsewhere"

    with unreliable(gunicorn.port, [Fault.UNAVAILABLE], spoils) as proxy:
        assert send(proxy, project.ingest_key, "a") == 202
        assert proxy.faults_left == [Fault.UNAVAILABLE]
