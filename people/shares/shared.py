"""What can be shared at all: the panels, and the fields that each of them shows.

The list says what is shown to strangers, so a new field is in none of it until it is put here.
User and session ids, and properties, never are.
"""

from collections.abc import Iterable, Mapping

FIELDS_OF_PANELS: Mapping[str, tuple[str, ...]] = {
    "pages": ("path", "title", "entryPath", "exitPath", "hostname"),
    "sources": (
        "channel", "source", "referrer",
        "utmCampaign", "utmSource", "utmMedium", "utmContent", "utmTerm",
    ),
    "places": ("country", "region", "city"),
    "devices": (
        "browser", "os", "device", "screen", "browserVersion", "osVersion", "language",
    ),
    "events": ("event",),
    "bots": ("bot",),
}  # fmt: skip
PANELS = tuple(FIELDS_OF_PANELS)


def list_shared(panels: Iterable[str]) -> frozenset[str]:
    """The fields of some panels."""
    return frozenset(field for panel in panels for field in FIELDS_OF_PANELS.get(panel, ()))
