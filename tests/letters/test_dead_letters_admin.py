"""Dead letters in the admin."""

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from analytics.databases.mongo import DEAD_LETTERS, EVENTS, Document, collection
from analytics.events.entry import AcceptedEvent
from analytics.events.event import decode_events
from ingestion.accept.admit import Sender, admit
from ingestion.admin import letter_search
from ingestion.drain.loop import drain
from ingestion.store import prepare
from tests.conftest import TestProject
from tests.poison import accept_poison, record_of

pytestmark = pytest.mark.slow

LIST = "admin:ingestion_deadletter_changelist"
SCRIPT = (
    b'{"path": "<script>alert(1)</script>", "ip": "203.0.113.7", "properties": {"a\\u0000": 1}}'
)
MENDED = '{"path": "/mended"}'


@pytest.fixture
def admin(project: TestProject) -> Client:
    """Alice, signed in; there is a dead letter."""
    admit(Sender(record_of(project), "203.0.113.9", None), [AcceptedEvent("poison", SCRIPT)])
    drain(0)
    client = Client()
    client.force_login(User.objects.create_superuser("alice", password="correct horse"))
    return client


def read_letter() -> Document:
    [letter] = collection(DEAD_LETTERS).find()
    return letter


def address(letter: Document) -> str:
    return reverse("admin:ingestion_deadletter_change", args=[letter["_id"].hex()])


def act(client: Client, action: str, why: str = "") -> str:
    form = {"action": action, "_selected_action": [read_letter()["_id"].hex()], "why": why}
    return client.post(reverse(LIST), form, follow=True).content.decode()


def change(client: Client, **fields: str) -> Any:
    form = {"text": MENDED, "do": "save", "why": "", **fields}
    return client.post(address(read_letter()), form, follow=True)


def test_letters_are_listed_by_project_reason_and_status(
    admin: Client, project: TestProject, other_project: TestProject
) -> None:
    def listed(**query: str) -> bool:
        return ">poison<" in admin.get(reverse(LIST), query).content.decode()

    assert listed()
    assert listed(project=project.id.hex(), reason__exact="invalid", status__exact="dead")
    assert not listed(project=other_project.id.hex())
    assert not listed(reason__exact="not_encodable")
    assert not listed(status__exact="replayed")
    assert listed(q="poison")


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("oiso", True), ("POISON", True), ("alert(1)", True), ("inval", True), ("pageview", True),
        ("<script> poison", True), ("poison elsewhere", False), ("203.0.113", False),
        ("$where", False), ("((((", False), (".*", False), ("\\x00", False), (" ", True),
    ],
)  # fmt: skip
def test_a_letter_is_found_by_part_of_its_ids_path_event_and_reason(
    admin: Client, text: str, is_found: bool
) -> None:
    page = admin.get(reverse(LIST), {"q": text}).content.decode()

    assert (">poison<" in page) == is_found


def test_a_letter_is_found_by_part_of_its_own_id(admin: Client) -> None:
    part = read_letter()["_id"].hex()[8:20]

    assert ">poison<" in admin.get(reverse(LIST), {"q": part}).content.decode()


