"""What is said of a file by the form of its columns, and what the page says of its states."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from analytics.databases.import_documents import Choice, ImportDocument, LookBy, Report
from analytics.events.ids import datetime_of_ms
from exchange.incoming.looking import MAPPED, BadChoice, make_choice, make_look_by
from exchange.incoming.mapping import FIELDS
from exchange.incoming.options import ENCODINGS
from exchange.incoming.report import REASONS

SAID: Final = {
    "arriving": "is being sent",
    "looking": "is being looked at",
    "choosing": "say what it is",
    "reading": "is being read",
    "confirming": "waits for your yes",
    "importing": "is being imported",
    "storing": "is being stored",
    "done": "imported",
    "failed": "failed",
    "cancelled": "cancelled",
    "expired": "expired",
    "looked": "a dry run",
}

PROPERTY: Final = "property"
PROPERTIES: Final = "properties"


def show_columns(guess: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The columns of a table: name, first values, and what each seems to mean."""
    mapping = guess.get("mapping") or {}
    meant = {column: field for field, column in mapping.get("fields", {}).items()}
    meant |= dict.fromkeys(mapping.get("properties", ()), PROPERTY)
    if mapping.get("propertiesFrom"):
        meant[mapping["propertiesFrom"]] = PROPERTIES
    return [
        {"name": each["name"], "samples": each["samples"], "meant": meant.get(each["name"], "")}
        for each in guess.get("columns", ())
    ]


def read_choice(given: Mapping[str, str], guess: Mapping[str, Any]) -> Choice:
    """What the form says of a file, of which `guess` lists the columns. Raises BadChoice."""
    source = given.get("source", "")
    options: dict[str, Any] = {
        name: given[name].strip() for name in ("site", "hostname") if given.get(name, "").strip()
    }
    if given.get("spreadsheet"):
        options["spreadsheet"] = True
    if given.get("encoding", ENCODINGS[0]) != ENCODINGS[0]:
        options["encoding"] = given["encoding"]
    mapping = _read_mapping(given, guess) if source in MAPPED else None
    return make_choice(source, mapping, options)


def read_look(given: Mapping[str, str]) -> LookBy:
    """What the form has a file looked at as. Raises BadChoice."""
    return make_look_by(given.get("source") or None, given.get("encoding") or ENCODINGS[0])


def _read_mapping(given: Mapping[str, str], guess: Mapping[str, Any]) -> dict[str, Any]:
    """Raises BadChoice for two columns that are to be one field: one of them would be lost."""
    said = list(_list_said(given, guess))
    once = Counter(field for _, field in said if field != PROPERTY)
    for field, count in once.items():
        if count > 1:
            raise BadChoice(f"{count} columns are {field}")
    mapping: dict[str, Any] = {
        "fields": {field: column for column, field in said if field in FIELDS},
        "properties": [column for column, field in said if field == PROPERTY],
        "timeFormat": given.get("timeFormat") or "iso",
        "timeZone": given.get("timeZone") or "UTC",
    }
    objects = [column for column, field in said if field == PROPERTIES]
    if objects:
        mapping["propertiesFrom"] = objects[0]
    return mapping


def _list_said(given: Mapping[str, str], guess: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for number, column in enumerate(guess.get("columns", ())):
        if field := given.get(f"column-{number}"):
            yield column["name"], field


def show_share(each: ImportDocument) -> int | None:
    """How much of the step that takes long is done, in percent."""
    if each["step"] == "arrive":
        return 100 * each.get("received", 0) // max(1, each["bytes"])
    if each["step"] == "read" and "readSoFar" in each:
        return min(100, 100 * each["readSoFar"]["bytes"] // max(1, each["bytes"]))
    if each["step"] in ("admit", "drain") and "report" in each:
        return min(100, 100 * sum(each["counts"].values()) // max(1, each["report"]["events"]))
    return None


def show_report(report: Report) -> dict[str, Any]:
    first, last = report["firstMs"], report["lastMs"]
    return {
        "rows": report["rows"],
        "events": report["events"],
        "doubles": report["doubles"],
        "stored": report["stored"],
        "new": report["events"] - report["stored"],
        "first": None if first is None else datetime_of_ms(first),
        "last": None if last is None else datetime_of_ms(last),
        "left_out": [
            {
                "count": count,
                "why": REASONS.get(reason, reason),
                "code": reason,
                "samples": report["samples"].get(reason, []),
            }
            for reason, count in sorted(report["leftOut"].items(), key=lambda each: -each[1])
        ],
    }
