"""Traces: one from the request through the stream to the transaction, and none when off."""

import io
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from wsgiref.simple_server import demo_app

import msgspec
import pytest
from django.conf import LazySettings
from django.test import Client
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import stream_key
from analytics.events.entry import AcceptedEvent, decode_entry
from analytics.metrics import tracing
from ingestion.drain.loop import drain
from ingestion.server.traced_path import TracedPath
from tests.conftest import TestProject

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def spans(settings: LazySettings) -> Iterator[InMemorySpanExporter]:
    settings.OTEL_TRACES = True
    exporter = InMemorySpanExporter()
    tracing.start_tracing(exporter)
    yield exporter
    tracing.stop_tracing()


def post(project: TestProject, body: bytes, **headers: str) -> int:
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/event",
        "REMOTE_ADDR": "203.0.113.9",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_AUTHORIZATION": f"Bearer {project.ingest_key}",
        "wsgi.input": io.BytesIO(body),
        **headers,
    }
    return TracedPath(demo_app).answer(environ)[1].status_code


def test_a_trace_leads_from_the_request_to_the_transaction(
    project: TestProject, spans: InMemorySpanExporter
) -> None:
    assert post(project, b'{"path": "/a"}', HTTP_TRACEPARENT=CALLER) == 202
    [(entry_id, _)] = read_stream()
    assert drain(0).stored == 1

    request, store = spans.get_finished_spans()

    assert (request.name, store.name) == ("POST /event", "store")
    assert trace_id(request) == trace_id(store) == int(CALLER.split("-")[1], 16)
    assert request.parent and request.parent.span_id == int(CALLER.split("-")[2], 16)
    assert store.parent and request.context
    assert store.parent.span_id == request.context.span_id
    assert request.attributes == {"http.response.status_code": 202}
    assert store.attributes == {
        "analytics.entry_id": entry_id.decode(),
        "analytics.project": project.id.hex(),
        "analytics.events": 1,
        "analytics.batch_events": 1,
    }


def test_requests_of_a_batch_keep_their_traces_apart(
    project: TestProject, spans: InMemorySpanExporter
) -> None:
    for _ in range(3):
        post(project, b'{"path": "/a"}')
    drain(0)

    found = spans.get_finished_spans()

    requests = {trace_id(span) for span in found if span.name == "POST /event"}
    assert len(requests) == 3
    assert {trace_id(span) for span in found if span.name == "store"} == requests


def test_a_report_is_a_span_that_tells_nothing_of_what_was_asked(
    project: TestProject, spans: InMemorySpanExporter
) -> None:
    headers = {"authorization": f"Bearer {project.read_key}", "traceparent": CALLER}
    answer = Client().get("/stats?limit=3", headers=headers)

    assert answer.status_code == 200
    [span] = spans.get_finished_spans()
    assert span.name == "GET /stats"
    assert trace_id(span) == int(CALLER.split("-")[1], 16)
    assert span.attributes == {"http.response.status_code": 200}


def test_what_the_caller_does_not_sample_is_not_carried(
    project: TestProject, spans: InMemorySpanExporter
) -> None:
    post(project, b'{"path": "/a"}', HTTP_TRACEPARENT=CALLER[:-1] + "0")

    [(_, fields)] = read_stream()
    assert decode_entry(fields).parts[0].trace is None
    assert drain(0).stored == 1
    assert spans.get_finished_spans() == ()


def read_stream() -> Any:
    return stream_client().xrange(stream_key(0))


def trace_id(span: ReadableSpan) -> int:
    assert span.context
    return int(span.context.trace_id)


def test_a_part_without_a_trace_is_read_as_well() -> None:
    data = msgspec.msgpack.encode([b"12345678", None, None, [["a", b"{}"]]])

    [part] = decode_entry({b"v": b"1", b"d": data}).parts

    assert (part.events, part.trace) == ([AcceptedEvent("a", b"{}")], None)


@pytest.mark.slow
def test_off_the_service_runs_without_the_packages() -> None:
    code = (
        "import sys; sys.modules['opentelemetry'] = None; import config.wsgi;"
        "from analytics.metrics.tracing import start_tracing; start_tracing()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
