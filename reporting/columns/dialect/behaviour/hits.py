"""The events that match a step, and whose they are."""

from dataclasses import dataclass, replace

from analytics.events.event import PAGEVIEW
from columns.files.visits import OWNER, RESERVED
from reporting.columns.dialect.inputs import Canonical, Events, Inputs
from reporting.columns.dialect.values import Arguments, quote_text
from reporting.columns.view import View
from reporting.questions.funnel import FunnelQuery
from reporting.questions.table import Span
from reporting.questions.windowed import Person

PERSONS: dict[Person, str] = {"visitor": "visitor", "user": '"userId"'}
"""The column of those who are followed; null: the event is of nobody."""


def name_person(query: FunnelQuery) -> str:
    """The column of those whom `did` is about: with visits the visitor."""
    return PERSONS["visitor" if query.by == "visit" else query.by]


@dataclass(frozen=True, slots=True)
class Hits:
    """Of a question the events that there are, in a statement with `arguments`."""

    view: View
    query: FunnelQuery
    canonical: Canonical
    arguments: Arguments

    def anew(self) -> "Hits":
        """For another statement."""
        return replace(self, arguments=Arguments())

    def select(self, *, with_others: bool = False, with_key: bool = False) -> str:
        """Rows of person, t, mask (bit 0: the first step), late, id, reserved, and d0, the key of
        the dimension. `with_others`: also those that match no step."""
        query = self.query
        events = Events(
            view=self.view,
            span=Span(window=query.window),
            bots=query.bots,
            arguments=self.arguments,
            zone=query.visit_zone,
            person=name_person(query),
        )
        inputs = Inputs(events, self.canonical)
        passes, person = inputs.test(query.condition), events.person
        if query.by == "visit":
            # One number for both that a visit is known by, of which the second is far smaller.
            begin = inputs.visit_column("visitStart")
            person = f"{OWNER}::HUGEINT * {2**62:d} + {begin}"
        bits = [
            f"CASE WHEN {inputs.test(step)} THEN {1 << number} ELSE 0 END"
            for number, step in enumerate(query.steps)
        ]
        dimensions = [query.dimension] if query.dimension and with_key else []
        rows = inputs.select(
            dimensions,
            passes,
            f"CAST({' | '.join(bits)} AS UTINYINT)",
            also=["id", f"{person} AS person"],
        )
        keys = ", d0" if dimensions else ""
        kept = f" OR NOT {RESERVED}" if with_others else ""
        return (
            f'SELECT person, "timestamp" AS t, converted AS mask, id, '
            f"event <> {quote_text(PAGEVIEW)} AS late, {RESERVED} AS reserved{keys} "
            f"FROM ({rows}) WHERE person IS NOT NULL AND (converted <> 0{kept})"
        )
