"""Windows in words, in the zone of their project."""

from datetime import datetime, time

from notices.documents import WindowFacts
from reporting.words.formats import NOTHING, format_day, format_ends


def tell_window(window: WindowFacts) -> str:
    """Days by their dates, however long they were."""
    start, end = map(datetime.fromisoformat, (window["start"], window["end"]))
    match window["unit"]:
        case "day":
            return f"{start:%A} {format_day(start)}"
        case "week":
            return format_ends(_at_midnight(start), _at_midnight(end))
        case "month":
            return f"{start:%B %Y}"
        case "hour":
            return f"{start:%A} {format_day(start)}, {start:%H:%M} {NOTHING} {end:%H:%M}"
        case _:
            return format_ends(start, end)


def tell_moment(text: str) -> str:
    moment = datetime.fromisoformat(text)
    return f"{format_day(moment)}, {moment:%H:%M}"


def tell_day(text: str) -> str:
    return format_day(datetime.fromisoformat(text))


def _at_midnight(moment: datetime) -> datetime:
    return datetime.combine(moment.date(), time(), tzinfo=moment.tzinfo)
