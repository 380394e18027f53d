"""Keys and passwords are in no log and no answer."""

from collections.abc import Iterator

import pytest
from pytest_django.plugin import DjangoDbBlocker

from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import api_key_key
from analytics.keys.authentication import authenticate
from analytics.projects.models import ApiKey
from analytics.web.problems import Unauthorized
from tests.conftest import TestProject, make_project
from tests.service import Gunicorn, build_request

pytest_plugins = ("tests.service",)

EVENT = b'{"path": "/secret"}'
PASSWORD = "correct-horse-battery"


@pytest.fixture(scope="module")
def talkative(
    django_db_setup: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gunicorn]:
    """A service that logs all it can."""
    log = tmp_path_factory.mktemp("talkative") / "gunicorn.log"
    server = Gunicorn(log, {"LOG_LEVEL": "debug"})
    server.start()
    yield server
    server.stop()


@pytest.fixture
def keys(talkative: Gunicorn, django_db_blocker: DjangoDbBlocker) -> Iterator[TestProject]:
    with django_db_blocker.unblock():
        yield make_project("Secret")


@pytest.mark.slow
def test_no_key_is_logged_or_echoed(talkative: Gunicorn, keys: TestProject) -> None:
    good, bad = keys.ingest_key, keys.ingest_key[:-1] + "!"
    requests = [
        build_request("POST", "/event", EVENT, key=good),
        build_request("POST", "/event", EVENT, key=bad),
        build_request("GET", f"/stats?key={good}"),
        build_request("GET", f"/{good}"),
        build_request("GET", f"/event/{good}", key=good),
        build_request("GET", "/stats", key=good),
        build_request("POST", f"/event?key={good}", EVENT),
        build_request("POST", "/event", b'{"path":"/a","apiKey":"%s"}' % good.encode(), key=good),
        build_request("POST", "/event", good.encode(), key=good),
        build_request("POST", "/event", EVENT, {"X-Odd": f"{good}\x00"}, key=good),
        build_request("POST", "/event", EVENT, {f"Bad name {good}": "x"}, key=good),
        build_request("POST", "/event", EVENT, {"Expect": good}, key=good),
        f"GET /{good} HTTP/9.9\r\n\r\n".encode(),
        f"{good}\r\n\r\n".encode(),
        build_request("POST", "/admin/login/", f"username={good}&password={PASSWORD}".encode()),
    ]
    for request in requests:
        with talkative.connect() as wire:
            wire.send(request)
            wire.end_sending()
            received = b""
            while data := wire.socket.recv(65_536):
                received += data
        if not request.startswith((b"GET /event/", b"POST /admin/")):  # its own id; its own form
            assert good.encode() not in received, request

    log = talkative.read_log()
    assert good not in log
    assert bad not in log
    assert good[-43:-23] not in log
    assert PASSWORD not in log


def test_a_record_is_only_good_for_the_key_whose_digest_it_carries(project: TestProject) -> None:
    """Looked up by its digest, compared in constant time: no answer tells of a near miss."""
    mirrored = stream_client().get(api_key_key(ApiKey.objects.get(name="ingest").digest))
    other, text = ApiKey.issue(project.row, "not mirrored", ["ingest"])
    stream_client().set(api_key_key(other.digest), mirrored)  # type: ignore[arg-type]

    with pytest.raises(Unauthorized):
        authenticate(f"Bearer {text}")
