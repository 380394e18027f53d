"""Looks at alerts: the metric of a window is judged, and what follows is said once."""

from datetime import datetime, timedelta

from notices.documents import (
    AlertFacts,
    AlertTerms,
    Figure,
    GoalFacts,
    HistoryEntry,
    RuleDocument,
)
from notices.outbox.notices import has_room, make_notice
from notices.rules.arrivals import UNKNOWN, count_waiting
from notices.rules.asking import Broken, Desk, find_goal
from notices.rules.facts import tell_common
from notices.rules.judging import Episode, Verdict, Word, follow, judge
from notices.rules.measuring import Measure, measure
from notices.rules.slots import (
    Slot,
    find_finished,
    find_next_unit,
    find_running,
    find_silence,
    find_week_before,
)
from notices.rules.store import limit_wait, read_episode, write_episode, write_look

# A window whose events are not in is judged after so long all the same; silence never is.
LONGEST_WAIT = timedelta(minutes=30)
RUNNING_STEP = timedelta(minutes=1)


class Look:
    """What was found in one window of an alert, as of the desk's moment."""

    def __init__(self, desk: Desk, terms: AlertTerms, slot: Slot, before: Slot | None) -> None:
        self.slot = slot
        self.compared = find_compared(desk, terms, slot, before)
        self.found: Measure = measure(desk, terms, slot, self.compared)
        self.verdict: Verdict = judge(terms, self.found)


def find_rest(rule: RuleDocument, desk: Desk) -> datetime | None:
    """When to look again, where there is nothing to judge now; None: there is."""
    terms = rule["alert"]
    _, slot = find_slots(desk, terms)
    if is_done(rule, slot):
        return find_next(desk, terms)
    return desk.now + RUNNING_STEP if must_wait(desk, terms, slot) else None


def look_at(rule: RuleDocument, desk: Desk) -> None:
    """Raises Broken, Conflict, and what asking does."""
    terms = rule["alert"]
    before, slot = find_slots(desk, terms)
    look = Look(desk, terms, slot, before)
    quiet = False
    if terms["running"] and not look.verdict.holds:
        # It begins anew with each unit; what holds of the one just over goes on until this is over.
        finished = Look(desk, terms, before, None)
        quiet = finished.verdict.holds and rule["firing"]
        look = finished if finished.verdict.holds or rule["firing"] else look
    episode = read_episode(rule)
    word: Word | None = None
    if not quiet:
        pause = timedelta(minutes=terms["pauseMinutes"])
        episode, word = follow(episode, look.verdict, find_moment(terms, slot, desk), pause)
    write_alert(rule, desk, look, episode, word)


def write_alert(
    rule: RuleDocument, desk: Desk, look: Look, episode: Episode, word: Word | None
) -> None:
    terms = rule["alert"]
    change = write_episode(episode) | {
        "lastWindow": look.slot.label,
        "lookedAt": desk.now,
        "value": look.found.value,
        "trouble": None,
        "nextAt": find_next(desk, terms),
    }
    if word is None:
        write_look(rule, change)
        return
    moment = find_moment(terms, look.slot, desk)
    since = episode.since or rule["firingSince"] or moment
    facts = tell_alert(desk, rule, look, word, since=since, is_test=False)
    if not has_room(desk.project.id_bytes, len(rule["targets"])):
        raise Broken("too_many_waiting", "Too many notices of this project wait to be sent.")
    what = f"{word}:{moment:%Y-%m-%dT%H:%MZ}"
    notices = [
        make_notice(desk.project.id_bytes, rule["_id"], what, target, facts, desk.now)
        for target in rule["targets"]
    ]
    entry: HistoryEntry = {
        "at": desk.now,
        "what": word,
        "start": look.slot.start,
        "end": look.slot.end,
        "value": look.found.value,
    }
    write_look(rule, change, notices, entry)


def find_slots(desk: Desk, terms: AlertTerms) -> tuple[Slot, Slot]:
    """The window that is due now, after the one before it."""
    if minutes := terms["silentMinutes"]:
        return find_silence(timedelta(minutes=minutes), desk.now)
    find = find_running if terms["running"] else find_finished
    return find(terms["unit"], desk.zone, desk.now)


def find_compared(desk: Desk, terms: AlertTerms, slot: Slot, before: Slot | None) -> Slot | None:
    """What a change is a change of; None where nothing is."""
    if terms["how"] != "changed":
        return None
    if terms["against"] == "week":
        return find_week_before(slot, terms["unit"], desk.zone)
    return before


def find_next(desk: Desk, terms: AlertTerms) -> datetime:
    if terms["running"] or terms["silentMinutes"]:
        return desk.now + RUNNING_STEP
    return limit_wait(find_next_unit(terms["unit"], desk.zone, desk.now).at, desk.now)


def find_moment(terms: AlertTerms, slot: Slot, desk: Desk) -> datetime:
    """When a look counts as made, to the minute: that of a finished unit when it was due."""
    moment = desk.now if terms["running"] or terms["silentMinutes"] else slot.at
    return moment.replace(second=0, microsecond=0)


def is_done(rule: RuleDocument, slot: Slot) -> bool:
    """Whether that window was judged, or is of before the rule was."""
    if rule["alert"]["running"] or rule["alert"]["silentMinutes"]:
        return False
    last = rule["lastWindow"]
    return slot.at <= rule["since"] or (last is not None and slot.label <= last)


def must_wait(desk: Desk, terms: AlertTerms, slot: Slot) -> bool:
    """Whether events of the window may be on their way still."""
    if terms["running"]:
        return False
    waiting = count_waiting(desk.project, slot.end)
    if terms["how"] == "silent":
        return waiting != 0
    return waiting != 0 and (waiting == UNKNOWN or desk.now < slot.at + LONGEST_WAIT)


def tell_alert(
    desk: Desk, rule: RuleDocument, look: Look, word: Word, *, since: datetime, is_test: bool
) -> AlertFacts:
    """Raises Broken."""
    terms, found = rule["alert"], look.found
    unit = None if terms["silentMinutes"] else terms["unit"]
    figure: Figure = {
        "metric": terms["metric"],
        "value": found.value,
        "before": found.before,
        "change": found.change,
        "difference": found.difference,
    }
    common = tell_common(
        desk, rule, look.slot, look.compared, terms["filters"], unit=unit, is_test=is_test
    )
    return {
        **common,
        "kind": "alert",
        "what": word,
        "alert": terms,
        "goal": _name_goal(desk, terms),
        "figure": figure,
        "base": found.base,
        "since": desk.tell(since),
        "tooFew": look.verdict.too_few,
        "isRunning": look.slot.end > desk.now,
    }


def _name_goal(desk: Desk, terms: AlertTerms) -> GoalFacts | None:
    if terms["goal"] is None:
        return None
    goal = find_goal(desk.project, terms["goal"])
    return {
        "id": goal.pk,
        "name": goal.name,
        "conversions": None,
        "rate": None,
        "before": None,
        "change": None,
    }
