"""What a share link shows: its desk, its panels, its window and its filters."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NoReturn

from django.http import QueryDict

from analytics.projects.models import Project
from dashboard.address.view import View, read_view
from dashboard.address.windows import read_asked
from dashboard.asking import Desk, open_desk
from dashboard.parts.bar import Bar, show_bar
from dashboard.parts.panels import MAP, PANELS, Panel
from people.saved.filters import Filter
from people.shares.limits import Limits, NotShared
from people.shares.models import ShareLink
from people.shares.restriction import read_restriction
from people.shares.shared import list_shared
from reporting.questions.language.periods import DEFAULT_PERIOD
from reporting.questions.table import TableQuery

WINDOW = ("period", "from", "to", "until")
COUNTRY = "country"  # which the map shows as well
MAX_TOLD_CHARS = 80


@dataclass(frozen=True, slots=True)
class SharedDesk(Desk):
    """Asks what is shared by a link, and nothing else.

    Its `project` is none: it has the token as its id, so that addresses are those of the link, and
    the name of the link. Nothing that parts tell of it is of the project that is shared.
    """

    link: ShareLink
    limits: Limits

    def parse(self, body: Mapping[str, Any]) -> TableQuery:
        """Raises NotShared."""
        query = Desk.parse(self, body)
        self.limits.check(query)
        return query

    def find_latest(self) -> datetime | None:
        return None

    def _refuse(self, *given: Any, **named: Any) -> NoReturn:
        raise NotShared

    ask_now = share_now = ask_funnel = ask_retention = ask_journeys = _refuse
    list_properties = list_events = _refuse


def open_shared(link: ShareLink, token: str) -> SharedDesk:
    """Raises BadRequest (`bad_filter` and others) where the fixed filter cannot be read."""
    desk = open_desk(link.project)
    window = None
    if not link.may_choose_window:
        window = read_asked(first_window(link), desk.zone, desk.now).window
    return SharedDesk(
        project=Project(id=token, name=link.name),
        asker=replace(desk.asker, restriction=read_restriction(link.restriction)),
        zones=desk.zones,
        link=link,
        limits=Limits(list_shared(link.panels), window),
    )


def first_window(link: ShareLink) -> dict[str, str]:
    """As a question has it."""
    if link.period or not (link.start and link.end):
        return {"period": link.period or DEFAULT_PERIOD}
    return {"start": link.start, "end": link.end}


def list_panels(link: ShareLink) -> dict[str, Panel]:
    """The panels of a link, in the order of the page, with the tabs that can be shared."""
    shared = set(list_shared(link.panels))
    if COUNTRY in shared:
        shared.add(MAP)
    panels = {}
    for name, panel in PANELS.items():
        if name not in link.panels:
            continue
        tabs, more = (
            tuple(field for field in fields if field in shared)
            for fields in (panel.tabs, panel.more)
        )
        panels[name] = replace(panel, tabs=tabs, more=more)
    return panels


def look(given: QueryDict, desk: SharedDesk, kept: tuple[tuple[str, str], ...]) -> View:
    """What an address shows, within the limits of the link; what is not shared is left out, and
    named. `kept` is handed on by every address."""
    link = desk.link
    first = first_window(link)
    view = read_view(
        given,
        zone=desk.zone,
        now=desk.now,
        tabs={name: panel.fields for name, panel in list_panels(link).items()},
        default_period=first.get("period", DEFAULT_PERIOD),
    )
    wrong = list(view.wrong)
    asks = any(name in given for name in WINDOW)
    if not (asks and link.may_choose_window):
        if asks and view.named != first:
            wrong.append("Only this window is shared.")
        view = replace(
            view, period=first.get("period"), start=first.get("start"), end=first.get("end")
        )
    if not link.may_choose_window:
        if given.get("compare", "off") != "off":
            wrong.append("Nothing is compared with this window.")
        view = replace(view, compare="off")
    filters: list[Filter] = []
    for each in view.filters:
        if each.field in desk.limits.fields:
            filters.append(each)
        else:
            wrong.append(f"f={str(each)[:MAX_TOLD_CHARS]} is about what is not shared.")
    return replace(view, filters=tuple(filters), wrong=tuple(wrong), kept=kept)


def show_shared_bar(desk: SharedDesk, view: View) -> Bar:
    """Without what there is no choice of."""
    bar = show_bar(desk, view)
    fields = [(name, label) for name, label in bar.fields if name in desk.limits.fields]
    bar = replace(bar, fields=fields)
    if desk.link.may_choose_window:
        return bar
    return replace(bar, periods=(), before="", after="", comparisons=(), swapped="", fixed="")
