"""Every kind of job, by its collection: what the tasks, the commands and the admin go by."""

from collections.abc import Mapping
from typing import Any

from upkeep.deletion.run import DELETIONS
from upkeep.erasure.run import ERASURES
from upkeep.jobs.job import JobKind

JOB_KINDS: Mapping[str, JobKind[Any]] = {
    kind.job.COLLECTION: kind for kind in (ERASURES, DELETIONS)
}
