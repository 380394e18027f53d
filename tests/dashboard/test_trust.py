"""The trust page tells what the ledger tells, and looks again on demand."""

import json
import re
from datetime import UTC, datetime

import pytest
from django.test import Client

from analytics.databases.mongo import EVENTS, collection
from analytics.keys.refusals import flush_refusals
from dashboard.parts.trust import verifying
from dashboard.web import trust as pages
from ingestion.drain.loop import drain
from tests.conftest import Api, TestProject

AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def read_page(client: Client, project: TestProject) -> str:
    answer = client.get(f"/p/{project.id.hex()}/trust")
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode())


def send(project: TestProject, event: dict[str, str]) -> int:
    status: int = Api(project.ingest_key).post("/event", json.dumps(event)).status_code
    return status


def verify(client: Client, project: TestProject, day: str) -> str:
    answer = client.post(
        f"/p/{project.id.hex()}/trust", {"day": day}, headers={"HX-Request": "true"}
    )
    assert answer.status_code == 200
    return answer.content.decode()


def today() -> str:
    return datetime.now(UTC).date().isoformat()


def test_it_says_that_the_books_balance_and_where_each_event_is(
    project: TestProject, signed_in: Client
) -> None:
    for event_id in ("a", "b", "b"):
        assert send(project, {"eventId": event_id, "path": "/"}) == 202
    waiting = read_page(signed_in, project)
    drain(0, 5.0)
    page = read_page(signed_in, project)

    assert "The books balance." in waiting
    assert "<b>3</b> on their way" in waiting
    assert re.search(r'data-lag="\d+\.\d"', waiting) and "data-lag" not in page
    assert "The books balance." in page
    assert "<b>3</b> accepted" in page
    assert "<b>2</b> stored" in page
    assert "<b>1</b> sent twice" in page
    assert "Everything that was accepted is stored." in page


def test_an_event_that_is_missing_is_the_loudest_thing_on_it(
    project: TestProject, signed_in: Client
) -> None:
    send(project, {"path": "/"})
    drain(0, 5.0)
    collection("ledger_summaries").update_one({}, {"$inc": {"stored": -1}})

    page = read_page(signed_in, project)

    assert "The books do not balance: 1 event" in page
    assert 'class="verdict bad"' in page


def test_it_tells_what_was_refused_and_by_which_key(
    project: TestProject, signed_in: Client
) -> None:
    assert send(project, {"nothing": "known"}) == 400
    flush_refusals()

    page = read_page(signed_in, project)

    assert "with a field that no event has" in page
    assert "<code>unknown_field</code>" in page


def test_a_day_is_counted_again_on_demand(project: TestProject, signed_in: Client) -> None:
    send(project, {"eventId": "a", "path": "/"})
    send(project, {"eventId": "b", "path": "/"})
    drain(0, 5.0)

    assert 'data-verdict="right"' in verify(signed_in, project, today())
    assert "2 stored events counted again" in verify(signed_in, project, today())

    collection(EVENTS).update_one({"project": project.id}, {"$set": {"path": "/other"}})

    assert 'data-verdict="wrong"' in verify(signed_in, project, today())


@pytest.mark.parametrize(
    "day", ["", "yesterday", "2026-02-30", "99999-01-01", "1969-12-31", "9999-12-31"]
)
def test_what_is_no_day_is_told(day: str, project: TestProject, signed_in: Client) -> None:
    assert "That is no day." in verify(signed_in, project, day)


def test_a_day_without_events_can_be_looked_at(project: TestProject, signed_in: Client) -> None:
    assert "0 stored events" in verify(signed_in, project, "1970-01-01")


def test_a_day_that_takes_long_is_left_to_a_command(
    project: TestProject, signed_in: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "MOST_EVENTS", 1)
    send(project, {"path": "/"})
    send(project, {"path": "/"})
    drain(0, 5.0)

    assert "has more than 1 event" in verify(signed_in, project, today())


def test_days_are_not_counted_again_without_end(
    project: TestProject, other_project: TestProject, signed_in: Client,
    monkeypatch: pytest.MonkeyPatch, unending_windows: None,
) -> None:  # fmt: skip
    monkeypatch.setattr(pages, "VERIFICATIONS", (2, 600))
    verify(signed_in, project, "1970-01-01")
    verify(signed_in, project, "1970-01-01")

    path, headers = f"/p/{project.id.hex()}/trust", {"HX-Request": "true"}
    refused = signed_in.post(path, {"day": "1970-01-01"}, headers=headers)

    assert refused.status_code == 429
    assert 0 < int(refused["Retry-After"]) <= 600
    assert "<code>rate_limited</code>" in refused.content.decode()
    assert "0 stored events" in verify(signed_in, other_project, "1970-01-01")


def test_without_script_the_verdict_stands_in_the_page(
    project: TestProject, signed_in: Client
) -> None:
    answer = signed_in.post(f"/p/{project.id.hex()}/trust", {"day": today()})

    assert 'data-verdict="right"' in answer.content.decode()
    assert "Can these numbers be trusted?" in answer.content.decode()


def insert_of_browsers(project: TestProject, addresses: list[str]) -> None:
    collection(EVENTS).insert_many(
        {
            "_id": project.id + b"\x02" + bytes([number]) * 16,
            "project": project.id,
            "timestamp": datetime.now(UTC),
            "anonymous": number,
            "ip": address,
        }
        for number, address in enumerate(addresses)
    )


def test_it_warns_where_all_browsers_seem_to_have_one_address(
    project: TestProject, signed_in: Client
) -> None:
    drain(0, 5.0)
    insert_of_browsers(project, ["10.0.0.7"] * 60)

    page = read_page(signed_in, project)

    assert "60 of the last 60 events by web pages have one address, 10.0.0.7" in page
    assert "the country is not known" in page


def test_it_warns_where_nearly_all_browsers_have_private_addresses(
    project: TestProject, signed_in: Client
) -> None:
    drain(0, 5.0)
    insert_of_browsers(project, ["10.0.0.7", "10.0.0.8"] * 30)

    assert "60 of the last 60 events by web pages have private addresses" in read_page(
        signed_in, project
    )


def test_a_few_private_addresses_are_no_warning(project: TestProject, signed_in: Client) -> None:
    drain(0, 5.0)
    others = [f"91.10.0.{number}" for number in range(55)]
    insert_of_browsers(project, ["10.0.0.7"] * 5 + others)

    assert "TRUSTED_PROXIES" not in read_page(signed_in, project)
