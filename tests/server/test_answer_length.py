"""Every report says how long it is, whatever serves it: no client has to read chunks."""

import pytest

from tests.conftest import TestProject
from tests.service import Gunicorn, build_request

pytest_plugins = ("tests.service",)

DAY = "start=2026-01-01&end=2026-01-02"
REPORTS = [
    "/stats",
    f"/stats/timeseries?{DAY}",
    "/stats/breakdown?by=path",
    "/stats/realtime",
]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("target", [*REPORTS, "/stats?limit=0", "/nowhere"])
def test_an_answer_has_its_length(
    gunicorn: Gunicorn, served: TestProject, method: str, target: str
) -> None:
    with gunicorn.connect() as wire:
        wire.send(build_request(method, target, key=served.read_key))
        answer = wire.read_answer(method)
        wire.send(build_request("GET", "/stats", key=served.read_key))
        assert wire.read_answer("GET").status == 200  # nothing of the first one was left

    assert "transfer-encoding" not in answer.headers
    length = int(answer.headers["content-length"])
    assert length == len(answer.body) if method == "GET" else length > 2
