"""Clients of Matomo, GA4, Mixpanel, Amplitude and Snowplow, pointed here.

Each call is stored once, also where the first answers are bad, as far as the client tries again.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.clients.driving import read_stored, run_client
from tests.clients.unreliable import Fault, unreliable
from tests.conftest import TestProject
from tests.pages import make_public_key
from tests.receivers.vendor import add_alias
from tests.service import Gunicorn

pytest_plugins = ("tests.service",)
pytestmark = pytest.mark.clients

EVENTS = 8
AT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
NUMBERED = {f"event-{number}" for number in range(EVENTS)}

Stored = Mapping[str, Mapping[str, Any]]


def run(program: str, host: str, project: TestProject, **told: Any) -> Any:
    """`site` and `app` are aliases of the project: new ones, for the service remembers old ones."""
    site, app = int.from_bytes(project.id[:6], "big"), project.id.hex()
    for alias in (f"matomo:{site}", f"snowplow:{app}"):
        add_alias(project, alias)
    told = {"host": host, "site": site, "app": app, "key": project.ingest_key, **told}
    return run_client(program, events=EVENTS, at=AT.isoformat(), **told)


def read_by_name(project: TestProject) -> Stored:
    stored = read_stored(project)
    by_name = {event["event"]: event for event in stored}
    assert len(by_name) == len(stored), sorted(event["event"] for event in stored)
    return by_name


def check(by_name: Stored, others: set[str], number: str = "number") -> None:
    assert by_name.keys() == NUMBERED | {"pageview"} | others
    for index in range(EVENTS):
        assert by_name[f"event-{index}"]["properties"][number] == index
    view = by_name["pageview"]
    assert (view["path"], view["hostname"], view["utmSource"]) == (
        "/product/42", "shop.example", "mail",
    )  # fmt: skip


@pytest.mark.parametrize("bulk", [False, True])
def test_every_call_of_matomo_is_stored_once(
    gunicorn: Gunicorn, project: TestProject, bulk: bool
) -> None:
    result = run("matomo_node.mjs", gunicorn.address, project, bulk=bulk)

    assert result == {"errors": []}
    by_name = read_by_name(project)
    check(by_name, set(), "value")
    assert (by_name["pageview"]["title"], by_name["pageview"]["userId"]) == ("Product 42", "user-1")


def test_every_event_of_ga4_is_stored_once(gunicorn: Gunicorn, project: TestProject) -> None:
    run("ga4mp_python.py", gunicorn.address, project, key=make_public_key(project).text)

    by_name = read_by_name(project)
    assert by_name.keys() == {f"event_{number}" for number in range(EVENTS)} | {"pageview"}
    assert by_name["pageview"]["properties"] == {"plan": "pro"}
    assert by_name["event_3"]["properties"] == {"number": 3}


def test_every_call_of_mixpanel_for_python_is_stored_once(
    gunicorn: Gunicorn, project: TestProject
) -> None:
    result = run("mixpanel_python.py", gunicorn.address, project)

    assert result == {"errors": []}
    by_name = read_by_name(project)
    check(by_name, {"$identify"})
    assert by_name["$identify"]["properties"] == {"$set": {"email": "user@shop.example"}}


def test_every_call_of_mixpanel_for_node_is_stored_once(
    gunicorn: Gunicorn, project: TestProject
) -> None:
    """It sends its token in the address, so a public one."""
    result = run("mixpanel_node.mjs", gunicorn.address, project, key=make_public_key(project).text)

    assert result == {"errors": []}
    check(read_by_name(project), {"$identify", "batched-0", "batched-1"})


@pytest.mark.parametrize(
    ("program", "faults"),
    [
        ("amplitude_node.mjs", []),
        ("amplitude_node.mjs", [Fault.UNAVAILABLE, Fault.TOO_MANY]),
        ("amplitude_python.py", []),
        ("amplitude_python.py", [Fault.UNAVAILABLE, Fault.TOO_MANY]),
    ],
)
def test_every_call_of_amplitude_is_stored_once(
    gunicorn: Gunicorn, project: TestProject, program: str, faults: list[Fault]
) -> None:
    with unreliable(gunicorn.port, faults) as proxy:
        result = run(program, proxy.address, project)
        assert proxy.faults_left == []

    assert set(result["codes"]) <= {200}
    by_name = read_by_name(project)
    check(by_name, {"$identify"})
    assert by_name["pageview"]["timestamp"] == AT
    assert by_name["pageview"]["properties"] == {"plan": "pro"}


@pytest.mark.parametrize(
    ("program", "told", "faults"),
    [
        ("snowplow_node.mjs", {"method": "post"}, []),
        ("snowplow_node.mjs", {"method": "get"}, []),
        ("snowplow_python.py", {"method": "post"}, []),
        ("snowplow_python.py", {"method": "get"}, []),
        ("snowplow_node.mjs", {}, [Fault.UNAVAILABLE, Fault.TOO_MANY, Fault.LOST]),
        ("snowplow_python.py", {}, [Fault.UNAVAILABLE, Fault.TOO_MANY, Fault.LOST]),
    ],
)
def test_every_call_of_snowplow_is_stored_once(
    gunicorn: Gunicorn,
    project: TestProject,
    program: str,
    told: dict[str, Any],
    faults: list[Fault],
) -> None:
    with unreliable(gunicorn.port, faults) as proxy:
        assert run(program, proxy.address, project, **told) == {"sent": EVENTS + 2}
        assert proxy.faults_left == []

    by_name = read_by_name(project)
    check(by_name, {"signup"}, "value")
    assert by_name["signup"]["properties"]["plan"] == "pro"
    assert by_name["pageview"]["userId"] == "user-1"
