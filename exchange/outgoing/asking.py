"""What an export is asked for, as it is kept and as it is read again."""

import json
from collections.abc import Mapping
from datetime import tzinfo
from typing import Any, Final

from analytics.databases.export_documents import ExportQuery
from analytics.databases.export_formats import Format
from analytics.events.moments import format_moment, parse_moment
from exchange.formats import FORMATS
from reporting.questions.conditions import Condition
from reporting.questions.language.filter import read_condition
from reporting.questions.language.json_body import BadJson, Node, read_body, read_json
from reporting.questions.language.window import read_zone
from reporting.questions.params import Mistakes
from reporting.questions.window import BadWindow, Bound, Window, close_window, parse_bound

FIELDS: Final = ("format", "start", "end", "timezone", "filter", "withAddresses", "spreadsheet")


def parse_export(body: bytes, timezone: tzinfo) -> ExportQuery:
    """The body of POST /exports. Dates without a time are days of `timezone`, or of its own.

    Raises BadRequest with the code and the place of each mistake.
    """
    root = read_body(body)
    query = _read(root.fields(FIELDS), root.mistakes, timezone)
    root.mistakes.check()
    return query


def parse_options(options: Mapping[str, Any], timezone: tzinfo) -> ExportQuery:
    """As `parse_export`, of texts and flags; the filter is a text of JSON. Raises BadRequest."""
    mistakes = Mistakes()
    given = {name: Node(value, name, mistakes) for name, value in options.items() if value}
    if "filter" in given:
        try:
            given["filter"] = Node(read_json(options["filter"]), "filter", mistakes)
        except BadJson as exc:
            mistakes.refuse("filter", "bad_filter", str(exc))
    query = _read(given, mistakes, timezone)
    mistakes.check()
    return query


def read_question(query: ExportQuery) -> tuple[Window, Condition | None]:
    """What of the project is asked for."""
    start, end = query["start"], query["end"]
    window = Window(parse_moment(start) if start else None, parse_moment(end) if end else None)
    if query["filter"] is None:
        return window, None
    mistakes = Mistakes()
    node = Node(read_json(query["filter"]), "filter", mistakes)
    condition = read_condition(node, of_single_events=True)
    mistakes.check()
    return window, condition


def _read(fields: Mapping[str, Node], mistakes: Mistakes, timezone: tzinfo) -> ExportQuery:
    format_ = _read_format(fields)
    spreadsheet = _read_flag(fields, "spreadsheet")
    if spreadsheet and format_ != "csv":
        mistakes.refuse("spreadsheet", "bad_format", "is for csv alone")
    window = _read_window(fields, mistakes, read_zone(fields, timezone))
    condition = fields.get("filter")
    if condition is not None:
        read_condition(condition, of_single_events=True)
    return ExportQuery(
        format=format_,
        start=format_moment(window.start) if window.start else None,
        end=format_moment(window.end) if window.end else None,
        filter=_spell(condition.value) if condition is not None else None,
        withAddresses=_read_flag(fields, "withAddresses"),
        spreadsheet=spreadsheet,
    )


def _read_format(fields: Mapping[str, Node]) -> Format:
    text = fields["format"].text() if "format" in fields else None
    for known in FORMATS:
        if known == text:
            return known
    if text is not None:
        fields["format"].refuse("bad_format", f"is none of {', '.join(FORMATS)}")
    return FORMATS[0]


def _read_flag(fields: Mapping[str, Node], name: str) -> bool:
    if name not in fields:
        return False
    value = fields[name].value
    if not isinstance(value, bool):
        fields[name].refuse("wrong_type", "is neither true nor false")
    return bool(value)


def _read_window(fields: Mapping[str, Node], mistakes: Mistakes, zone: tzinfo) -> Window:
    """Either end may be missing: from the first event on, or to the last."""

    def parse(text: str) -> Bound:
        return parse_bound(text, zone)

    start, end = (
        fields[name].parse("bad_timestamp", parse) if name in fields else None
        for name in ("start", "end")
    )
    if start is None or end is None:
        return Window(start.moment if start else None, end.moment if end else None)
    try:
        return close_window(start, end, zone)
    except BadWindow as exc:
        mistakes.refuse("end", "bad_window", str(exc))
        return Window()


def _spell(value: Any) -> str:
    """A filter as text; `read_json` read its numbers as they were spelled, and texts they stay."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
