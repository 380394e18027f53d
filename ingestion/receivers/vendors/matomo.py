"""Matomo's tracking API, as its scripts and clients speak it: docs/receivers/matomo.md."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from analytics.events import event as limits
from analytics.keys.aliases import spell_alias
from analytics.keys.key_text import read_key_id
from analytics.keys.records import KeyRecord
from analytics.web.problems import BadRequest
from ingestion.accept.reply import Reply
from ingestion.receivers.batches import read_items_as
from ingestion.receivers.bodies import decode_envelope, mend_escapes, read_form
from ingestion.receivers.envelope import Call, Envelope, Native, Refused, Taken
from ingestion.receivers.fields import as_text, cut, if_short
from ingestion.receivers.owner import list_few, list_head_keys, list_own
from ingestion.receivers.receiver import Receiver
from ingestion.receivers.vendors.pictures import answer_picture

_KIND = "matomo"
_Fields = dict[str, str]


class _Bulk(msgspec.Struct):
    requests: msgspec.Raw
    token_auth: str | None = None


class Parsed(NamedTuple):
    requests: Sequence[_Fields | Refused]
    sites: Sequence[str | None]  # of each
    token: str | None
    bulk: bool


_decode_bulk = msgspec.json.Decoder(_Bulk).decode
_many: "msgspec.json.Decoder[list[Any]]" = msgspec.json.Decoder(list[Any])
_one: "msgspec.json.Decoder[Any]" = msgspec.json.Decoder()
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode


class Matomo(Receiver[Parsed]):
    name = "matomo"
    title = "Matomo"
    paths = ("/matomo.php", "/piwik.php")
    key_place = "none: idsite is an alias; a server may have a key as token_auth in the body"
    alias_kind = _KIND
    takes_get = True

    def read(self, call: Call) -> Parsed:
        body = _read_body(call).strip()
        query = read_form(call.query.encode("latin-1"))
        if body[:1] == b"{":
            bulk = decode_envelope(_decode_bulk, body, 'an object with "requests"')
            items = read_items_as(_many, _one, bytes(bulk.requests), '"requests" that are an array')
            requests = [_read_request(request) for request in items.found]
            token = bulk.token_auth or query.get("token_auth")
            return Parsed(requests, list(map(_find_site, requests)), token, bulk=True)
        fields = {**query, **(read_form(body) if body else {})}
        if "idsite" not in fields:
            raise BadRequest('Send idsite and rec, or "requests".', code="bad_envelope")
        return Parsed([fields], [_find_site(fields)], fields.get("token_auth"), bulk=False)

    def list_keys(self, parsed: Parsed) -> Sequence[str]:
        """A token of a Matomo's own is no key."""
        token = parsed.token
        return [token] if token and read_key_id(token) is not None else []

    def list_aliases(self, parsed: Parsed) -> Sequence[str]:
        return list_few(parsed.sites)

    def translate(self, parsed: Parsed, call: Call, key: KeyRecord) -> Envelope:
        texts = [*list_head_keys(call.meta), *self.list_keys(parsed)]
        own = list_own(_KIND, parsed.sites, texts, key)
        events = [
            _translate(fields, is_own=site in own)
            for fields, site in zip(parsed.requests, parsed.sites, strict=True)
        ]
        return Envelope(events, single=not parsed.bulk)

    def answer(self, taken: Taken, call: Call) -> Reply:
        if not taken.envelope.single:
            invalid = sorted(taken.refused)
            told = {"tracked": taken.accepted, "invalid": len(invalid), "invalid_indices": invalid}
            return Reply(200, {"status": "success", **told}, {})
        without = "send_image=0" in call.query or b"send_image=0" in _read_body(call)
        return answer_picture(empty=without)


def _read_body(call: Call) -> bytes:
    """Of a GET nothing: whatever comes along means nothing, and must not fail what was kept."""
    return b"" if call.meta["REQUEST_METHOD"] == "GET" else call.body


def _read_request(request: Any) -> _Fields | Refused:
    """One of a bulk: a query, or an object of the same."""
    if isinstance(request, Refused):
        return request
    if isinstance(request, dict):
        return {name: text for name, value in request.items() if (text := as_text(value))}
    if not isinstance(request, str):
        return Refused("wrong_type", "A request is a query.")
    try:
        return read_form(request.partition("?")[2].encode() or request.encode())
    except BadRequest as problem:
        return Refused(problem.code, problem.detail)


