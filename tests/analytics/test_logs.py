"""The logs: one JSON object per line, with ids to find a thing by, and nothing about a person."""

import io
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import Mock

import pytest
import structlog
from django.test import Client
from pymongo.errors import ServerSelectionTimeoutError
from structlog._config import BoundLoggerLazyProxy

from analytics.events.entry import AcceptedEvent
from analytics.metrics.log_limit import forget_lines, limit_lines, tell_left_out
from analytics.web.problems import Unavailable
from analytics.web.request_id import request_id_of
from ingestion.accept.admit import Sender, admit
from ingestion.drain.loop import drain
from tests.conftest import Api, TestProject
from tests.poison import POISON, record_of
from tests.service import Gunicorn

pytest_plugins = ("tests.service",)

SECRETS = ("user-4711", "session-4711", "203.0.113.77", "Mozilla/4711", "/private/4711", "4711@x")
EVENT = {
    "eventId": "id-1",
    "userId": "user-4711",
    "sessionId": "session-4711",
    "path": "/private/4711",
    "ip": "203.0.113.77",
    "userAgent": "Mozilla/4711",
    "properties": {"mail": "4711@x"},
}


@pytest.fixture
def lines() -> Iterator[list[dict[str, Any]]]:
    """What is logged, at every level."""
    with keep_lines() as kept:
        yield kept


@pytest.fixture
def limited() -> Iterator[list[dict[str, Any]]]:
    """The same without what is left out."""
    with keep_lines(limit_lines) as kept:
        yield kept


@contextmanager
def keep_lines(*processors: Any) -> Iterator[list[dict[str, Any]]]:
    kept: list[dict[str, Any]] = []

    def keep(logger: Any, method: str, event: Any) -> Any:
        kept.append(dict(event))
        raise structlog.DropEvent

    before = structlog.get_config()
    forget_loggers()
    structlog.reset_defaults()
    structlog.configure(
        processors=[*processors, structlog.contextvars.merge_contextvars, keep],
        cache_logger_on_first_use=False,
    )
    yield kept
    forget_loggers()
    structlog.configure(**before)


def forget_loggers() -> None:
    """A logger that was used keeps the configuration of that time."""
    for module in list(sys.modules.values()):
        logger = getattr(module, "log", None)
        if isinstance(logger, BoundLoggerLazyProxy):
            vars(logger).pop("bind", None)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("req-1.a_B:/+=", True),
        ("x" * 64, True),
        ("x" * 65, False),
        ("", False),
        ("a b", False),
        ('"},{"', False),
        ("a\u00e9", False),
    ],
)
def test_a_request_id_is_taken_only_if_it_is_sane(given: str, kept: bool) -> None:
    found = request_id_of({"HTTP_X_REQUEST_ID": given})

    assert (found == given) == kept
    assert len(found) == 16 or kept


def test_every_refusal_of_the_accept_path_carries_the_request_id(
    gunicorn: Gunicorn, served: TestProject
) -> None:
    headers = {"X-Request-ID": "mine-1"}
    refused = gunicorn.request("POST", "/event", b"{}", headers, key=served.ingest_key)
    assert (refused.status, refused.headers["x-request-id"]) == (400, "mine-1")

    refused = gunicorn.request("POST", "/event", b"{}")
    assert (refused.status, len(refused.headers["x-request-id"])) == (401, 16)


def test_every_other_answer_carries_it(store: None) -> None:
    answer = Client().get("/healthz", headers={"X-Request-ID": "mine-2"})

    assert answer["X-Request-ID"] == "mine-2"


def test_a_refusal_is_logged_with_its_code_project_and_request_id(
    ingest: Api, project: TestProject, lines: list[dict[str, Any]]
) -> None:
    ingest.post("/event", {"pathh": "/private/4711"}, headers={"X-Request-ID": "mine-3"})

    [line] = [line for line in lines if line["event"] == "refused"]
    assert line["code"] == "unknown_field"
    assert line["project"] == project.id.hex()
    assert line["request_id"] == "mine-3"


