"""Reports in processes of their own: one port, one connection, and no death takes others along."""

import os
import re
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User

from analytics.databases.redis_clients import broker_client
from analytics.web.asker import find_asker
from ingestion.server.relay.application import MOST_RELAYED
from ingestion.server.relay.call import READY_SECONDS
from ingestion.server.relay.frames import RelayedRequest
from ingestion.server.relay.worker import answer_relayed
from local.process.ports import LOOPBACK
from tests.conftest import TestProject
from tests.processes import find_children, frozen, kill
from tests.server.test_shutdown import wait_until_read
from tests.servers_plugin import Servers
from tests.service import ANSWER_TIMEOUT_SECONDS, Answer, Gunicorn, Wire, build_request
from tests.workers import wait_until

pytest_plugins = ("tests.service",)
# Each starts processes several times, which takes its time on a machine that does much else.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

EVENT = b'{"path": "/a"}'
MEBIBYTE = 1024 * 1024
REPORT_BEGINS_SECONDS = 0.5
CONNECTED = "03"  # and taken by a process, as proc(5) has it of net/unix


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Gunicorn]:
    """Of this test alone: it kills processes of it."""
    server = Gunicorn(tmp_path / "gunicorn.log")
    server.start()
    yield server
    server.stop()


@contextmanager
def waiting_report(server: Gunicorn, project: TestProject) -> Iterator[Wire]:
    """A connection whose report waits for a store that does not answer."""
    before = list_reports(server)
    with server.connect() as wire:
        wire.send(build_request("GET", "/stats", key=project.read_key))
        wait_until(lambda: bool(list_reports(server) - before), 30, "a process has taken it")
        time.sleep(REPORT_BEGINS_SECONDS)
        yield wire


def post_event(server: Gunicorn, project: TestProject) -> int:
    return server.request("POST", "/event", EVENT, key=project.ingest_key).status


def get_stats(server: Gunicorn, project: TestProject) -> Answer:
    return server.request("GET", "/stats", key=project.read_key)


def wait_for_reports(server: Gunicorn, project: TestProject) -> None:
    """A request waits for a process that starts, but not as long as a busy machine may take."""

    def can_report() -> bool:
        with suppress(TimeoutError):
            return get_stats(server, project).status == 200
        return False

    wait_until(can_report, 60, "reports are answered")


def can_accept(server: Gunicorn, project: TestProject) -> bool:
    with suppress(TimeoutError):
        return post_event(server, project) == 202
    return False


def count_kinds(server: Gunicorn) -> tuple[int, int]:
    """How many processes accept, and how many report."""
    return tuple(len(server.find_workers(reporting=kind)) for kind in (False, True))  # type: ignore[return-value]


def test_events_and_reports_share_a_connection(gunicorn: Gunicorn, served: TestProject) -> None:
    assert count_kinds(gunicorn) == (1, 1)
    with gunicorn.connect() as wire:
        for _ in range(3):
            wire.send(build_request("POST", "/event", EVENT, key=served.ingest_key))
            assert wire.read_answer().status == 202
            wire.send(build_request("GET", "/stats", key=served.read_key))
            report = wire.read_answer("GET")
            assert (report.status, "totalViews" in report.json()) == (200, True)
            assert report.headers["connection"] == "keep-alive"


def test_a_question_goes_along_with_its_body(gunicorn: Gunicorn, served: TestProject) -> None:
    as_json = {"Content-Type": "application/json"}
    with gunicorn.connect() as wire:
        for path, wide in (("/query", 1), ("/query/", 100), ("/query", 300_000)):
            body = b'{"metrics":["views"]' + b" " * wide + b"}"
            wire.send(build_request("POST", path, body, as_json, key=served.read_key))
            answer = wire.read_answer()
            assert answer.status == (413 if wide > 262_144 else 200)
        marked = b'\xef\xbb\xbf{"metrics":["views"]}'
        wire.send(build_request("POST", "/query", marked, as_json, key=served.read_key))
        assert wire.read_answer().status == 200
        wire.send(build_request("GET", "/events", key=served.read_key))
        assert "events" in wire.read_answer("GET").json()


def test_a_client_that_has_said_all_it_has_to_say_is_answered(
    gunicorn: Gunicorn, served: TestProject
) -> None:
    with gunicorn.connect() as wire:
        wire.send(build_request("GET", "/stats", key=served.read_key))
        wire.end_sending()
        assert wire.read_answer("GET").status == 200


