"""The page of funnels: its form writes the address, the address the question of the API."""

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from dashboard.parts.questions.steps import Step, parse_step
from ingestion.drain.loop import drain
from people.saved.filters import BadFilter
from tests.conftest import Api, TestProject
from tests.dashboard.questions.reading import ask, show, told_wrong, values
from tests.dashboard.traffic import make_visits, store

PAGE = {"field": "path", "op": "is", "values": ["/signup"]}
SIGNUP = {"field": "event", "op": "is", "values": ["signup"]}
PRO = {"field": "properties.plan", "op": "is", "values": ["pro"]}
BOTH = {"and": [SIGNUP, PRO]}

Json = dict[str, Any]


@pytest.fixture
def filled(project: TestProject) -> Iterator[TestProject]:
    store(project, make_visits(9, 25, until=datetime.now(UTC)))
    yield project


@pytest.mark.parametrize(
    "step",
    [
        Step("page", "/a"), Step("under", "/a:b\\c"), Step("event", "sign:up"),
        Step("event", "signup", "plan"), Step("event", "a", "b:c", "d\\"), Step("page", ":"),
    ],
)  # fmt: skip
def test_a_step_is_read_as_it_is_written(step: Step) -> None:
    assert parse_step(str(step)) == step


@pytest.mark.parametrize(
    "text", ["", ":", "page", "page:", "page:/a:b", "step:/a", "page:/a\\", "event:a:b:c:d",
             "page:\x00", "event:a:\x00"]
)  # fmt: skip
def test_what_is_no_step_is_refused(text: str) -> None:
    with pytest.raises(BadFilter):
        parse_step(text)


@pytest.mark.parametrize(
    ("query", "question"),
    [
        ({}, {}),
        ({"within": "30m"}, {"within": 1_800}),
        ({"by": "visit", "order": "strict"}, {"by": "visit", "order": "strict"}),
        ({"by": "user", "within": "90d"}, {"by": "user", "within": 7_776_000}),
        ({"f": "is:country:DE"}, {"filter": {"field": "country", "op": "is", "values": ["DE"]}}),
    ],
)
def test_every_number_is_the_apis(
    signed_in: Client,
    filled: TestProject,
    read: Api,
    query: dict[str, Any],
    question: dict[str, Any],
) -> None:
    steps = ["page:/signup", "event:signup", "event:signup:plan:pro"]
    found = ask(
        read, "funnel", steps=[PAGE, SIGNUP, {"and": [SIGNUP, PRO]}], period="7d", **question
    )

    page = show(signed_in, filled, "funnels/result", s=steps, period="7d", **query)

    assert values(page) == [step["people"] for step in found["steps"]]
    assert values(page, "median") == [step["medianSeconds"] for step in found["steps"]]


def test_a_split_has_a_row_for_each_value(
    signed_in: Client, filled: TestProject, read: Api
) -> None:
    asked = {"steps": [PAGE, SIGNUP], "dimension": "country", "period": "7d", "by": "visit"}
    found = ask(read, "funnel", **asked)

    page = show(
        signed_in, filled, "funnels/result",
        s=["page:/signup", "event:signup"], split="country", period="7d", by="visit",
    )  # fmt: skip

    keys = re.findall(r'data-field="country" data-key="([^"]*)"', page)
    assert keys == [group["dimension"] or "" for group in found["groups"]]
    people = [step["people"] for group in found["groups"] for step in group["steps"]]
    assert values(page)[2:] == people


def test_the_form_leads_to_a_short_address(signed_in: Client, filled: TestProject) -> None:
    fields = {
        "s.kind": ["page", "event", "page", "event"],
        "s.what": ["/signup", "signup", "", "a:b"],
        "s.key": ["ignored", "plan", "", ""],
        "s.value": ["", "pro", "", ""],
        "within": "1d", "by": "visit", "order": "any_between", "split": "", "period": "7d",
        "f": "is:country:DE",
    }  # fmt: skip

    answer = signed_in.get(f"/p/{filled.row.pk}/funnels", fields)

    assert answer.status_code == 302
    assert answer["Location"] == (
        f"/p/{filled.row.pk}/funnels?period=7d&f=is:country:DE"
        "&s=page:/signup&s=event:signup:plan:pro&s=event:a%5C:b&by=visit"
    )  # fmt: skip
    page = signed_in.get(answer["Location"]).content.decode()
    assert 'value="a:b"' in page
    assert page.count('<option value="event" selected>') == 2


def test_what_is_invalid_is_named_and_left_out(signed_in: Client, filled: TestProject) -> None:
    page = show(
        signed_in, filled, "funnels",
        s=["page:/a", "what:/b", *[f"page:/{n}" for n in range(8)]],
        within="91d", by="<b>", order="x", split="nothing",
    )  # fmt: skip

    wrong = told_wrong(page)
    assert [text.split("=")[0] for text in wrong] == ["s", "s", "within", "by", "order", "split"]
    assert "is one of more than 8" in wrong[1]
    assert "<b>" not in page


def test_all_of_it_is_in_one_answer_without_a_script(
    signed_in: Client, filled: TestProject
) -> None:
    query = {"s": ["page:/signup", "event:signup"], "period": "7d"}
    page = show(signed_in, filled, "funnels", **query, full=1)

    part = show(signed_in, filled, "funnels/result", **query)
    assert values(part)
    assert values(page[page.index('id="result"') :]) == values(part)
    noscript = '<meta http-equiv="refresh" content="0; url='
    assert noscript not in page
    shown = html.unescape(show(signed_in, filled, "funnels", **query))
    assert f"{noscript}?period=7d&s=page:/signup&s=event:signup&full=1" in shown
    # Another window is another view of the same funnel.
    assert "?period=28d&s=page:/signup&s=event:signup" in shown


@pytest.mark.parametrize("steps", [[], ["page:/a"]])
def test_too_few_steps_are_asked_for(
    signed_in: Client, project: TestProject, steps: list[str]
) -> None:
    assert "at least two steps" in show(signed_in, project, "funnels/result", s=steps)


HOSTILE = '"><script>alert(1)</script>{{ 7*7 }}'


def test_hostile_text_stays_text(signed_in: Client, project: TestProject) -> None:
    events = [{"path": f"/{HOSTILE}", "userId": "u"}, {"event": HOSTILE, "path": "/", "userId": "u",
              "properties": {HOSTILE: HOSTILE}}]  # fmt: skip
    assert Api(project.ingest_key).post("/events", events).status_code == 202
    drain(0, force=True)
    steps = [Step("page", f"/{HOSTILE}"), Step("event", HOSTILE, HOSTILE, HOSTILE)]
    query = {"s": [str(step) for step in steps], "split": "path", "period": "today"}

    page = show(signed_in, project, "funnels", **query, full=1)

    assert "<script>alert" not in page
    assert "49" not in re.findall(r"alert\(1\)[^<]{0,40}", page)
    assert values(page[page.index('id="result"') :])[:2] == [1, 1]


@pytest.mark.parametrize(
    "query", ["s=%00&s=page:%00", "s=" + "x" * 5_000, "within=99999999999999d", "split=%00",
              "s.kind=x&s.what=y&s.key=&s.value=", "s.kind=page", "by=&order=&within=&split=",
              "s=page:/a&s=page:/b&split=properties.a.b.c&f=matches:path:("]
)  # fmt: skip
def test_odd_addresses_are_answered(signed_in: Client, project: TestProject, query: str) -> None:
    for part in ("funnels", "funnels/result"):
        answer = signed_in.get(f"/p/{project.row.pk}/{part}?{query}")
        assert answer.status_code in (200, 302, 400), answer.content
