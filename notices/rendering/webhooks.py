"""A notice as JSON: in our own shape, or as Slack and those who understand it want it."""

import json
import re
from collections.abc import Sequence
from typing import Any, Literal

from notices.documents import Facts
from notices.rendering.story import Line, Story, tell

Json = dict[str, Any]

MAX_HEADER_CHARS = 150  # of Slack, and so are the next two
MAX_TEXT_CHARS = 3_000
MAX_FIELDS = 10

# What calls a whole channel, of Slack and of those who understand the same.
_CALL = re.compile(r"@(?=(?:all|channel|everyone|here)\b)", re.I)
_UNCALLED = "@\N{WORD JOINER}"


def render_webhook(facts: Facts, shape: Literal["plain", "slack"], page: str) -> bytes:
    """`page` is the whole address of the page with the same window; empty where none is known."""
    body = _as_slack(facts, page) if shape == "slack" else _as_json(facts, page)
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def _as_json(facts: Facts, page: str) -> Json:
    """As Standard Webhooks has it: `type`, `timestamp` and `data`, which are the facts."""
    story = tell(facts)
    kind = f"alert.{facts['what']}" if facts["kind"] == "alert" else "report"
    shown = {name: value for name, value in facts.items() if name not in ("path", "kind")}
    said = {"subject": story.subject, "sentence": story.sentence, "url": page or None}
    return {"type": kind, "timestamp": facts["madeAt"], "data": {**shown, **said}}


def _as_slack(facts: Facts, page: str) -> Json:
    story = tell(facts)
    blocks: list[Json] = [
        {"type": "header", "text": {"type": "plain_text", "text": _cut_header(story)}},
        _section(f"{_escape(story.sentence)}\n{_escape(story.window)} ({_escape(story.zone)})"),
    ]
    if story.filters:
        blocks.append(_section("\n".join(f"Only {_escape(text)}" for text in story.filters)))
    if story.figures:
        fields = [_text(f"*{_escape(line.label)}*\n{_count(line)}") for line in story.figures]
        blocks.append({"type": "section", "fields": fields[:MAX_FIELDS]})
    for listed in story.lists:
        blocks.append(_section(f"*{_escape(listed.title)}*\n{_list(listed.rows)}"))
    if story.goals:
        blocks.append(_section(f"*Goals*\n{_list(story.goals)}"))
    if story.notes:
        notes = "\n".join(f"{_escape(when)}: {_escape(text)}" for when, text in story.notes)
        blocks.append(_section(f"*Notes*\n{notes}"))
    told = [_escape(text) for text in story.remarks]
    if page:
        told.append(f"<{_escape(page)}|Look at this window>")
    if told:
        told_text = _text("\n".join(told))
        blocks.append({"type": "context", "elements": [told_text]})
    return {"text": _escape(f"{story.subject}. {story.sentence}"), "blocks": blocks}


def _cut_header(story: Story) -> str:
    return _CALL.sub(_UNCALLED, f"{story.project}: {story.rule}")[:MAX_HEADER_CHARS]


def _section(text: str) -> Json:
    return {"type": "section", "text": _text(text)}


def _text(text: str) -> Json:
    return {"type": "mrkdwn", "text": text[:MAX_TEXT_CHARS], "verbatim": True}


def _list(lines: Sequence[Line]) -> str:
    return "\n".join(f"{_count(line)}  {_escape(line.label)}" for line in lines)


def _count(line: Line) -> str:
    return f"{line.value} {line.change.arrow}{line.change.text}".strip()


def _escape(text: str) -> str:
    """So that no name is a link, or calls everybody in the channel."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _CALL.sub(_UNCALLED, text)
