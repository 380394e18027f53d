"""What the bodies of several questions have in common."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import TypedDict, TypeVar

from reporting.questions.bots import Bots
from reporting.questions.conditions import Condition
from reporting.questions.language.filter import read_conditions
from reporting.questions.language.json_body import Node
from reporting.questions.language.periods import DEFAULT_PERIOD
from reporting.questions.language.table import Asker, read_bots
from reporting.questions.language.window import read_window, read_zone
from reporting.questions.params import Mistakes
from reporting.questions.window import UNBOUNDED, Window

COMMON = ("start", "end", "period", "timezone", "bots")

T = TypeVar("T", bound=str)


class Common(TypedDict):
    """The fields of a WindowedQuery."""

    project: bytes
    window: Window
    timezone: tzinfo
    bots: Bots
    now: datetime
    raw_horizon: datetime | None
    visit_zone: str
    restriction: Condition | None


@dataclass(frozen=True, slots=True)
class Body:
    """The fields of one body; what is wrong with them goes to `mistakes`."""

    fields: Mapping[str, Node]
    mistakes: Mistakes

    def read_common(self, asker: Asker) -> Common:
        zone = read_zone(self.fields, asker.timezone)
        asked = read_window(self.fields, zone, asker.now, self.mistakes, default=DEFAULT_PERIOD)
        return Common(
            project=asker.project,
            window=asked.window if asked else UNBOUNDED,
            timezone=zone,
            bots=read_bots(self.fields, leaves_out_bots=asker.leaves_out_bots),
            now=asker.now,
            raw_horizon=asker.raw_horizon,
            visit_zone=asker.visit_zone,
            restriction=asker.restriction,
        )

    def number(self, name: str, code: str, low: int, high: int, default: int) -> int:
        return self.fields[name].number(code, low, high) if name in self.fields else default

    def choice(self, name: str, code: str, choices: tuple[T, ...], default: T) -> T:
        node = self.fields.get(name)
        text = node.text() if node else None
        if node is None or text is None:
            return default
        for choice in choices:
            if choice == text:
                return choice
        node.refuse(code, f"is none of {', '.join(choices)}")
        return default

    def conditions(self, *names: str) -> list[Condition | None]:
        """Of each name its condition, or None; what is limited is so in all of them together."""
        found = read_conditions(self.fields[name] for name in names if name in self.fields)
        known = iter(found)
        return [next(known) if name in self.fields else None for name in names]
