"""Goals: who reached them, how often, at which rate, and what they brought, by currency."""

import random
import re
from collections import defaultdict
from typing import Any

import pytest
from django.test import Client

from analytics.databases.mongo import AUDIT, collection
from analytics.events.event import MAX_EVENT_NAME_CHARS
from ingestion.drain.loop import drain
from people.saved.models import Goal
from tests.conftest import Api, TestProject
from tests.dashboard.saved.conftest import Join

Json = dict[str, Any]

PURCHASE: Json = {
    "section": "goal", "name": "Large orders", "what": "event", "value": "purchase",
    "conditions": "is:plan:pro,team\ngte:amount:5", "amount_key": "amount",
    "currency_key": "currency",
}  # fmt: skip
DOCS: Json = {"section": "goal", "name": "Docs", "what": "under", "value": "/docs"}


def settings(project: TestProject) -> str:
    return f"/p/{project.row.pk}/settings"


def add(client: Client, project: TestProject, **fields: Any) -> None:
    answer = client.post(settings(project), fields)
    assert answer.status_code == 302, re.findall(r'role="alert"[^<]*<?', answer.content.decode())
    assert answer["Location"].endswith("#goals")


def read(client: Client, project: TestProject, *filters: str) -> dict[str, Json]:
    """The panel, by the names of goals."""
    answer = client.get(f"/p/{project.row.pk}/goals", {"f": filters, "period": "today"})
    assert answer.status_code == 200, answer.content
    found: dict[str, Json] = {}
    for row in re.findall(r"(?s)<tr data-field.*?</tr>", answer.content.decode()):
        number = {
            name: float(text) if text else None
            for name, text in re.findall(r'data-(value|times|rate)="([^"]*)"', row.split(">")[0])
        }
        sums = {
            currency or None: float(text)
            for currency, text in re.findall(r'data-currency="([^"]*)" data-value="([^"]*)"', row)
        }
        [name] = re.findall(r"<th.*?<bdi>(.*?)</bdi>", row)
        found[name] = {**number, "revenue": sums}
    return found


def make_events(count: int) -> list[Json]:
    chance = random.Random(7)
    events: list[Json] = []
    for _ in range(count):
        user = f"u{chance.randrange(40)}"
        if chance.random() < 0.5:
            events.append({"path": chance.choice(("/", "/docs", "/docs/a", "/a/docs")),
                           "userId": user})  # fmt: skip
            continue
        properties: Json = {
            "plan": chance.choice(("free", "pro", "team")),
            "amount": chance.choice((4, 5, 19.99, 250, "250", None)),
            "currency": chance.choice(("EUR", "USD", "JPY", None)),
        }
        name = chance.choice(("purchase", "refund"))
        properties = {key: value for key, value in properties.items() if value is not None}
        events.append({"event": name, "path": "/", "userId": user, "properties": properties})
    return events


def test_every_number_of_the_panel_equals_a_count_of_the_events(
    project: TestProject, signed_in: Client
) -> None:
    events = make_events(600)
    for start in range(0, len(events), 200):
        Api(project.ingest_key).post("/events", events[start : start + 200])
    drain(0, force=True)
    add(signed_in, project, **PURCHASE)
    add(signed_in, project, **DOCS)

    def is_large(event: Json) -> bool:
        given = event.get("properties", {})
        amount = given.get("amount")
        number = float(amount) if isinstance(amount, int | float) else 0
        return (
            event.get("event") == "purchase"
            and given["plan"] in ("pro", "team")
            and number >= 5
        )  # fmt: skip

    everybody = {event["userId"] for event in events}
    large = [event for event in events if is_large(event)]
    revenue: dict[str | None, float] = defaultdict(float)
    for event in large:
        revenue[event["properties"].get("currency")] += event["properties"]["amount"]
    docs = [event for event in events if "event" not in event and event["path"][:5] == "/docs"]
    assert len(revenue) == 4
    assert large
    assert docs

    found = read(signed_in, project)

    for name, reached in (("Large orders", large), ("Docs", docs)):
        people = {event["userId"] for event in reached}
        assert found[name]["value"] == len(people)
        assert found[name]["times"] == len(reached)
        assert found[name]["rate"] == pytest.approx(len(people) / len(everybody))
    assert found["Large orders"]["revenue"] == pytest.approx(dict(revenue))
    assert found["Docs"]["revenue"] == {}


