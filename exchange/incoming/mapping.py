"""Which column of a table, or key of a line of JSON, is which field of an event."""

from typing import Final

import msgspec

FIELDS: Final = (
    "timestamp", "event", "url", "path", "hostname", "title", "referrer", "language", "screen",
    "user_id", "session_id", "visitor", "user_agent", "ip", "country", "region", "city", "browser",
    "os", "device", "utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "is_bot",
    "source_id",
)  # fmt: skip
"""What a column may be: the fields of `ImportedRow`, which are texts but for a few."""

TIME_FORMATS: Final = ("iso", "seconds", "milliseconds", "microseconds", "nanoseconds")
"""Others are formats as `datetime.strptime` reads them."""


class Mapping(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """What people confirm before a CSV or JSON lines are read; small JSON, kept with the job."""

    fields: dict[str, str] = {}
    """Field of FIELDS -> column. In JSON `a.b` is the key b in the object a."""
    constants: dict[str, str] = {}
    """Field of FIELDS -> the same value for each row that has none."""
    time_format: str = "iso"
    time_zone: str = "UTC"
    """Of times that name no zone themselves."""
    properties: list[str] = []
    """Columns that are properties, by their names."""
    properties_from: str | None = None
    """A column that holds an object (in a CSV: its JSON), whose keys are properties."""
