"""Rounds of rules and notices in processes that are killed at one step of them.

python -m tests.notices.dying FILE, and on its input: `look after:add 2025-05-02T08:00:00+00:00`,
a line for each process; on its output how each ended, -9 where it was killed. What is handed over
is added to FILE, a line with the key of each notice, synced. The point `never` kills nothing.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import IO

from tests.columns.dying import _make_deadly
from tests.drain.kill_points import resolve
from tests.paths import ROOT

STEPS = {
    "take": "notices.rules.looking.take",
    "ask": "reporting.desk.answer_all",
    "write": "notices.rules.alerts.write_look",
    "report": "notices.rules.reports.write_look",
    "add": "notices.rules.store.add_notices",  # in the transaction
    "claim": "notices.outbox.sending_round.claim",
    "hand": "notices.outbox.sending_round._hand_over",
    "end": "notices.outbox.sending_round.end",
}
LOOKING = [
    "before:take", "after:take", "before:ask", "after:ask", "before:write", "before:report",
    "before:add", "after:add", "after:write", "after:report",
]  # fmt: skip
SENDING = ["before:claim", "after:claim", "before:hand", "after:hand", "before:end", "after:end"]


@dataclass(frozen=True)
class Mortals:
    """Processes that die as they are told to."""

    file: Path
    commands: IO[str]
    answers: IO[str]

    def run(self, work: str, point: str, now: datetime) -> None:
        self.commands.write(f"{work} {point} {now.isoformat()}\n")
        self.commands.flush()
        expected = 0 if point == "never" else -signal.SIGKILL
        assert int(self.answers.readline()) == expected, point

    def list_sent(self) -> list[str]:
        return self.file.read_text().split() if self.file.exists() else []


@contextmanager
def start_mortals(file: Path) -> Iterator[Mortals]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.notices.dying", str(file)],
        cwd=ROOT, env=os.environ, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    with process:
        assert process.stdin and process.stdout
        yield Mortals(file, process.stdin, process.stdout)
        process.stdin.close()


def main(file: Path) -> None:
    """This process opens no connection, so that each that it forks has its own."""
    for module in ("notices.rounds", "duckdb"):
        import_module(module)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            work, point, moment = line.split()
            act(work, point, moment, file)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def act(work: str, point: str, moment: str, file: Path) -> None:
    from notices.documents import NoticeDocument, Outcome
    from notices.outbox.sending_round import send_waiting
    from notices.rounds import look_at_rules

    def hand_over(notice: NoticeDocument) -> Outcome:
        with file.open("a") as sent:
            sent.write(f"{notice['key']}\n")
            sent.flush()
            os.fsync(sent.fileno())
        return {"result": "sent", "detail": "ok"}

    now = datetime.fromisoformat(moment)
    if point != "never":
        when, _, step = point.partition(":")
        owner, name = resolve(STEPS[step])
        setattr(owner, name, _make_deadly(getattr(owner, name), when))
    if work == "look":
        look_at_rules(30.0, lambda: now)
    else:
        send_waiting(hand_over, 30.0, now)


if __name__ == "__main__":
    import django

    django.setup()
    main(Path(sys.argv[1]))
