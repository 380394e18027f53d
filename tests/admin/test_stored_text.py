"""Text that strangers sent reaches no page, no answer and no log as anything but text."""

import io
import json
import logging
import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
import structlog
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from analytics.databases.mongo import Document, collection, database
from analytics.projects.models import ApiKey
from ingestion.drain.loop import drain
from tests.conftest import Api, TestProject, make_project
from tests.poison import accept_poison

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}"
HOSTILE_EVENT = {
    "eventId": HOSTILE,
    "event": HOSTILE,
    "userId": HOSTILE,
    "sessionId": HOSTILE,
    "path": HOSTILE,
    "userAgent": HOSTILE,
    "properties": {"referrer": HOSTILE, HOSTILE: HOSTILE},
}
_LINK = re.compile(r'href="([^"#]+)"')


@pytest.fixture
def hostile(store: None) -> TestProject:
    """A project in which every text is hostile: its own, its keys', its events', its letters'."""
    project = make_project(HOSTILE)
    ApiKey.objects.filter(project=project.row).update(name=HOSTILE)
    ingest = Api(project.ingest_key)
    for event in (HOSTILE_EVENT, {"path": HOSTILE}):
        assert ingest.post("/event", json.dumps(event)).status_code == 202
    accept_poison(project, event_id=HOSTILE, user_id="script")
    drain(0)
    return project


@pytest.fixture
def admin(store: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("alice", password="x"))
    return client


def crawl(client: Client) -> Iterator[tuple[str, str]]:
    """Every page of the admin that a link leads to, whatever its query, and its address."""
    waiting, seen = [reverse("admin:index")], set()
    while waiting:
        address = waiting.pop()
        if address in seen or not address.startswith("/admin/") or "/logout" in address:
            continue
        seen.add(address)
        response = client.get(address)
        assert response.status_code < 500, address
        if response.get("Content-Type", "").startswith("text/html"):
            text = response.content.decode()
            yield address, text
            for link in map(unescape, _LINK.findall(text)):
                waiting.append(link if "?project=" in link else link.partition("?")[0])


@pytest.mark.slow
def test_no_page_of_the_admin_runs_what_is_stored(hostile: TestProject, admin: Client) -> None:
    seen = 0
    for address, text in crawl(admin):
        assert "<script>alert" not in text, address
        assert "<img src=x" not in text, address
        seen += "&lt;script&gt;alert(1)" in text
    assert seen >= 4  # it was there to be seen


@pytest.mark.slow
def test_who_may_only_look_changes_nothing_by_looking(hostile: TestProject) -> None:
    viewer = User.objects.create_user("bob", password="x", is_staff=True)
    viewer.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client = Client()
    client.force_login(viewer)
    before = read_database()

    pages = [address for address, _ in crawl(client)]

    assert reverse("admin:analytics_apikey_change", args=[ApiKey.objects.all()[0].pk]) in pages
    assert read_database() == before


def read_database() -> dict[str, list[Document]]:
    return {name: list(collection(name).find()) for name in database().list_collection_names()}


def test_answers_are_json_and_no_browser_takes_them_for_a_page(hostile: TestProject) -> None:
    reader, sender = Api(hostile.read_key), Api(hostile.ingest_key)
    answers = [
        reader.get("/stats"),
        reader.get("/stats/breakdown", by="path"),
        reader.get("/stats", groupBy=HOSTILE),
        reader.get("/stats", filter=f"path:{HOSTILE}:x"),
        sender.get("/event/%3Cscript%3E"),
        sender.post("/event", json.dumps({HOSTILE: 1, "path": "/a"})),
    ]

    assert answers[0].json()["topPaths"] == [{"path": HOSTILE, "count": 1}]
    for answer in answers:
        assert answer["Content-Type"] in ("application/json", "application/problem+json")
        assert answer["X-Content-Type-Options"] == "nosniff"


def test_a_log_line_stays_one_line_whatever_is_in_it() -> None:
    stream = io.StringIO()
    root = logging.getLogger()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(root.handlers[0].formatter)
    root.addHandler(handler)
    try:
        text = 'a\r\n{"level":"critical"}\x1b[31m\u2028'
        structlog.get_logger("test").error("refused", path=text)
        logging.getLogger("test").error("refused %s", text)
    finally:
        root.removeHandler(handler)

    lines = stream.getvalue().splitlines()
    assert len(lines) == 2
    for line in lines:
        assert "\x1b" not in line
        entry: dict[str, Any] = json.loads(line)
        assert entry["level"] == "error"