def test_a_goal_in_the_address_is_the_goal_of_the_figures(
    project: TestProject, signed_in: Client
) -> None:
    events = [{"event": "purchase", "path": "/", "userId": user} for user in ("a", "a", "b")]
    Api(project.ingest_key).post("/events", [*events, {"path": "/", "userId": "c"}])
    drain(0, force=True)
    add(signed_in, project, section="goal", name="Orders", what="event", value="purchase")
    goal = Goal.objects.get()
    given = {"f": f"goal:{goal.reference}", "period": "today", "full": "1"}

    page = signed_in.get(f"/p/{project.row.pk}/", given).content.decode()

    figures = dict(re.findall(r'data-metric="(\w+)" data-value="([^"]*)"', page))
    assert (figures["visitors"], figures["conversions"], figures["events"]) == ("3", "2", "3")
    assert float(figures["conversionRate"]) == pytest.approx(2 / 3)
    assert read(signed_in, project, given["f"])["Orders"]["value"] == 2

    signed_in.post(settings(project), {"section": "goal-remove", "goal": goal.pk})
    page = signed_in.get(f"/p/{project.row.pk}/", given).content.decode()
    assert "names the goal “Orders”, which was deleted" in page
    assert 'data-metric="conversions"' not in page


def test_editors_change_goals_viewers_see_them_and_it_is_in_the_log(
    project: TestProject, join: Join
) -> None:
    editor, viewer = join(project, "editor"), join(project, "viewer")
    add(editor, project, **DOCS)
    goal = Goal.objects.get()
    change = {**DOCS, "section": "goal-change", "goal": goal.pk, "name": "Read the docs"}
    end = {"section": "goal-remove", "goal": goal.pk}

    for sent in (DOCS, change, end):
        assert viewer.post(settings(project), sent).status_code == 403
    assert Goal.objects.get().name == "Docs"
    assert "Docs" in viewer.get(settings(project)).content.decode()
    assert "goal-remove" not in viewer.get(settings(project)).content.decode()

    add(editor, project, **change)
    add(editor, project, **end)
    assert read(viewer, project) == {}
    acts = [
        entry["act"]
        for entry in collection(AUDIT).find({"act": {"$regex": "^goal"}}, sort=[("at", 1)])
    ]
    assert acts == ["goal.added", "goal.changed", "goal.removed"]


def test_a_goal_of_another_project_is_neither_shown_nor_changed(
    project: TestProject, other_project: TestProject, signed_in: Client
) -> None:
    add(signed_in, other_project, **DOCS)
    theirs = Goal.objects.get()

    assert read(signed_in, project) == {}
    for section in ("goal-change", "goal-remove"):
        sent = {**DOCS, "section": section, "goal": theirs.pk}
        assert signed_in.post(settings(project), sent).status_code == 404
    bar = signed_in.get(f"/p/{project.row.pk}/bar", {"f": f"goal:{theirs.reference}"})
    assert "names no goal that you may see" in bar.content.decode()


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"name": ""}, "This field is required"),
        ({"what": "page", "value": "docs"}, "A path begins with /"),
        (
            {"what": "event", "value": "x" * (MAX_EVENT_NAME_CHARS + 1)},
            "Names of events have up to",
        ),
        ({"conditions": "same:plan:pro"}, "same:plan:pro begins with none of is, not"),
        ({"conditions": "gt:amount:much"}, "has a value that"),
        ({"amount_key": "amount", "currency_key": ""}, "which property has the currency"),
    ],
)
def test_what_is_wrong_with_a_goal_is_told_beside_its_field(
    project: TestProject, signed_in: Client, fields: Json, told: str
) -> None:
    answer = signed_in.post(settings(project), {**DOCS, **fields})

    assert answer.status_code == 200
    assert told in answer.content.decode()
    assert not Goal.objects.exists()
