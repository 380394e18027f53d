"""Umami's clients for servers, pointed here. Neither sends again what was not taken."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pytest

from tests.clients.driving import read_stored, run_client
from tests.clients.unreliable import Fault, unreliable
from tests.conftest import TestProject
from tests.receivers.vendor import add_alias
from tests.service import Gunicorn

pytest_plugins = ("tests.service",)
pytestmark = pytest.mark.clients

EVENTS = 15
PROGRAMS = ("umami_node.mjs", "umami_python.py")
OTHERS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "umami_node.mjs": {"signup": {"plan": "pro"}, "$identify": {"email": "user@shop.example"}},
    "umami_python.py": {"revenue": {"revenue": 12.5, "currency": "EUR"}},
}


@pytest.fixture
def website(project: TestProject) -> str:
    """An alias of the project: a new one, for the service remembers for a moment whose one was."""
    website = str(uuid4())
    add_alias(project, f"umami:{website}")
    return website


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_call_is_stored_once(
    gunicorn: Gunicorn, project: TestProject, website: str, program: str
) -> None:
    result = run_client(program, host=gunicorn.address, website=website, events=EVENTS)

    assert result in ({"errors": []}, {"statuses": [200] * (EVENTS + 3)})
    stored = read_stored(project)
    by_name = {event["event"]: event for event in stored}
    assert len(by_name) == len(stored)
    view = by_name["pageview"]
    assert (view["path"], view["hostname"], view["utmSource"]) == (
        "/product/42", "shop.example", "mail",
    )  # fmt: skip
    assert (view["title"], view["language"], view["screen"]) == (
        "Product 42", "pt-BR", "1920x1080",
    )  # fmt: skip
    assert view["referrer"] == "google.com"
    for number in range(EVENTS):
        event = by_name[f"event-{number}"]
        assert (event["path"], event["properties"]) == (f"/page/{number}", {"number": number})
    others = OTHERS[program]
    for name, properties in others.items():
        assert by_name[name]["properties"] == properties
    assert len(stored) == EVENTS + 1 + len(others)


@pytest.mark.parametrize(
    ("fault", "lost"), [(Fault.UNAVAILABLE, 1), (Fault.RESET, 1), (Fault.LOST, 0)]
)
@pytest.mark.parametrize("program", PROGRAMS)
def test_what_meets_a_bad_answer_does_not_come_again_nor_twice(
    gunicorn: Gunicorn, project: TestProject, website: str, program: str, fault: Fault, lost: int
) -> None:
    """As the client has it, wherever it sends."""
    with unreliable(gunicorn.port, [fault]) as proxy:
        result = run_client(program, host=proxy.address, website=website, events=2)

    told = result.get("statuses") or [200] * 4
    assert len(read_stored(project)) == len(told) - lost
