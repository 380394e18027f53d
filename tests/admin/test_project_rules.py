"""The admin: what a project's pages and apps may send, and what counts."""

import re
from contextlib import suppress
from html import unescape
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from analytics.keys.authentication import authenticate
from analytics.keys.lookup import forget_keys
from analytics.projects.hostnames import spell_hostname, validate_hostname
from analytics.projects.key_mirror import mirror_keys
from analytics.projects.models import ApiKey, Project
from analytics.projects.zones import read_zones

SWITCHES = ("leaves_out_bots", "tidies_addresses", "honours_do_not_track")
FORM = {"name": "Shop", "is_active": "on", "ip_rule": "truncate"}


@pytest.fixture(autouse=True)
def whole_mirror(store: None) -> None:
    mirror_keys()


@pytest.fixture
def project(store: None) -> Project:
    return Project.objects.create(name="Shop")


def address_of(project: Project) -> str:
    return reverse("admin:analytics_project_change", args=[project.pk])


def send(client: Client, project: Project, **fields: Any) -> Project:
    """The project as the form leaves it."""
    answer = client.post(address_of(project), {**FORM, **fields}, follow=True)
    assert answer.redirect_chain, "the form was refused"
    return Project.objects.get(pk=project.pk)


def refuse(client: Client, project: Project, **fields: Any) -> str:
    """The page with what is wrong."""
    answer = client.post(address_of(project), {**FORM, **fields})
    assert answer.status_code == 200
    assert b"errorlist" in answer.content
    return unescape(answer.content.decode())


@pytest.mark.slow
def test_the_form_of_a_new_project_has_its_switches_on_and_utc(admin: Client) -> None:
    page = admin.get(reverse("admin:analytics_project_add")).content.decode()
    for name in SWITCHES:
        [box] = re.findall(rf'<input type="checkbox" name="{name}"[^>]*>', page)
        assert "checked" in box
    assert re.search(r'name="time_zone"[^>]*value="UTC"|value="UTC"[^>]*name="time_zone"', page)
    switches = dict.fromkeys(SWITCHES, "on")

    admin.post(
        reverse("admin:analytics_project_add"), {**FORM, **switches, "time_zone": "Europe/Berlin"}
    )

    project = Project.objects.get()
    assert [getattr(project, name) for name in SWITCHES] == [True] * 3
    assert (project.time_zone, project.public_max_age_hours) == ("Europe/Berlin", 24)
    assert [zone for _, _, zone in read_zones(project.zones)] == ["Europe/Berlin"]


@pytest.mark.slow
def test_what_public_keys_may_send_is_written_one_a_line_and_reaches_them(
    admin: Client, project: Project
) -> None:
    key = ApiKey.issue_public(project, "Website")
    key.save()

    saved = send(
        admin, project,
        allowed_events="signup\r\n\r\n  add to cart \r\nsignup",
        allowed_properties="plan\r\nprice",
        allowed_origins="https://shop.example\r\nnull",
        public_max_age_hours="48",
        quota_events_per_month="1000",
    )  # fmt: skip

    assert saved.allowed_events == ["signup", "add to cart"]
    assert saved.allowed_properties == ["plan", "price"]
    forget_keys()
    record = authenticate(f"Bearer {key.text}")
    assert record.allowed_events == {"signup", "add to cart"}
    assert record.allowed_properties == {"plan", "price"}
    assert record.allowed_origins == {"https://shop.example", "null"}
    assert (record.public_max_age_hours, record.public_quota_events_per_month) == (48, 800)
    page = admin.get(address_of(project)).content.decode()
    assert "signup\nadd to cart</textarea>" in page
    assert "plan\nprice</textarea>" in page


@pytest.mark.slow
@pytest.mark.parametrize(
    ("field", "wrong", "told"),
    [
        ("time_zone", "Berlin", "Berlin is not a time zone: write Europe/Berlin"),
        ("time_zone", "Mars/Olympus", "is not a time zone"),
        ("hostnames", "shop.example\r\nno host", "no host is not a hostname"),
        ("hostnames", "*.shop.example", "is not a hostname"),
        ("excluded_addresses", "203.0.113.7\r\noffice", "office is no address and no network"),
        ("excluded_paths", "admin", "admin is not a path"),
        ("excluded_hostnames", "no host", "no host is not a hostname"),
        ("public_max_age_hours", "0", "greater than or equal to 1"),
        ("public_max_age_hours", "721", "less than or equal to 720"),
        ("public_quota_events_per_month", "0", "greater than or equal to 1"),
        ("allowed_events", "x" * 129, "at most 128 characters"),
        ("allowed_properties", "\r\n".join(map(str, range(501))), "no more than 500"),
        ("allowed_origins", "https://shop.example/", "is not an origin"),
    ],
)
def test_what_cannot_be_is_refused_where_it_was_written(
    admin: Client, project: Project, field: str, wrong: str, told: str
) -> None:
    page = refuse(admin, project, **{field: wrong})
    row = page[page.index(f"form-row errors field-{field}") :]
    assert told in row[: row.index("</ul>")]


