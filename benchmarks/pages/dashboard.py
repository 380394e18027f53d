"""The page of a project in a browser: when it is painted and whole, and what it weighs.

And beside 1,000 events a second: accepting while nobody looks, while one page is open, and while
many are.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

import pymongo
from playwright.sync_api import BrowserContext

from benchmarks.accept import EVENT
from benchmarks.columns.stored import load, load_columns
from benchmarks.load import Load, post_for
from benchmarks.pages.browser import Opened, forgetful, look, open_browser
from benchmarks.pages.crowd import looking
from benchmarks.reporting import DATA_DIR, percentile
from benchmarks.stack import Stack, open_stack

Result = dict[str, Any]

MILLION = 1_000_000
TAIL_EVENTS = 2_000
WIDTHS = {"30 days": timedelta(days=30), "12 months": timedelta(days=365)}
GOALS = {
    ("30 days", "cold"): 1_000, ("30 days", "warm"): 1_000,
    ("12 months", "cold"): 3_000, ("12 months", "warm"): 500,
}  # fmt: skip
"""Ms until the whole page is there."""

GOAL_PAINT_MS, GOAL_BYTES = 200, 120_000
OFFERED_PER_SECOND = 1_000.0
CROWDS = (0, 1, 200)


def run(*, quick: bool, large: bool, fill: bool = False) -> Result:
    """Ten million events where it is asked for by name, else one."""
    events = MILLION if quick or not large else 10 * MILLION
    samples, seconds = (4, 12.0) if quick else (12, 60.0)
    kept = DATA_DIR and DATA_DIR / f"columns-{events}"
    with open_stack(reference=False, kept=kept) as stack:
        result: Result = {"events": events, **load_columns(stack, events)}
        if fill:
            return {"dashboard": result}
        load(stack, TAIL_EVENTS, processes=1, kind="today")
        project = find_project(stack)
        _, url = stack.start_web()
        with open_browser(url) as context:
            home = f"{url}/p/{project}/"
            result |= measure_pages(context, home, samples)
            [cookie] = [each for each in context.cookies() if each["name"] == "sessionid"]
            session = f"sessionid={cookie['value']}"
        result |= measure_crowds(stack, url, project, session, seconds)
        return {"dashboard": result}


def find_project(stack: Stack) -> str:
    """The id of the one whose events are stored."""
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(stack.mongo.uri)
    with client:
        found = client.get_default_database()["events"].find_one({}, {"project": 1})
    assert found
    return bytes(found["project"]).hex()


def measure_pages(context: BrowserContext, home: str, samples: int) -> Result:
    """By width: windows that nobody asked for yet, in a browser that has no file (cold), then the
    same again in the same browser (warm); medians, and the slowest."""
    with forgetful(context) as page:
        first = look(page, f"{home}?period=30d")
    result: Result = {"first_whole_ms": first.whole_ms}
    weights: list[Opened] = []
    for width, span in WIDTHS.items():
        cold, warm = [], []
        for back in range(samples):
            address = f"{home}?{write_window(span, back)}"
            with forgetful(context) as page:
                cold.append(look(page, address))
                warm.append(look(page, address))
        weights += cold
        for name, opened in (("cold", cold), ("warm", warm)):
            result |= summarise(f"{width}, {name}", opened, GOALS[width, name])
    with forgetful(context) as page:
        page.goto(home)
        opened_map = look(page, f"{home}?period=30d&places=map")
    result["bytes"] = median(each.bytes for each in weights)
    result["goal_bytes"] = GOAL_BYTES
    result["bytes_again"] = opened_map.bytes
    result["requests"] = median(each.requests for each in weights)
    result["questions"] = median(each.questions for each in weights)
    worst = max(weights, key=lambda each: each.shift)
    result["layout_shift"], result["shifted"] = worst.shift, worst.shifted
    result["failed_parts"] = sum(each.failed for each in weights)
    return result


def write_window(span: timedelta, back: int) -> str:
    """Whole days that end `back` days ago; with 0 today is the last."""
    end = datetime.now(UTC).date() + timedelta(days=1 - back)
    return f"from={end - span}&to={end}"


def summarise(name: str, opened: Sequence[Opened], goal_ms: int) -> Result:
    whole = [each.whole_ms for each in opened]
    return {
        f"{name}: first_paint_ms": median(each.first_paint_ms for each in opened),
        f"{name}: figures_ms": median(each.figures_ms for each in opened),
        f"{name}: whole_ms": median(whole),
        f"{name}: whole_most_ms": max(whole),
        f"{name}: goal_ms": goal_ms,
    }


def measure_crowds(stack: Stack, url: str, project: str, cookie: str, seconds: float) -> Result:
    """Ms of accepting at OFFERED_PER_SECOND, and of the answers to open pages beside it."""
    result: Result = {}
    with stack.running_worker():

        def post() -> Load:
            target, body, rate = f"{url}/event", json.dumps(EVENT), OFFERED_PER_SECOND
            return post_for(target, stack.ingest_key, body, seconds, stack.folder, rate=rate)

        post()  # warms up
        for pages in CROWDS:
            with looking(url, project, cookie, pages) as crowd:
                accepted = post()
            name = f"{pages} pages open"
            result[f"{name}: accept_p50_ms"] = accepted.p50_ms
            result[f"{name}: accept_p99_ms"] = accepted.p99_ms
            result[f"{name}: accepted_per_second"] = accepted.requests_per_second
            if crowd.took_ms:
                result[f"{name}: parts_per_second"] = len(crowd.took_ms) / seconds
                result[f"{name}: part_p50_ms"] = median(crowd.took_ms)
                result[f"{name}: part_p99_ms"] = percentile(crowd.took_ms, 99)
                result[f"{name}: parts_refused"] = crowd.refused
    return result
