"""Two values side by side: every number is the API's."""

import html
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from tests.conftest import Api, TestProject
from tests.dashboard.questions.reading import show, told_wrong
from tests.dashboard.traffic import make_visits, store

SIX = ["visitors", "visits", "views", "viewsPerVisit", "bounceRate", "visitDuration"]


@pytest.fixture
def filled(project: TestProject) -> TestProject:
    store(project, make_visits(6, 12, until=datetime.now(UTC)))
    return project


def figures(page: str) -> dict[str, list[float | None]]:
    found: dict[str, list[float | None]] = {}
    for name, value in re.findall(r'data-beside="(\w+)" data-value="([^"]*)"', page):
        found.setdefault(name, []).append(float(value) if value else None)
    return found


def sides(page: str) -> list[str]:
    head = page[page.index("<thead>") : page.index("</thead>")]
    return [html.unescape(key) for key in re.findall(r'data-key="([^"]*)"', head)]


def of_value(field: str, key: str | None) -> dict[str, Any]:
    if key is None:
        return {"not": {"field": field, "op": "exists"}}
    return {"field": field, "op": "is", "values": [key]}


@pytest.mark.parametrize(
    ("field", "texts", "keys"),
    [
        ("country", ("is:country:DE", "is:country:FR"), ("DE", "FR")),
        ("path", ("is:path:/", "is:path:/docs"), ("/", "/docs")),
        ("source", ("unknown:source", "is:source:Google"), (None, "Google")),
    ],
)
def test_every_number_is_the_apis(
    signed_in: Client, filled: TestProject, read: Api,
    field: str, texts: tuple[str, str], keys: tuple[str | None, str | None],
) -> None:  # fmt: skip
    page = show(signed_in, filled, "beside/result", period="7d", one=texts[0], two=texts[1],
                metric="views", f="not:path:/jobs")  # fmt: skip

    others = {"not": {"field": "path", "op": "is", "values": ["/jobs"]}}
    drawn = json.loads(html.unescape(re.findall(r'data-curve="([^"]*)"', page)[0]))
    for index, key in enumerate(keys):
        condition = {"and": [others, of_value(field, key)]}
        asked = {"period": "7d", "filter": condition}
        totals = read.post("/query", {**asked, "metrics": SIX}).json()["totals"]
        assert [figures(page)[name][index] for name in SIX] == totals
        assert totals[0]
        body = {**asked, "metrics": ["views"], "dimensions": ["time:day"]}
        series = read.post("/query", body).json()["results"]
        assert drawn[("values", "before")[index]] == [row["metrics"][0] for row in series]
    assert sides(page) == [key or "" for key in keys]


def test_without_the_other_it_is_the_largest_and_filters_of_the_field_give_way(
    signed_in: Client, filled: TestProject, read: Api
) -> None:
    page = show(signed_in, filled, "beside/result", period="7d", one="is:country:FR",
                f="is:country:GB")  # fmt: skip

    asked = {"metrics": ["visitors"], "dimensions": ["country"], "period": "7d"}
    rows = read.post("/query", asked).json()["results"]
    largest = next(row["dimensions"][0] for row in rows if row["dimensions"][0] != "FR")
    assert sides(page) == ["FR", largest]
    assert f"two=is:country:{largest}" not in page
    assert "two=is:country:GB" in page


def test_a_row_leads_there_and_the_form_to_a_short_address(
    signed_in: Client, filled: TestProject
) -> None:
    menu = html.unescape(show(signed_in, filled, "row", period="7d", field="country", key="DE"))
    assert f'href="/p/{filled.row.pk}/beside?period=7d&one=is:country:DE"' in menu

    form = {"one.kind": "is", "field": "path", "one.what": "/a,b", "two.what": "", "period": "7d"}
    answer = signed_in.get(f"/p/{filled.row.pk}/beside", form)

    assert answer.status_code == 302
    assert answer["Location"] == f"/p/{filled.row.pk}/beside?period=7d&one=is:path:/a%5C,b"


@pytest.mark.parametrize(
    ("text", "reason"),
    [("is:country:DE,FR", "one value"), ("contains:path:/a", "one value"), ("x", "begins with"),
     ("is:nothing:x", "names no field")],
)  # fmt: skip
def test_what_is_invalid_is_named_and_left_out(
    signed_in: Client, filled: TestProject, text: str, reason: str
) -> None:
    [wrong] = told_wrong(show(signed_in, filled, "beside", one=text))

    assert wrong.startswith(f"one={text}") and reason in wrong


def test_all_of_it_is_in_one_answer_without_a_script(
    signed_in: Client, filled: TestProject
) -> None:
    page = show(signed_in, filled, "beside", period="7d", one="is:country:DE", full=1)

    assert len(figures(page)["visitors"]) == 2
    assert "data-metric" not in page.replace('data-metric="current"', "")


def test_nothing_and_nothing_else_are_told(signed_in: Client, project: TestProject) -> None:
    assert "Pick a field and a value" in show(signed_in, project, "beside/result")
    assert "nothing else" in show(signed_in, project, "beside/result", one="is:country:DE")


def test_hostile_text_stays_text(signed_in: Client, filled: TestProject) -> None:
    hostile = "<script>alert(1)</script>"
    page = show(signed_in, filled, "beside", one=f"is:path:{hostile}", full=1, period="7d")

    assert "<script>alert" not in page
    assert sides(page)[0] == hostile
