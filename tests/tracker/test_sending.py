"""Each event gets to the server once, whatever the network and the server do meanwhile."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page

from analytics.events.moments import parse_moment
from ingestion.accept.clock import find_skew_ms
from tests.browser import Watch
from tests.tracker.site import Answer, Site, stop_time

pytest_plugins = ("tests.browser", "tests.tracker.site")
pytestmark = pytest.mark.browser

RESET = Answer(resets=True)
MOST_TRIES = 8
MOST_WAITING_BYTES = 900_000
HIDE = """() => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => true })
    document.dispatchEvent(new Event("visibilitychange", { bubbles: true }))
}"""
SHOW = """() => {
    delete document.hidden
    document.dispatchEvent(new Event("visibilitychange", { bubbles: true }))
}"""


@pytest.fixture(autouse=True)
def network(watch: Watch) -> None:
    """What the browser says of requests that fail is no fault of the page."""
    watch.expect("Failed to load resource")
    watch.expect("blocked by CORS policy")


def open_quietly(page: Page, site: Site, **attributes: Any) -> None:
    """A page whose own view has come."""
    page.goto(site.serve("/a", **attributes))
    site.wait_for_event("pageview")


def open_in_stopped_time(page: Page, site: Site) -> None:
    """As `open_quietly`; what waits is sent when the test lets time pass."""
    stop_time(page)
    page.goto(site.serve("/a"))
    page.clock.run_for(1_000)
    site.wait_for_event("pageview")
    settle(page, site)  # or the next event would wait for the answer to this one


def tries(site: Site, name: str) -> list[Any]:
    """The requests that had an event of this name."""
    return [one for one in site.received if any(event["event"] == name for event in one.events)]


def wait_for_tries(site: Site, name: str, number: int) -> None:
    site.wait_for(lambda: len(tries(site, name)) == number)


def ids(requests: list[Any], name: str) -> set[str]:
    return {event["eventId"] for one in requests for event in one.events if event["event"] == name}


def test_nothing_asks_for_leave_first(page: Page, site: Site) -> None:
    open_quietly(page, site)
    page.evaluate("aq('signup', { plan: 'pro' })")

    assert site.wait_for_event("signup")["properties"] == {"plan": "pro"}
    assert not [one for one in site.asked if one[0] == "OPTIONS"]
    assert {one.headers["content-type"] for one in site.received} == {"text/plain;charset=UTF-8"}
    assert not any("authorization" in one.headers for one in site.received)


def test_what_is_said_at_once_goes_together(page: Page, site: Site) -> None:
    open_quietly(page, site)
    page.evaluate("for (let i = 0; i < 20; i++) aq('step', { i })")

    site.wait_for_event("step")
    assert len(tries(site, "step")) == 1
    assert [event["properties"]["i"] for event in site.find("step")] == list(range(20))


@pytest.mark.parametrize("answer", [RESET, Answer(500), Answer(503, is_open=False), Answer(429)])
def test_what_was_not_kept_comes_again_with_the_same_id(
    page: Page, site: Site, answer: Answer
) -> None:
    open_quietly(page, site)
    site.answers = [answer, answer]
    page.evaluate("aq('signup')")

    site.wait_for_event("signup")

    again = tries(site, "signup")
    assert len(again) == 3
    assert len(ids(again, "signup")) == 1
    sent = [one.events[0]["sentAt"] for one in again]
    assert len(set(sent)) > 1
    if not answer.resets:  # else the browser tries a new connection at once, by itself
        assert again[1].at - again[0].at >= 1
        assert again[2].at - again[1].at >= 2


def test_it_comes_again_when_it_was_told_to(page: Page, site: Site) -> None:
    open_quietly(page, site)
    site.answers = [Answer(429, {"Retry-After": "3"})]
    with page.expect_response(lambda answer: answer.status == 429) as answer:
        page.evaluate("aq('first')")
    answer.value.finished()
    page.evaluate("aq('second')")

    site.wait_for_event("second")

    assert tries(site, "first")[1].at - tries(site, "first")[0].at >= 3
    assert tries(site, "second")[0] is tries(site, "first")[1]


@pytest.mark.parametrize("status", [400, 401, 403, 413])
def test_a_refusal_is_final(page: Page, site: Site, status: int) -> None:
    open_quietly(page, site)
    site.answers = [Answer(status)]
    page.evaluate("aq('bad')")
    site.wait_for(lambda: tries(site, "bad"))
    page.evaluate("aq('good')")

    assert "lost" not in site.wait_for_event("good")
    assert len(tries(site, "bad")) == 1


def test_after_eight_tries_it_is_given_up_and_the_next_event_says_so(
    page: Page, site: Site
) -> None:
    open_in_stopped_time(page, site)
    site.always = Answer(503)
    page.evaluate("aq('one'); aq('two')")

    for number in range(1, MOST_TRIES + 1):
        wait_for_tries(site, "one", number)
        settle(page, site)
        page.clock.run_for(80_000)
    settle(page, site)
    page.clock.run_for(200_000)
    settle(page, site)
    assert len(tries(site, "one")) == MOST_TRIES

    site.always = None
    page.evaluate("aq('three')")
    page.clock.run_for(100_000)
    assert site.wait_for_event("three")["lost"] == 2
    page.evaluate("aq('four')")
    assert "lost" not in site.wait_for_event("four")


def settle(page: Page, site: Site) -> None:
    """Until the page has heard of every answer."""
    site.wait_for(lambda: page.evaluate("countFlying()") == 0)


def test_after_fifteen_minutes_it_is_given_up(page: Page, site: Site) -> None:
    open_in_stopped_time(page, site)
    site.answers = [Answer(503, {"Retry-After": "950"}), Answer(503, {"Retry-After": "950"})]
    page.evaluate("aq('one')")
    for number in (1, 2):
        wait_for_tries(site, "one", number)
        settle(page, site)
        page.clock.run_for(1_300_000)
    page.evaluate("aq('two')")

    assert site.wait_for_event("two")["lost"] == 1
    assert len(tries(site, "one")) == 2


@pytest.mark.parametrize(
    ("chars", "most"), [(1, MOST_WAITING_BYTES // 300), (4_000, MOST_WAITING_BYTES // 4_000)]
)
def test_without_a_network_the_oldest_makes_room_and_is_told_as_lost(
    page: Page, site: Site, chars: int, most: int
) -> None:
    open_in_stopped_time(page, site)
    site.answers = [Answer(503, {"Retry-After": "600"})] * 2
    page.evaluate("aq('first')")
    wait_for_tries(site, "first", 1)
    settle(page, site)
    said = most + 200
    page.evaluate(
        "([n, chars]) => { for (let i = 0; i < n; i++) aq('step', { i, x: 'x'.repeat(chars) }) }",
        [said, chars],
    )
    site.answers = []
    page.clock.run_for(1_000_000)
    site.wait_for(lambda: any(event["properties"]["i"] == said - 1 for event in site.find("step")))
    page.evaluate("aq('last')")
    site.wait_for_event("last")

    came = [event["properties"]["i"] for event in site.find("step")]
    lost = sum(event.get("lost", 0) for event in [*site.find("step"), *site.find("last")])
    assert 0 < len(came) < most
    assert sorted(came) == list(range(said - len(came), said))
    assert lost == 1 + said - len(came)  # the first one, too


def test_what_was_given_up_with_the_word_of_others_tells_of_all(page: Page, site: Site) -> None:
    open_in_stopped_time(page, site)
    for name in ("one", "two"):
        site.answers = [Answer(503, {"Retry-After": "950"})] * 2
        page.evaluate("name => aq(name)", name)
        for number in (1, 2):
            wait_for_tries(site, name, number)
            settle(page, site)
            page.clock.run_for(1_300_000)
    page.evaluate("aq('three')")

    assert site.wait_for_event("three")["lost"] == 2


def test_no_more_is_left_behind_than_a_page_may(page: Page, site: Site) -> None:
    page.add_init_script("""
        const fetched = fetch
        window.kept = []
        window.fetch = (address, options) => {
            if (options) kept.push([options.keepalive, options.body.length])
            return fetched(address, options)
        }
    """)
    open_quietly(page, site)
    gate = threading.Event()
    site.always = Answer(until=gate)
    page.evaluate("kept.length = 0")
    page.evaluate("for (let i = 0; i < 60; i++) aq('big', { i, text: 'x'.repeat(3900) })")

    sent = page.evaluate("kept")
    gate.set()

    assert sum(size for is_kept, size in sent if is_kept) <= 49_152
    assert len([is_kept for is_kept, _ in sent if is_kept]) >= 3
    assert max(size for _, size in sent) <= 16_384
    site.wait_for(lambda: len(site.find("big")) == 60)
    assert len(tries(site, "big")) == len(sent)


def test_twelve_large_events_at_once_are_all_kept_though_the_page_closes(
    page: Page, site: Site
) -> None:
    open_quietly(page, site)
    page.evaluate("for (let i = 0; i < 12; i++) aq('big', { i, text: 'x'.repeat(3900) })")
    page.close(run_before_unload=True)

    site.wait_for(lambda: len(site.find("big")) == 12)


@pytest.mark.nightly
def test_forty_large_events_at_once_are_all_kept_though_the_page_closes(
    page: Page, site: Site
) -> None:
    """Beyond what browsers let outlive a page it is a race, which a busy machine may lose."""
    open_quietly(page, site)
    page.evaluate("for (let i = 0; i < 40; i++) aq('big', { i, text: 'x'.repeat(3900) })")
    page.close(run_before_unload=True)

    site.wait_for(lambda: len(site.find("big")) == 40)


def test_a_page_that_is_left_waits_for_nothing(page: Page, site: Site) -> None:
    open_quietly(page, site)
    site.answers = [Answer(503, {"Retry-After": "3600"})]
    page.evaluate("aq('first')")
    site.wait_for(lambda: tries(site, "first"))
    settle(page, site)
    page.evaluate("aq('second')")
    page.goto(site.serve("/b", head=""))

    site.wait_for_event("second")
    assert len(ids(tries(site, "first"), "first")) == 1
    assert site.find("first")


def test_what_has_no_answer_when_the_page_comes_back_is_sent_once_more(
    page: Page, site: Site
) -> None:
    open_quietly(page, site)
    gate = threading.Event()
    site.answers = [Answer(until=gate)]
    page.evaluate("aq('signup')")
    site.wait_for(lambda: tries(site, "signup"))
    page.evaluate(HIDE)
    assert len(tries(site, "signup")) == 1
    page.evaluate(SHOW)

    site.wait_for(lambda: len(tries(site, "signup")) == 2)
    gate.set()
    assert len(ids(tries(site, "signup"), "signup")) == 1


def test_a_browser_without_keepalive_sends_a_beacon_when_the_page_goes(
    page: Page, site: Site
) -> None:
    page.add_init_script("delete Request.prototype.keepalive")
    open_quietly(page, site)
    gate = threading.Event()
    site.answers = [Answer(until=gate)]
    page.evaluate("void (window.beacons = [])")
    page.evaluate("""void (navigator.sendBeacon = (to, body) => beacons.push([to, body]))""")
    page.evaluate("aq('signup')")
    page.evaluate(HIDE)

    [[address, body]] = page.evaluate("beacons")
    gate.set()

    assert address == f"{site.endpoint}/events?key={site.received[0].query.removeprefix('key=')}"
    assert '"event":"signup"' in body


def test_a_list_that_blocks_beacons_loses_nothing(page: Page, site: Site) -> None:
    page.add_init_script("navigator.sendBeacon = () => true")
    open_quietly(page, site)
    page.evaluate("aq('signup')")
    page.goto(site.serve("/b", head=""))

    site.wait_for_event("signup")


@pytest.mark.parametrize("days", [14, -14])
def test_a_clock_that_is_two_weeks_off_is_told_of(page: Page, site: Site, days: int) -> None:
    page.clock.install(time=datetime.now(UTC) + timedelta(days=days))
    page.goto(site.serve("/a"))
    page.clock.run_for(1_000)
    view = site.wait_for_event("pageview")

    skew = timedelta(milliseconds=find_skew_ms([parse_moment(view["sentAt"])], datetime.now(UTC)))

    moved = parse_moment(view["timestamp"]) + skew
    assert abs(moved - datetime.now(UTC)) < timedelta(seconds=60)


def test_a_request_that_stalls_moves_nothing_and_keeps_the_order(page: Page, site: Site) -> None:
    open_quietly(page, site)
    gate = threading.Event()
    site.answers = [Answer(until=gate)]
    page.evaluate("aq('first')")
    site.wait_for(lambda: tries(site, "first"))
    page.evaluate("aq('second')")
    site.wait_for_event("second")
    gate.set()

    first, second = site.wait_for_event("first"), site.wait_for_event("second")
    assert first["timestamp"] <= second["timestamp"]
    for event in (first, second):
        sent_at = parse_moment(event["sentAt"])
        assert find_skew_ms([sent_at], sent_at + timedelta(seconds=30)) == 0


def test_a_hand_that_moves_sends_nothing_twice(page: Page, site: Site) -> None:
    open_quietly(page, site)
    gate = threading.Event()
    site.answers = [Answer(until=gate)]
    page.evaluate("aq('signup')")
    site.wait_for(lambda: tries(site, "signup"))
    page.mouse.move(10, 10)
    page.mouse.move(200, 200)
    page.keyboard.press("a")
    page.evaluate("aq('end')")
    site.wait_for_event("end")
    gate.set()

    assert len(tries(site, "signup")) == 1


def test_a_page_that_has_just_come_sends_nothing_twice(page: Page, site: Site) -> None:
    gate = threading.Event()
    site.answers = [Answer(until=gate)]
    slow = f'<script>aq("early")</script><img src="{site.endpoint}/tracker.js">'
    head = site.snippet().replace(" defer", "")
    page.goto(site.serve("/a", slow, head=head))
    page.evaluate("aq('end')")
    site.wait_for_event("end")
    gate.set()

    assert len(tries(site, "early")) == 1