def test_the_request_id_goes_along(gunicorn: Gunicorn, served: TestProject) -> None:
    answer = gunicorn.request("GET", "/stats", headers={"X-Request-ID": "mine"}, key="bad")
    assert (answer.status, answer.headers["x-request-id"]) == (401, "mine")


def test_the_file_of_a_page_comes_whole(gunicorn: Gunicorn) -> None:
    path = "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js"
    answer = gunicorn.request("GET", path)
    assert answer.status == 200
    assert len(answer.body) == int(answer.headers["content-length"]) > MEBIBYTE
    head = gunicorn.request("HEAD", path)
    assert (head.body, head.headers["content-length"]) == (b"", str(len(answer.body)))
    not_modified = gunicorn.request("GET", path, headers={"If-None-Match": answer.headers["etag"]})
    assert (not_modified.status, not_modified.body) == (304, b"")


def test_the_admin_lets_in_who_signs_in(gunicorn: Gunicorn, served: TestProject) -> None:
    user = User.objects.create_superuser("relayed")
    user.password = PBKDF2PasswordHasher().encode("correct horse", "salt")  # not the tests' own
    user.save()
    base_url = f"http://{LOOPBACK}:{gunicorn.port}"
    with httpx.Client(base_url=base_url, timeout=ANSWER_TIMEOUT_SECONDS) as client:
        page = client.get("/admin/login/")
        [token] = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
        form = {"username": "relayed", "password": "correct horse", "csrfmiddlewaretoken": token}
        answer = client.post("/admin/login/?next=/admin/", data=form)
        assert (answer.status_code, answer.headers["location"]) == (302, "/admin/")
        assert "relayed" in client.get("/admin/").text


def test_forms_are_read_up_to_a_limit(gunicorn: Gunicorn) -> None:
    cookie = SimpleCookie(gunicorn.request("GET", "/admin/login/").headers["set-cookie"])
    token = cookie["csrftoken"].value
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Cookie": f"csrftoken={token}",
    }

    def sign_in(password_bytes: int) -> Answer:
        form = {"csrfmiddlewaretoken": token, "username": "x", "password": "x" * password_bytes}
        return gunicorn.request("POST", "/admin/login/", urlencode(form).encode(), headers)

    large = sign_in(MEBIBYTE)
    assert (large.status, b"correct username" in large.body) == (200, True)
    too_large = sign_in(2 * MEBIBYTE)
    assert (too_large.status, too_large.code) == (413, "body_too_large")


def test_a_form_that_breaks_off_is_refused(gunicorn: Gunicorn) -> None:
    with gunicorn.connect() as wire:
        wire.send(build_request("POST", "/admin/login/", b"x", {"Content-Length": "10"}))
        wire.end_sending()
        answer = wire.read_answer()
        assert (answer.status, answer.code) == (400, "truncated_body")


def test_both_kinds_count_in_the_same_metrics(server: Gunicorn, project: TestProject) -> None:
    def read_count(endpoint: str, status: int) -> float:
        text = server.request("GET", "/metrics").body.decode()
        name = "analytics_http_requests_total"
        labels = f'endpoint="{endpoint}",status="{status}"'
        found = re.findall(rf"(?m)^{name}{{{labels}}} (.+)$", text)
        return float(found[0]) if found else 0.0

    assert post_event(server, project) == 202
    assert get_stats(server, project).status == 200
    wait_until(lambda: read_count("/stats", 200) > 0, 60, "the other process has shared")
    assert (read_count("/event", 202), read_count("/stats", 200)) == (1, 1)


def test_a_process_keeps_its_connections_from_report_to_report(
    gunicorn: Gunicorn, served: TestProject
) -> None:
    def count_connections() -> int:
        statistics: Any = broker_client().info("stats")
        return int(statistics["total_connections_received"])

    assert gunicorn.request("GET", "/stats", key="bad").status == 401  # counted in the cache
    before = count_connections()
    for _ in range(20):
        assert gunicorn.request("GET", "/stats", key="bad").status == 401
    assert count_connections() - before < 10


