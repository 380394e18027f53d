"""Bodies in JSON, judged by the forms of the pages: a rule has one home, whoever asks.

A field of a body has the form's name in camelCase. What is wrong is told by its name there.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db.models import Model

from analytics.events.moments import format_moment, parse_moment
from analytics.web.problems import BadRequest
from reporting.questions.language.json_body import Node, Spelled
from reporting.questions.params import MAX_REPORTED_ERRORS

Kind = Literal["text", "lines", "choices", "flag", "number", "moment"]
Kinds = Mapping[str, Kind]

MAX_ITEMS = 1_000


def to_camel(name: str) -> str:
    return re.sub(r"_([a-z])", lambda match: match[1].upper(), name)


def render_moments(row: Model, *names: str) -> dict[str, str | None]:
    """Moments of a row by the names that an answer has; null where there is none."""
    return {
        to_camel(name): getattr(row, name) and format_moment(getattr(row, name)) for name in names
    }


def read_fields(body: Node, kinds: Kinds) -> dict[str, Any]:
    """What a form is sent for the fields of a body. Raises BadRequest for other types."""
    names = {to_camel(name): name for name in kinds}
    found = {}
    for field, node in body.fields(names).items():
        name = names[field]
        found[name] = _read(node, kinds[name])
    body.mistakes.check()
    return found


def check_form(form: forms.BaseForm) -> None:
    """Raises BadRequest with what the form refuses, by the names that a body has."""
    if form.is_valid():
        return
    errors = [
        {
            "field": _name(name),
            "code": "missing_field" if each["code"] == "required" else "bad_value",
            "detail": each["message"],
        }
        for name, found in form.errors.get_json_data().items()
        for each in found
    ]
    raise refuse(errors)


def check_model(row: Model, exclude: Collection[str]) -> None:
    """Raises BadRequest with what the model refuses, by the names that a body has."""
    try:
        row.full_clean(exclude=exclude, validate_unique=False)
    except ValidationError as exc:
        errors = [
            {"field": _name(name), "code": "bad_value", "detail": told}
            for name, found in exc.message_dict.items()
            for told in found
        ]
        raise refuse(errors) from None


def refuse(errors: Sequence[Mapping[str, Any]]) -> BadRequest:
    """One mistake by its own code."""
    if len(errors) == 1:
        return BadRequest(errors[0]["detail"], code=errors[0]["code"], errors=errors)
    detail = f"{len(errors)} fields are wrong; `errors` names them."
    return BadRequest(detail, code="invalid_query", errors=errors[:MAX_REPORTED_ERRORS])


def _name(name: str) -> str:
    return "body" if name == NON_FIELD_ERRORS else to_camel(name)


def _read(node: Node, kind: Kind) -> Any:
    match kind:
        case "flag":
            if not isinstance(node.value, bool):
                node.refuse("wrong_type", "is neither true nor false")
            return "on" if node.value is True else ""
        case "lines" | "choices":
            texts = [_read_line(item) for item in node.items("bad_value", 0, MAX_ITEMS)]
            return texts if kind == "choices" else "\n".join(texts)
        case "text":
            return node.text() or ""
    if node.value is None:
        return ""
    if kind == "moment":
        moment = node.parse("bad_timestamp", parse_moment)
        return moment.isoformat() if moment else ""
    if not isinstance(node.value, Spelled):
        node.refuse("wrong_type", "is not a number, nor null")
    return str(node.value)


def _read_line(node: Node) -> str:
    text = node.text() or ""
    if len(text.splitlines()) > 1 or not text.strip():
        node.refuse("bad_value", "is not one line of text")
    return text
