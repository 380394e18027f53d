"""The tracker and the service: what a page does, and what is stored of it."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page
from pytest_django.plugin import DjangoDbBlocker

from analytics.databases.mongo import EVENTS, Document, collection
from analytics.projects.models import ApiKey
from ingestion.drain.loop import drain
from tests.browser import Watch
from tests.conftest import TestProject
from tests.pages import make_public_key, set_rules
from tests.service import Gunicorn
from tests.tracker.flaky import FAULTS, FlakyNetwork
from tests.tracker.site import Site

pytest_plugins = ("tests.browser", "tests.service", "tests.tracker.site")
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(400)]

EVENTS_SENT = 1_000
FLAKY_RATIO = 0.7
SEED = 20260214
PATIENCE_SECONDS = 240.0


@pytest.fixture
def project(served: TestProject) -> TestProject:
    set_rules(served, allowed_origins=["*"])
    return served


@pytest.fixture
def key(project: TestProject) -> ApiKey:
    limits = {"rate_events_per_second": 100_000, "burst_events": 100_000}
    return make_public_key(project, f"page {time.monotonic_ns()}", **limits)


@pytest.fixture(scope="module")
def service(gunicorn: Gunicorn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gunicorn]:
    """Another one, which lets a single address send as fast as it can."""
    log = tmp_path_factory.mktemp("gunicorn") / "generous.log"
    service = Gunicorn(log, {"PUBLIC_RATE": "100000/s"})
    service.start()
    yield service
    service.stop()


@pytest.fixture
def network(service: Gunicorn) -> Iterator[FlakyNetwork]:
    network = FlakyNetwork(service.port, SEED)
    yield network
    network.close()


@pytest.fixture(autouse=True)
def unlocked(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield


def snippet(port: int, key: ApiKey, **attributes: str) -> str:
    """As a person pastes it, with the service at `port`."""
    data = "".join(f' data-{name}="{value}"' for name, value in attributes.items())
    source = f"http://stats.localhost:{port}/tracker.js"
    return f'<script defer src="{source}" data-key="{key.text}"{data}></script>'


def read_stored(project: TestProject) -> list[Document]:
    drain(0)
    return list(collection(EVENTS).find({"project": project.id}).sort("timestamp", 1))


def wait_for(is_there: Callable[[], Any], seconds: float = 30.0, pause: float = 0.1) -> None:
    deadline = time.monotonic() + seconds
    while not is_there():
        assert time.monotonic() < deadline
        time.sleep(pause)


def test_what_a_page_does_is_stored_as_it_was_done(
    page: Page, site: Site, gunicorn: Gunicorn, project: TestProject, key: ApiKey
) -> None:
    site.serve("/shop", title="Shop", head=snippet(gunicorn.port, key, track="links"))
    page.goto(f"{site.origin}/shop?utm_source=letter&id=secret")
    page.evaluate("aq('signup', { plan: 'pro' })")
    page.evaluate("history.pushState({}, '', '/shop/cart#!/list'); document.title = 'Cart'")
    page.evaluate("aq('end')")

    wait_for(lambda: len(read_stored(project)) == 4)

    landing, signup, cart, _ = read_stored(project)
    assert (landing["path"], landing["title"], landing["utmSource"]) == ("/shop", "Shop", "letter")
    assert landing["hostname"] == "shop.localhost"
    assert (signup["event"], signup["properties"]) == ("signup", {"plan": "pro"})
    assert (cart["path"], cart["title"]) == ("/shop/cart/list", "Cart")
    assert {event["bot"] for event in (landing, signup, cart)} == {"headless"}
    assert len({event["anonymous"] for event in (landing, signup, cart)}) == 1


def test_a_flaky_network_stores_each_event_once_or_has_it_counted_as_lost(
    page: Page, site: Site, network: FlakyNetwork, project: TestProject, key: ApiKey, watch: Watch
) -> None:
    watch.expect("Failed to load resource")
    watch.expect("blocked by CORS policy")
    page.goto(site.serve("/flaky", head=snippet(network.port, key, auto="off")))
    network.ratio = FLAKY_RATIO
    page.evaluate(
        """async count => {
        for (let i = 0; i < count; i++) {
            aq("step", { i })
            if (i % 25 === 24) await new Promise(resolve => setTimeout(resolve, 250))
        }
    }""",
        EVENTS_SENT,
    )
    network.ratio = 0

    def count() -> tuple[list[int], int]:
        """Which are stored, and how many are told to be lost, by an event that comes later."""
        page.evaluate("aq('later')")
        events = read_stored(project)
        steps = [event["properties"]["i"] for event in events if event["event"] == "step"]
        return steps, sum(event.get("lost", 0) for event in events)

    def is_all_told() -> bool:
        steps, lost = count()
        return len(steps) + lost >= EVENTS_SENT

    wait_for(is_all_told, PATIENCE_SECONDS, 1.0)
    steps, lost = count()
    assert len(steps) == len(set(steps))
    assert lost or sorted(steps) == list(range(EVENTS_SENT))
    assert set(FAULTS) <= network.seen.keys()  # each was met with


def test_a_page_that_is_left_in_the_middle_leaves_all_it_had_behind(
    page: Page, site: Site, network: FlakyNetwork, project: TestProject, key: ApiKey, watch: Watch
) -> None:
    watch.expect("Failed to load resource")
    watch.expect("blocked by CORS policy")
    page.goto(site.serve("/left", head=snippet(network.port, key, auto="off")))
    network.ratio = 1.0
    page.evaluate("for (let i = 0; i < 100; i++) aq('left', { i })")
    wait_for(lambda: network.seen)
    network.ratio = 0
    page.goto(site.serve("/next", head=""))

    def find() -> list[int]:
        events = [event for event in read_stored(project) if event["event"] == "left"]
        return sorted(event["properties"]["i"] for event in events)

    wait_for(lambda: len(find()) == 100)
    assert find() == list(range(100))
