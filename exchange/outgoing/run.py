"""What is done for an export: the stride of each step."""

from exchange.outgoing.ending import finish_file
from exchange.outgoing.job import Export
from exchange.outgoing.pinning import pin_moment
from exchange.outgoing.rows import write_rows
from upkeep.exports.removal import FIRST_STEP
from upkeep.jobs.job import JobKind

EXPORTS = JobKind(Export, {FIRST_STEP: pin_moment, "rows": write_rows, "sum": finish_file})
