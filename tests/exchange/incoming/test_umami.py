"""Umami's raw events, on files made from the definitions of its tables."""

import csv
import io

import pytest

from exchange.incoming.files.errors import SourceError
from exchange.incoming.files.limits import Limits
from exchange.incoming.options import Options
from tests.exchange.incoming.archives import zip_of
from tests.exchange.incoming.reading import (
    detect_source,
    only_row,
    read_here,
    reasons_of,
    rows_of,
)

SITE, OTHER = "5ae1e0e4-0000-4000-8000-000000000001", "5ae1e0e4-0000-4000-8000-000000000002"
EVENT_ID = "0b7b3f4e-0000-4000-8000-000000000001"
EVENT = {
    "website_id": SITE, "session_id": "e0000000-0000-4000-8000-000000000001",
    "visit_id": "f0000000-0000-4000-8000-000000000001", "event_id": EVENT_ID,
    "hostname": "www.example.com", "browser": "edge-chromium", "os": "Windows 10",
    "device": "laptop", "screen": "1920x1080", "language": "de-AT", "country": "AT",
    "subdivision1": "AT-9", "subdivision2": "", "city": "Vienna", "url_path": "/prices",
    "url_query": "utm_source=june&gclid=x", "referrer_path": "/a", "referrer_query": "b=1",
    "referrer_domain": "news.example", "page_title": "Prices", "event_type": "1",
    "event_name": "", "tag": "", "created_at": "2025-06-01 10:11:12",
}  # fmt: skip


def table(*rows: dict[str, str]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def event(**changed: str) -> dict[str, str]:
    return {**EVENT, **changed}


def test_a_view_has_what_the_table_has() -> None:
    view = only_row(read_here(table(event()), "umami"))
    assert (view.event, view.timestamp) == ("pageview", 1_748_772_672_000)
    assert (view.hostname, view.path) == ("www.example.com", "/prices?utm_source=june&gclid=x")
    assert (view.title, view.referrer) == ("Prices", "https://news.example/a?b=1")
    assert (view.visitor, view.session_id) == (EVENT["session_id"], EVENT["visit_id"])
    assert (view.browser, view.os, view.os_version, view.device) == (
        "Edge", "Windows", "10", "desktop",
    )  # fmt: skip
    assert (view.country, view.region, view.city) == ("AT", "AT-9", "Vienna")
    assert (view.language, view.screen, view.source_id) == ("de-AT", "1920x1080", EVENT_ID)
    assert view.user_id is None and view.properties is None


def test_times_of_postgresql_are_read_with_their_offset() -> None:
    content = table(event(created_at="2025-06-01 12:11:12.345+02"))
    assert only_row(read_here(content, "umami")).timestamp == 1_748_772_672_345


def test_an_identified_session_is_a_user() -> None:
    content = table({**event(), "distinct_id": "u-1"})
    assert only_row(read_here(content, "umami")).user_id == "u-1"


def data(name: str, type_: str, **values: str) -> dict[str, str]:
    row = {"website_event_id": EVENT_ID, "data_key": name, "string_value": "", "number_value": "",
           "date_value": "", "data_type": type_}  # fmt: skip
    return {**row, **values}


def test_event_data_beside_it_are_the_properties_of_their_event() -> None:
    archive = zip_of(
        {
            "website_event.csv": table(
                event(event_type="2", event_name="buy", tag="b"),
                event(event_id=EVENT_ID.replace("b", "c")),
            ),
            "event_data.csv": table(
                data("plan", "1", string_value="pro"),
                data("price", "2", number_value="12.5000", string_value="12.5"),
                data("first", "3", string_value="true"),
                data("when", "4", date_value="2025-06-01 00:00:00"),
                data("parts", "5", string_value='["a",1]'),
            ),
            "session_data.csv": "",
        }
    )
    bought, seen = rows_of(read_here(archive, "umami"))
    assert bought.event == "buy"
    assert bought.properties == {
        "plan": "pro", "price": 12.5, "first": True, "when": "2025-06-01 00:00:00",
        "parts": ["a", 1], "tag": "b",
    }  # fmt: skip
    assert seen.properties is None


def test_empty_event_data_are_none() -> None:
    archive = zip_of({"x/website_event.csv": table(event()), "x/event_data.csv": ""})
    assert reasons_of(read_here(archive, "umami")) == [None]


def test_event_data_that_take_too_much_memory_are_refused_before_any_row() -> None:
    archive = zip_of({"website_event.csv": table(event()), "event_data.csv": table(data("a", "1"))})
    with pytest.raises(SourceError, match="too_many_details"):
        read_here(archive, "umami", limits=Limits(detail_bytes=100))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"created_at": ""}, "no_time"),
        ({"created_at": "soon"}, "bad_time"),
        ({"event_type": "2"}, "no_name"),
        ({"event_type": "3"}, "not_an_event"),
        ({"event_type": "5"}, "not_an_event"),
        ({"url_path": ""}, "no_page"),
    ],
)
def test_a_row_that_says_no_event_is_left_out(changed: dict[str, str], reason: str) -> None:
    assert reasons_of(read_here(table(event(**changed)), "umami")) == [reason]


def test_a_file_of_several_websites_gives_those_of_one() -> None:
    content = table(event(), event(website_id=OTHER))
    assert reasons_of(read_here(content, "umami")) == [None, "other_site"]
    named = read_here(content, "umami", options=Options(site=OTHER))
    assert reasons_of(named) == ["other_site", None]


def test_two_columns_of_one_name_are_refused() -> None:
    content = table(event()).replace("subdivision2", "created_at", 1)
    with pytest.raises(SourceError, match="two columns are named created_at"):
        read_here(content, "umami")


def test_it_is_known_by_its_columns_and_in_a_zip_by_its_name() -> None:
    assert detect_source(table(event())) == "umami"
    assert detect_source(zip_of({"website_event.csv": table(event())})) == "umami"


def test_lists_with_counts_are_totals() -> None:
    archive = zip_of({"events.csv": "x,y\n", "pages.csv": "x,y\n/,5\n", "os.csv": "x,y\n"})
    assert detect_source(archive) == "umami"
    with pytest.raises(SourceError, match="only_totals"):
        read_here(archive, "umami")
