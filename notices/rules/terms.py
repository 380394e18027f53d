"""What rules may say: checked before they are kept."""

import math
from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from analytics.projects.models import Project
from analytics.web.problems import BadRequest
from notices.documents import AlertTerms, ReportTerms, Target
from notices.rules.asking import Broken, Desk, read_filters
from notices.rules.measuring import OF_GOALS, find_base, write_question
from people.saved.filters import MAX_FILTERS
from people.saved.ids import validate_name
from people.saved.models import MAX_FILTER_CHARS, MAX_NAME_CHARS

MOST_TARGETS = 10
MAX_ADDRESS_CHARS = 254
MAX_URL_CHARS = 2_000
MAX_VALUE = 1e15
MIN_PAUSE_MINUTES = 60
MAX_PAUSE_MINUTES = 30 * 24 * 60
MIN_SILENT_MINUTES = 5
MAX_SILENT_MINUTES = 30 * 24 * 60
OF_SILENCE = "events"
"""The metric of what is silent."""

_HOWS = ("above", "below", "changed", "silent")
_UNITS = ("hour", "day", "week", "month")
_DIRECTIONS = ("either", "up", "down")
_EVERY = ("day", "week", "month")
_SHAPES = ("plain", "slack")


class Draft(TypedDict):
    """A rule as somebody wants it: with one of `alert` and `report`."""

    name: str
    alert: NotRequired[AlertTerms]
    report: NotRequired[ReportTerms]
    targets: list[Target]


def make_alert(**terms: Any) -> AlertTerms:
    """The terms that are given, and the usual ones beside them."""
    usual: AlertTerms = {
        "how": "above",
        "metric": "visitors",
        "filters": [],
        "goal": None,
        "value": None,
        "unit": "day",
        "running": False,
        "direction": "either",
        "against": "before",
        "smallest": None,
        "silentMinutes": None,
        "pauseMinutes": 24 * 60,
    }
    unknown = terms.keys() - usual.keys()
    if unknown:
        raise TypeError(f"no terms of an alert: {sorted(unknown)}")
    return {**usual, **terms}  # type: ignore[typeddict-item]


def check_draft(desk: Desk, draft: Draft) -> None:
    """Raises ValidationError, by the names of the fields."""
    mistakes: dict[str, str] = {}
    _check_name(draft["name"], mistakes)
    _check_targets(draft["targets"], mistakes)
    if alert := draft.get("alert"):
        check_alert(desk, alert, mistakes)
    elif report := draft.get("report"):
        _check_report(report, mistakes)
    if mistakes:
        raise ValidationError(dict(mistakes))


def _check_name(name: str, mistakes: dict[str, str]) -> None:
    if not 1 <= len(name) <= MAX_NAME_CHARS:
        mistakes["name"] = f"A name has 1 to {MAX_NAME_CHARS} characters."
        return
    try:
        validate_name(name)
    except ValidationError as exc:
        mistakes["name"] = " ".join(exc.messages)


def _check_targets(targets: list[Target], mistakes: dict[str, str]) -> None:
    """How webhooks are reached is looked at again when they are."""
    if not 1 <= len(targets) <= MOST_TARGETS:
        mistakes["targets"] = f"A rule tells 1 to {MOST_TARGETS} addresses."
    elif len({name_target(target) for target in targets}) < len(targets):
        mistakes["targets"] = "One of the addresses is there twice."
    elif not all(_is_good(target) for target in targets):
        mistakes["targets"] = "Give addresses of mail, and webhooks that begin with https://."


def _is_good(target: Target) -> bool:
    if target["kind"] == "mail":
        try:
            validate_email(target["address"])
        except ValidationError:
            return False
        return len(target["address"]) <= MAX_ADDRESS_CHARS
    url = target["url"]
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    is_plain = url.isprintable() and len(url) <= MAX_URL_CHARS and " " not in url
    return (
        is_plain and parts.scheme == "https" and bool(parts.hostname) and target["shape"] in _SHAPES
    )


def name_target(target: Target) -> str:
    """What tells the targets of a rule apart."""
    return target["address"].lower() if target["kind"] == "mail" else target["url"]


