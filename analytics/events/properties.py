"""The properties of an event: any JSON object that BSON can hold, within limits."""

from typing import Any

import msgspec
from bson import DBRef

from analytics.events.invalid_event import InvalidEvent

_KIBIBYTE = 1024

MAX_PROPERTIES_BYTES = 4 * _KIBIBYTE  # as compact JSON
MAX_PROPERTIES_DEPTH = 32
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1

_object_decoder = msgspec.json.Decoder(dict[str, Any])


def decode_properties(raw: bytes) -> dict[str, Any]:
    try:
        properties = _object_decoder.decode(raw)
    except msgspec.ValidationError as exc:
        if "range" in str(exc):
            raise _number_out_of_range() from None
        raise InvalidEvent("properties", "wrong_type", "properties must be an object.") from None
    except RecursionError:
        raise _too_deep() from None
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise InvalidEvent("properties", "invalid_json", f"Not valid JSON: {exc}.") from None
    _check_bson(properties, 1)
    too_large = len(raw) > MAX_PROPERTIES_BYTES
    if too_large and len(msgspec.json.encode(properties)) > MAX_PROPERTIES_BYTES:
        detail = f"properties is over {MAX_PROPERTIES_BYTES} bytes of compact JSON."
        raise InvalidEvent("properties", "properties_too_large", detail)
    return properties


def undo_reference(reference: DBRef) -> dict[str, Any]:
    """An object as it was sent: the driver makes a DBRef of one with a `$ref` and an `$id`.

    These, and a `$db`, stand before its other keys.
    """
    return dict(reference.as_doc())


def _check_bson(value: Any, depth: int) -> None:
    """Refuse what BSON cannot hold: deep nesting, NUL in a key, integers beyond 64 bits."""
    if isinstance(value, str):
        return
    if isinstance(value, int):
        if not INT64_MIN <= value <= INT64_MAX:
            raise _number_out_of_range()
    elif isinstance(value, dict):
        if depth > MAX_PROPERTIES_DEPTH:
            raise _too_deep()
        for key, item in value.items():
            if "\x00" in key:
                raise InvalidEvent(
                    "properties", "bad_property_name", "A key of properties holds a NUL."
                )
            _check_bson(item, depth + 1)
    elif isinstance(value, list):
        if depth > MAX_PROPERTIES_DEPTH:
            raise _too_deep()
        for item in value:
            _check_bson(item, depth + 1)


def _number_out_of_range() -> InvalidEvent:
    detail = "A number of properties is beyond 64 bits."
    return InvalidEvent("properties", "number_out_of_range", detail)


def _too_deep() -> InvalidEvent:
    detail = f"properties is nested more than {MAX_PROPERTIES_DEPTH} levels deep."
    return InvalidEvent("properties", "too_deep", detail)