def test_a_search_of_very_many_letters_says_where_it_ended(
    admin: Client, project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        accept_poison(project, f"later-{number}")
    drain(0)
    monkeypatch.setattr(letter_search, "MAX_SEARCHED_LETTERS", 2)

    page = admin.get(reverse(LIST), {"q": "later"}).content.decode()

    assert "Only the latest letters were searched." in page
    assert page.count(">later-") == 2


@pytest.mark.parametrize(
    ("payload", "path", "event"),
    [
        (b'{"path": "/a/b", "event": "signup"}', "/a/b", "signup"),
        (b'{"path": "/a"}', "/a", "pageview"),
        (b'{"path": ["x"], "event": 7}', '["x"]', "7"),
        (b"{}", "-", "pageview"),
        (b"[1]", "(no object)", "-"),
        (b"\xff\xfe", "(not JSON)", "-"),
        (b"[" * 100_000, "(not JSON)", "-"),
        (b"", "-", "-"),
    ],
)
def test_path_and_event_are_read_out_of_whatever_was_sent(
    payload: bytes, path: str, event: str
) -> None:
    assert letter_search.read_outline(payload) == (path, event)


def test_the_list_tells_letters_apart_by_path_event_and_reason(admin: Client) -> None:
    page = admin.get(reverse(LIST)).content.decode()

    for column in ("path", "event", "reason"):
        assert f"column-{column}" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;</td>" in page
    assert ">pageview</td>" in page
    assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC</td>", page)


def test_what_dies_again_is_not_called_done_and_is_found_by_the_link(
    admin: Client, mended: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = act(admin, "replay")
    monkeypatch.undo()  # the worker is still of the release that cannot store it
    assert "1 dead letters tried: 1 sent again." in told
    [link] = re.findall(r'href="([^"]*buried_at__gte[^"]*)"', told)
    assert ">poison<" not in admin.get(unescape(link)).content.decode()

    drain(0)

    assert ">poison<" in admin.get(unescape(link)).content.decode()
    replayed = collection(DEAD_LETTERS).find_one({"status": "replayed"})
    assert replayed
    page = admin.get(address(replayed)).content.decode()
    assert "dead: invalid, buried" in page


def test_a_replay_of_what_is_open_no_more_says_so(admin: Client) -> None:
    act(admin, "discard", why="a test")

    assert "0 dead letters tried: none was open." in act(admin, "replay")


def test_a_letter_shows_its_payload_escaped_and_under_the_rule_for_addresses(
    admin: Client,
) -> None:
    page = admin.get(address(read_letter())).content.decode()

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page
    assert "203.0.113.0" in page and "203.0.113.7" not in page
    assert "bad_property_name" in page


def test_a_letter_is_edited_and_replayed_in_one_go(admin: Client) -> None:
    page = change(admin, do="replay", why="a NUL in a key").content.decode()

    assert "1 dead letters tried: 1 sent again." in page
    drain(0)
    [event] = collection(EVENTS).find()
    assert (event["path"], event["eventId"]) == ("/mended", "poison")
    entry = LogEntry.objects.get()
    assert (entry.user.username, entry.object_id) == ("alice", read_letter()["_id"].hex())
    assert "a NUL in a key" in entry.change_message
    page = admin.get(address(read_letter())).content.decode()
    assert " UTC replayed by alice: a NUL in a key" in page
    assert "stored, with the time" in page


def test_an_edit_that_could_not_be_stored_is_refused_in_the_form(admin: Client) -> None:
    page = change(admin, text="{}").content.decode()

    assert "path is required" in page
    assert "original" not in read_letter()


def test_discarding_takes_a_reason(admin: Client) -> None:
    assert "Say why it is discarded." in change(admin, do="discard").content.decode()
    assert "Say why they are discarded." in act(admin, "discard")
    assert read_letter()["status"] == "dead"

    assert "1 dead letters discarded." in act(admin, "discard", why="ours, a test")

    assert read_letter()["status"] == "discarded"
    assert "ours, a test" in LogEntry.objects.get().change_message
    assert admin.post(address(read_letter()), {"do": "replay"}).status_code == 403


@pytest.fixture
def mended(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A release that can store what the one before it buried."""
    events = [MENDED.encode()]
    monkeypatch.setattr(prepare, "decode_events", lambda raws: decode_events(events * len(raws)))


def test_all_of_a_reason_are_replayed_at_once(
    admin: Client, project: TestProject, request: pytest.FixtureRequest
) -> None:
    for number in range(60):  # more than a page of the list holds
        accept_poison(project, f"poison-{number}")
    drain(0)
    request.getfixturevalue("mended")
    form = {
        "action": "replay", "select_across": "1", "why": "all of them",
        "_selected_action": [next(collection(DEAD_LETTERS).find())["_id"].hex()],
    }  # fmt: skip
    page = admin.post(f"{reverse(LIST)}?reason__exact=invalid", form, follow=True)

    assert "61 dead letters tried: 61 sent again." in page.content.decode()
    assert collection(DEAD_LETTERS).count_documents({"status": "replayed"}) == 61


def test_what_no_drain_could_store_is_not_replayed(admin: Client) -> None:
    told = act(admin, "replay")

    assert "1 dead letters tried: 1 refused as invalid, still open." in told
    assert read_letter()["status"] == "dead"


def test_a_full_stream_is_told_and_the_letter_stays(
    admin: Client, mended: None, settings: Any
) -> None:
    settings.STREAM_MAX_EVENTS = 0

    assert "Too many events wait to be stored." in act(admin, "replay")
    assert read_letter()["status"] == "dead"


def test_letters_are_changed_only_with_the_permission_for_it(admin: Client) -> None:
    viewer = User.objects.create_user("bob", password="x", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_deadletter"))
    client = Client()
    client.force_login(viewer)

    assert client.get(address(read_letter())).status_code == 200
    assert change(client, do="replay").status_code == 403
    act(client, "replay")
    assert read_letter()["status"] == "dead"


def test_an_address_that_is_no_letter_leads_nowhere(admin: Client) -> None:
    page = admin.get(reverse("admin:ingestion_deadletter_change", args=["zz"]), follow=True)
    assert "exist" in page.content.decode()
