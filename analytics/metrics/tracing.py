"""Traces (OpenTelemetry), off by default: one from the request through the stream to the store.

While they are off nothing of OpenTelemetry is imported here, and the one thing that is asked on the
way of an event, `trace_of_request`, is a variable that is None. Its packages are an extra:
requirements-otel.txt. The SDK reads the OTEL_* variables of the OpenTelemetry specification.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from django.conf import settings

SERVICE_NAME = "analytics"

# What an entry carries of the request's trace; None: traces are off.
trace_of_request: Callable[[], str | None] | None = None

_tracer: Any = None


def start_tracing(exporter: Any = None) -> None:
    """Trace from now on, if OTEL_TRACES says so; once per process, after it was forked.

    `exporter` takes the place of OTLP over HTTP. Raises ImportError without the extra.
    """
    global _tracer, trace_of_request
    if not settings.OTEL_TRACES:
        return
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor

    attributes = {"service.name": SERVICE_NAME, "service.version": settings.VERSION}
    # What OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME say goes before.
    resource = Resource(attributes).merge(Resource.create())
    provider = TracerProvider(resource=resource)
    if exporter is None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    else:
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    _tracer = provider.get_tracer(SERVICE_NAME)
    trace_of_request = _current_trace


def is_tracing() -> bool:
    return _tracer is not None


def stop_tracing() -> None:
    global _tracer, trace_of_request
    _tracer = trace_of_request = None


def trace_request(environ: dict[str, Any]) -> AbstractContextManager[Any]:
    """The span of one request, in the trace of its `traceparent` if it has one."""
    return _trace_request(environ)


@contextmanager
def _trace_request(environ: dict[str, Any]) -> Iterator[Any]:
    if _tracer is None:
        yield None
        return
    from opentelemetry.trace import SpanKind

    path = environ["PATH_INFO"].rstrip("/")
    with _tracer.start_as_current_span(
        f"{environ['REQUEST_METHOD']} {path}",
        context=_read_trace(environ.get("HTTP_TRACEPARENT")),
        kind=SpanKind.SERVER,
    ) as span:
        yield span


def _current_trace() -> str | None:
    """The `traceparent` of the span at work, if it is sampled."""
    from opentelemetry.trace import get_current_span

    context = get_current_span().get_span_context()
    if not (context.is_valid and context.trace_flags.sampled):
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def _read_trace(traceparent: str | None) -> Any:
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({"traceparent": traceparent or ""})


def trace_stored(
    traceparent: str, entry_id: str, project: str, events: int, batch_events: int, started_ns: int
) -> None:
    """The span of an entry's transaction, which it shares with its batch, ending now."""
    if _tracer is None:
        return
    from opentelemetry.trace import SpanKind

    span = _tracer.start_span(
        "store",
        context=_read_trace(traceparent),
        kind=SpanKind.CONSUMER,
        start_time=started_ns,
        attributes={
            "analytics.entry_id": entry_id,
            "analytics.project": project,
            "analytics.events": events,
            "analytics.batch_events": batch_events,
        },
    )
    span.end()