def test_a_dead_report_is_503_and_a_process_of_its_kind_takes_over(
    server: Gunicorn, project: TestProject, servers: Servers
) -> None:
    [reporting] = server.find_workers(reporting=True)
    [accepting] = server.find_workers(reporting=False)
    with frozen(servers.mongo.pid), waiting_report(server, project) as wire:
        kill(reporting)
        lost = wire.read_answer("GET")
        assert (lost.status, lost.code) == (503, "reports_unavailable")
        assert int(lost.headers["retry-after"]) >= 1
        wire.send(build_request("POST", "/event", EVENT, key=project.ingest_key))
        assert wire.read_answer().status == 202  # on the same connection

    wait_for_reports(server, project)
    assert server.find_workers(reporting=False) == [accepting]
    assert count_kinds(server) == (1, 1)


def test_an_accepting_process_that_dies_is_replaced_by_its_kind(
    server: Gunicorn, project: TestProject
) -> None:
    [accepting] = server.find_workers(reporting=False)
    reporting = server.find_workers(reporting=True)
    kill(accepting)
    wait_until(lambda: count_kinds(server) == (1, 1), 30, "it is replaced")
    wait_until(lambda: can_accept(server, project), 60, "it accepts")
    wait_for_reports(server, project)
    assert server.find_workers(reporting=True) == reporting


def test_where_no_process_for_reports_comes_the_rest_goes_on(
    server: Gunicorn, project: TestProject
) -> None:
    [reporting] = server.find_workers(reporting=True)
    with frozen(server.pid):  # the master, which would start another
        kill(reporting)
        lost = get_stats(server, project)
        assert (lost.status, lost.code) == (503, "reports_unavailable")
        assert int(lost.headers["retry-after"]) >= 1
        assert server.request("GET", "/readyz?for=reporting").status == 503
        assert server.request("GET", "/readyz").status == 200
        assert server.request("GET", "/metrics").status == 200
        assert post_event(server, project) == 202
    wait_for_reports(server, project)
    assert server.request("GET", "/readyz?for=reporting").status == 200


def test_a_busy_process_is_waited_for(server: Gunicorn, project: TestProject) -> None:
    with server.connect() as wire:
        with frozen(*server.find_workers(reporting=True)):
            wire.send(build_request("GET", "/stats", key=project.read_key))
            time.sleep(READY_SECONDS + 2)
        assert wire.read_answer("GET").status == 200


def test_reports_that_wait_are_bounded_and_end_with_their_clients(
    server: Gunicorn, project: TestProject
) -> None:
    request = build_request("GET", "/healthz/none", key=project.read_key)
    with frozen(*server.find_workers(reporting=True)), ExitStack() as wires:
        first = server.connect()
        first.__enter__().send(request)
        for _ in range(MOST_RELAYED - 1):
            wires.enter_context(server.connect()).send(request)
        time.sleep(REPORT_BEGINS_SECONDS)
        wait_until(lambda: not is_taken(server, project), 30, "as many wait as may")
        refused = get_stats(server, project)
        assert (refused.status, refused.code) == (503, "reports_busy")
        assert post_event(server, project) == 202

        first.__exit__(None, None, None)
        wait_until(lambda: is_taken(server, project), 30, "the one that left has made room")


def test_who_answers_can_tell_that_the_client_has_left() -> None:
    ours, theirs = socket.socketpair()
    has_left: list[bool] = []

    def application(environ: Any, start_response: Any) -> list[bytes]:
        has_left.append(find_asker()())
        ours.close()
        has_left.append(find_asker()())
        start_response("200 OK", [])
        return [b"for nobody"]

    with theirs, suppress(OSError):
        answer_relayed(application, RelayedRequest({}, b""), theirs)
    assert has_left == [False, True]


def is_taken(server: Gunicorn, project: TestProject) -> bool:
    """Whether a report waits, rather than being refused at once."""
    with server.connect() as wire:
        wire.socket.settimeout(1)
        wire.send(build_request("GET", "/stats", key=project.read_key))
        try:
            return bool(wire.read_answer("GET").code != "reports_busy")
        except TimeoutError:
            return True


