"""MongoDB changes its primary."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pymongo
import pytest
from pymongo.errors import PyMongoError

from analytics.databases import mongo
from local.servers.mongo_server import MongoServer
from tests.chaos.system import System, attempt, wait_for
from tests.chaos.trial import HEAL_SECONDS, Chaos, no_entry_before, read_last_entry_id
from tests.processes import frozen

pytestmark = pytest.mark.chaos

IN_SYNC = ["PRIMARY", "SECONDARY", "SECONDARY"]


def test_a_step_down_of_the_only_member(chaos: Chaos) -> None:
    with chaos.under_load("replSetStepDown, 5 s without a primary"):
        attempt(lambda: mongo.client().admin.command("replSetStepDown", 5, force=True))


def test_killing_the_primary_of_three(chaos: Chaos, three_members: None) -> None:
    first = chaos.system.mongo
    with chaos.under_load("three members: SIGKILL of the primary"), first.held_down():
        wait_until_others_took_over()


def test_freezing_the_primary_of_three(chaos: Chaos, three_members: None) -> None:
    server = chaos.system.mongo.process
    wait_for(lambda: is_primary(server.port), HEAL_SECONDS, "the first is primary again")
    fault = "three members: the primary frozen until another stores"
    with chaos.under_load(fault), frozen(server.pid):
        wait_until_others_took_over()


def wait_until_others_took_over() -> None:
    time.sleep(1)  # so that some of what is accepted meets no primary
    mark = read_last_entry_id()
    wait_for(lambda: no_entry_before(mark), HEAL_SECONDS, "the new primary stores")


class Member(MongoServer):
    """A further member of the set: it is ready as soon as it answers."""

    def _is_ready(self, port: int) -> bool:
        return ask(port, "ping") is not None


@pytest.fixture(scope="module")
def three_members(system: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Two more members, in sync; the first one is preferred as the primary."""
    first = system.mongo.process.port
    with ExitStack() as exits:
        others = [
            exits.enter_context(Member(tmp_path_factory.mktemp(f"member-{n}"))) for n in (1, 2)
        ]
        configure(first, *(other.port for other in others))
        wait_for(lambda: are_in_sync(first), 60, "they are in sync")
        yield
        wait_for(lambda: is_primary(first), HEAL_SECONDS, "the first is primary again")
        configure(first)
    wait_for(lambda: is_primary(first), HEAL_SECONDS, "the only member is primary")


def configure(*ports: int) -> None:
    config = mongo.client().admin.command("replSetGetConfig")["config"]
    config["version"] += 1
    config["members"] = [
        {"_id": number, "host": f"127.0.0.1:{port}", "priority": 1 if number else 10}
        for number, port in enumerate(ports)
    ]
    mongo.client().admin.command("replSetReconfig", config, force=True)


def is_primary(port: int) -> bool:
    hello = ask(port, "hello")
    return hello is not None and hello["isWritablePrimary"] is True


def are_in_sync(port: int) -> bool:
    status = ask(port, "replSetGetStatus") or {"members": []}
    return sorted(member["stateStr"] for member in status["members"]) == IN_SYNC


def ask(port: int, command: str) -> dict[str, Any] | None:
    """What that member itself answers; None if it does not."""
    with pymongo.MongoClient[dict[str, Any]](
        "127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=500
    ) as client:
        try:
            return client.admin.command(command)
        except PyMongoError:
            return None
