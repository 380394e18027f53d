"""Which stored tables answer a question: those of people, of bots, or both."""

from analytics.rollups import BOT, Descriptor, has_bots, name_bots_table
from reporting.questions.bots import Bots


def name_tables(dimension: str, bots: Bots, run: Descriptor | None = None) -> tuple[str, ...]:
    """The tables that together count by `dimension`, of the total or of the day parts.

    Of a `run` only those that it may have: few runs know any bots, and those say so.
    """
    names: tuple[str, ...] = ()
    if bots != "only" and dimension != BOT:
        names += (dimension,)
    if bots != "excluded" and (run is None or has_bots(run)):
        names += (name_bots_table(dimension),)
    return names
