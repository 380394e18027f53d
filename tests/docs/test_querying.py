"""The questions of docs/querying.md get the answers that the page shows."""

import json
import re
from typing import Any

import pytest

from tests.conftest import Api, TestProject
from tests.paths import ROOT
from tests.stored import store_events

PAGE = ROOT / "docs" / "querying.md"
BLOCK = re.compile(r"```(jsonl|json)\n(.*?)```", re.DOTALL)
SHOWN = ("results", "totals", "total")


def read_page() -> tuple[list[Any], list[tuple[Any, Any]]]:
    """The events of the shop, and each question with its answer."""
    blocks = BLOCK.findall(PAGE.read_text())
    [events] = [text for kind, text in blocks if kind == "jsonl"]
    told = [json.loads(text) for kind, text in blocks if kind == "json"]
    asked = list(zip(told[::2], told[1::2], strict=True))
    return [json.loads(line) for line in events.splitlines()], asked


EVENTS, ASKED = read_page()


@pytest.fixture
def shop(project: TestProject) -> TestProject:
    store_events(project, EVENTS)
    return project


def test_every_question_of_the_page_has_the_answer_that_it_shows(shop: TestProject) -> None:
    api = Api(shop.read_key)

    assert len(ASKED) == 10
    for question, shown in ASKED:
        answered = api.post("/query", question)
        assert answered.status_code == 200, answered.content
        assert {name: answered.json()[name] for name in SHOWN} == shown
