"""The map of countries: the API's numbers in steps, and who is of no country beside it."""

import html
import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from django.test import Client

from dashboard.parts.rows import Row
from dashboard.parts.world import STEPS, draw_world
from ingestion.drain.loop import drain
from reporting.words.formats import NOTHING
from tests.conftest import Api, TestProject
from tests.dashboard.questions.reading import show
from tests.paths import ROOT

ADDRESSES = ("91.10.1.1", "91.10.1.2", "91.10.1.3", "8.8.8.1", "8.8.8.2", "90.0.0.1", "10.0.0.1")


def row(key: str | None, count: int) -> Row:
    return Row(
        "country", key, key or "Unknown", "", count, str(count), str(count), "", 0, "", False
    )


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([], []),
        ([5], [("5", [5])]),
        ([7, 7, 7], [("7", [7, 7, 7])]),
        ([1_000, 4, 3, 2, 1], [("1", [1]), ("2", [2]), ("3", [3]), ("4", [4]), ("1,000", [1_000])]),
        ([99, 8, 8, 8, 1, 1, 1], [("1", [1, 1, 1]), ("8", [8, 8, 8]), ("99", [99])]),
        (list(range(20, 0, -1)), [(f"{n + 1} {NOTHING} {n + 4}", list(range(n + 4, n, -1)))
                                  for n in range(0, 20, 4)]),
    ],
)  # fmt: skip
def test_each_step_has_as_many_countries_and_equal_ones_share_one(
    counts: list[int], expected: list[tuple[str, list[int]]]
) -> None:
    world = draw_world([row(f"C{n}", count) for n, count in enumerate(counts)])

    found = [
        (step.label, [land.row.count for land in world.lands if land.step == step.number])
        for step in world.steps
    ]
    assert found == expected
    assert len(world.steps) <= STEPS


def test_who_is_of_no_country_has_no_place_on_it() -> None:
    world = draw_world([row(None, 9), row("DE", 2)])

    assert [land.row.key for land in world.lands] == ["DE"]
    assert world.unknown and world.unknown.count == 9


def test_it_has_the_numbers_of_the_api_and_its_table_as_well(
    signed_in: Client, project: TestProject, read: Api
) -> None:
    events = [{"path": "/", "userId": f"u{n}", "ip": ip} for n, ip in enumerate(ADDRESSES)]
    assert Api(project.ingest_key).post("/events", events).status_code == 202
    drain(0, force=True)

    page = show(signed_in, project, "panel/places", period="7d", places="map")

    asked: dict[str, Any] = {"metrics": ["visitors"], "dimensions": ["country"], "period": "7d"}
    found = {
        each["dimensions"][0]: each["metrics"][0]
        for each in read.post("/query", asked).json()["results"]
    }
    assert found == {"DE": 3, "US": 2, "FR": 1, None: 1}
    drawn = re.findall(r'data-code="(\w+)" data-tip="(\d+) visitor', page)
    assert {code: int(count) for code, count in drawn} == {
        code: count for code, count in found.items() if code
    }
    listed = re.findall(r'data-field="country" data-key="(\w*)"(?: data-none)? data-value="(\d+)"',
                        page)  # fmt: skip
    assert {code or None: int(count) for code, count in listed} == found
    assert 'href="?period=7d&f=is:country:DE&places=map"' in html.unescape(page)
    assert 'href="?period=7d&f=unknown:country&places=map"' in html.unescape(page)


def test_without_a_script_its_table_stands_in_its_place(
    signed_in: Client, project: TestProject
) -> None:
    Api(project.ingest_key).post("/event", {"path": "/", "ip": "91.10.1.1"})
    drain(0, force=True)

    page = show(signed_in, project, "", period="7d", places="map", full=1)

    assert "data-world" not in page
    assert '<details class="table-of" open><summary>Table' in page
    assert 'data-field="country" data-key="DE"' in page


def test_the_file_has_every_country_once() -> None:
    drawn = ET.parse(ROOT / "dashboard/static/dashboard/world.svg").getroot()

    codes = [shape.get("id", "") for shape in drawn]
    assert len(codes) == len(set(codes)) > 230
    assert {"DE", "US", "XK", "SG", "MT", "WS"} <= set(codes)
    assert all(re.fullmatch("[A-Z]{2}", code) for code in codes)
    size = (ROOT / "dashboard/static/dashboard/world.svg").stat().st_size
    assert size < 60_000