@pytest.mark.parametrize("also", [
    {},
    pytest.param({"WEB_CONCURRENCY": "3", "REPORT_CONCURRENCY": "2"}, marks=pytest.mark.nightly),
])  # fmt: skip
def test_a_reload_keeps_the_mix(project: TestProject, tmp_path: Path, also: dict[str, str]) -> None:
    server = Gunicorn(tmp_path / "gunicorn.log", also)
    server.start()
    try:
        mix = (int(also.get("WEB_CONCURRENCY", 1)), int(also.get("REPORT_CONCURRENCY", 1)))
        wait_until(lambda: count_kinds(server) == mix, 30, f"there are {mix}")
        for _ in range(2):
            before = set(find_children(server.pid))
            os.kill(server.pid, signal.SIGHUP)
            wait_until(lambda: is_replaced(server, before, sum(mix)), 60, "new workers serve")  # noqa: B023
            wait_until(lambda: count_kinds(server) == mix, 30, f"there are {mix} again")
            wait_for_reports(server, project)
            wait_until(lambda: can_accept(server, project), 60, "it accepts")
    finally:
        server.stop()


def is_replaced(server: Gunicorn, before: set[int], workers: int) -> bool:
    now = set(find_children(server.pid))
    return not now & before and len(now) == workers


def test_more_and_fewer_workers_are_accepting_ones(server: Gunicorn) -> None:
    steps = [(signal.SIGTTIN, (2, 1)), (signal.SIGTTOU, (1, 1)), (signal.SIGTTOU, (1, 1))]
    for number, mix in steps:
        os.kill(server.pid, number)
        wait_until(lambda: count_kinds(server) == mix, 30, f"there are {mix}")  # noqa: B023
        time.sleep(1.5)  # the master has looked again
        assert count_kinds(server) == mix


@pytest.mark.parametrize(
    ("role", "event_status", "report_status"), [("ingest", 202, 404), ("reporting", 404, 200)]
)
def test_a_role_has_one_kind_of_process(
    project: TestProject, tmp_path: Path, role: str, event_status: int, report_status: int
) -> None:
    server = Gunicorn(tmp_path / "gunicorn.log", {"ROLE": role, "REPORT_CONCURRENCY": "2"})
    server.start()
    try:
        assert count_kinds(server) == (1, 0)
        assert post_event(server, project) == event_status
        assert get_stats(server, project).status == report_status
        assert server.request("GET", "/readyz?for=reporting").status == 200
    finally:
        server.stop()


def test_a_report_that_has_begun_is_answered_after_sigterm(
    server: Gunicorn, project: TestProject, servers: Servers
) -> None:
    with frozen(servers.mongo.pid), waiting_report(server, project) as wire:
        os.kill(server.pid, signal.SIGTERM)
        time.sleep(1.5)  # the workers look once a second whether they shall stop
        os.kill(servers.mongo.pid, signal.SIGCONT)
        answer = wire.read_answer("GET")
        assert (answer.status, "totalViews" in answer.json()) == (200, True)


def test_a_report_whose_last_byte_comes_after_sigterm_is_answered(
    server: Gunicorn, project: TestProject
) -> None:
    request = build_request("GET", "/stats", b"{}", {"Content-Length": "2"}, key=project.read_key)
    with server.connect() as wire:
        wire.send(request[:-1])
        wait_until_read(wire)
        os.kill(server.pid, signal.SIGTERM)
        time.sleep(2.5)  # the reporting process would have gone before the accepting one
        wire.send(request[-1:])
        answer = wire.read_answer("GET")
        assert answer.status == 200
        assert wire.is_closed()


def test_nothing_is_left_of_a_service_that_stopped(server: Gunicorn) -> None:
    [listener] = [path for path in find_sockets() if is_of(path, server.pid)]
    assert listener.parent.stat().st_mode & 0o777 == 0o700
    server.stop()
    assert not listener.parent.exists()


def find_sockets() -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob("analytics-metrics-*/reports.sock"))


def list_reports(server: Gunicorn) -> set[str]:
    """The connections that reporting processes have taken, by their inodes."""
    [listener] = [path for path in find_sockets() if is_of(path, server.pid)]
    return {inode for state, inode in list_unix_sockets(listener) if state == CONNECTED}


def list_unix_sockets(path: Path) -> list[tuple[str, str]]:
    """State and inode of each that has the path (proc(5), net/unix)."""
    lines = Path("/proc/net/unix").read_text().splitlines()
    found = (line.split() for line in lines if line.endswith(f" {path}"))
    return [(fields[5], fields[6]) for fields in found]


def is_of(path: Path, pid: int) -> bool:
    """Whether a process listens there."""
    inodes = [inode for _, inode in list_unix_sockets(path)]
    held = {os.readlink(descriptor) for descriptor in Path(f"/proc/{pid}/fd").iterdir()}
    return any(f"socket:[{inode}]" in held for inode in inodes)
