"""`python -m demo.screenshots`: the pages of the demo as pictures, in docs/images/.

It signs in to what `make run` runs, whose demo `make demo` made, and drives a chromium.
"""

import json
import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "images"
SEARCH = "/?q=Leaf"
_DESKTOP: ViewportSize = {"width": 1280, "height": 800}
_PHONE: ViewportSize = {"width": 390, "height": 844}
_PROJECT = re.compile(r"/p/[0-9a-f]{16}/")
# Nothing is asked any more, and what a page says of its books is there.
_QUIET = """() => !document.querySelector('.loading, .htmx-request')
  && (!document.getElementById('books') || document.querySelector('[data-books]'))"""
# What comes later is asked for when it comes near.
_SCROLL_THROUGH = """async () => {
  for (let y = 0; y < document.body.scrollHeight; y += innerHeight / 2) {
    scrollTo(0, y);
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
  }
  scrollTo(0, 0);
}"""
_ALL_THERE = "() => !document.querySelector('[data-stale]') && scrollY === 0"


@dataclass(frozen=True, slots=True)
class Shot:
    """`path` is behind the project's; of a page longer than the window `is_whole` takes it all."""

    name: str
    path: str
    scheme: Literal["light", "dark"] = "light"
    size: ViewportSize | None = None
    is_whole: bool = False


SHOTS = (
    Shot("page-light", "?period=28d"),
    Shot("page-dark", "?period=28d", scheme="dark"),
    Shot("page-phone", "?period=28d", size=_PHONE),
    Shot("page-whole", "?period=28d&places=map", is_whole=True),
    Shot("trust", "trust"),
)


def main() -> int:
    chromium = os.environ.get("CHROMIUM_PATH") or shutil.which("chromium")
    if not chromium:
        print("This needs a chromium: apt-get install chromium.", file=sys.stderr)
        return 2
    kept = Path(os.environ.get("DATA_DIR") or ".local") / "credentials.json"
    try:
        credentials = json.loads(kept.read_text())
    except FileNotFoundError:
        print(f"There is no {kept}: `make run` and `make demo` first.", file=sys.stderr)
        return 2
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        for shot in SHOTS:
            take(browser, credentials, shot)
            print(FOLDER / f"{shot.name}.png")
        browser.close()
    return 0


def take(browser: Browser, credentials: dict[str, str], shot: Shot) -> None:
    """Each as somebody who comes for the first time. Raises playwright's Error."""
    context = browser.new_context(
        base_url=credentials["url"], viewport=shot.size or _DESKTOP, color_scheme=shot.scheme
    )
    page = context.new_page()
    sign_in(page, credentials)
    page.goto(SEARCH)
    project = _PROJECT.search(page.content())
    if project is None:
        raise SystemExit("There is no demo: `make demo` first.")
    page.goto(project[0] + shot.path)
    page.wait_for_function(_QUIET)
    if shot.is_whole:
        page.evaluate(_SCROLL_THROUGH)
        page.wait_for_function(_ALL_THERE)
        page.wait_for_function(_QUIET)
    page.wait_for_timeout(300)  # a curve is drawn after its numbers are there
    page.screenshot(path=FOLDER / f"{shot.name}.png", full_page=shot.is_whole)
    context.close()


def sign_in(page: Page, credentials: dict[str, str]) -> None:
    page.goto("/signin")
    page.fill("input[name=username]", credentials["adminUser"])
    page.fill("input[name=password]", credentials["adminPassword"])
    page.click("button[type=submit], main button")
    page.wait_for_url(lambda url: "signin" not in url)


if __name__ == "__main__":
    sys.exit(main())
