"""Pages that know what they are still sending."""

import pytest
from playwright.sync_api import BrowserContext

from tests.tracker.site import COUNT_FLYING, Site


@pytest.fixture
def context(open_sites: list[Site], context: BrowserContext) -> BrowserContext:
    context.add_init_script(COUNT_FLYING)
    return context