def _find_site(fields: _Fields | Refused) -> str | None:
    return None if isinstance(fields, Refused) else spell_alias(_KIND, fields.get("idsite", ""))


def _translate(fields: _Fields | Refused, *, is_own: bool) -> Native | Refused:
    if isinstance(fields, Refused):
        return fields
    if not is_own:
        return Refused("other_site", "The requests of a bulk are of one project's sites.")
    return translate_request(fields)


def translate_request(fields: _Fields) -> Native | Refused:
    if fields.get("rec") != "1":
        return Refused("missing_field", "rec=1 is required.")
    event, properties = _find_event(fields)
    for name, value in fields.items():
        if name.startswith("dimension") and name[9:].isdigit():
            properties[name] = value
    properties |= _read_variables(fields.get("cvar")) | _read_variables(fields.get("_cvar"))
    native: dict[str, Any] = {
        "event": event,
        "timestamp": _find_timestamp(fields),
        "userId": as_text(fields.get("uid") or fields.get("cid") or fields.get("_id")),
        "ip": fields.get("cip") or None,
        "userAgent": cut(fields.get("ua"), limits.MAX_USER_AGENT_CHARS),
        "referrer": if_short(fields.get("urlref"), limits.MAX_URL_CHARS),
        "language": if_short(fields.get("lang"), limits.MAX_LANGUAGE_CHARS),
        "screen": if_short(fields.get("res"), limits.MAX_SCREEN_CHARS),
        "properties": properties or None,
    }
    if event == limits.PAGEVIEW:
        native["title"] = cut(fields.get("action_name"), limits.MAX_TITLE_CHARS)
    if url := fields.get("url"):
        native["url"] = cut(url, limits.MAX_URL_CHARS)
    else:
        native["path"] = cut(f"/_event/{event}", limits.MAX_PATH_CHARS)
    return native


def _find_event(fields: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """Its name, and what is told of it."""
    names: Mapping[str, str]
    if fields.get("ping") == "1":
        return "$ping", {}
    if "e_c" in fields or "e_a" in fields:
        event, names = fields.get("e_a") or fields["e_c"], {"e_c": "category", "e_n": "name"}
        numbers = {"e_v": "value"}
    elif "link" in fields or "download" in fields:
        event = "$link" if "link" in fields else "$download"
        names, numbers = {"link": "url", "download": "url"}, {}
    elif "search" in fields:
        event, names = "search", {"search": "keyword", "search_cat": "category"}
        numbers = {"search_count": "count"}
    elif "idgoal" in fields:
        event = "order" if fields["idgoal"] == "0" else "goal"
        names, numbers = {"idgoal": "goal", "ec_id": "order"}, {"revenue": "revenue"}
    elif "c_n" in fields:
        event, numbers = "content", {}
        names = {"c_n": "name", "c_p": "piece", "c_t": "target", "c_i": "interaction"}
    else:
        return limits.PAGEVIEW, {}
    told: dict[str, Any] = {ours: fields[name] for name, ours in names.items() if fields.get(name)}
    for name, ours in numbers.items():
        if (number := _read_number(fields.get(name))) is not None:
            told[ours] = number
    return event, told


def _read_number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None


def _read_variables(text: str | None) -> dict[str, Any]:
    """Custom variables: `{"1": ["plan", "pro"]}`."""
    try:
        slots = _decode_object(mend_escapes((text or "{}").encode()))
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return {}
    pairs = (slot for slot in slots.values() if isinstance(slot, list) and len(slot) == 2)
    return {name: value for name, value in pairs if isinstance(name, str) and name}


def _find_timestamp(fields: Mapping[str, str]) -> str | None:
    """`cdt` is in seconds since 1970, or a date and time in UTC; `cdo` is how many seconds ago."""
    try:
        if text := fields.get("cdt"):
            return datetime.fromtimestamp(int(text), UTC).isoformat() if text.isdigit() else text
        if ago := fields.get("cdo"):
            return (datetime.now(UTC) - timedelta(seconds=int(ago))).isoformat()
    except (ValueError, OverflowError, OSError):
        return fields.get("cdt")
    return None
