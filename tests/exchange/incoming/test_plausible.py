"""Plausible's raw events, on files made from the definition of its table."""

import json

import pytest

from exchange.incoming.files.errors import SourceError
from exchange.incoming.options import Options
from tests.exchange.incoming.archives import zip_of
from tests.exchange.incoming.reading import detect_source, only_row, read_here, reasons_of

EVENT: dict[str, object] = {
    "timestamp": "2025-06-01 10:11:12", "name": "pageview", "site_id": 7,
    "user_id": 12345678901234567890, "session_id": 42, "hostname": "www.example.com",
    "pathname": "/prices", "referrer": "news.example/a", "referrer_source": "news.example",
    "country_code": "FR", "screen_size": "Desktop", "operating_system": "GNU/Linux",
    "browser": "Microsoft Edge", "utm_medium": "mail", "utm_source": "june", "utm_campaign": "",
    "meta.key": [], "meta.value": [], "browser_version": "126.0",
    "operating_system_version": "", "subdivision1_code": "FR-PAC", "subdivision2_code": "",
    "city_geoname_id": 0, "utm_content": "", "utm_term": "", "revenue_source_amount": None,
    "revenue_source_currency": "",
}  # fmt: skip


def as_json(**changed: object) -> str:
    return (
        json.dumps({**EVENT, **{name.replace("__", "."): v for name, v in changed.items()}}) + "\n"
    )


def as_csv(**changed: object) -> str:
    """As `FORMAT CSVWithNames` writes it: texts in quotes, arrays as texts in single ones."""
    row = {**EVENT, **{name.replace("__", "."): value for name, value in changed.items()}}
    header = ",".join(f'"{name}"' for name in row)
    return f"{header}\n{','.join(map(_cell, row.values()))}\n"


def _cell(value: object) -> str:
    if isinstance(value, list):
        items = ",".join("'" + str(item).replace("'", "\\'") + "'" for item in value)
        return f'"[{items}]"'
    if value is None:
        return "\\N"
    return str(value) if isinstance(value, int) else f'"{value}"'


@pytest.mark.parametrize("write", [as_json, as_csv])
def test_a_view_has_what_the_table_has(write: object) -> None:
    assert callable(write)
    view = only_row(read_here(write(), "plausible"))
    assert (view.event, view.timestamp) == ("pageview", 1_748_772_672_000)
    assert (view.hostname, view.path) == ("www.example.com", "/prices")
    assert (view.visitor, view.session_id) == ("12345678901234567890", "42")
    assert view.user_id is None
    assert (view.referrer, view.utm_source, view.utm_medium) == (
        "https://news.example/a", "june", "mail",
    )  # fmt: skip
    assert (view.browser, view.browser_version, view.os, view.device) == (
        "Edge", "126", "Linux", "desktop",
    )  # fmt: skip
    assert (view.country, view.region, view.city, view.properties) == ("FR", "FR-PAC", None, None)


@pytest.mark.parametrize("write", [as_json, as_csv])
def test_an_event_has_its_properties_and_its_revenue(write: object) -> None:
    assert callable(write)
    content = write(
        name="Purchase", meta__key=["plan", "who's"], meta__value=["pro", "it's, me"],
        revenue_source_amount="12.500", revenue_source_currency="EUR",
    )  # fmt: skip
    event = only_row(read_here(content, "plausible"))
    assert event.event == "Purchase"
    assert event.properties == {
        "plan": "pro", "who's": "it's, me", "revenue": 12.5, "currency": "EUR",
    }  # fmt: skip


@pytest.mark.parametrize("write", [as_json, as_csv])
def test_a_code_of_nothing_but_nuls_is_none(write: object) -> None:
    assert callable(write)
    content = write(country_code="\0\0", revenue_source_currency="\0\0\0")
    assert only_row(read_here(content, "plausible")).country is None


def test_times_on_a_page_are_no_events() -> None:
    assert reasons_of(read_here(as_json(name="engagement"), "plausible")) == ["not_an_event"]


def test_a_file_of_several_sites_gives_those_of_the_first_or_of_the_one_that_was_named() -> None:
    content = as_json() + as_json(site_id=8)
    assert reasons_of(read_here(content, "plausible")) == [None, "other_site"]
    named = read_here(content, "plausible", options=Options(site="8"))
    assert reasons_of(named) == ["other_site", None]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"timestamp": ""}, "no_time"),
        ({"timestamp": "soon"}, "bad_time"),
        ({"name": ""}, "no_name"),
        ({"pathname": ""}, "no_page"),
        ({"meta__key": ["a"]}, "bad_value"),
    ],
)
def test_a_row_that_says_no_event_is_left_out(changed: dict[str, object], reason: str) -> None:
    assert reasons_of(read_here(as_json(**changed), "plausible")) == [reason]


@pytest.mark.parametrize("content", [as_json(), as_csv()])
def test_it_is_known_by_its_columns(content: str) -> None:
    assert detect_source(content) == "plausible"


VISITORS = (
    '"date","visitors","pageviews","bounces","visits","visit_duration"\n"2025-06-01",1,2,3,4,5\n'
)


@pytest.mark.parametrize(
    "content",
    [VISITORS, zip_of({"imported_visitors_20250601_20250630.csv": VISITORS, "a.csv": "b\n"})],
)
def test_what_the_dashboard_exports_is_totals_and_is_refused_with_that_word(
    content: str | bytes,
) -> None:
    assert detect_source(content) == "plausible"
    with pytest.raises(SourceError, match="only_totals"):
        read_here(content, "plausible")
