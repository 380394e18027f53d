"""The page of retention: cohorts as the API answers them, and what is not over marked."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from tests.conftest import Api, TestProject
from tests.dashboard.questions.reading import ask, show, told_wrong, values
from tests.dashboard.traffic import make_visits, store

SIGNUP = {"field": "event", "op": "is", "values": ["signup"]}
DOCS = {"field": "path", "op": "startsWith", "values": ["/docs"]}
DE = {"field": "country", "op": "is", "values": ["DE"]}

Json = dict[str, Any]


@pytest.fixture
def filled(project: TestProject) -> Iterator[TestProject]:
    """Traffic of thirty users."""
    events = enumerate(make_visits(17, 20, until=datetime.now(UTC)))
    store(project, ({**event, "userId": f"user-{n * 7 % 30}"} for n, event in events))
    yield project


@pytest.mark.parametrize(
    ("query", "question"),
    [
        ({}, {}),
        ({"every": "day", "units": 5}, {"interval": "day", "periods": 5}),
        ({"every": "month", "units": 2, "by": "visitor"},
         {"interval": "month", "periods": 2, "by": "visitor"}),
        ({"cohort": "event:signup", "return": "under:/docs"}, {"cohort": SIGNUP, "return": DOCS}),
        ({"cohort": "event:signup", "f": "is:country:DE"},
         {"cohort": {"and": [DE, SIGNUP]}, "return": DE}),
    ],
)  # fmt: skip
def test_every_number_is_the_apis(
    signed_in: Client,
    filled: TestProject,
    read: Api,
    query: dict[str, Any],
    question: dict[str, Any],
) -> None:
    found = ask(read, "retention", period="28d", **question)["cohorts"]

    page = show(signed_in, filled, "retention/result", period="28d", **query)

    begun = [each for each in found if each["people"] is not None]
    most = max(sum(count is not None for count in each["returned"]) for each in begun)
    expected = [[each["people"], *each["returned"][:most]] for each in begun]
    assert values(page) == [number for row in expected for number in row]
    assert any(each["people"] for each in begun)
    partial = sum(len(each["partial"]) for each in begun)
    assert len(re.findall(r'class="cell [^"]*partial', page)) == partial
    to_come = sum(number is None for row in expected for number in row)
    assert page.count('class="cell to-come"') == to_come


def test_the_form_leads_to_a_short_address(signed_in: Client, filled: TestProject) -> None:
    fields = {
        "cohort.kind": "event", "cohort.what": "signup", "cohort.key": "", "cohort.value": "",
        "return.kind": "page", "return.what": "", "return.key": "", "return.value": "",
        "every": "day", "units": "8", "by": "user", "from": "2026-01-01", "to": "2026-02-01",
    }  # fmt: skip

    answer = signed_in.get(f"/p/{filled.row.pk}/retention", fields)

    assert answer["Location"] == (
        f"/p/{filled.row.pk}/retention?from=2026-01-01&to=2026-02-01&every=day&cohort=event:signup"
    )


def test_what_is_invalid_is_named_and_left_out(signed_in: Client, filled: TestProject) -> None:
    page = show(
        signed_in, filled, "retention",
        every="hour", units="32", by="visit", cohort="x", **{"return": ["page:/a", "page:/b"]},
    )  # fmt: skip

    wrong = [text.split("=")[0] for text in told_wrong(page)]
    assert wrong == ["every", "units", "by", "cohort", "return"]


def test_without_users_it_leads_to_visitors(signed_in: Client, project: TestProject) -> None:
    store(project, make_visits(2, 5, until=datetime.now(UTC)))

    page = show(signed_in, project, "retention/result", period="7d", every="day")

    assert 'href="?period=7d&amp;every=day&amp;by=visitor"' in page
    assert values(show(signed_in, project, "retention/result", period="7d", by="visitor"))


@pytest.mark.parametrize(
    "query", ["cohort=%00", "units=-1", "units=%D9%A3", "every=&by=&units=", "cohort=event:a:%00",
              "period=all&every=day", "from=0001-01-01&to=9999-12-31&every=day",
              "f=matches:path:("]
)  # fmt: skip
def test_odd_addresses_are_answered(signed_in: Client, project: TestProject, query: str) -> None:
    for part in ("retention", "retention/result", "retention?full=1"):
        joint = "&" if "?" in part else "?"
        answer = signed_in.get(f"/p/{project.row.pk}/{part}{joint}{query}")
        assert answer.status_code in (200, 400), answer.content
