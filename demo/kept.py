"""What the shop's people have saved: goals, a funnel, a segment, notes. Plain values alone."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from demo.story import DAYS, is_first_of_campaign

# As the fields of a goal are called.
GOALS: Final = (
    {"name": "Orders", "what": "event", "value": "purchase", "amount_key": "amount"},
    {"name": "Newsletter", "what": "event", "value": "newsletter"},
    {"name": "Reads the journal", "what": "under", "value": "/blog/"},
)
# As an address has them.
FUNNELS: Final = {
    "From a tea to an order": "s=under:/products&s=page:/cart&s=page:/checkout&s=event:purchase"
}
SEGMENTS: Final = {"German-speaking": ("is:country:DE,AT,CH",)}
_NOTES: Final = ((47, "Gift boxes are new"), (17, "Free shipping from 40 euros"))


def tell_notes(last: date) -> Iterator[tuple[date, str]]:
    for days_before, text in _NOTES:
        yield last - timedelta(days=days_before), text
    for number in range(DAYS):
        if is_first_of_campaign(day := last - timedelta(days=number)):
            yield day, "A week of the autumn campaign begins"
