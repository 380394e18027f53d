"""Notices leave once: by leases of MongoDB's clock, again after pauses, and not for ever."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from analytics.databases import mongo
from analytics.databases.mongo import collection
from notices.documents import NoticeDocument, Outcome
from notices.outbox import sending_round
from notices.outbox.leases import LEASE, PAUSES, claim, end, read_clock
from notices.outbox.notices import add_notices, make_notice, remove_waiting
from notices.outbox.sending_round import send_waiting
from tests.conftest import TestProject
from tests.notices.rules import HOOK, MAIL, Post, keep_bare, notices

# Of late: what has ended is kept for 90 days, and then MongoDB removes it when it likes.
NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=10)
RETRY: Outcome = {"result": "retry", "detail": "no answer"}
FACTS: Any = {"kind": "alert", "what": "fired"}


@pytest.fixture(autouse=True)
def nobody_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also on a machine that does much else: a project that is gets no second turn for a while."""
    monkeypatch.setattr(sending_round, "SLOW_SECONDS", 60.0)


def put(project: TestProject, *whats: str, target: Any = MAIL) -> list[NoticeDocument]:
    rule_id = keep_bare(project)
    made = [make_notice(project.id, rule_id, what, target, FACTS, NOON) for what in whats]
    add_notices(made)
    return made


def states(project: TestProject) -> list[str]:
    return [notice["state"] for notice in notices(project)]


def test_what_is_made_twice_is_there_once(project: TestProject) -> None:
    put(project, "report:2025-05-01")
    put(project, "report:2025-05-01")
    put(project, "report:2025-05-01", target=HOOK)

    assert len(notices(project)) == 2


def test_each_is_handed_over_once(project: TestProject) -> None:
    put(project, "a", "b", "c")
    post = Post()

    assert send_waiting(post, 60.0) is False
    assert send_waiting(post, 60.0) is False

    assert sorted(notice["_id"].split(":")[2] for notice in post.taken) == ["a", "b", "c"]
    assert states(project) == ["sent"] * 3
    [kept, *_] = notices(project)
    assert "open" not in kept and kept["expiresAt"] - kept["endedAt"] == timedelta(days=90)


def test_nobody_else_has_what_one_holds_until_the_lease_lapses(project: TestProject) -> None:
    put(project, "a")
    first = claim(now=NOON)
    during = claim(now=NOON + LEASE - timedelta(seconds=1))
    second = claim(now=NOON + LEASE)
    assert first and second and during is None
    sent: Outcome = {"result": "sent", "detail": "ok"}

    assert end(first, sent, NOON + LEASE) is False
    assert states(project) == ["sending"]
    assert end(second, sent, NOON + LEASE) is True

    assert states(project) == ["sent"]
    assert (first["key"], second["attempts"]) == (second["key"], 2)


def test_a_lease_is_by_the_clock_of_mongodb(project: TestProject) -> None:
    put(project, "a")

    claimed = claim()

    assert claimed
    left = claimed["leaseUntil"] - read_clock()
    assert LEASE - timedelta(seconds=30) < left <= LEASE


def test_what_is_not_taken_is_tried_again_after_growing_pauses_and_not_for_ever(
    project: TestProject,
) -> None:
    put(project, "a")
    now, waits = NOON, []
    post = Post(*[RETRY] * 50)
    while notices(project)[0]["state"] == "waiting":
        send_waiting(post, 60.0, now)
        notice = notices(project)[0]
        waits.append(notice["nextAt"] - now)
        now = notice["nextAt"]

    assert len(post.taken) == len(PAUSES) + 1
    assert states(project) == ["failed"]
    assert notices(project)[0]["detail"].startswith("no answer (given up")
    assert waits[3] > waits[0] and sum(waits, timedelta()) < timedelta(days=2)
    assert len({notice["key"] for notice in post.taken}) == 1


def test_the_other_side_may_ask_for_more_time(project: TestProject) -> None:
    put(project, "a")
    asked: Outcome = {"result": "retry", "detail": "429", "retryAfterSeconds": 3_600.0}
    send_waiting(Post(asked), 60.0, NOON)

    assert notices(project)[0]["nextAt"] == NOON + timedelta(hours=1)


