"""Killed between any two steps, nothing that is to be said is lost, and nothing is said twice.

As far as the other side lets us: who dies after a notice was taken and before that was written
down hands it over again, with the same key, by which the other side knows it.
"""

from pathlib import Path

import pytest

from notices.outbox.leases import LEASE
from notices.outbox.notices import add_notices, make_notice
from notices.rules.looking import TAKEN
from tests.conftest import TestProject, make_project
from tests.notices.dying import LOOKING, SENDING, start_rounds
from tests.notices.rules import HOOK, MAIL, add_alert, add_report, at, keep_bare, look, notices
from tests.notices.test_outbox import FACTS, NOON
from tests.stored import store_events

MADE = at("2025-05-01 23:30")
DUE = at("2025-05-02 00:05")


@pytest.mark.slow
def test_a_look_that_is_killed_at_any_step_says_all_of_it_once(
    project: TestProject, tmp_path: Path
) -> None:
    """Of an alert and a report, each to two targets."""
    with start_rounds(tmp_path / "sent") as rounds:
        for point in LOOKING:
            killed = make_project(point)
            event = {"path": "/", "userId": "ada", "timestamp": at("2025-05-01 23:40")}
            store_events(killed, [event])
            add_alert(killed, MADE, MAIL, HOOK, value=0, unit="hour")
            add_report(killed, "day", 0, MADE, MAIL, HOOK)

            rounds.run("look", point, DUE)
            made = len(notices(killed))
            look(DUE + TAKEN)

            assert made in (0, 2, 4), point  # of a rule both targets, or neither
            told = [notice["_id"].split(":")[2] for notice in notices(killed)]
            assert sorted(told) == ["fired", "fired", "report", "report"], point


@pytest.mark.slow
def test_sending_that_is_killed_at_any_step_loses_nothing_and_doubles_no_key(
    project: TestProject, tmp_path: Path
) -> None:
    now = NOON
    rule_id = keep_bare(project)
    with start_rounds(tmp_path / "sent") as rounds:
        for point in SENDING:
            whats = [f"report:{point}:{number}" for number in range(2)]
            made = [make_notice(project.id, rule_id, what, MAIL, FACTS, now) for what in whats]
            add_notices(made)
            before = len(rounds.list_sent())

            rounds.run("send", point, now)
            now += LEASE
            rounds.run("send", "never", now)

            sent = rounds.list_sent()[before:]
            assert set(sent) == {notice["key"] for notice in made}, point
            # Only what was taken and not written down is handed over again.
            assert len(sent) == (3 if point in ("after:hand", "before:end") else 2), point
            assert {notice["state"] for notice in notices(project)} == {"sent"}, point
