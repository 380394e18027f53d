"""What an alert says: what was measured, and what it was measured by."""

from notices.documents import AlertFacts, AlertTerms, Number
from notices.rendering.texts import one_line
from notices.rendering.windows import tell_moment
from reporting.words.formats import format_count
from reporting.words.metrics import find_shown, tell_change

_BEFORE = {"before": "the {unit} before", "week": "the same {unit} a week earlier"}


def tell_alert(facts: AlertFacts) -> str:
    """One sentence or two; its window stands beside them."""
    if facts["what"] == "over":
        return f"It is over: {_tell_end(facts)}."
    told = _tell_finding(facts)
    since = f" It began {tell_moment(facts['since'])}." if facts["what"] == "again" else ""
    return f"{told[0].upper()}{told[1:]}.{since}"


def tell_terms(terms: AlertTerms, goal: str) -> str:
    """When it fires, as somebody set it up; `goal` is the name of its goal."""
    name = name_measured(terms["metric"], goal)
    few = ""
    if terms["smallest"] is not None:
        few = f", of at least {_plain(terms['smallest'])}"
    match terms["how"]:
        case "silent":
            return f"It watches for {_tell_silence(terms)} without any event."
        case "changed":
            way = {"either": "changing", "up": "rising", "down": "falling"}[terms["direction"]]
            against = _BEFORE[terms["against"]].format(unit=terms["unit"])
            what = f"{name} of a {terms['unit']} {way} by {_tell_share(terms)}"
            return f"It watches for {what} from {against}{few}."
        case how:
            running = ", also before it is over" if terms["running"] else ""
            what = f"{name} {how} {_tell_limit(terms)} in a {terms['unit']}"
            return f"It watches for {what}{running}{few}."


def find_goal_name(facts: AlertFacts) -> str:
    return facts["goal"]["name"] if facts["goal"] else ""


def name_measured(metric: str, goal: str) -> str:
    """As it stands in a sentence."""
    label = find_shown(metric).label
    label = label[0].lower() + label[1:]
    return f"{label} of the goal {one_line(goal)}" if goal else label


def tell_minutes(minutes: int) -> str:
    if minutes % 1440 == 0:
        number, unit = minutes // 1440, "day"
    elif minutes % 60 == 0:
        number, unit = minutes // 60, "hour"
    else:
        number, unit = minutes, "minute"
    return f"{number} {unit}{'' if number == 1 else 's'}"


def _tell_silence(terms: AlertTerms) -> str:
    return tell_minutes(terms["silentMinutes"] or 0)


def _tell_finding(facts: AlertFacts) -> str:
    terms = facts["alert"]
    name = name_measured(terms["metric"], find_goal_name(facts))
    still = "still " if facts["what"] == "again" else ""
    match terms["how"]:
        case "silent":
            return f"{still}no event for {_tell_silence(terms)}"
        case "changed":
            return f"{name} {_tell_change(facts)}"
        case how:
            running = " so far" if facts["isRunning"] else ""
            limit = _tell_limit(terms)
            return f"{name}{running}: {_tell_value(facts)}, {still}{how} {limit}"


def _tell_end(facts: AlertFacts) -> str:
    terms = facts["alert"]
    if facts["tooFew"]:
        return "too few were counted to judge by"
    if terms["how"] == "silent":
        return f"events come in again, {_tell_value(facts)} in {_tell_silence(terms)}"
    return f"{name_measured(terms['metric'], find_goal_name(facts))} at {_tell_value(facts)}"


def _tell_value(facts: AlertFacts) -> str:
    return find_shown(facts["alert"]["metric"]).write(facts["figure"]["value"])


def _tell_change(facts: AlertFacts) -> str:
    shown, figure = find_shown(facts["alert"]["metric"]), facts["figure"]
    before, value = shown.write(figure["before"]), shown.write(figure["value"])
    change = tell_change(
        shown, figure["value"], figure["before"], figure["change"], figure["difference"]
    )
    if not change.arrow:
        return f"went from {before} to {value}"
    verb = "rose" if change.arrow == "↑" else "fell"
    by = f" by {change.text}," if figure["before"] else ""
    return f"{verb}{by} from {before} to {value}"


def _tell_limit(terms: AlertTerms) -> str:
    """As it was typed: a count is not shortened."""
    shown = find_shown(terms["metric"])
    return _plain(terms["value"]) if shown.write is format_count else shown.write(terms["value"])


def _tell_share(terms: AlertTerms) -> str:
    unit = " pp" if find_shown(terms["metric"]).in_points else "%"
    return f"{_plain((terms['value'] or 0) * 100)}{unit}"


def _plain(number: Number) -> str:
    return "" if number is None else f"{number:,.10g}"
