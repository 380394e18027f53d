"""What requests ask of a script together: calls, their sections, and the tickets of these.

A call has the keys and arguments of its head, and then of each section those of its head, the
number of its requests, and their arguments. The script returns a list of replies, one for each
request of all sections.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from ingestion.stream.answers import Reply

# Of requests that share a call, which holds up everything else in Redis.
MAX_CALL_BYTES = 1024 * 1024
MAX_CALL_SECTIONS = 250


@dataclass(frozen=True, slots=True, eq=False)
class CallHead:
    """What a call of the script begins with; sections with the same one may share a call."""

    keys: tuple[bytes, ...]
    arguments: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, eq=False)
class SectionHead:
    """What the requests of one API key have in common, behind the head of their call."""

    call: CallHead
    keys: tuple[bytes, ...]
    arguments: tuple[bytes, ...]


class Ticket(Protocol):
    """One request's part of a section."""

    @property
    def head(self) -> SectionHead: ...

    @property
    def arguments(self) -> Sequence[bytes]: ...

    def answer(self, reply: Reply) -> None:
        """Take the reply, or the error that there is none for; neither raise nor wait."""

    def take_lead(self) -> None:
        """Let somebody call `GroupCommit.lead` soon; neither raise nor wait."""


Sections: TypeAlias = dict[SectionHead, list[Ticket]]
"""A call: the tickets of each of its sections."""


def share_calls(tickets: Iterable[Ticket]) -> list[Sections]:
    """The tickets of each call by their section, each section's in their order."""
    calls: list[Sections] = []
    latest: dict[CallHead, tuple[Sections, int]] = {}
    for ticket in tickets:
        head, size = ticket.head, sum(map(len, ticket.arguments))
        sections, call_bytes = latest.get(head.call, ({}, 0))
        is_full = call_bytes + size > MAX_CALL_BYTES or len(sections) >= MAX_CALL_SECTIONS
        if is_full or not sections:
            sections, call_bytes = {}, 0
            calls.append(sections)
        sections.setdefault(head, []).append(ticket)
        latest[head.call] = sections, call_bytes + size
    return calls
