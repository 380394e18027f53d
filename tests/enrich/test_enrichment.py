"""What the drain makes of a source, an address and a visitor."""

from typing import Any

import pytest

from analytics.rollups import SOURCE_FIELDS
from ingestion.enrich import countries as enrich
from ingestion.enrich.addresses import apply_ip_rule
from ingestion.enrich.campaigns import find_campaign, read_path
from ingestion.enrich.countries import NOWHERE, find_location
from ingestion.enrich.referrers import referrer_host
from ingestion.enrich.visitors import hash_visitor

PROJECT = b"project1"
SALT = b"salt of a day"


@pytest.mark.parametrize(
    ("path", "properties", "source"),
    [
        ("/", {}, {}),
        ("/", {"referrer": "https://www.example.com/a"}, {"referrer": "example.com"}),
        ("/", {"referrer": 7}, {}),
        ("/?utm_source=a&utm_medium=b", {}, {"utmSource": "a", "utmMedium": "b"}),
        ("/?utm_source=query", {"utmSource": "Property"}, {"utmSource": "property"}),
        (
            "/?utm_medium=Query#utm_campaign=c",
            {"utm_source": "a", "referrer": "android-app://com.slack"},
            {
                "referrer": "android-app://com.slack",
                "utmSource": "a",
                "utmMedium": "query",
                "utmCampaign": "c",
            },
        ),
    ],
)
def test_the_source_is_read_from_the_properties_and_then_the_path(
    path: str, properties: dict[str, Any], source: dict[str, str]
) -> None:
    referrer = properties.get("referrer")
    host = referrer_host(referrer) if isinstance(referrer, str) else None
    campaign = find_campaign(read_path(path), properties)[:3]
    found = dict(zip(SOURCE_FIELDS, (host, *campaign), strict=True))
    assert {field: value for field, value in found.items() if value} == source


@pytest.mark.parametrize(
    ("rule", "ip", "kept"),
    [
        ("keep", "203.0.113.42", "203.0.113.42"),
        ("keep", "2001:db8:1:2:3::1", "2001:db8:1:2:3::1"),
        ("truncate", "203.0.113.42", "203.0.113.0"),
        ("truncate", "2001:db8:1:2:3::1", "2001:db8:1::"),
        ("truncate", "::1", "::"),
        ("drop", "203.0.113.42", None),
        ("drop", "2001:db8:1:2:3::1", None),
        ("keep", None, None),
        ("truncate", None, None),
        ("drop", None, None),
    ],
)
def test_an_address_is_kept_as_the_project_wishes(
    rule: str, ip: str | None, kept: str | None
) -> None:
    assert apply_ip_rule(rule, ip) == kept


Who = tuple[bytes, str | None, str | None, str | None, bytes]

USER: Who = (PROJECT, "user", "203.0.113.1", "Firefox", SALT)
ANONYMOUS: Who = (PROJECT, None, "203.0.113.1", "Firefox", SALT)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (USER, (PROJECT, "user", "203.0.113.2", "Chrome", b"another day"), True),
        (USER, (PROJECT, "someone", "203.0.113.1", "Firefox", SALT), False),
        (USER, (b"project2", "user", "203.0.113.1", "Firefox", SALT), False),
        (USER, ANONYMOUS, False),
        (ANONYMOUS, (PROJECT, None, "203.0.113.1", "Firefox", SALT), True),
        (ANONYMOUS, (PROJECT, None, "203.0.113.2", "Firefox", SALT), False),
        (ANONYMOUS, (PROJECT, None, "203.0.113.1", "Chrome", SALT), False),
        (ANONYMOUS, (PROJECT, None, "203.0.113.1", "Firefox", b"another day"), False),
        (ANONYMOUS, (b"project2", None, "203.0.113.1", "Firefox", SALT), False),
        ((PROJECT, None, None, None, SALT), (PROJECT, None, "", "", SALT), True),
        ((PROJECT, "", None, None, SALT), (PROJECT, None, None, None, SALT), False),
    ],
)
def test_a_visitor_is_the_user_or_the_address_and_browser_of_a_day(
    one: Who, other: Who, same: bool
) -> None:
    assert (hash_visitor(*one) == hash_visitor(*other)) is same


@pytest.mark.parametrize("user", [f"user-{n}" for n in range(8)])
def test_a_visitor_fits_a_signed_64_bit_integer(user: str) -> None:
    assert -(2**63) <= hash_visitor(PROJECT, user, None, None, SALT) < 2**63


def test_an_address_that_the_country_database_cannot_look_up_has_no_country(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Ipv4Database:
        def get(self, ip: str) -> None:
            if ":" in ip:
                raise ValueError("an IPv6 address in an IPv4-only database")

    monkeypatch.setattr(enrich, "_geoip", Ipv4Database)

    assert find_location("2001:db8::1") == NOWHERE
