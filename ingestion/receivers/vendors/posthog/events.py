"""An event of PostHog's clients in our words; docs/receivers/posthog.md says what becomes what."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from analytics.bounded_cache import Kept
from analytics.events import event as limits
from ingestion.receivers.envelope import Refused
from ingestion.receivers.fields import as_event_id, as_number, as_object, as_text, cut, if_short
from ingestion.receivers.native import NativeEvent

_NAMES: Mapping[str, str] = {
    "$pageview": limits.PAGEVIEW,
    "$screen": limits.PAGEVIEW,
    "$pageleave": "$engagement",
    "$create_alias": "$alias",
    "$groupidentify": "$group",
    "$web_vitals": "$vitals",
}
_VITALS = {f"$web_vitals_{name.upper()}_value": name for name in ("lcp", "inp", "cls", "fcp")}
_DIRECT = "$direct"
_COOKIELESS = "$posthog_cookieless"  # in the place of a person's id, the same for everybody

# What has a field of its own, is found out here anyway, or tells of the client alone.
_NOISE = frozenset({
    "$anon_distinct_id", "$browser", "$browser_language", "$browser_language_prefix",
    "$browser_type", "$browser_version", "$config_defaults", "$configured_session_timeout_ms",
    "$cookieless_mode", "$current_url", "$device_id", "$device_type", "$geoip_disable", "$host",
    "$ignore_sent_at", "$initialization_time", "$insert_id", "$ip", "$is_identified", "$is_server",
    "$locale", "$os", "$os_distro", "$os_version", "$pageview_id", "$pathname",
    "$process_person_profile", "$python_runtime", "$python_version", "$raw_user_agent",
    "$recording_status", "$referrer", "$referring_domain", "$screen_height", "$screen_width",
    "$session_id", "$time", "$timezone", "$timezone_offset", "$user_id", "$viewport_height",
    "$viewport_width", "$window_id", "distinct_id", "token",
})  # fmt: skip
_NOISY = ("$initial_", "$lib", "$prev_pageview_", "$sdk_", "$session_entry_")
# Which the address says as well, and posthog-js of each event.
_CAMPAIGN = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")
_MORE = frozenset(("$set", "$set_once", "$screen_name", "$cookieless_mode"))
_OF_THEIR_OWN = frozenset(("$identify", "$alias", "$group", "$engagement", "$vitals"))
_TITLES = frozenset(("title", "$title"))
_OF_BROWSERS = frozenset(("$browser", "$ip", "$screen_width"))
_NUMBERS = (int, float)
_MOST_SCROLLED = 1e6  # times the page: more is no share
_NOTHING: Mapping[str, Any] = {}


class Capture(msgspec.Struct, gc=False):
    """One event of a client; whatever is of another type than it should be is as if absent."""

    event: Any = None
    uuid: Any = None
    distinct_id: Any = None
    timestamp: Any = None
    offset: Any = None
    session_id: Any = None
    options: Any = None
    api_key: Any = None
    properties: Any = None
    told: Any = msgspec.field(default=None, name="$set")
    told_once: Any = msgspec.field(default=None, name="$set_once")

    @property
    def given(self) -> Mapping[str, Any]:
        return self.properties if type(self.properties) is dict else _NOTHING


def _is_telling(name: str) -> bool:
    return name not in _NOISE and not name.startswith(_NOISY)


class _Shape(NamedTuple):
    """What an event's name tells, and those of its properties: most of a client's are alike."""

    event: str
    kept: Sequence[str]
    has_title: bool
    tells_of_browser: bool
    tells_more: bool  # than a person, a page and a browser


def _find_shape(names: tuple[str, ...]) -> _Shape:
    """`names`: the event's, then its properties'. Beside an address its campaign is not kept."""
    event, given = _NAMES.get(names[0], names[0]), names[1:]
    unkept = frozenset(_CAMPAIGN if "$current_url" in given else ())
    if event == limits.PAGEVIEW:
        unkept |= _TITLES
    return _Shape(
        event,
        [name for name in given if _is_telling(name) and name not in unkept],
        event == limits.PAGEVIEW and not _TITLES.isdisjoint(given),
        not _OF_BROWSERS.isdisjoint(given),
        event in _OF_THEIR_OWN or not _MORE.isdisjoint(given),
    )


_shapes: Kept[tuple[str, ...], _Shape] = Kept(_find_shape, 1_000, 4_096)


def translate_event(capture: Capture, *, public: bool) -> NativeEvent | Refused:
    """`public`: by a key whose sender is who he is; what he says of his browser is left out."""
    given = capture.properties if type(capture.properties) is dict else _NOTHING
    name, moment, person = capture.event, capture.timestamp, capture.distinct_id
    if type(name) is not str or not name:
        name = as_text(name)
        if name is None:
            return Refused("missing_field", "event is required.")
    if type(moment) is not str or not moment:
        moment = _find_timestamp(capture, given)
    if type(person) is not str or not person:
        person = as_text(person) or as_text(given.get("distinct_id"))
    session = given.get("$session_id") if capture.session_id is None else capture.session_id
    if type(session) is not str or not session:
        session = as_text(session)
    event, kept, has_title, tells_of_browser, tells_more = _shapes[(name, *given)]
    url, referrer = given.get("$current_url"), given.get("$referrer")
    path: str | None = None
    hostname: str | None = None
    if type(url) is not str or not 0 < len(url) <= limits.MAX_URL_CHARS:
        url, path = None, cut(given.get("$pathname"), limits.MAX_PATH_CHARS)
        path = path or f"/_event/{name}"[: limits.MAX_PATH_CHARS]
        hostname = if_short(given.get("$host"), limits.MAX_HOSTNAME_CHARS)
    if referrer is not None:
        is_page = referrer != _DIRECT
        referrer = if_short(referrer, limits.MAX_URL_CHARS) if is_page else None
    title = (given.get("title") or given.get("$title")) if has_title else None
    properties: dict[str, Any] = {}
    for key in kept:
        if (value := given[key]) is not None:
            properties[key] = value
    native = NativeEvent(
        as_event_id(capture.uuid or given.get("$insert_id")),
        event, moment, person, session, path, url, referrer, cut(title, limits.MAX_TITLE_CHARS),
        properties=properties, hostname=hostname,
    )  # fmt: skip
    if tells_of_browser:
        _add_browser(native, given, public=public)
    if tells_more or capture.told or capture.told_once or capture.options or person == _COOKIELESS:
        _add_more(native, properties, capture, given)
    if not native.properties:
        native.properties = None
    return native


def _choose(said: Mapping[str, Any]) -> dict[str, Any]:
    kept = _shapes[("$set", *said)].kept
    return {name: value for name in kept if (value := said[name]) is not None}


def _tell_of_people(properties: dict[str, Any], capture: Capture, given: Mapping[str, Any]) -> None:
    """Beside the properties in some clients, among them in others."""
    for field, told in (("$set", capture.told), ("$set_once", capture.told_once)):
        said = as_object(told) or as_object(given.get(field))
        if kept := _choose(said):
            properties[field] = kept
        else:
            properties.pop(field, None)


def _find_timestamp(capture: Capture, given: Mapping[str, Any]) -> str | None:
    """Of a client that has another place for it, or another form."""
    seconds, ago_ms = given.get("$time"), capture.offset
    if (seconds is None and ago_ms is None) or as_text(capture.timestamp):
        return as_text(capture.timestamp)
    try:
        if isinstance(seconds, _NUMBERS):
            return datetime.fromtimestamp(seconds, UTC).isoformat()
        if isinstance(ago_ms, _NUMBERS):
            return (datetime.now(UTC) - timedelta(milliseconds=ago_ms)).isoformat()
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _add_browser(native: NativeEvent, given: Mapping[str, Any], *, public: bool) -> None:
    """What clients in a browser or an app say, and servers of their visitor."""
    native.ip = as_text(given.get("$ip"))
    language = given.get("$browser_language") or given.get("$locale")
    native.language = if_short(language, limits.MAX_LANGUAGE_CHARS)
    width, height = given.get("$screen_width"), given.get("$screen_height")
    if isinstance(width, int) and isinstance(height, int):
        native.screen = if_short(f"{width}x{height}", limits.MAX_SCREEN_CHARS)
    if given.get("$browser_type") == "bot":
        native.automation = True
    if not public:
        native.user_agent = cut(given.get("$raw_user_agent"), limits.MAX_USER_AGENT_CHARS)


def _add_more(
    native: NativeEvent, properties: dict[str, Any], capture: Capture, given: Mapping[str, Any]
) -> None:
    """What few events tell beside a person and a page, or tell of another person."""
    _tell_of_people(properties, capture, given)
    _settle_person(native, properties, capture, given)
    if "$screen_name" in properties and (screen := as_text(properties.pop("$screen_name"))):
        properties["type"] = "screen"
        native.path, native.url = cut(f"/{screen}", limits.MAX_PATH_CHARS), None
        native.hostname = None
    if native.event == "$engagement":
        _add_engagement(properties, given)
    elif native.event == "$vitals":
        native.properties = {ours: given[name] for name, ours in _VITALS.items() if name in given}


def _settle_person(
    native: NativeEvent,
    properties: dict[str, Any],
    capture: Capture,
    given: Mapping[str, Any],
) -> None:
    """A group's event names a person that is none, and one without cookies nobody."""
    has_cookies = not given.get("$cookieless_mode") and native.user_id != _COOKIELESS
    if not has_cookies or as_object(capture.options).get("cookieless_mode"):
        native.user_id = native.session_id = None
    elif native.event == "$group":
        native.user_id = None
    elif native.event == "$identify":
        if before := as_text(given.get("$anon_distinct_id")):
            properties["anonymousId"] = before
    elif native.event == "$alias" and (other := as_text(properties.pop("alias", None))):
        properties["previousId"] = other


def _add_engagement(properties: dict[str, Any], given: Mapping[str, Any]) -> None:
    """How long the view was, and how far it was read: `$pageview_id` is the view's own id."""
    if view := as_event_id(given.get("$pageview_id")):
        properties["view"] = view
    if isinstance(seconds := given.get("$prev_pageview_duration"), _NUMBERS):
        properties["seconds"] = seconds
    share = as_number(given.get("$prev_pageview_max_scroll_percentage"))
    if share is not None and abs(share) <= _MOST_SCROLLED:
        properties["scroll"] = round(100 * share)
