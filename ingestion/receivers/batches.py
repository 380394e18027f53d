"""The events of a batch, decoded each by itself where that matters: a bad one sinks no other."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from ingestion.accept.judge import MAX_BATCH_EVENTS
from ingestion.receivers.bodies import decode_envelope
from ingestion.receivers.envelope import Refused

Item = TypeVar("Item")

MOST_LOOKED_AT = MAX_BATCH_EVENTS + 1
"""One more than are taken says that they are too many; a body holds up to 500,000."""

_objects = msgspec.json.Decoder(list[dict[str, Any]])
_object = msgspec.json.Decoder(dict[str, Any])
_split = msgspec.json.Decoder(list[msgspec.Raw]).decode


class ItemsOf(Generic[Item]):
    """What a client's array holds: `found` has an object, or why it is none, for each item.

    Of more than MOST_LOOKED_AT the first alone; `beyond` are the others.
    """

    __slots__ = ("_read_array", "beyond", "found")

    def __init__(
        self, read_array: Callable[[], bytes], found: Sequence[Item | Refused], beyond: int = 0
    ) -> None:
        self._read_array = read_array
        self.found = found[:MOST_LOOKED_AT]
        self.beyond = beyond + len(found) - len(self.found)

    def list_sources(self) -> Sequence[bytes]:
        """The items as they were sent."""
        return [bytes(item) for item in _split(self._read_array())[:MOST_LOOKED_AT]]


Items = ItemsOf[dict[str, Any]]


def read_items(array: bytes, expected: str) -> Items:
    """The items of a JSON array of objects. Raises BadRequest as `decode_envelope`."""
    return read_items_as(_objects, _object, array, expected)


def read_items_as(
    many: "msgspec.json.Decoder[list[Item]]",
    one: "msgspec.json.Decoder[Item]",
    array: bytes,
    expected: str,
) -> ItemsOf[Item]:
    """As `read_items`, of a type of their own: `many` decodes an array, `one` an item of it."""
    try:
        return ItemsOf(lambda: array, many.decode(array))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raws = decode_envelope(_split, array, expected)
    found: list[Item | Refused] = []
    for raw in raws[:MOST_LOOKED_AT]:
        item = _read_item(one, bytes(raw))
        found.append(item)
    return ItemsOf(lambda: array, found, len(raws) - len(found))


def _read_item(one: "msgspec.json.Decoder[Item]", raw: bytes) -> Item | Refused:
    try:
        return one.decode(raw)
    except msgspec.ValidationError:
        if raw.lstrip()[:1] == b"{":
            return Refused("number_out_of_range", "A number is beyond what is taken.")
        return Refused("wrong_type", "An event is an object.")
    except RecursionError:
        return Refused("too_deep", "The JSON is nested too deeply.")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Refused("invalid_json", "Not valid JSON in UTF-8.")
