"""What a notice says, in mail, as JSON and to Slack; names in it are names, whatever they hold."""

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from notices.documents import Facts
from notices.rendering.mail import Links, Message, render_mail
from notices.rendering.texts import one_line
from notices.rendering.webhooks import render_webhook
from tests.notices.saying import EVIL, make_figure, make_fired, make_report

PAGE = "https://stats.example/p/8000000000000001/?from=2025-03-24&to=2025-03-31"
WEEK = "24 \N{EN DASH} 30 Mar 2025"
LINKS = Links(PAGE, "https://stats.example/notices/unsubscribe/token")


def render(facts: Facts) -> Message:
    return render_mail(facts, LINKS)


class Seen(HTMLParser):
    """The tags of a page, their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += f" {data}"


def test_a_report_says_the_same_in_html_and_text() -> None:
    message = render(make_report())
    assert message.subject == f"Shop: weekly report, {WEEK}"
    shown = Seen(message.html).text
    text = " ".join(message.text.split())
    for told in (
        WEEK, "Europe/Berlin", "Only Country is DE, AT", "12.3k", "↑ 23%", "20.0k",
        "0%", "new", "Views per visit", "2.50", "50.0%", "↑ 10.0 pp", "2m 05s", "↓ 50%",
        WEEK.replace("24", "17").replace("30", "23"), "Pages", "900", "↑ 12%", "and 10 more",
        "Sign-ups", "40 (1.23%)",
        "↓ 20%", "25 Mar 2025", "Version 41", "26 Mar 2025, 10:42", "Outage",
        "The books balance: 50,000 accepted events, all accounted for. 3 events refused.",
    ):  # fmt: skip
        assert told in shown, told
        assert told in text, told
    assert "Sources" not in shown  # nothing is in that list


def test_countries_have_their_names() -> None:
    keys = ("DE", "CI", "ZZ", None)
    rows = [{"key": key, "value": 1, "before": 1, "change": 0} for key in keys]
    listed = {"field": "country", "metric": "visitors", "rows": rows, "total": 4}
    message = render(make_report(lists=[listed]))
    for told in (
        "Countries",
        "Germany",
        "Côte d\N{RIGHT SINGLE QUOTATION MARK}Ivoire",
        "ZZ",
        "Unknown",
    ):
        assert told in Seen(message.html).text
        assert told in message.text


def test_its_links_lead_to_the_same_fixed_window_and_to_its_end() -> None:
    message = render(make_report())
    hrefs = [value for name, value in Seen(message.html).attributes if name == "href"]
    assert hrefs == [PAGE, LINKS.unsubscribe]
    assert f"Look at it: {PAGE}\n" in message.text
    assert f"No more of these: {LINKS.unsubscribe}\n" in message.text


def test_nothing_is_loaded_from_anywhere() -> None:
    for facts in (make_report(), make_fired()):
        seen = Seen(render(facts).html)
        assert not {"img", "script", "link", "iframe", "style", "svg", "form"} & set(seen.tags)
        assert not [name for name, _ in seen.attributes if name in ("src", "background", "srcset")]
        assert not re.search(r"url\(|@import", render(facts).html)


@pytest.mark.parametrize("facts", [make_report(EVIL), make_fired(EVIL)])
def test_a_name_with_html_and_newlines_is_a_name(facts: Facts) -> None:
    message = render(facts)
    seen = Seen(message.html)
    assert "script" not in seen.tags
    assert "<script>alert(1)</script>" in seen.text  # as it was typed, and it does nothing
    assert re.fullmatch(r"[^\r\n\u2028]{1,200}", message.subject)
    assert "\u202e" not in message.subject + message.text + message.html
    assert "\r" not in message.text
    # No line of the text begins with what the name meant as a header.
    assert not re.search(r"^Bcc", message.text, re.MULTILINE)


def test_a_name_is_one_line_and_keeps_its_script() -> None:
    assert one_line(" a\r\n\tb\x00c\u2029d\u200be\u202ef\ud800 ") == "a b c def"
    assert (
        one_line("👩\u200d💻 \u0645\u06cc\u200c\u062e Ünï")
        == "👩\u200d💻 \u0645\u06cc\u200c\u062e Ünï"
    )
    assert one_line("a" * 300) == "a" * 199 + "…"


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        (make_report(events=0), "Nothing came in: there is no event in this window."),
        (make_report(waiting=1), "1 accepted event had not been stored when this was made"),
        (make_report(trouble=["goals"]), "Not everything could be asked: without the goals."),
        (
            make_report(books=None, trouble=["books"]),
            "Not everything could be asked: without the books.",
        ),
        (
            make_report(books={**make_report()["books"], "missing": 2, "dead": 1}),  # type: ignore[dict-item]
            "The books do not balance: 2 accepted events off. 1 event could not be stored.",
        ),
        (
            make_report(missed=[make_report()["window"]], moreMissed=3),
            f"Nothing was sent for {WEEK} and 3 more.",
        ),
        (make_report(filters=["no filter of ours"]), "Only no filter of ours"),
    ],
)
def test_what_is_not_whole_is_said(facts: Facts, told: str) -> None:
    message = render(facts)
    assert told in Seen(message.html).text
    assert told in " ".join(message.text.split())


GOAL: Any = {"id": "g", "name": "Sign-ups", **dict.fromkeys(("conversions", "rate", "before"))}
TOLD: list[tuple[Any, str, str]] = [
    (
        make_fired(),
        "Visitors: 1,450, above 1,000.",
        "It watches for visitors above 1,000 in a day.",
    ),
    (
        make_fired(what="again"),
        "Visitors: 1,450, still above 1,000. It began 29 Mar 2025, 00:02.",
        "It watches for visitors above 1,000 in a day.",
    ),
    (
        make_fired(what="over"),
        "It is over: visitors at 1,450.",
        "It watches for visitors above 1,000 in a day.",
    ),
    (
        {**make_fired(what="over"), "tooFew": True},
        "It is over: too few were counted to judge by.",
        "It watches for visitors above 1,000 in a day.",
    ),
    (
        make_fired(how="changed", value=0.3, direction="up", smallest=100.0),
        "Visitors rose by 45%, from 1,000 to 1,450.",
        "It watches for visitors of a day rising by 30% from the day before, of at least 100.",
    ),
    (
        make_fired(how="silent", metric="events", value=None, silentMinutes=90),
        "No event for 90 minutes.",
        "It watches for 90 minutes without any event.",
    ),
    (
        make_fired(what="over", how="silent", metric="events", value=None, silentMinutes=90),
        "It is over: events come in again, 1,450 in 90 minutes.",
        "It watches for 90 minutes without any event.",
    ),
    (
        {
            **make_fired(how="changed", metric="bounceRate", value=0.05),
            "figure": make_figure("bounceRate", 0.315, 0.446),
        },
        "Bounce rate fell by 13.1 pp, from 44.6% to 31.5%.",
        "It watches for bounce rate of a day changing by 5 pp from the day before.",
    ),
    (
        {**make_fired(how="changed", value=0.5), "figure": make_figure("visitors", 15, 0)},
        "Visitors rose from 0 to 15.",
        "It watches for visitors of a day changing by 50% from the day before.",
    ),
    (
        {**make_fired(running=True), "isRunning": True},
        "Visitors so far: 1,450, above 1,000.",
        "It watches for visitors above 1,000 in a day, also before it is over.",
    ),
    (
        {**make_fired(metric="conversions", goal="g", value=5.0), "goal": GOAL},
        "Converting visitors of the goal Sign-ups: 1,450, above 5.",
        "It watches for converting visitors of the goal Sign-ups above 5 in a day.",
    ),
    (
        make_fired(metric="sum(properties.amount)", value=1e6),
        "Sum(properties.amount): 1,450, above 1,000,000.",
        "It watches for sum(properties.amount) above 1,000,000 in a day.",
    ),
]


@pytest.mark.parametrize(("facts", "sentence", "terms"), TOLD)
def test_an_alert_says_what_was_measured_and_by_what(facts: Any, sentence: str, terms: str) -> None:
    message = render(facts)
    for text in (Seen(message.html).text, " ".join(message.text.split())):
        assert sentence in text
        assert terms in text
    assert message.subject.startswith("Shop: Many visitors")
    assert ("is over" in message.subject) is (facts["what"] == "over")


def test_a_webhook_gets_the_facts_with_their_type() -> None:
    body = json.loads(render_webhook(make_report(), "plain", PAGE))
    assert (body["type"], body["timestamp"]) == ("report", "2025-03-31T08:00:03+02:00")
    data = body["data"]
    assert data["project"] == {"id": "8000000000000001", "name": "Shop"}
    assert data["figures"][0] == make_report()["figures"][0]
    assert data["url"] == PAGE
    assert data["subject"] == render(make_report()).subject
    for what in ("fired", "again", "over"):
        said = json.loads(render_webhook(make_fired(what=what), "plain", ""))
        assert (said["type"], said["data"]["url"]) == (f"alert.{what}", None)


@pytest.mark.parametrize("facts", [make_report(EVIL), make_fired(EVIL)])
def test_slack_gets_blocks_within_its_limits_and_no_name_calls_anybody(facts: Facts) -> None:
    body = json.loads(render_webhook(facts, "slack", PAGE))
    assert body["text"]
    assert len(body["blocks"]) <= 50
    texts = re.findall(r'"text": "((?:[^"\\]|\\.)*)"', json.dumps(body, ensure_ascii=False))
    assert max(map(len, texts)) <= 3_000
    assert body["blocks"][0]["type"] == "header"
    assert len(body["blocks"][0]["text"]["text"]) <= 150
    told = json.dumps(body["blocks"][1:]) + body["text"]
    assert set(re.findall(r"<[^>]*>", told)) == {
        f"<{PAGE.replace('&', '&amp;')}|Look at this window>"
    }


def test_no_name_calls_a_channel_of_what_understands_slack() -> None:
    """Names of pages come from strangers; some read `@channel` in plain text as a call."""
    body = render_webhook(make_report("/@channel @Here @all"), "slack", PAGE).decode()
    assert not re.search("@(channel|here|all|everyone)", body, re.IGNORECASE)
    assert "channel" in body
    texts = re.findall(r'{"type":"mrkdwn"[^}]*}', body)
    assert texts
    assert all(json.loads(each)["verbatim"] is True for each in texts)
