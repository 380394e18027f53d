"""The parameters of GET /events and GET /properties as typed questions."""

import json

from reporting.questions.filters import read_json_filter
from reporting.questions.language.cursor import Cursor, read_cursor, write_cursor
from reporting.questions.language.json_body import Node
from reporting.questions.language.periods import DEFAULT_PERIOD, Asked
from reporting.questions.language.table import Asker
from reporting.questions.language.window import Fields, read_window, read_zone
from reporting.questions.listing import EventPlace, EventsQuery, PropertiesQuery
from reporting.questions.params import MultiDict, Parameters

MAX_EVENTS = 1_000
DEFAULT_EVENTS = 100
MAX_EVENT_NAME_CHARS = 2_048

_WINDOW = ("start", "end", "period", "timezone")
_EVENTS = (*_WINDOW, "filter")  # what makes it another question


def parse_events_query(given: MultiDict, asker: Asker) -> EventsQuery:
    """Raises BadRequest."""
    parameters = Parameters(given, (*_EVENTS, "limit", "after"))
    fields = _take_fields(parameters, _EVENTS)
    zone = read_zone(fields, asker.timezone)
    asked = read_window(fields, zone, asker.now, parameters, default=DEFAULT_PERIOD)
    condition = None
    if "filter" in fields:
        condition = read_json_filter(fields["filter"].value, parameters)
    limit = parameters.number("limit", "bad_limit", low=1, high=MAX_EVENTS, default=DEFAULT_EVENTS)
    cursor = parameters.parse(
        "after", "bad_cursor", lambda text: read_cursor(text, asker.project, tell_apart(given))
    )
    if asked and cursor:
        asked = Asked(cursor.window)
    parameters.check()
    assert asked is not None  # else it was refused
    return EventsQuery(
        project=asker.project,
        window=asked.window,
        timezone=zone,
        condition=condition,
        restriction=asker.restriction,
        limit=limit,
        after=cursor.place if cursor else None,
    )


def point_after(query: EventsQuery, place: EventPlace, given: MultiDict) -> str:
    """The cursor that goes on after `place`."""
    return write_cursor(Cursor(query.window, place), query.project, tell_apart(given))


def tell_apart(given: MultiDict) -> str:
    """A question for events by what was asked, whatever of it is shown."""
    return json.dumps([given.getlist(name) for name in _EVENTS])


def parse_properties_query(given: MultiDict, asker: Asker) -> PropertiesQuery:
    """Raises BadRequest."""
    parameters = Parameters(given, (*_WINDOW, "event"))
    fields = _take_fields(parameters, (*_WINDOW, "event"))
    zone = read_zone(fields, asker.timezone)
    asked = read_window(fields, zone, asker.now, parameters, default=DEFAULT_PERIOD)
    event = fields["event"].parse("bad_event", _parse_name) if "event" in fields else None
    parameters.check()
    assert asked is not None  # else it was refused
    return PropertiesQuery(
        project=asker.project,
        window=asked.window,
        timezone=zone,
        raw_horizon=asker.raw_horizon,
        event=event,
        restriction=asker.restriction,
    )


def _parse_name(text: str) -> str:
    if not text:
        raise ValueError
    if len(text) > MAX_EVENT_NAME_CHARS:
        raise ValueError(f"is longer than {MAX_EVENT_NAME_CHARS:,} characters")
    if "\x00" in text:
        raise ValueError("holds a NUL")
    return text


def _take_fields(parameters: Parameters, names: tuple[str, ...]) -> Fields:
    found = {name: parameters.take(name) for name in names}
    return {name: Node(text, name, parameters) for name, text in found.items() if text is not None}
