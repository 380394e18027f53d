"""The facts of a notice in words: the same for mail, for Slack and for whoever reads JSON."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from notices.documents import Facts, Figure, GoalFacts, ListFacts, ListRow, ReportFacts
from notices.rendering.alerts import find_goal_name, tell_alert, tell_terms
from notices.rendering.remarks import list_remarks
from notices.rendering.texts import one_line
from notices.rendering.windows import tell_day, tell_moment, tell_window
from people.saved.filters import BadFilter, parse_filter
from people.saved.words import tell_filter
from reporting.words.countries import name_country
from reporting.words.fields import name_field, name_key
from reporting.words.formats import format_count, format_share
from reporting.words.metrics import Change, find_shown, tell_change

REPORTS = {"day": "Daily report", "week": "Weekly report", "month": "Monthly report"}
_LISTS = {"path": "Pages", "source": "Sources", "country": "Countries"}


@dataclass(frozen=True, slots=True)
class Line:
    """A number under a name, and how it changed."""

    label: str
    value: str
    change: Change
    before: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    title: str
    metric: str
    rows: Sequence[Line]
    more: int


@dataclass(frozen=True, slots=True)
class Story:
    """`title` is what kind it is, `sentence` what happened. Each text is one line."""

    project: str
    rule: str
    title: str
    subject: str
    sentence: str
    window: str
    compared: str
    zone: str
    filters: Sequence[str] = ()
    figures: Sequence[Line] = ()
    lists: Sequence[Listed] = ()
    goals: Sequence[Line] = ()
    notes: Sequence[tuple[str, str]] = ()
    more_notes: int = 0
    remarks: Sequence[str] = field(default=())


def tell(facts: Facts) -> Story:
    project, rule = one_line(facts["project"]["name"]), one_line(facts["rule"]["name"])
    window = tell_window(facts["window"])
    compared = tell_window(facts["compared"]) if facts["compared"] else ""
    if facts["kind"] == "alert":
        sentence = tell_alert(facts)
        return Story(
            project=project,
            rule=rule,
            title={"fired": "Alert", "again": "Alert, still", "over": "Alert, over"}[facts["what"]],
            subject=f"{project}: {rule}{' is over' if facts['what'] == 'over' else ''}, {window}",
            sentence=sentence,
            window=window,
            compared=compared,
            zone=facts["zone"],
            filters=tell_filters(facts["alert"]["filters"]),
            figures=[_tell_figure(facts["figure"], is_compared=bool(compared))],
            remarks=[tell_terms(facts["alert"], find_goal_name(facts))],
        )
    return Story(
        project=project,
        rule=rule,
        title=REPORTS[facts["every"]],
        subject=f"{project}: {REPORTS[facts['every']].lower()}, {window}",
        sentence=_sum_up(facts),
        window=window,
        compared=compared,
        zone=facts["zone"],
        filters=tell_filters(facts["filters"]),
        figures=[_tell_figure(each) for each in facts["figures"]],
        lists=[_tell_list(each) for each in facts["lists"] if each["rows"]],
        goals=[_tell_goal(each) for each in facts["goals"]],
        notes=[
            ((tell_day if note["isDay"] else tell_moment)(note["at"]), one_line(note["text"], 500))
            for note in facts["notes"]
        ],
        more_notes=facts["moreNotes"],
        remarks=list_remarks(facts),
    )


def _sum_up(facts: ReportFacts) -> str:
    if not facts["events"]:
        return "Nothing came in: there is no event in this window."
    visitors = next((each for each in facts["figures"] if each["metric"] == "visitors"), None)
    if visitors is None:
        return ""
    count = format_count(visitors["value"])
    change = _tell_figure(visitors).change
    told = f", {change.arrow} {change.text}" if change.arrow else ""
    return f"{count} {'visitor' if visitors['value'] == 1 else 'visitors'}{told}."


def _tell_figure(figure: Figure, *, is_compared: bool = True) -> Line:
    shown = find_shown(figure["metric"])
    change = Change("", "", "none")
    if is_compared:
        change = tell_change(
            shown, figure["value"], figure["before"], figure["change"], figure["difference"]
        )
    return Line(shown.label, shown.write(figure["value"]), change, shown.write(figure["before"]))


def _tell_list(found: ListFacts) -> Listed:
    shown = find_shown(found["metric"])

    def tell_row(row: ListRow) -> Line:
        label = one_line(_name_row(found["field"], row["key"]), 120)
        change = tell_change(shown, row["value"], row["before"], row["change"], None)
        return Line(label, shown.write(row["value"]), change, shown.write(row["before"]))

    return Listed(
        _LISTS.get(found["field"]) or name_field(found["field"]),
        shown.label,
        [tell_row(row) for row in found["rows"]],
        max(0, found["total"] - len(found["rows"])),
    )


def _name_row(field: str, key: str | None) -> str:
    """As the page has it, where the browser says what countries are called."""
    if field == "country" and key is not None:
        return name_country(key)
    return name_key(field, key)[0]


def _tell_goal(goal: GoalFacts) -> Line:
    shown = find_shown("conversions")
    change = tell_change(shown, goal["conversions"], goal["before"], goal["change"], None)
    value = f"{shown.write(goal['conversions'])} ({format_share(goal['rate'], 2)})"
    return Line(one_line(goal["name"]), value, change, shown.write(goal["before"]))


def tell_filters(filters: Sequence[str]) -> list[str]:
    """One that no release takes any more as it is written."""
    told = []
    for text in filters:
        try:
            told.append(one_line(tell_filter(parse_filter(text)).text))
        except BadFilter:
            told.append(one_line(text))
    return told
