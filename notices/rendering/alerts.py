"""What an alert says: what was measured, and what it was measured by."""

from notices.documents import AlertFacts, AlertTerms, Number
from notices.rendering.texts import one_line
from notices.rendering.windows import tell_moment, tell_window
from reporting.words.formats import format_share
from reporting.words.metrics import find_shown, tell_change

_BEFORE = {"before": "the {unit} before", "week": "the same {unit} a week earlier"}


def tell_alert(facts: AlertFacts) -> str:
    """One sentence or two."""
    terms = facts["alert"]
    name = name_measured(terms["metric"], find_goal_name(facts))
    window = tell_window(facts["window"])
    if facts["what"] == "over":
        if facts["tooFew"]:
            return f"It is over: too few were counted to judge by, {window}."
        return f"It is over: {name} {_tell_value(facts)}, {window}."
    still = "Still " if facts["what"] == "again" else ""
    since = f" It began {tell_moment(facts['since'])}." if still else ""
    if terms["how"] == "silent":
        minutes = tell_minutes(terms["silentMinutes"] or 0)
        told = f"nothing was counted for {minutes}: {name}, {window}."
    elif terms["how"] == "changed":
        told = f"{name} changed by {_tell_change(facts)}, {window}."
    else:
        running = " so far" if facts["isRunning"] else ""
        told = f"{name} {_tell_value(facts)}{running}, {window}."
    sentence = f"{still}{told}"
    return sentence[0].upper() + sentence[1:] + since


def tell_terms(terms: AlertTerms, goal: str) -> str:
    """When it fires, as somebody set it up; `goal` is the name of its goal."""
    shown = find_shown(terms["metric"])
    name = name_measured(terms["metric"], goal)
    few = ""
    if terms["smallest"] is not None:
        few = f", of at least {_plain(terms['smallest'])}"
    match terms["how"]:
        case "silent":
            return f"It watches for {_silence(terms)} without any event."
        case "changed":
            way = {"either": "changing", "up": "rising", "down": "falling"}[terms["direction"]]
            against = _BEFORE[terms["against"]].format(unit=terms["unit"])
            by = format_share(terms["value"], 0)
            return f"It watches for {name} of a {terms['unit']} {way} by {by} from {against}{few}."
        case how:
            running = ", also before it is over" if terms["running"] else ""
            limit = shown.write(terms["value"])
            return f"It watches for {name} {how} {limit} in a {terms['unit']}{running}{few}."


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


def _silence(terms: AlertTerms) -> str:
    return tell_minutes(terms["silentMinutes"] or 0)


def _tell_value(facts: AlertFacts) -> str:
    return f"at {find_shown(facts['alert']['metric']).write(facts['figure']['value'])}"


def _tell_change(facts: AlertFacts) -> str:
    shown, figure = find_shown(facts["alert"]["metric"]), facts["figure"]
    change = tell_change(
        shown, figure["value"], figure["before"], figure["change"], figure["difference"]
    )
    both = f"from {shown.write(figure['before'])} to {shown.write(figure['value'])}"
    return f"{change.arrow} {change.text}, {both}".strip()


def _plain(number: Number) -> str:
    return "" if number is None else f"{number:,.10g}"
