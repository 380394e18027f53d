"""What a page shows, as its address says it; what that does not say is as it was used last.

Unknown parameters are ignored. Invalid ones are left out, and named on the page.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, tzinfo
from typing import Any
from urllib.parse import parse_qsl, quote

from django.http import QueryDict

from analytics.web.problems import BadRequest
from dashboard.address.named import Named, find_none, read_named
from dashboard.address.windows import MORE_PERIODS, PERIODS, read_asked, year_before
from people.saved.filters import MAX_FILTERS, BadFilter, Filter, join, parse_filter
from reporting.questions.language.periods import ALL, Asked

Json = dict[str, Any]

COMPARISONS = {
    "previous": "Period before",
    "year": "Year before",
    "dates": "Year before, same dates",
    "off": "No comparison",
}
METRICS = (
    "visitors", "visits", "views", "viewsPerVisit", "bounceRate", "visitDuration", "events",
    "conversions", "conversionRate", "engagedSeconds", "scrollDepth",
)  # fmt: skip
ENDS = ("start", "end")
UNITS = ("minute", "hour", "day", "week", "month")
MAX_TOLD_CHARS = 80
# What a browser remembers of a project.
REMEMBERED = ("period", "compare", "metric")
# What stands in the address beside the filters, in this order.
_NAMES = ("period", "from", "to", "compare", "metric", "unit")
_SAFE = "/:,\\()!*'"


@dataclass(frozen=True, slots=True)
class View:
    """`start` and `end` as the address has them in `from` and `to`: then `period` is None.

    `tabs` is which field each panel shows, by the panel's name.
    """

    period: str | None
    start: str | None = None
    end: str | None = None
    compare: str = "previous"
    filters: tuple[Filter, ...] = ()
    metric: str = "visitors"
    unit: str | None = None
    tabs: Mapping[str, str] = field(default_factory=dict)
    wrong: tuple[str, ...] = ()
    is_full: bool = False  # all in one answer, and so are the views that it leads to
    kept: tuple[tuple[str, str], ...] = ()  # what a page asks beside the window, as it is written

    @property
    def named(self) -> dict[str, str]:
        """The window as a question has it."""
        if self.period:
            return {"period": self.period}
        assert self.start and self.end
        return {"start": self.start, "end": self.end}

    def read(self, zone: tzinfo, now: datetime) -> Asked:
        return read_asked(self.named, zone, now)

    @property
    def is_compared(self) -> bool:
        return self.compare != "off" and self.period != ALL

    def find_compared(self, zone: tzinfo, now: datetime) -> str | Json | None:
        """What a question is compared with: by name, or a window of its own."""
        if not self.is_compared:
            return None
        if self.compare != "dates":
            return self.compare
        window = self.read(zone, now).window
        assert window.start and window.end
        ends = (each.astimezone(zone) for each in (window.start, window.end))
        return {name: year_before(each).isoformat() for name, each in zip(ENDS, ends, strict=True)}

    @property
    def condition(self) -> Json | None:
        return join(self.filters)

    @property
    def goal(self) -> Json | None:
        """The filters that pick events: what somebody did."""
        return join(each for each in self.filters if each.chooses_events)

    @property
    def beside_goal(self) -> Json | None:
        """The filters that do not: who did it."""
        return join(each for each in self.filters if not each.chooses_events)

    def shows(self, **changes: Any) -> str:
        """The address, from its question mark on, of this view with `changes`."""
        return replace(self, **changes).write()

    def write(self) -> str:
        """Without what is as it is anyway."""
        values = {
            "period": self.period,
            "from": self.start,
            "to": self.end,
            "compare": self.compare if self.compare != "previous" else None,
            "metric": self.metric if self.metric != "visitors" else None,
            "unit": self.unit,
        }
        pairs = [(name, str(values[name])) for name in _NAMES if values[name]]
        pairs += [("f", str(each)) for each in self.filters]
        pairs += self.tabs.items()
        pairs += self.kept
        pairs += [("full", "1")] if self.is_full else []
        return "?" + "&".join(f"{name}={quote(value, safe=_SAFE)}" for name, value in pairs)

    def remember(self) -> str:
        """For a cookie."""
        values = {"period": self.period, "compare": self.compare, "metric": self.metric}
        return "&".join(f"{name}={value}" for name, value in values.items() if value)


def read_view(
    given: QueryDict,
    *,
    zone: tzinfo,
    now: datetime,
    tabs: Mapping[str, tuple[str, ...]],
    default_period: str,
    remembered: str = "",
    find_named: Callable[[str, str], Named] = find_none,
) -> View:
    """`tabs` are the panels, and what each can show; `find_named` knows segments and goals."""
    kept = dict(parse_qsl(remembered)[:10])
    wrong: list[str] = []

    def choose(name: str, among: Any, default: str) -> str:
        if (text := given.get(name)) is not None:
            if text in among:
                return text
            wrong.append(f"{name}={_cut(text)} is none of {', '.join(among)}.")
        return kept[name] if kept.get(name) in among else default

    periods = {**PERIODS, **MORE_PERIODS}
    period: str | None = choose("period", periods, default_period)
    start = end = None
    if "period" not in given and ("from" in given or "to" in given):
        start, end = given.get("from", ""), given.get("to", "")
        if "until" in given:  # of the form, which names the last day
            end = _day_after(given.get("until", ""))
        try:
            read_asked({"start": start, "end": end}, zone, now)
        except BadRequest as exc:
            wrong += [f"from={_cut(start)} and to={_cut(end)} are no window: {exc.detail}"]
            start = end = None
        else:
            period = None
    shown = {name: choose(name, fields, fields[0]) for name, fields in tabs.items()}
    return View(
        period=period,
        start=start,
        end=end,
        compare=choose("compare", COMPARISONS, "previous"),
        filters=_read_filters(given, wrong, find_named),
        metric=choose("metric", METRICS, "visitors"),
        unit=choose("unit", UNITS, "") or None,
        tabs={name: shown[name] for name, fields in tabs.items() if shown[name] != fields[0]},
        wrong=tuple(wrong),
        is_full="full" in given,
    )


def _read_filters(
    given: QueryDict, wrong: list[str], find_named: Callable[[str, str], Named]
) -> tuple[Filter, ...]:
    found: list[Filter] = []
    texts = given.getlist("f")
    if "how" in given:  # of the form
        how, name, value = (given.get(part, "") for part in ("how", "field", "value"))
        texts = [*texts, str(Filter(how, name, (value,)))]
    for text in texts:
        try:
            if len(found) == MAX_FILTERS:
                raise BadFilter(f"is one of more than {MAX_FILTERS}")
            each = read_named(text, find_named) or parse_filter(text)
        except BadFilter as exc:
            wrong.append(f"f={_cut(text)} {exc}.")
        else:
            found += [] if each in found else [each]
    return tuple(found)


def _day_after(text: str) -> str:
    try:
        return (date.fromisoformat(text) + timedelta(days=1)).isoformat()
    except (ValueError, OverflowError):
        return text


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TOLD_CHARS else text[:MAX_TOLD_CHARS] + "…"
