"""/metrics: what is counted, by whichever process, and who may read it."""

import os
import signal
import socket
import threading
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from wsgiref.simple_server import make_server

import httpx
import pytest
from django.conf import LazySettings
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from analytics.metrics import counting
from analytics.metrics import names as metrics
from analytics.metrics.files import MetricFile, Sample, make_directory, read_files
from analytics.probes import worker_metrics
from ingestion.drain.loop import drain
from local.process.ports import LOOPBACK, find_free_port
from tests.conftest import Api, TestProject
from tests.poison import accept_poison
from tests.service import Gunicorn
from tests.workers import celery_worker, wait_until, waiting_events

pytest_plugins = ("tests.service",)

EVENT = b'{"path": "/a"}'
PATIENCE_SECONDS = 30.0  # of a machine that does much else


class Scrape:
    """The samples of one scrape."""

    def __init__(self, text: str) -> None:
        self.samples = {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def __call__(self, name: str, **labels: str) -> float:
        return self.samples.get((name, tuple(sorted(labels.items()))), 0.0)


def scrape() -> Scrape:
    return Scrape(Client().get("/metrics").content.decode())


def scrape_port(port: int) -> Scrape:
    answer = httpx.get(f"http://{LOOPBACK}:{port}/metrics", timeout=PATIENCE_SECONDS)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return Scrape(answer.text)


def test_requests_refusals_and_events_of_the_accept_path_are_counted(
    gunicorn: Gunicorn, served: TestProject
) -> None:
    def catch_up() -> Scrape:
        """What is relayed is counted by another process, which shares once a second."""
        marker = {"endpoint": "/schema", "status": "405"}
        seen = scrape_port(gunicorn.port)("analytics_http_requests_total", **marker)
        gunicorn.request("POST", "/schema/")
        wait_until(
            lambda: scrape_port(gunicorn.port)("analytics_http_requests_total", **marker) > seen,
            PATIENCE_SECONDS,
            "the other process has shared",
        )
        return scrape_port(gunicorn.port)

    before = catch_up()

    gunicorn.request("POST", "/event", EVENT, key=served.ingest_key)
    gunicorn.request("POST", "/event/", b"{}", key=served.ingest_key)
    gunicorn.request("POST", "/events", b"[" + EVENT + b"," + EVENT + b"]", key=served.ingest_key)
    gunicorn.request("GET", "/stats", key=served.read_key)
    gunicorn.request("GET", "/no/such/path")

    after = catch_up()

    def grown(name: str, **labels: str) -> float:
        return after(name, **labels) - before(name, **labels)

    assert grown("analytics_http_requests_total", endpoint="/event", status="202") == 1
    assert grown("analytics_http_requests_total", endpoint="/event", status="400") == 1
    assert grown("analytics_http_requests_total", endpoint="/events", status="202") == 1
    assert grown("analytics_http_requests_total", endpoint="/stats", status="200") == 1
    assert grown("analytics_http_requests_total", endpoint="unknown", status="404") == 1
    assert grown("analytics_http_request_seconds_count", endpoint="/event") == 2
    assert grown("analytics_http_request_seconds_bucket", endpoint="/event", le="+Inf") == 2
    assert grown("analytics_refused_total", code="missing_field") == 1
    assert grown("analytics_refused_total", code="not_found") == 1
    assert grown("analytics_accepted_events_total", project=served.id.hex()) == 3


def test_each_event_of_a_batch_is_counted_where_it_ends(project: TestProject, ingest: Api) -> None:
    before = scrape()
    for event_id in ("one", "two", "two"):
        ingest.post("/event", {"path": "/a", "eventId": event_id})
    accept_poison(project)

    drain(0)

    after = scrape()
    for outcome, count in (("stored", 2), ("duplicate", 1), ("dead", 1)):
        name = "analytics_drained_events_total"
        assert after(name, outcome=outcome) - before(name, outcome=outcome) == count
    assert after("analytics_batch_events_sum") - before("analytics_batch_events_sum") == 4
    assert after("analytics_store_seconds_count") > before("analytics_store_seconds_count")
    reason = {"reason": "invalid"}
    assert after("analytics_dead_letters_total", **reason) == 1 + before(
        "analytics_dead_letters_total", **reason
    )


def test_projects_beyond_the_limit_share_a_label(
    store: None, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.METRICS_MAX_PROJECTS = 2
    monkeypatch.setattr(counting, "_labelled", set())
    name = "analytics_accepted_events_total"
    before = scrape()(name, project="other")

    for number in range(5):
        counting.note_accepted(bytes([7] * 7 + [number]), 10)

    after = scrape()
    assert after(name, project="other") - before == 30
    assert after(name, project=bytes([7] * 8).hex()) == 0
    assert after(name, project=bytes([7] * 7 + [0]).hex()) == 10


def test_what_a_dead_process_left_goes_on_counting(tmp_path: Path) -> None:
    sample = Sample("m", "m_total", (("a", "b"),), 3.0)
    for _ in range(2):  # the same pid twice, as a host gives it again
        MetricFile(tmp_path).write([sample])
    (tmp_path / "9-cut.metrics").write_bytes(b"\x93")

    assert list(read_files(tmp_path)) == [sample, sample]


def test_directories_of_the_dead_are_cleared_away_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    pid = os.fork()
    if not pid:
        make_directory()
        os._exit(0)
    os.waitpid(pid, 0)
    [abandoned] = tmp_path.iterdir()

    living = make_directory()
    another = make_directory()

    assert not abandoned.exists()
    assert {*tmp_path.iterdir()} == {living, another}


@pytest.mark.parametrize(
    ("allowed", "token", "headers", "address", "status"),
    [
        (["127.0.0.0/8", "::1"], "", {}, "127.0.0.1", 200),
        (["127.0.0.0/8", "::1"], "", {}, "::1", 200),
        (["127.0.0.0/8", "::1"], "", {}, "203.0.113.9", 403),
        (["127.0.0.0/8", "::1"], "", {"X-Forwarded-For": "203.0.113.9"}, "127.0.0.1", 403),
        (["127.0.0.0/8", "::1"], "", {"Authorization": "Bearer "}, "203.0.113.9", 403),
        (["10.0.0.0/8"], "", {}, "10.1.2.3", 200),
        ([], "", {}, "127.0.0.1", 403),
        ([], "secret", {"Authorization": "Bearer secret"}, "203.0.113.9", 200),
        ([], "secret", {"Authorization": "Bearer secre\u00e9"}, "203.0.113.9", 403),
        ([], "secret", {}, "203.0.113.9", 403),
        (["203.0.113.9"], "secret", {}, "203.0.113.9", 200),
    ],
)
def test_metrics_are_for_the_token_and_the_listed_addresses(
    settings: LazySettings,
    allowed: list[str],
    token: str,
    headers: dict[str, str],
    address: str,
    status: int,
) -> None:
    settings.METRICS_ALLOWED_IPS = [ip_network(text) for text in allowed]
    settings.METRICS_TOKEN = token

    answer = Client().get("/metrics", headers=headers, REMOTE_ADDR=address)

    assert answer.status_code == status
    if status == 403:
        assert answer.json()["code"] == "metrics_forbidden"


@pytest.mark.parametrize(
    ("proxies", "headers", "status"),
    [
        (0, {"X-Real-IP": "203.0.113.9"}, 403),
        (0, {"X-Forwarded-Proto": "https"}, 403),
        (1, {}, 200),
        (1, {"X-Forwarded-For": "127.0.0.1"}, 200),
        (1, {"X-Forwarded-For": "203.0.113.9"}, 403),
        (1, {"X-Forwarded-For": "203.0.113.9:4711"}, 403),
        (1, {"X-Forwarded-For": "unknown"}, 403),
        (1, {"X-Forwarded-Proto": "https"}, 403),
        (2, {"X-Forwarded-For": "203.0.113.9"}, 403),
    ],
)
def test_a_proxy_next_door_does_not_make_its_clients_neighbours(
    settings: LazySettings, proxies: int, headers: dict[str, str], status: int
) -> None:
    settings.TRUSTED_PROXIES = proxies

    assert Client().get("/metrics", headers=headers, REMOTE_ADDR="127.0.0.1").status_code == status


def test_a_client_that_says_nothing_holds_no_thread_of_a_worker(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(worker_metrics._QuietHandler, "timeout", 0.5)
    kinds: Any = {
        "server_class": worker_metrics._Server,
        "handler_class": worker_metrics._QuietHandler,
    }
    with make_server(LOOPBACK, 0, worker_metrics.answer, **kinds) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with socket.create_connection((LOOPBACK, server.server_port), PATIENCE_SECONDS) as idle:
            idle.sendall(b"GET /metrics HTTP/1.1\r\n")
            assert idle.recv(1) == b""
        server.shutdown()
    assert capfd.readouterr().err == ""


def test_metrics_are_only_read() -> None:
    assert Client().post("/metrics").status_code == 405


def test_every_metric_has_a_unit_or_counts_things() -> None:
    for metric in metrics.PROCESS_REGISTRY.collect():
        ending = metric.name.rsplit("_", 1)[1] if metric.type != "counter" else "total"
        assert metric.name.startswith("analytics_"), metric.name
        assert ending in ("seconds", "bytes", "events", "entries", "total"), metric.name


@pytest.mark.slow
def test_a_worker_serves_what_its_children_count_and_have_counted(
    project: TestProject, ingest: Api, tmp_path: Path
) -> None:
    port = find_free_port()
    for _ in range(3):
        ingest.post("/event", {"path": "/a"})
    with celery_worker(tmp_path, WORKER_METRICS_PORT=str(port)) as worker:
        wait_until(lambda: waiting_events() == 0, 60, "stored")
        name = "analytics_drained_events_total"
        wait_until(
            lambda: scrape_port(port)(name, outcome="stored") == 3, PATIENCE_SECONDS, "counted"
        )
        [child] = Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()
        os.kill(int(child), signal.SIGKILL)

        assert scrape_port(port)(name, outcome="stored") == 3
        assert scrape_port(port)("analytics_task_seconds_count", task="ingestion.drain") >= 1
        url = f"http://{LOOPBACK}:{port}"
        assert httpx.get(url).status_code == 404
        forwarded = {"X-Forwarded-For": "127.0.0.1"}
        assert httpx.get(f"{url}/metrics", headers=forwarded).status_code == 403
