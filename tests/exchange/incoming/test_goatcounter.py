"""GoatCounter's CSV export, on files made from its documented columns."""

import pytest

from exchange.incoming.files.errors import SourceError
from exchange.incoming.options import Options
from tests.exchange.incoming.reading import detect_source, only_row, read_here, reasons_of

HEADER = (
    "2Path,Title,Event,User-Agent,Browser,System,Session,Bot,Referrer,Referrer scheme,"
    "Screen size,Location,FirstVisit,Date\n"
)
SESSION = "3d8e8f6c-0a0b-4c0d-8e0f-000000000001"


def line(**changed: str) -> str:
    cells = {
        "Path": "/prices", "Title": "Prices", "Event": "false", "User-Agent": "",
        "Browser": "Firefox 128", "System": "macOS 10.15", "Session": SESSION, "Bot": "0",
        "Referrer": "news.example/a", "Referrer scheme": "h", "Screen size": '"1920,1080,1"',
        "Location": "US-TX", "FirstVisit": "true", "Date": "2025-06-01T10:11:12Z",
    }  # fmt: skip
    return (
        ",".join(
            {**cells, **{name.replace("_", " "): cell for name, cell in changed.items()}}.values()
        )
        + "\n"
    )


def test_a_view_has_what_goatcounter_keeps_of_it() -> None:
    view = only_row(
        read_here(HEADER + line(), "goatcounter", options=Options(hostname="a.example"))
    )
    assert (view.event, view.path, view.title) == ("pageview", "/prices", "Prices")
    assert (view.timestamp, view.hostname) == (1_748_772_672_000, "a.example")
    assert (view.browser, view.browser_version) == ("Firefox", "128")
    assert (view.os, view.os_version) == ("Mac OS X", "10.15")
    assert (view.country, view.region, view.screen) == ("US", "US-TX", "1920x1080")
    assert (view.referrer, view.visitor, view.is_bot) == ("https://news.example/a", SESSION, False)


def test_an_event_is_named_by_its_path() -> None:
    event = only_row(read_here(HEADER + line(Path="signup", Event="true"), "goatcounter"))
    assert (event.event, event.path) == ("signup", "/")


@pytest.mark.parametrize(
    ("referrer", "scheme", "said"),
    [
        ("Hacker News", "g", ("https://news.ycombinator.com/", None, None)),
        ("Email", "g", (None, None, {"referrer": "Email"})),
        ("june-letter", "c", (None, "june-letter", None)),
        ("android-app://com.example", "o", ("android-app://com.example", None, None)),
        ("", "", (None, None, None)),
    ],
)
def test_where_a_visitor_came_from_is_told_by_the_scheme(
    referrer: str, scheme: str, said: tuple[str | None, str | None, object]
) -> None:
    content = HEADER + line(Referrer=referrer, Referrer_scheme=scheme)
    view = only_row(read_here(content, "goatcounter"))
    assert (view.referrer, view.utm_source, view.properties) == said


def test_bots_are_marked_and_those_without_a_session_have_no_visitor() -> None:
    view = only_row(read_here(HEADER + line(Bot="4", Session=""), "goatcounter"))
    assert view.is_bot and view.visitor is None
    nobody = line(Session="00000000-0000-0000-0000-000000000000")
    assert only_row(read_here(HEADER + nobody, "goatcounter")).visitor is None


def test_the_first_version_has_the_user_agent_as_its_browser() -> None:
    content = (
        "1Path,Title,Event,Bot,Session,FirstVisit,Referrer,Referrer scheme,Browser,Screen size,"
        "Location,Date\n/a,,false,0,,true,,,Mozilla/5.0 (X11),,AT,2020-02-03T04:05:06+01:00\n"
    )
    view = only_row(read_here(content, "goatcounter"))
    assert (view.user_agent, view.browser, view.country) == ("Mozilla/5.0 (X11)", None, "AT")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"Date": ""}, "no_time"),
        ({"Date": "yesterday"}, "bad_time"),
        ({"Path": ""}, "no_page"),
        ({"Path": "", "Event": "true"}, "no_name"),
        ({"Bot": "many"}, "bad_value"),
        ({"Event": "perhaps"}, "bad_value"),
    ],
)
def test_a_row_that_says_no_event_is_left_out(changed: dict[str, str], reason: str) -> None:
    assert reasons_of(read_here(HEADER + line(**changed), "goatcounter")) == [reason]


def test_it_is_known_by_its_first_column_and_another_version_is_refused() -> None:
    assert detect_source(HEADER + line()) == "goatcounter"
    with pytest.raises(SourceError, match="wrong_source"):
        read_here(HEADER.replace("2Path", "3Path") + line(), "goatcounter")
