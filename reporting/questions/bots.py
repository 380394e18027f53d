"""Whether a question counts bots: as it says, as its fields imply, or as its project has it."""

from typing import Literal

from analytics.rollups.dimensions import BOT
from reporting.questions.conditions import Condition, list_fields
from reporting.questions.fields import Field
from reporting.questions.params import Parameters

Bots = Literal["excluded", "included", "only"]

BOTS: dict[str, Bots] = {"true": "included", "false": "excluded", "only": "only"}


def take_bots(
    parameters: Parameters,
    leaves_out_bots: bool,
    *,
    by: Field | None = None,
    condition: Condition | None = None,
) -> Bots:
    """What `bots` says. Where it is not given, a list of bots is of bots alone, and a filter on
    `bot` chooses among all events."""
    default: Bots = "excluded" if leaves_out_bots else "included"
    if by is not None and by.name == BOT:
        default = "only"
    elif any(field.name == BOT for field in list_fields(condition)):
        default = "included"
    return parameters.choice("bots", "bad_bots", BOTS, default)
