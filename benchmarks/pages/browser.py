"""A chromium that looks at a page of the service, and how long that takes."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from playwright.sync_api import BrowserContext, Page, ViewportSize, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
USER, PASSWORD = "admin", "benchmark-password"
# So high that every list is near, and asked for at once.
WINDOW: ViewportSize = {"width": 1280, "height": 2_400}
STILL_SECONDS = 0.4
PATIENCE_SECONDS = 120.0

# When the figures came, and when everything had: in ms since the address was gone to.
_WATCH = """
  window.seen = {shift: 0, shifted: "", figures: null, whole: null};
  new PerformanceObserver(list => {
    if (document.querySelector(".alarm")) return; // which is meant to move all else
    for (const entry of list.getEntries()) {
      window.seen.shift += entry.value;
      for (const {node} of entry.sources) window.seen.shifted += ` ${node?.id || node?.className}`;
    }
  }).observe({type: "layout-shift", buffered: true});
  new MutationObserver(() => {
    const now = performance.now();
    if (document.querySelector("[data-metric=visitors]")) window.seen.figures ??= now;
    const open = document.querySelector(".loading, [data-stale], [data-part].htmx-request");
    window.seen.whole = open || !window.seen.figures ? null : window.seen.whole ?? now;
  }).observe(document, {childList: true, subtree: true, attributes: true});
"""
_READ = """() => {
  const [went] = performance.getEntriesByType("navigation");
  const all = [went, ...performance.getEntriesByType("resource")];
  const paint = performance.getEntriesByName("first-contentful-paint")[0];
  return {
    first_paint_ms: paint ? paint.startTime : 0, figures_ms: window.seen.figures,
    whole_ms: window.seen.whole, shift: window.seen.shift,
    shifted: window.seen.shifted.trim().slice(0, 200),
    bytes: all.reduce((sum, each) => sum + each.transferSize, 0),
    requests: all.length,
    questions: all.filter(each => /\\/(top|panel\\/\\w+|current)(\\?|$)/.test(each.name)).length,
    failed: document.querySelectorAll(".problem").length,
  };
}"""


class NoBrowser(RuntimeError):
    """There is no chromium here."""


@dataclass(frozen=True)
class Opened:
    """Times in ms since the address was gone to; `bytes` are those over the wire.

    `failed` are parts that could not be answered, `shift` is the sum of layout shifts, `shifted`
    names what moved.
    """

    first_paint_ms: float
    figures_ms: float
    whole_ms: float
    shift: float
    shifted: str
    bytes: int
    requests: int
    questions: int
    failed: int


@contextmanager
def open_browser(url: str) -> Iterator[BrowserContext]:
    """Signed in, and nothing else remembered. Raises NoBrowser."""
    program = os.environ.get("CHROMIUM_PATH") or next(filter(None, map(shutil.which, PROGRAMS)), "")
    if not program:
        raise NoBrowser("chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        context = browser.new_context(base_url=url, viewport=WINDOW)
        page = context.new_page()
        page.goto("/signin")
        page.fill("input[name=username]", USER)
        page.fill("input[name=password]", PASSWORD)
        page.click("main button")
        page.wait_for_url(lambda address: "signin" not in address)
        page.close()
        yield context
        browser.close()


@contextmanager
def forgetful(context: BrowserContext) -> Iterator[Page]:
    """A page of a browser that has none of the files yet."""
    browser = context.browser
    assert browser
    fresh = browser.new_context(storage_state=context.storage_state(), viewport=WINDOW)
    yield fresh.new_page()
    fresh.close()


def look(page: Page, address: str) -> Opened:
    """Go to an address, until every part of it is there."""
    page.add_init_script(_WATCH)
    page.goto(address, wait_until="commit")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        page.wait_for_timeout(STILL_SECONDS * 1_000)
        if page.evaluate("() => performance.now() - window.seen.whole > 300 && window.seen.whole"):
            return Opened(**page.evaluate(_READ))
    raise RuntimeError(f"{address} was not whole after {PATIENCE_SECONDS:.0f} s")
