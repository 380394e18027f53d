"""Rounds of rules and notices in processes that are killed at one step of them.

What is handed over is added to a file, a line with the key of each notice, synced. The point
`never` kills nothing.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tests.drain.kill_points import resolve
from tests.mortals import Mortals, let_go, make_deadly, start_mortals

IMPORTED = ("notices.rounds", "duckdb")
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
class Rounds:
    file: Path
    mortals: Mortals

    def run(self, work: str, point: str, now: datetime) -> None:
        expected = 0 if point == "never" else -signal.SIGKILL
        assert self.mortals.run(work, point, now.isoformat(), str(self.file)) == expected, point
        let_go()

    def list_sent(self) -> list[str]:
        return self.file.read_text().split() if self.file.exists() else []


@contextmanager
def start_rounds(file: Path) -> Iterator[Rounds]:
    with start_mortals("tests.notices.dying") as mortals:
        yield Rounds(file, mortals)


def act(work: str, point: str, moment: str, sent_file: str) -> None:
    from notices.documents import NoticeDocument, Outcome
    from notices.outbox.sending_round import send_waiting
    from notices.rounds import look_at_rules

    def hand_over(notice: NoticeDocument) -> Outcome:
        with Path(sent_file).open("a") as sent:
            sent.write(f"{notice['key']}\n")
            sent.flush()
            os.fsync(sent.fileno())
        return {"result": "sent", "detail": "ok"}

    now = datetime.fromisoformat(moment)
    if point != "never":
        when, _, step = point.partition(":")
        owner, name = resolve(STEPS[step])
        setattr(owner, name, make_deadly(getattr(owner, name), when))
    if work == "look":
        look_at_rules(30.0, lambda: now)
    else:
        send_waiting(hand_over, 30.0, now)
