"""The page of journeys: sequences and visits as the API answers them."""

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from ingestion.drain.loop import drain
from reporting.words.formats import format_share
from tests.conftest import Api, TestProject
from tests.dashboard.questions.reading import ask, show, told_wrong, values
from tests.dashboard.traffic import make_visits, store

Json = dict[str, Any]


@pytest.fixture
def filled(project: TestProject) -> Iterator[TestProject]:
    store(project, make_visits(7, 15, until=datetime.now(UTC)))
    yield project


def ways(page: str) -> list[list[str]]:
    found = re.findall(r'<ol class="way">(.*?)</ol>', page, re.DOTALL)
    cuts = [re.findall(r"<span>(.*?)</span><span>(.*?)</span>", way, re.DOTALL) for way in found]
    return [[html.unescape(head + tail) for head, tail in way] for way in cuts]


@pytest.mark.parametrize(
    ("query", "question"),
    [
        ({}, {"steps": 4}),
        ({"steps": 2, "of": "event", "begin": "event:signup"},
         {"steps": 2, "field": "event",
          "from": {"field": "event", "op": "is", "values": ["signup"]}}),
        ({"steps": 8, "begin": "under:/docs", "f": "is:device:mobile"},
         {"steps": 8, "from": {"field": "path", "op": "startsWith", "values": ["/docs"]},
          "filter": {"field": "device", "op": "is", "values": ["mobile"]}}),
    ],
)  # fmt: skip
def test_every_number_is_the_apis(
    signed_in: Client, filled: TestProject, read: Api, query: Json, question: Json
) -> None:
    found = ask(read, "journeys", period="7d", limit=50, **question)

    page = show(signed_in, filled, "journeys/result", period="7d", **query)

    assert ways(page) == [each["values"] for each in found["journeys"]]
    assert values(page) == [each["visits"] for each in found["journeys"]]
    shares = re.findall(r'<span class="journey-share">(.*?)</span>', page)
    assert shares == [format_share(each["visits"] / found["visits"]) for each in found["journeys"]]
    assert f"{found['visits']:,} visit" in page


def test_the_form_leads_to_a_short_address(signed_in: Client, filled: TestProject) -> None:
    fields = {
        "begin.kind": "page", "begin.what": "/docs", "begin.key": "", "begin.value": "",
        "of": "event", "steps": "4", "period": "7d",
    }  # fmt: skip

    answer = signed_in.get(f"/p/{filled.row.pk}/journeys", fields)

    address = f"/p/{filled.row.pk}/journeys?period=7d&of=event&begin=page:/docs"
    assert answer["Location"] == address


def test_what_is_invalid_is_named_and_left_out(signed_in: Client, filled: TestProject) -> None:
    page = show(signed_in, filled, "journeys", steps=9, of="title", begin="/docs")

    assert [text.split("=")[0] for text in told_wrong(page)] == ["steps", "of", "begin"]


def test_hostile_text_stays_text_and_an_empty_window_is_told(
    signed_in: Client, project: TestProject
) -> None:
    hostile = "/<script>alert(1)</script>"
    Api(project.ingest_key).post("/event", {"path": hostile, "userId": "u"})
    drain(0, force=True)

    page = show(signed_in, project, "journeys/result", period="today")

    assert ways(page) == [[hostile]]
    assert "<script" not in page
    assert "No visit in this window" in show(
        signed_in, project, "journeys/result", **{"from": "2024-01-01", "to": "2024-01-02"}
    )


@pytest.mark.parametrize("query", ["steps=%00&of=%00&begin=%00", "begin=page:%00", "steps=1e3"])
def test_odd_addresses_are_answered(signed_in: Client, project: TestProject, query: str) -> None:
    for part in ("journeys", "journeys/result"):
        answer = signed_in.get(f"/p/{project.row.pk}/{part}?{query}")
        assert answer.status_code == 200, answer.content
