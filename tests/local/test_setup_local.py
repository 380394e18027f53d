"""`manage.py setup_local`: what `make run` and Docker Compose prepare a database with.

That it keeps the keys of an earlier run stands in test_api_keys.py.
"""

from io import StringIO

import msgspec
import pytest
import redis
from django.contrib.auth.models import User
from django.core.management import call_command

from analytics.databases.mongo import EVENTS, collection
from analytics.databases.redis_clients import stream_client
from analytics.management.commands import setup_local

pytestmark = pytest.mark.usefixtures("store")


def run(*arguments: str) -> str:
    output = StringIO()
    call_command(*arguments, stdout=output)
    return output.getvalue()


def test_setup_local_checks_no_password_whose_hash_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ADMIN_PASSWORD", "correct horse")

    def set_up() -> str:
        answer: dict[str, str] = msgspec.json.decode(run("setup_local").splitlines()[-1])
        return answer["adminPasswordHash"]

    known = set_up()
    assert User.objects.get(username="admin").password == known
    monkeypatch.setenv("ADMIN_PASSWORD_HASH", known)
    with monkeypatch.context() as patch:
        patch.setattr(User, "check_password", lambda *_: pytest.fail("it was checked"))
        assert set_up() == known

    monkeypatch.setenv("ADMIN_PASSWORD", "battery staple")
    monkeypatch.delenv("ADMIN_PASSWORD_HASH")
    changed = set_up()
    assert changed != known
    monkeypatch.setenv("ADMIN_PASSWORD_HASH", known)  # of another password than the stored one
    assert set_up() == changed
    assert User.objects.get(username="admin").check_password("battery staple")


def test_setup_local_waits_for_the_servers_no_longer_than_it_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def ping() -> None:
        asked.append(1)
        if len(asked) < 3:
            raise redis.BusyLoadingError("Redis is loading the dataset in memory")

    monkeypatch.setattr(setup_local, "POLL_SECONDS", 0)
    monkeypatch.setattr(stream_client(), "ping", ping)
    setup_local.wait_for_servers(60)
    assert len(asked) == 3
    setup_local.wait_for_servers(0)
    assert len(asked) == 3


def test_setup_local_migrates_before_where_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMIN_PASSWORD", "correct horse")
    collection(EVENTS).drop()

    run("setup_local", "--migrate")

    assert "project_timestamp" in collection(EVENTS).index_information()