@pytest.mark.slow
def test_public_keys_have_no_more_than_the_project(admin: Client, project: Project) -> None:
    too_much = {"quota_events_per_month": "1000", "public_quota_events_per_month": "1001"}
    assert "more than the project's quota" in refuse(admin, project, **too_much)

    enough = {**too_much, "public_quota_events_per_month": "1000"}
    assert send(admin, project, **enough).public_quota == 1_000
    assert "more than the project's quota" in refuse(
        admin, project, quota_events_per_month="999", public_quota_events_per_month="1000"
    )
    assert send(admin, project, public_quota_events_per_month="1000").public_quota == 1_000
    assert send(admin, project, quota_events_per_month="1").public_quota == 1
    assert send(admin, project).public_quota is None


@pytest.mark.slow
def test_a_form_that_was_opened_before_the_zone_changed_leaves_it(
    admin: Client, project: Project
) -> None:
    page = admin.get(address_of(project)).content.decode()
    opened = re.findall(r'name="((?:initial-)?time_zone)" value="([^"]*)"', page)
    assert len(opened) == 2
    send(admin, project, time_zone="Europe/Berlin")

    saved = send(admin, project, **dict(opened))

    assert saved.time_zone == "Europe/Berlin"
    assert [zone for _, _, zone in read_zones(saved.zones)] == ["UTC", "Europe/Berlin"]
    assert send(admin, project).time_zone == "Europe/Berlin"  # a script without the field
    meant = {"initial-time_zone": "Europe/Berlin", "time_zone": "UTC"}
    assert send(admin, project, **meant).time_zone == "UTC"


@pytest.mark.slow
def test_hostnames_are_kept_in_the_one_spelling(admin: Client, project: Project) -> None:
    written = "https://WWW.Shop.example/a?b=1\r\nshop.example:8443\r\nShop.example.\r\n"

    assert send(admin, project, hostnames=written).hostnames == ["www.shop.example", "shop.example"]


def test_what_is_left_out_is_kept_in_the_one_spelling(admin: Client, project: Project) -> None:
    saved = send(
        admin,
        project,
        excluded_addresses="203.0.113.7/24\r\n2001:DB8::1",
        excluded_paths="/admin/*\r\n\r\n/admin/*",
        excluded_hostnames="*.Test.example:80",
    )

    assert saved.excluded_addresses == ["203.0.113.0/24", "2001:db8::1"]
    assert (saved.excluded_paths, saved.excluded_hostnames) == (["/admin/*"], ["*.test.example"])


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("shop.example", "shop.example"),
        ("  WWW.Shop.Example. ", "www.shop.example"),
        ("http://user:word@shop.example:80/a//b?c#d", "shop.example"),
        ("//shop.example/a", "shop.example"),
        ("shop.example/a//b", "shop.example"),
        ("localhost:3000", "localhost"),
        ("127.0.0.1", "127.0.0.1"),
        ("a_b.shop-1.example", "a_b.shop-1.example"),
        ("xn--bcher-kva.example", "bücher.example"),
        ("BÜCHER.example", "bücher.example"),
        ("\uff33hop.example", "shop.example"),
        ("http://[0:0::1]:3000", "[::1]"),
        ("xn--99999999999.example", "xn--99999999999.example"),
        ("bu\u0308cher。example", "bücher.example"),
    ],
)
def test_a_hostname_has_one_spelling(written: str, expected: str) -> None:
    assert spell_hostname(written) == expected
    assert spell_hostname(expected) == expected
    validate_hostname(expected)


@pytest.mark.parametrize(
    "written",
    [
        "", " ", ".", "..", "a..b", "https://", "http:///a", "shop example", "*.shop.example",
        "shop.example:port", "shop.example:99999", "https://[::1", "a%20b", "\x00",
        "shop.example,other.example", "@", "?a=b",
    ],
)  # fmt: skip
def test_what_names_no_host_is_no_hostname(written: str) -> None:
    with pytest.raises(ValidationError, match="is not a hostname"):
        spell_hostname(written)


@pytest.mark.parametrize(
    "text",
    [
        "Shop.example",
        "shop.example.",
        "shop.example:80",
        "https://shop.example",
        "xn--bcher-kva.example",
    ],
)
def test_a_hostname_that_is_not_in_the_one_spelling_is_not_stored(text: str) -> None:
    with pytest.raises(ValidationError):
        validate_hostname(text)
    with pytest.raises(ValidationError):
        Project(name="x", hostnames=[text], partition=0).full_clean()


@given(st.text(max_size=80))
def test_what_was_spelled_once_stays(text: str) -> None:
    with suppress(ValidationError):
        validate_hostname(spell_hostname(text))
        return
    with pytest.raises(ValidationError):
        spell_hostname(text)