@pytest.mark.parametrize("result", ["failed", "dropped"])
def test_what_is_refused_for_good_is_not_tried_again(project: TestProject, result: Any) -> None:
    put(project, "a")
    post = Post({"result": result, "detail": "no such user"})

    send_waiting(post, 60.0)
    send_waiting(post, 60.0, NOON + timedelta(days=3))

    assert states(project) == [result]
    assert notices(project)[0]["detail"] == "no such user"
    assert len(post.taken) == 1


def test_one_that_fails_stops_no_other(project: TestProject, other_project: TestProject) -> None:
    """Neither does one of whose handing over raises, nor one that takes its time."""
    put(project, "a", "b", "c")
    put(other_project, "d")
    taken = []

    def hand_over(notice: NoticeDocument) -> Outcome:
        what = notice["_id"].split(":")[2]
        taken.append(what)
        if what == "a":
            raise ValueError("an error of ours")
        return RETRY if what == "b" else {"result": "sent", "detail": "ok"}

    send_waiting(hand_over, 60.0, NOON)

    assert sorted(taken) == ["a", "b", "c", "d"]
    assert sorted(states(project)) == ["sent", "waiting", "waiting"]
    assert states(other_project) == ["sent"]


def test_a_project_that_took_long_for_nothing_lets_the_others_go_first(
    project: TestProject, other_project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending_round, "SLOW_SECONDS", -1.0)
    put(project, "a", "b")
    put(other_project, "c")
    post = Post(RETRY, RETRY)

    send_waiting(post, 60.0, NOON)

    assert [bytes(notice["project"]) for notice in post.taken] == [project.id, other_project.id]


def test_a_project_that_takes_long_over_what_is_sent_does_not_keep_the_others_waiting(
    project: TestProject, other_project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else one with many receivers that answer late keeps everybody's mail back for hours."""
    monkeypatch.setattr(sending_round, "SLOW_SECONDS", -1.0)
    put(project, "a", "b", "c")
    put(other_project, "d")
    collection(mongo.NOTICES).update_one(
        {"project": other_project.id}, {"$set": {"nextAt": NOON + timedelta(seconds=1)}}
    )
    post = Post()

    assert send_waiting(post, 60.0, NOON + timedelta(seconds=1)) is False

    sent = [bytes(notice["project"]) for notice in post.taken]
    assert sent == [project.id, other_project.id, project.id, project.id]


def test_what_is_tried_for_the_first_time_goes_before_what_failed(project: TestProject) -> None:
    put(project, "a")
    send_waiting(Post(RETRY), 60.0, NOON)
    later = NOON + timedelta(hours=1)
    put(project, "b")
    collection(mongo.NOTICES).update_one({"attempts": 0}, {"$set": {"nextAt": later}})
    post = Post()

    send_waiting(post, 60.0, later)

    assert [notice["_id"].split(":")[2] for notice in post.taken] == ["b", "a"]


def test_whoever_dies_over_a_notice_each_time_is_not_followed_for_ever(
    project: TestProject,
) -> None:
    put(project, "a")
    now: datetime = NOON
    for _ in range(len(PAUSES) + 1):
        assert claim(now=now)
        now += LEASE
    post = Post()

    send_waiting(post, 60.0, now)

    assert post.taken == []
    assert states(project) == ["failed"]


def test_what_was_being_sent_when_its_rule_went_is_not_tried_again(project: TestProject) -> None:
    put(project, "a")
    held = claim(now=NOON)
    assert held
    collection(mongo.NOTICE_RULES).delete_one({"_id": held["rule"]})
    remove_waiting(project.id, held["rule"])
    end(held, RETRY, NOON)
    post = Post()

    send_waiting(post, 60.0)

    assert (post.taken, states(project)) == ([], ["dropped"])


def test_of_a_deleted_project_nothing_is_sent(project: TestProject) -> None:
    put(project, "a")
    project.row.stop()
    post = Post()

    send_waiting(post, 60.0)

    assert (post.taken, states(project)) == ([], ["dropped"])
