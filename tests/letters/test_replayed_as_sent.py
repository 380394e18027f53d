"""A replay stores what the drain would have stored, but for when and where it was accepted."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import bson
import pytest
from pymongo.errors import OperationFailure

from analytics.databases import mongo
from analytics.databases.mongo import DEAD_LETTERS, EVENTS, Document, collection
from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import stream_key
from analytics.events.entry import decode_entry
from analytics.events.ids import EntryId
from analytics.events.invalid_event import InvalidEvent
from ingestion.drain.loop import drain
from ingestion.letters.replay import find_open, replay_letters
from ingestion.store.prepare import prepare
from ingestion.stream.entries import ReadEntry
from tests.conftest import Api, TestProject, make_project
from tests.pages import BROWSER, Page, make_public_key
from upkeep.verify.verify import verify_day

pytestmark = pytest.mark.slow

OF_THE_REPLAY = ("place", "ingestedAt", "expiresAt")
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
ORIGIN = "https://example.org"


def refuse_to_decode(patch: pytest.MonkeyPatch) -> None:
    def refuse(raws: Sequence[bytes]) -> Any:
        return [InvalidEvent("path", "not_today", "This release refuses it.")] * len(raws)

    patch.setattr("ingestion.store.prepare.decode_events", refuse)


def refuse_to_insert(patch: pytest.MonkeyPatch) -> None:
    def refuse(session: Any, events: Sequence[Any]) -> None:
        if events:
            raise OperationFailure("object to insert too large", 10334)

    patch.setattr("ingestion.store.transaction.insert_events", refuse)


def send_all_kinds(project: TestProject) -> None:
    """By each kind of key, with and without an origin, DNT, a wrong clock, a moment, a sender."""
    page, server = Page(make_public_key(project)), Api(project.ingest_key)
    now = datetime.now(UTC)
    fast, ago = (now + timedelta(hours=1)).isoformat(), (now - timedelta(minutes=9)).isoformat()
    kinds = product([True, False], [True, False], [True, False], [{}, {"sentAt": fast}],
        [{}, {"timestamp": ago}], [{}, {"userAgent": GOOGLEBOT, "ip": "203.0.113.9"}],
        [{}, {"userId": "u1"}])  # fmt: skip
    for number, (public, from_page, follows, sent_at, moment, sender, user) in enumerate(kinds):
        event = {
            "url": f"https://example.org/{number}?utm_source=a",
            "properties": {"referrer": "https://www.google.com/"},
            **sent_at, **moment, **sender, **user,
        }  # fmt: skip
        if number % 3:
            event["eventId"] = f"id-{number}"
        headers = {"HTTP_USER_AGENT": BROWSER} if number % 5 else {"HTTP_USER_AGENT": ""}
        headers |= {"HTTP_ORIGIN": ORIGIN} if from_page else {}
        headers |= {} if follows else {"HTTP_DNT": "1"}
        answer = (page.send if public else server.post)(*way(public, event), **headers)
        assert answer.status_code == 202, answer.content


def way(public: bool, event: Document) -> tuple[Any, ...]:
    return (event,) if public else ("/event", event)


def expect_documents() -> dict[str, Document]:
    """What a drain would store of what waits, by path."""
    entries = []
    waiting: Any = stream_client().xrange(stream_key(0))
    for raw_id, fields in waiting:
        entry = decode_entry(dict(fields))
        entries.append(ReadEntry(raw_id, EntryId.parse(raw_id), entry, 1))
    options = mongo.database().codec_options
    return by_path(bson.decode(event.encoded or b"", options) for event in prepare(entries))


def by_path(documents: Any) -> dict[str, Document]:
    return {
        found["path"]: {name: found[name] for name in found if name not in OF_THE_REPLAY}
        for found in documents
    }


@pytest.mark.parametrize("switch", [True, False])
@pytest.mark.parametrize("refuse", [refuse_to_decode, refuse_to_insert])
def test_a_replay_stores_what_would_have_been_stored(
    store: None,
    monkeypatch: pytest.MonkeyPatch,
    refuse: Callable[[pytest.MonkeyPatch], None],
    switch: bool,
) -> None:
    project = make_project(
        ip_rule="keep", allowed_origins=[ORIGIN], leaves_out_bots=switch, tidies_addresses=switch,
        honours_do_not_track=switch,
    )  # fmt: skip
    send_all_kinds(project)
    expected = expect_documents()
    assert len(expected) == 128

    with monkeypatch.context() as patch:
        refuse(patch)
        assert drain(0).dead == 128
    assert collection(EVENTS).count_documents({}) == 0
    for _ in range(2):  # the second finds nothing open
        replay_letters(find_open(project.id), "alice", "mended")
    assert drain(0).stored == 128

    stored = by_path(collection(EVENTS).find({"project": project.id}))
    for path, document in expected.items():
        if switch and "visitor" not in document:  # no address is kept to find its country by
            document.pop("country", None)
        assert stored[path] == document
    assert collection(DEAD_LETTERS).count_documents({"status": "replayed"}) == 128
    assert verify_day(project.id, int(datetime.now(UTC).timestamp()) // 86_400) == []
