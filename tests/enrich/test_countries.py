"""Where an address is: by the database that the operator names, else by the registries."""

import os
import tempfile
from pathlib import Path

import pytest
from pytest_django import Settings

from ingestion.enrich import countries
from ingestion.enrich.countries import NOWHERE, Database, Location, find_location
from tests.enrich.mmdb import Value, make_mmdb

CITY: dict[str, Value] = {
    "203.0.113.0/24": {
        "city": {"names": {"de": "Mailand", "en": "Milan"}},
        "country": {"iso_code": "IT"},
        "subdivisions": [{"iso_code": "25", "names": {"en": "Lombardy"}}, {"iso_code": "MI"}],
    },
    "2001:db8::/32": {"country": {"iso_code": "NZ"}, "subdivisions": [{"iso_code": "AUK"}]},
    "198.51.100.0/24": {"registered_country": {"iso_code": "CH"}},
    "192.0.2.0/25": {"country_code": "FR", "state1": "Bretagne", "city": "Brest"},
    "192.0.2.128/25": {"country": "DE", "region": "Berlin", "city": "Berlin"},
    "10.0.0.0/8": {"city": "Office"},
    "8.8.8.0/24": {"country": {"iso_code": "SE"}},
}
LOCATIONS = {
    "203.0.113.9": Location("IT", "Lombardy", "Milan"),
    "::ffff:203.0.113.9": Location("IT", "Lombardy", "Milan"),
    "2001:db8::1": Location("NZ", "AUK", None),
    "198.51.100.7": Location("CH"),
    "192.0.2.1": Location("FR", "Bretagne", "Brest"),
    "192.0.2.200": Location("DE", "Berlin", "Berlin"),
    "10.0.0.1": NOWHERE,
    "8.8.8.8": Location("SE"),
    "8.8.4.4": Location("US"),
    "2001:4860:4860::8888": Location("US"),
    "no address": NOWHERE,
}


@pytest.fixture
def path(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(countries, "CHECK_SECONDS", 0.0)
    settings.GEOIP_PATH = str(tmp_path / "places.mmdb")
    return tmp_path / "places.mmdb"


def make_country(code: str) -> bytes:
    return make_mmdb({"203.0.113.0/24": {"country": {"iso_code": code}}})


@pytest.mark.parametrize(
    ("ip", "country"),
    [
        ("8.8.8.8", "US"),
        ("::ffff:8.8.8.8", "US"),
        ("2001:4860:4860::8888", "US"),
        ("193.0.6.139", "NL"),
        ("133.11.0.1", "JP"),
        ("2001:67c:2e8:22::c100:68b", "NL"),
        ("10.0.0.1", None),
        ("127.0.0.1", None),
        ("192.168.1.1", None),
        ("100.64.0.1", None),
        ("169.254.1.1", None),
        ("224.0.0.1", None),
        ("203.0.113.9", None),
        ("::1", None),
        ("fe80::1", None),
        ("fd00::1", None),
        ("2001:db8::1", None),
        ("", None),
        ("8.8.8", None),
        ("8.8.8.8:80", None),
        ("fe80::1%eth0", None),
        ("\ud800", None),
        ("host.example", None),
    ],
)
def test_without_a_database_the_registries_tell_the_country(ip: str, country: str | None) -> None:
    assert find_location(ip) == Location(country)


@pytest.mark.parametrize(("ip", "location"), LOCATIONS.items())
def test_a_database_goes_before_the_registries(path: Path, ip: str, location: Location) -> None:
    path.write_bytes(make_mmdb(CITY))

    assert find_location(ip) == location


def test_a_new_file_is_read_at_once(path: Path) -> None:
    for code in ("IT", "FR", "NZ"):
        new = path.with_suffix(".new")
        new.write_bytes(make_country(code))
        new.replace(path)

        assert find_location("203.0.113.9").country == code


def test_a_file_that_is_written_over_is_read_at_once(path: Path) -> None:
    for at, code in enumerate(("IT", "FR", "NZ")):
        path.write_bytes(make_country(code))
        os.utime(path, ns=(at, at))

        assert find_location("203.0.113.9").country == code


@pytest.mark.parametrize("content", [b"", b"no database", make_country("FR")[:-40]])
def test_a_broken_file_leaves_the_one_before_in_force(path: Path, content: bytes) -> None:
    path.write_bytes(make_country("IT"))
    assert find_location("203.0.113.9").country == "IT"

    path.write_bytes(content)
    assert find_location("203.0.113.9").country == "IT"
    path.unlink()
    assert find_location("203.0.113.9").country == "IT"

    path.write_bytes(make_country("NZ"))
    assert find_location("203.0.113.9").country == "NZ"


def test_a_broken_file_is_told_of_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(countries.log, "warning", lambda event, **_: told.append(event))
    path.write_bytes(b"no database")

    for _ in range(3):
        assert find_location("8.8.8.8").country == "US"

    assert told == ["geoip_unreadable"]


def test_a_file_is_looked_at_now_and_then(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(countries, "CHECK_SECONDS", 3_600.0)
    database = Database(str(path))
    path.write_bytes(make_country("IT"))
    assert (first := database.reader()) is not None

    path.write_bytes(make_country("FR"))

    assert database.reader() is first


def test_without_room_for_a_copy_the_file_is_held_in_memory(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> tuple[int, str]:
        raise OSError("no room")

    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    path.write_bytes(make_country("IT"))

    assert find_location("203.0.113.9").country == "IT"


def test_no_copy_is_left_behind(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for content in (make_country("IT"), b"no database"):
        path.write_bytes(content)
        find_location("203.0.113.9")

    assert list(tmp_path.iterdir()) == [path]