def check_alert(desk: Desk, terms: AlertTerms, mistakes: dict[str, str]) -> None:
    if terms["how"] not in _HOWS:
        mistakes["how"] = f"Choose one of {', '.join(_HOWS)}."
        return
    _check_choices(terms, mistakes)
    _check_filters(terms["filters"], mistakes)
    if not MIN_PAUSE_MINUTES <= terms["pauseMinutes"] <= MAX_PAUSE_MINUTES:
        mistakes["pauseMinutes"] = "Pause for an hour at least, and for 30 days at most."
    if terms["how"] == "silent":
        _check_silence(terms, mistakes)
    else:
        _check_numbers(terms, mistakes)
    if not mistakes:
        _check_question(desk, terms, mistakes)


def _check_choices(terms: AlertTerms, mistakes: dict[str, str]) -> None:
    if terms["unit"] not in _UNITS:
        mistakes["unit"] = f"Choose one of {', '.join(_UNITS)}."
    if terms["direction"] not in _DIRECTIONS:
        mistakes["direction"] = f"Choose one of {', '.join(_DIRECTIONS)}."
    if terms["against"] not in ("before", "week"):
        mistakes["against"] = "Compare with the unit before, or with a week earlier."
    elif terms["against"] == "week" and terms["unit"] not in ("hour", "day"):
        mistakes["against"] = "Hours and days are compared with a week earlier, nothing else."
    if terms["running"] and not _may_run(terms):
        mistakes["running"] = "What is not over yet can only be above something."


def _may_run(terms: AlertTerms) -> bool:
    """Every unit begins with nothing, and would be below, or changed, or silent."""
    return terms["how"] == "above"


def _check_silence(terms: AlertTerms, mistakes: dict[str, str]) -> None:
    if terms["metric"] != OF_SILENCE:
        mistakes["metric"] = "Events are what is silent."
    minutes = terms["silentMinutes"]
    if minutes is None or not MIN_SILENT_MINUTES <= minutes <= MAX_SILENT_MINUTES:
        mistakes["silentMinutes"] = "Silence lasts five minutes at least, and 30 days at most."


def _check_numbers(terms: AlertTerms, mistakes: dict[str, str]) -> None:
    value, smallest = terms["value"], terms["smallest"]
    if terms["silentMinutes"] is not None:
        mistakes["silentMinutes"] = "This is for silence alone."
    if value is None or not _is_number(value):
        mistakes["value"] = "Give a number."
    elif terms["how"] == "changed" and value <= 0:
        mistakes["value"] = "Give a change of more than nothing."
    if smallest is not None and not (_is_number(smallest) and smallest >= 0):
        mistakes["smallest"] = "Give a number, or leave it out."
    if terms["metric"] in OF_GOALS and not terms["goal"]:
        mistakes["goal"] = "Choose a goal."


def _is_number(value: float) -> bool:
    return math.isfinite(value) and abs(value) <= MAX_VALUE


def _check_filters(filters: list[str], mistakes: dict[str, str]) -> None:
    if len(filters) > MAX_FILTERS or sum(map(len, filters)) > MAX_FILTER_CHARS:
        mistakes["filters"] = f"A rule has up to {MAX_FILTERS} filters."
        return
    try:
        read_filters(filters)
    except Broken as exc:
        mistakes["filters"] = str(exc)


def _check_question(desk: Desk, terms: AlertTerms, mistakes: dict[str, str]) -> None:
    """As the query language would refuse it."""
    try:
        body = write_question(desk.project, terms)
        desk.parse(body)
    except Broken as exc:
        mistakes["goal" if exc.code == "goal_deleted" else "filters"] = str(exc)
    except BadRequest as exc:
        [error, *_] = exc.errors or [{"field": "", "detail": exc.detail}]
        field = "metric" if str(error["field"]).startswith("metrics") else "filters"
        mistakes[field] = str(error["detail"])


def _check_report(terms: ReportTerms, mistakes: dict[str, str]) -> None:
    if terms["every"] not in _EVERY:
        mistakes["every"] = f"Choose one of {', '.join(_EVERY)}."
    if terms["hour"] not in range(24):
        mistakes["hour"] = "Choose an hour from 0 to 23."
    _check_filters(terms["filters"], mistakes)


def needs_smallest(terms: Mapping[str, Any]) -> bool:
    """Whether a smallest number would say anything of it."""
    return bool(terms["how"] == "changed" or find_base(terms["metric"]) != terms["metric"])


def find_project(project_id: bytes) -> Project | None:
    """None: it was deleted."""
    return Project.objects.filter(pk=project_id.hex(), deleted_at=None).first()
