"""The lists of the page: nine values of a field, the most visited first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from dashboard.address.view import View
from dashboard.asking import Desk
from dashboard.parts.collected import tell_uncollected
from dashboard.parts.rows import ROWS, Row, show_rows
from dashboard.parts.world import MOST_COUNTRIES, World, draw_world
from reporting.words.fields import FIELDS, name_property
from reporting.words.formats import format_count, format_exact, format_share
from reporting.words.metrics import METRICS

Json = dict[str, Any]

PROPERTIES = "properties"
MAP = "map"
TABS_OF_THEIR_OWN = {MAP: "Map"}

NO_EVENTS_OF_OURS: Json = {
    "not": {
        "or": [
            {"field": "event", "op": "is", "values": ["pageview"]},
            {"field": "event", "op": "startsWith", "values": ["$"]},
        ]
    }
}


@dataclass(frozen=True, slots=True)
class Panel:
    """A list of the page, and the fields that its tabs show; `more` stand in a menu."""

    name: str
    title: str
    tabs: tuple[str, ...]
    more: tuple[str, ...] = ()
    more_label: str = ""

    @property
    def fields(self) -> tuple[str, ...]:
        return (*self.tabs, *self.more)


PANELS = {
    panel.name: panel
    for panel in (
        Panel("pages", "Pages", ("path", "title", "entryPath", "exitPath", "hostname")),
        Panel(
            "sources",
            "Sources",
            ("channel", "source", "referrer"),
            ("utmCampaign", "utmSource", "utmMedium", "utmContent", "utmTerm"),
            "UTM",
        ),
        Panel("places", "Places", ("country", "region", "city", MAP)),
        Panel(
            "devices",
            "Devices",
            ("browser", "os", "device", "screen"),
            ("browserVersion", "osVersion", "language"),
            "More",
        ),
        Panel("events", "Events", ("event", PROPERTIES)),
        Panel("bots", "Bots", ("bot",)),
    )
}
TABS: Mapping[str, tuple[str, ...]] = {name: panel.fields for name, panel in PANELS.items()}


@dataclass(frozen=True, slots=True)
class Tab:
    field: str
    label: str
    address: str
    is_chosen: bool
    is_more: bool


@dataclass(frozen=True, slots=True)
class Listed:
    panel: Panel
    field: str
    tabs: Sequence[Tab]
    rows: Sequence[Row]
    total: int
    measured: str
    more: str = ""
    note: str = ""
    world: World | None = None

    @property
    def measured_label(self) -> str:
        return METRICS[self.measured].label


def find_field(view: View, panel: Panel) -> str:
    return view.tabs.get(panel.name, panel.fields[0])


def list_tabs(view: View, panel: Panel) -> list[Tab]:
    chosen = find_field(view, panel)
    tabs = []
    for name in panel.fields:
        others = {key: value for key, value in view.tabs.items() if key != panel.name}
        if name != panel.fields[0]:
            others[panel.name] = name
        tabs.append(
            Tab(
                name,
                TABS_OF_THEIR_OWN.get(name) or FIELDS[name],
                view.shows(tabs=others),
                name == chosen,
                name in panel.more,
            )
        )
    return tabs


def show_panel(desk: Desk, view: View, panel: Panel) -> Listed:
    """Raises BadRequest and Unavailable, as asking does."""
    name = find_field(view, panel)
    tabs = list_tabs(view, panel)
    if name == PROPERTIES:
        return _list_properties(desk, view, panel, tabs)
    if name == MAP:
        return _show_map(desk, view, panel, tabs)
    body = write_question(view, name)
    [answer] = desk.ask({**body, "limit": ROWS})
    measured, rows = body["metrics"][0], show_rows(view, name, answer)
    return Listed(
        panel=panel,
        field=name,
        tabs=tabs,
        rows=rows,
        total=answer["total"],
        measured=measured,
        more=_address_of_list(desk, view, name),
        note=tell_uncollected(desk.project, name, (row.key for row in rows)),
    )


def _show_map(desk: Desk, view: View, panel: Panel, tabs: Sequence[Tab]) -> Listed:
    """The list of countries, all of them, and the same as a map."""
    body = write_question(view, "country")
    [answer] = desk.ask({**body, "limit": MOST_COUNTRIES})
    rows = show_rows(view, "country", answer)
    return Listed(
        panel=panel,
        field=MAP,
        tabs=tabs,
        rows=rows,
        total=answer["total"],
        measured=body["metrics"][0],
        more=_address_of_list(desk, view, "country"),
        world=draw_world(rows),
    )


def _address_of_list(desk: Desk, view: View, name: str) -> str:
    return reverse("dashboard:list", args=[desk.project.id, name]) + view.write()


def write_question(view: View, name: str) -> Json:
    """For the values of a field, by what one would rank them."""
    metrics, condition, bots = ["visitors"], view.condition, None
    match name:
        case "event":
            metrics = ["events", "visitors"]
            parts = [part for part in (condition, NO_EVENTS_OF_OURS) if part]
            condition = {"and": parts}
        case "bot":
            metrics, bots = ["events"], "only"
        case _ if name.startswith(f"{PROPERTIES}"):
            metrics = ["events", "visitors"]
    return {
        **view.named,
        "metrics": metrics,
        "dimensions": [name],
        "filter": condition,
        "bots": bots,
    }


def _list_properties(desk: Desk, view: View, panel: Panel, tabs: Sequence[Tab]) -> Listed:
    """Which properties events have; the filters do not go into that."""
    found = desk.list_properties(view.named)["properties"]
    most = max((each["events"] for each in found), default=0)
    rows = [
        Row(
            field=PROPERTIES,
            key=each["name"],
            label=each["name"],
            note=", ".join(each["types"]),
            count=each["events"],
            text=format_count(each["events"]),
            exact=format_exact(each["events"]),
            share=format_share(each["share"]),
            part=round(100 * each["events"] / most, 2),
            address=_address_of_list(desk, view, name_property(each["name"])),
            is_chosen=False,
        )
        for each in found[:ROWS]
    ]
    note = tell_uncollected(desk.project, PROPERTIES, (row.key for row in rows))
    return Listed(panel, PROPERTIES, tabs, rows, len(found), "events", note=note)
