"""What an import is asked for, and what somebody says of its file, as bodies of JSON."""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from analytics.databases.import_documents import Choice, LookBy
from exchange.incoming.job import MAX_NAME_CHARS
from exchange.incoming.looking import MAPPED, BadChoice, make_choice, make_look_by
from exchange.incoming.options import ENCODINGS, SOURCES
from reporting.questions.language.json_body import Node, Spelled, read_body

MAX_SIZE_BYTES: Final = 1 << 50
SAID: Final = ("source", "mapping", "site", "hostname", "encoding", "spreadsheet")
"""What is said of a file."""
FIELDS: Final = ("file", "bytes", "sha256", "confirmed", "dryRun", *SAID)

_SUM: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_WHOLE: Final = re.compile(r"[1-9][0-9]{0,15}", re.ASCII)
_SITE_CHARS: Final = 256


class Asked(NamedTuple):
    file: str
    size_bytes: int
    sha256: str
    choice: Choice | None
    look_by: LookBy | None
    confirmed: bool
    dry_run: bool


def parse_import(body: bytes) -> Asked:
    """The body of POST /imports. Raises BadRequest with the code and place of each mistake."""
    root = read_body(body)
    fields = root.fields(FIELDS)
    for name in ("file", "bytes"):
        if name not in fields:
            root.mistakes.refuse(name, "missing_field", "is required")
    asked = Asked(
        _read_text(fields, "file", MAX_NAME_CHARS),
        _read_size(fields),
        _read_sum(fields),
        *_read_said(fields),
        confirmed=_read_flag(fields, "confirmed"),
        dry_run=_read_flag(fields, "dryRun"),
    )
    root.mistakes.check()
    return asked


def parse_choice(body: bytes) -> tuple[Choice | None, LookBy]:
    """The body of POST /imports/{importId}/choice: what the file is, or what to look at it as.

    Raises BadRequest.
    """
    root = read_body(body)
    choice, look_by = _read_said(root.fields(SAID))
    root.mistakes.check()
    return choice, look_by or make_look_by(None, ENCODINGS[0])


def _read_said(fields: Mapping[str, Node]) -> tuple[Choice | None, LookBy | None]:
    """A choice where enough is said for one, else what the file is to be looked at as."""
    source, encoding = (
        _read_one(fields, "source", SOURCES),
        _read_one(fields, "encoding", ENCODINGS),
    )
    options: dict[str, Any] = {
        name: text
        for name in ("site", "hostname")
        if (text := _read_text(fields, name, _SITE_CHARS))
    }
    if encoding:
        options["encoding"] = encoding
    if _read_flag(fields, "spreadsheet"):
        options["spreadsheet"] = True
    mapping = fields.get("mapping")
    if source and (mapping is not None or source not in MAPPED):
        return _make_choice(source, mapping, options), None
    if mapping is not None and "source" not in fields:
        mapping.refuse("bad_mapping", "is of no source")
    if not (source or encoding):
        return None, None
    return None, make_look_by(source or None, encoding or ENCODINGS[0])


def _make_choice(source: str, mapping: Node | None, options: dict[str, Any]) -> Choice | None:
    if mapping is not None and source not in MAPPED:
        mapping.refuse("bad_mapping", f"is for {' and '.join(MAPPED)} alone")
        return None
    try:
        return make_choice(source, None if mapping is None else mapping.value, options)
    except BadChoice as exc:
        if mapping is not None:
            mapping.refuse("bad_mapping", f"does not say what the columns are: {exc}")
        return None


def _read_text(fields: Mapping[str, Node], name: str, most_chars: int) -> str:
    text = fields[name].text() if name in fields else None
    if text is not None and not 0 < len(text) <= most_chars:
        fields[name].refuse("bad_value", f"has not 1 to {most_chars} characters")
    return text or ""


def _read_one(fields: Mapping[str, Node], name: str, known: tuple[str, ...]) -> str:
    text = fields[name].text() if name in fields else None
    if text is not None and text not in known:
        fields[name].refuse(f"bad_{name}", f"is none of {', '.join(known)}")
        return ""
    return text or ""


def _read_size(fields: Mapping[str, Node]) -> int:
    value = fields["bytes"].value if "bytes" in fields else Spelled("1")
    if isinstance(value, Spelled) and _WHOLE.fullmatch(value) and int(value) <= MAX_SIZE_BYTES:
        return int(value)
    fields["bytes"].refuse("bad_value", "is not a number of bytes, from 1 on")
    return 1


def _read_sum(fields: Mapping[str, Node]) -> str:
    text = fields["sha256"].text() if "sha256" in fields else None
    if text is not None and not _SUM.fullmatch(text.lower()):
        fields["sha256"].refuse("bad_value", "is not 64 hex digits")
    return (text or "").lower()


def _read_flag(fields: Mapping[str, Node], name: str) -> bool:
    value = fields[name].value if name in fields else False
    if not isinstance(value, bool):
        fields[name].refuse("wrong_type", "is neither true nor false")
    return value is True