def test_an_accepted_and_stored_event_leaves_no_line(
    ingest: Api, lines: list[dict[str, Any]]
) -> None:
    assert ingest.post("/event", EVENT).status_code == 202
    assert drain(0).stored == 1

    assert lines == []


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What stands in the log, as it is written."""
    stream, root = io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(root.handlers[0].formatter)
    handler.filters = root.handlers[0].filters
    root.addHandler(handler)
    yield stream
    root.removeHandler(handler)


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (ServerSelectionTimeoutError("gone"), 503, []),  # `refused` says it, at a lower level
        (ZeroDivisionError(), 500, ["fault at /users/<rest:user_id>"]),
    ],
)
def test_an_address_that_names_a_user_stands_in_no_line(
    project: TestProject,
    written: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    status: int,
    said: list[str],
) -> None:
    monkeypatch.setattr("upkeep.erasure.views.ask_erasure", Mock(side_effect=error))
    client = Client(raise_request_exception=False)
    key = {"Authorization": f"Bearer {project.admin_key}"}

    assert client.delete("/users/user-4711", headers=key).status_code == status

    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert [line["event"] for line in lines] == said
    assert all("exception" in line for line in lines)
    assert "user-4711" not in written.getvalue()  # moments and ids may have these digits


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mock]:
    """The time by which lines are counted, which stands still."""
    forget_lines()
    clock = Mock(return_value=100.0)
    monkeypatch.setattr("analytics.metrics.log_limit.time.monotonic", clock)
    yield clock
    forget_lines()


def read_lines(written: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


def test_a_line_per_request_comes_a_few_times_a_second_and_the_rest_as_a_number(
    written: io.StringIO, clock: Mock
) -> None:
    log = structlog.get_logger("test")
    for _ in range(1_600):
        log.error("refused", code="stream_unavailable")
    log.error("refused", code="store_unavailable")
    clock.return_value += 1
    log.error("refused", code="stream_unavailable")
    log.error("refused", code="stream_unavailable")

    lines = read_lines(written)
    codes = [line["code"] for line in lines]
    assert codes == ["stream_unavailable"] * 5 + ["store_unavailable"] + ["stream_unavailable"] * 2
    left_out = [line.get("left_out") for line in lines]
    assert left_out == [*([None] * 6), 1_595, None]


def test_what_was_left_out_is_told_when_nothing_follows(
    limited: list[dict[str, Any]], clock: Mock
) -> None:
    for _ in range(8):
        structlog.get_logger("test").warning("connection_dropped", reason="full")
    tell_left_out()  # the second is not over
    clock.return_value += 1
    tell_left_out()
    tell_left_out()

    assert [line["event"] for line in limited] == ["connection_dropped"] * 5 + ["lines_left_out"]
    assert (limited[5]["of"], limited[5]["kind"], limited[5]["left_out"]) == (
        *("connection_dropped", "full"),
        3,
    )


def test_a_line_that_is_not_of_a_request_is_never_left_out(
    written: io.StringIO, clock: Mock
) -> None:
    for n in range(50):
        structlog.get_logger("test").error("events_buried", project=str(n))

    assert len(read_lines(written)) == 50


def test_a_fault_that_every_request_meets_is_told_a_few_times(
    project: TestProject, written: io.StringIO, monkeypatch: pytest.MonkeyPatch, clock: Mock
) -> None:
    monkeypatch.setattr("upkeep.erasure.views.ask_erasure", Mock(side_effect=ZeroDivisionError))
    client = Client(raise_request_exception=False)
    key = {"Authorization": f"Bearer {project.admin_key}"}
    for second in range(2):
        clock.return_value += second
        for _ in range(20):
            assert client.delete("/users/user-4711", headers=key).status_code == 500

    events = [line["event"] for line in read_lines(written)]
    fault = "fault at /users/<rest:user_id>"
    assert events == [fault] * 5 + [f"{fault} (and 15 left out)"] + [fault] * 4


def test_redis_down_fills_no_log(
    ingest: Api, limited: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, clock: Mock
) -> None:
    """As 1,600 lines in three seconds did."""
    gone = Mock(side_effect=Unavailable("gone", code="stream_unavailable"))
    monkeypatch.setattr("ingestion.accept.views.admit", gone)
    for _ in range(100):
        assert ingest.post("/event", {"path": "/a"}).status_code == 503

    assert [line["event"] for line in limited] == ["refused"] * 5


def test_a_wrong_host_is_one_line_without_a_traceback(store: None, written: io.StringIO) -> None:
    answer = Client().get("/admin/login/", headers={"Host": "evil.example"})

    assert answer.status_code == 400
    [line] = [json.loads(line) for line in written.getvalue().splitlines()]
    assert "exception" not in line


def test_no_line_tells_about_a_person_or_holds_a_key(
    project: TestProject,
    ingest: Api,
    lines: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Refusals of each kind, an event that is buried, and a store that fails."""
    ingest.post("/event", {**EVENT, "timestamp": "4711@x"})
    ingest.post("/event", {**EVENT, "4711@x": 1})
    ingest.post("/events", [{**EVENT, "path": ""}, {**EVENT, "ip": "4711@x"}])
    Api("ak_live_4711@x").post("/event", EVENT)
    Api(project.read_key).post("/event", EVENT)
    accept_with_secrets(project)
    ingest.post("/event", EVENT)
    ingest.post("/event", EVENT)
    drain(0)

    [buried] = [line for line in lines if line["event"] == "events_buried"]
    assert buried["project"] == project.id.hex()
    assert buried["entry_id"].partition("-")[2].isdigit()
    logged = json.dumps(lines, default=repr)
    for secret in (*SECRETS, project.ingest_key, project.read_key, "ak_live_4711"):
        assert secret not in logged


def accept_with_secrets(project: TestProject) -> None:
    sender = Sender(record_of(project), "203.0.113.77", "Mozilla/4711")
    raw = POISON.replace(b"/poison", b"/private/4711")
    admit(sender, [AcceptedEvent("poison", raw)])
