"""The questions of docs/querying.md get the answers that the page shows."""

import json
import re
from typing import Any, NamedTuple

import pytest

from tests.conftest import Api, TestProject
from tests.paths import ROOT
from tests.stored import store_events

PAGE = ROOT / "docs" / "querying.md"
SECTION = re.compile(r"^## ", re.MULTILINE)
BLOCK = re.compile(r"```(jsonl|json)\n(.*?)```", re.DOTALL)
PATH = re.compile(r"`POST (/query\S*)`")
QUESTIONS = 20


class Asked(NamedTuple):
    """A question of the page; it is asked of the path that its section names, else of /query."""

    path: str
    question: Any
    shown: Any


def read_page() -> tuple[list[Any], list[Asked]]:
    """The events of the shop, and the questions with their answers."""
    events: list[Any] = []
    asked = []
    for section in SECTION.split(PAGE.read_text()):
        blocks = BLOCK.findall(section)
        events += [json.loads(line) for kind, text in blocks if kind == "jsonl"
                   for line in text.splitlines()]  # fmt: skip
        told = [json.loads(text) for kind, text in blocks if kind == "json"]
        path = PATH.search(section)
        for question, shown in zip(told[::2], told[1::2], strict=True):
            asked.append(Asked(path[1] if path else "/query", question, shown))
    return events, asked


EVENTS, ASKED = read_page()


@pytest.fixture
def shop(project: TestProject) -> TestProject:
    store_events(project, EVENTS)
    return project


def test_every_question_of_the_page_has_the_answer_that_it_shows(shop: TestProject) -> None:
    api = Api(shop.read_key)

    assert len(ASKED) == QUESTIONS
    for path, question, shown in ASKED:
        answered = api.post(path, question)
        assert answered.status_code == 200, answered.content
        whole = answered.json()
        rest = whole.keys() - shown.keys()
        assert {name: whole[name] for name in shown} == shown
        assert rest <= {"query", "meta"}, question
