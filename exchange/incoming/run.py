"""What is done for an import: the stride of each step."""

from exchange.incoming.admitting import admit_block, wait_for_yes, wait_until_stored
from exchange.incoming.job import Import
from exchange.incoming.looking import look, wait_for_choice, wait_for_file
from exchange.incoming.taking import read_file
from upkeep.jobs.job import JobKind

IMPORTS = JobKind(
    Import,
    {
        "arrive": wait_for_file,
        "look": look,
        "choose": wait_for_choice,
        "read": read_file,
        "confirm": wait_for_yes,
        "admit": admit_block,
        "drain": wait_until_stored,
    },
)
