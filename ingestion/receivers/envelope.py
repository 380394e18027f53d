"""One request between its client's words and ours: what came, what it means, what became of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple
from wsgiref.types import WSGIEnvironment

from ingestion.receivers.bodies import read_packed_body
from ingestion.receivers.native import NativeEvent

Native = Mapping[str, Any] | NativeEvent
"""An event in the words of `POST /event`, as `docs/http-api.md` has them; None is as absent."""


class Refused(NamedTuple):
    """In the place of an event that cannot be made of what came, why."""

    code: str
    detail: str


class Call:
    """A request to a receiver. The body is read when it is first asked for."""

    def __init__(self, meta: WSGIEnvironment, path: str) -> None:
        self.meta = meta
        self.path = path  # as it is routed, without a last slash

    @cached_property
    def body(self) -> bytes:
        return read_packed_body(self.meta)

    @property
    def query(self) -> str:
        text: str = self.meta.get("QUERY_STRING", "")
        return text


@dataclass(slots=True)
class Envelope:
    """What a client's request holds, translated.

    `sources` gives what the client sent of each of `events`, to show a person what was refused;
    without it that is the translation. `single`: the request is one event's, and an answer that
    refuses it names it. `beyond` are events that were not looked at, of a request with too many.
    """

    events: Sequence[Native | Refused]
    sent_at: str | None = None  # the client's clock as it sent
    sources: Callable[[], Sequence[bytes]] | None = None
    single: bool = False
    beyond: int = field(default=0, kw_only=True)


@dataclass(slots=True)
class Taken:
    """What became of the events of an envelope: kept, but those in `refused`, by index.

    `excluded` are good ones that the project does not want counted, however they came.
    """

    envelope: Envelope
    refused: Mapping[int, Refused] = field(default_factory=dict)
    excluded: int = 0

    @property
    def accepted(self) -> int:
        return len(self.envelope.events) - len(self.refused)
