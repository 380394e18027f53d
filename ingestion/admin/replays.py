"""What a replay of dead letters is told as: what was tried, and where to see what became of it."""

from collections.abc import Mapping
from datetime import datetime

from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from analytics.web.problems import Unavailable
from ingestion.accept.receipts import find_receipt
from ingestion.letters.replay import Replayed
from ingestion.models import DeadLetter

LIST = "admin:ingestion_deadletter_changelist"


def count_outcomes(done: Replayed) -> Mapping[str, int]:
    """How many letters went which way, in the words of the page."""
    return {
        "sent again": done.replayed,
        **{f"refused as {reason}, still open": count for reason, count in done.refused.items()},
        "left as they were": done.skipped,
    }


def describe_replay(done: Replayed, tried: int, begun_at: datetime) -> SafeString:
    """Sending again is no promise: a worker judges the events anew, some moments later."""
    outcomes = ", ".join(f"{count} {what}" for what, count in count_outcomes(done).items() if count)
    text = f"{tried} dead letters tried: {outcomes or 'none was open'}."
    if not done.replayed:
        return format_html("{}", text)
    died_again = urlencode({"buried_at__gte": begun_at.isoformat(), "status__exact": "dead"})
    return format_html(
        "{} Whether they can be stored now shows within seconds: what cannot is "
        '<a href="{}?{}">dead again</a>, and each letter says what became of its event.',
        text,
        reverse(LIST),
        died_again,
    )


def describe_event(letter: DeadLetter) -> str:
    """What became of a letter's event, looked up as its sender would."""
    try:
        receipt = find_receipt(bytes.fromhex(letter.project), letter.event_id)
    except Unavailable as exc:
        return exc.detail
    match receipt["state"]:
        case "stored":
            return f"stored, with the time {receipt['timestamp']}"
        case "erased":
            return "erased"
        case "dead":
            address = (
                f"{reverse(LIST)}?{urlencode({'q': letter.event_id, 'status__exact': 'dead'})}"
            )
            text = f"dead: {receipt['reason']}, buried {receipt['buriedAt']}"
            return format_html('{}, <a href="{}">its letters</a>', text, address)
        case _:
            return "not stored; just after a replay it may still be waiting"
