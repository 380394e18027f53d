"""What becomes of rows of other sources: what the drain would make, and what the source knows."""

from typing import Any

from analytics.databases import mongo
from analytics.databases.mongo import collection
from exchange.incoming.looking import make_choice
from tests.conftest import TestProject
from tests.imports.imports import TABLE, bring, table
from tests.stored import store_events

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36"
FIELDS = (
    "path", "hostname", "referrer", "source", "channel", "utmSource", "utmMedium", "browser", "os",
    "device", "browserVersion", "bot", "title", "properties", "referrerUrl", "v", "userId",
    "language", "screen", "sessionId",
)  # fmt: skip


def find_events(project: TestProject) -> list[dict[str, Any]]:
    found = list(collection(mongo.EVENTS).find({"project": project.id}))
    return sorted(found, key=lambda event: str(event["path"]))


def test_a_row_becomes_what_the_same_event_sent_would(
    project: TestProject, other_project: TestProject
) -> None:
    events = [
        {"path": "/a?utm_source=News&utm_medium=email", "userAgent": CHROME, "userId": "ada",
         "hostname": "WWW.Site.example", "referrer": "https://www.google.com/search?q=a",
         "title": "A", "language": "mi", "screen": "800x600", "sessionId": "s1"},
        {"path": "/b//c/%41", "userAgent": "GPTBot/1.2", "referrer": "https://t.co/x"},
    ]  # fmt: skip
    for each in (project, other_project):
        each.row.tidies_addresses = True
        each.row.save()
    store_events(project, [{**event, "timestamp": "2024-05-01T10:00:00Z"} for event in events])
    names = {
        "path": "path", "userAgent": "user_agent", "userId": "user_id", "hostname": "hostname",
        "referrer": "referrer", "title": "title", "language": "language", "screen": "screen",
        "sessionId": "session_id",
    }  # fmt: skip
    mapping = {"fields": {"timestamp": "t", **{field: name for name, field in names.items()}}}
    rows = [("2024-05-01T10:00:00Z", *(f'"{event.get(name, "")}"' for name in names))
            for event in events]  # fmt: skip
    bring(other_project, table(*rows, head=",".join(("t", *names))), make_choice("csv", mapping))
    sent, brought = find_events(project), find_events(other_project)
    assert [pick(event) for event in brought] == [pick(event) for event in sent]
    assert [event["timestamp"] for event in brought] == [event["timestamp"] for event in sent]
    assert all(event["imported"] is True for event in brought)


def pick(event: dict[str, Any]) -> dict[str, Any]:
    return {name: event[name] for name in FIELDS if name in event}


def test_somebody_is_anonymous_only_where_the_source_tells_visitors_apart(
    project: TestProject,
) -> None:
    day = "2024-05-01T10:00:00Z"
    content = table(
        (day, "/a", "", "c1", "", ""), (day, "/b", "", "c1", "", ""), (day, "/c", "", "c2", "", ""),
        (day, "/d", "ada", "c1", "", ""), (day, "/e", "", "", "", ""),
    )  # fmt: skip
    bring(project, content, TABLE)
    a, b, c, d, e = find_events(project)
    assert a["visitor"] == b["visitor"] == d["anonymous"]
    assert len({a["visitor"], c["visitor"], d["visitor"]}) == 3
    assert "anonymous" not in a
    assert "visitor" not in e


def test_what_the_source_knows_better_is_kept(project: TestProject) -> None:
    bring(project, table(("2024-05-01T10:00:00Z", "/a", "", "", f'"{CHROME}"', "NZ")), TABLE)
    [event] = find_events(project)
    assert (event["country"], event["browser"]) == ("NZ", "Chrome")
    assert "ip" not in event
