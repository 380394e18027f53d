"""The hot paths with a span around each request: HotPath itself knows nothing of traces."""

from wsgiref.types import WSGIEnvironment

from analytics.metrics.tracing import trace_request
from ingestion.server.hot_path import Answer, HotPath


class TracedPath(HotPath):
    def answer(self, environ: WSGIEnvironment) -> Answer:
        with trace_request(environ) as span:
            answer = super().answer(environ)
            if span:
                span.set_attribute("http.response.status_code", answer[1].status_code)
        return answer
