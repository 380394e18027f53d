"""What an import tells people: what was left out and why, and why it failed."""

from collections.abc import Iterator
from typing import Final

from analytics.databases.import_documents import ImportDocument
from analytics.events.ids import datetime_of_ms
from analytics.events.moments import format_moment
from exchange.incoming.trouble import ERRORS

_TOLD: Final = 3

REASONS: Final = {
    "bad_encoding": "bytes that are no text in the file's encoding",
    "bad_row": "not as many cells as there are columns",
    "not_json": "no JSON",
    "not_a_line_of_the_log": "no line of such a log",
    "too_long": "too long, or a value in it is",
    "too_deep": "JSON in too many levels",
    "no_time": "no time",
    "bad_time": "a time that is none",
    "no_name": "no name of the event",
    "no_page": "neither a path nor an address",
    "bad_value": "a value that is none of its column",
    "too_large": "a value that is too large",
    "other_method": "requests that ask for no page",
    "other_status": "requests that were not answered with a page",
    "asset": "pictures, scripts and styles",
    "not_an_event": "what the source notes beside events",
    "other_site": "of another website",
    "bad_id": "an id that is none of an export",
    "excluded": "the project leaves such addresses or pages out",
    "timestamp_too_old": "older than the project keeps events",
    "timestamp_in_future": "more than 24 hours ahead",
    "missing_field": "a field is missing",
    "too_short": "a value that is empty",
    "wrong_type": "a value of another type",
    "control_character": "a control character where none may be",
    "event_too_large": "an event that is too large",
    "properties_too_large": "properties that are too large",
    "number_out_of_range": "a number beyond 64 bits",
    "bad_property_name": "a name of a property that cannot be stored",
    "bad_ip": "an address that is none",
    "invalid_json": "a text that cannot be stored",
    "bad_timestamp": "a time that is none",
}
"""Why rows are left out, by the code."""


def tell_report(job: ImportDocument) -> Iterator[str]:
    """Lines for who reads them in a terminal."""
    report = job.get("report")
    if report is None:
        return
    yield f"{report['rows']} rows"
    first, last = report["firstMs"], report["lastMs"]
    if first is not None and last is not None:
        since, until = (format_moment(datetime_of_ms(ms)) for ms in (first, last))
        yield f"events from {since} to {until}"
    if job.get("outcome") == "looked":
        yield f"{report['events'] - report['stored']} would be imported"
        yield f"{report['stored']} are stored already"
    else:
        counts = job["counts"]
        yield f"{counts['imported']} imported"
        yield f"{counts['stored']} were stored already"
        if counts["erased"]:
            yield f"{counts['erased']} left out: their users were erased meanwhile"
    if report["doubles"]:
        yield f"{report['doubles']} stand in the file more than once"
    for reason, count in sorted(report["leftOut"].items(), key=lambda each: -each[1]):
        yield f"{count} left out: {REASONS.get(reason, reason)} ({reason})"
        for sample in report["samples"].get(reason, [])[:_TOLD]:
            yield f"    row {sample['row']}: {sample['detail']}".rstrip(": ")


def tell_error(code: str, detail: str = "") -> str:
    """Why it failed, in a sentence, with what is known."""
    said = ERRORS.get(code, code)
    return f"{said.removesuffix('.')}: {detail}." if detail else said
