"""`manage.py replay_dead_letters`, killed once it has appended its second chunk.

python -m tests.chaos.faults.dying_replay PROJECT
"""

import os
import signal
import sys
from collections.abc import Sequence

import django
from django.core.management import call_command

django.setup()

from ingestion.letters import replay  # noqa: E402  Django must be set up before models are imported

_mark_replayed = replay.mark_replayed
_chunks = iter(range(1, 3))


def mark_or_die(letter_ids: Sequence[bytes], by: str, why: str) -> None:
    if next(_chunks) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    _mark_replayed(letter_ids, by, why)


replay.mark_replayed = mark_or_die

if __name__ == "__main__":
    call_command("replay_dead_letters", project=sys.argv[1])
