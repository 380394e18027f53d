"""A notice as mail: a text, and the same as HTML that loads nothing and suits light and dark."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.template.loader import render_to_string

from notices.documents import Facts
from notices.rendering.story import Line, Listed, Story, tell

MAX_SUBJECT_CHARS = 200
_WIDTH = 72


@dataclass(frozen=True, slots=True)
class Message:
    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Links:
    """Where a mail leads: to the page with its window, and to its end. Whole addresses."""

    page: str
    unsubscribe: str


def render_mail(facts: Facts, links: Links) -> Message:
    story = tell(facts)
    context = {"story": story, "links": links, "reason": _tell_reason(story)}
    return Message(
        subject=story.subject[:MAX_SUBJECT_CHARS],
        text="\n".join(_write(story, links)) + "\n",
        html=render_to_string("notices/mail.html", context),
    )


def _write(story: Story, links: Links) -> Iterator[str]:
    yield f"{story.project}: {story.title.lower()}"
    yield story.rule
    yield f"{story.window} ({story.zone})"
    yield from (f"Only {text}" for text in story.filters)
    yield f"\n{story.sentence}"
    if story.figures:
        yield ""
        yield from _align(story.figures)
        if story.compared:
            yield f"Compared with {story.compared}"
    for listed in story.lists:
        yield f"\n{listed.title} ({listed.metric.lower()})"
        yield from _write_list(listed)
    if story.goals:
        yield "\nGoals (converting visitors)"
        yield from _align(story.goals)
    if story.notes:
        yield "\nNotes"
        yield from (f"  {when}: {text}" for when, text in story.notes)
        if story.more_notes:
            yield f"  and {story.more_notes} more"
    if story.remarks:
        yield ""
        yield from story.remarks
    yield f"\nLook at it: {links.page}"
    yield "\n-- "
    yield _tell_reason(story)
    yield f"No more of these: {links.unsubscribe}"


def _write_list(listed: Listed) -> Iterator[str]:
    yield from _align(listed.rows)
    if listed.more:
        yield f"  and {listed.more:,} more"


def _align(lines: Sequence[Line]) -> Iterator[str]:
    wide = min(44, max(len(line.label) for line in lines))
    most = max(len(line.value) for line in lines)
    for line in lines:
        change = f"{line.change.arrow} {line.change.text}".strip()
        label = line.label if len(line.label) <= wide else f"{line.label}\n  {'':{wide}}"
        yield f"  {label:<{wide}}  {line.value:>{most}}  {change}".rstrip()


def _tell_reason(story: Story) -> str:
    return f"You get this because your address is in “{story.rule}” of {story.project}."
