"""What a report says of itself: whether its numbers are whole."""

from notices.documents import ReportFacts
from notices.rendering.windows import tell_window

_PARTS = {
    "figures": "the figures",
    "lists": "the lists",
    "goals": "the goals",
    "notes": "the notes",
    "books": "the books",
    "events": "how many events there were",
    "waiting": "what was on its way",
}


def list_remarks(facts: ReportFacts) -> list[str]:
    """The loudest first."""
    books = facts["books"]
    remarks = []
    if facts["trouble"]:
        parts = ", ".join(_PARTS.get(name, name) for name in facts["trouble"])
        remarks.append(f"Not everything could be asked: without {parts}.")
    if facts["waiting"]:
        remarks.append(
            f"{_count(facts['waiting'], 'accepted event')} had not been stored when this was made: "
            "the page may show more."
        )
    if facts["missed"]:
        windows = ", ".join(map(tell_window, facts["missed"]))
        more = f" and {facts['moreMissed']} more" if facts["moreMissed"] else ""
        remarks.append(f"Nothing was sent for {windows}{more}.")
    if books is None:
        return remarks
    refused = f" {_count(books['refused'], 'event')} refused." if books["refused"] else ""
    dead = f" {_count(books['dead'], 'event')} could not be stored." if books["dead"] else ""
    if books["missing"]:
        verdict = f"The books do not balance: {_count(books['missing'], 'accepted event')} off."
    else:
        verdict = f"The books balance: {_count_all(books['accepted'])}."
    return [*remarks, f"{verdict}{dead}{refused}"]


def _count_all(accepted: int) -> str:
    if not accepted:
        return "no event was accepted in these days"
    return f"{_count(accepted, 'accepted event')}, {'all ' if accepted > 1 else ''}accounted for"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
