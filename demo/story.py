"""The events of the shop, day by day: equal seeds and days tell equal stories.

A day that was told before has no event that is new when it is told again later, with as many:
it is told as busier the nearer it is to the last one, and less of it is the beginning of more.
"""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from typing import Any, Final, TypeVar
from uuid import UUID

from demo.people import CAMPAIGNS, COUNTRIES, CRAWLERS, DEVICES, REFERRERS
from demo.shop import HOST, LANDINGS, PAGES, PRICES

DAYS: Final = 90
SEED: Final = 7

Event = dict[str, Any]
T = TypeVar("T")

# Of a day, hour by hour: what of it comes then. In UTC, of a shop that sells to Europe above all.
_HOURS: Final = (2, 1, 1, 1, 1, 2, 3, 5, 7, 8, 8, 8, 9, 8, 7, 7, 7, 8, 9, 10, 10, 8, 6, 4)
_WEEKDAYS: Final = (1.0, 1.02, 0.98, 0.97, 0.9, 1.12, 1.22)
_VISITS: Final = (110, 260)  # on the first day, and on the last
_CAMPAIGN_EVERY: Final = 91  # days: any ninety of them have all of a week of it, or nearly
_CAMPAIGN_DAYS: Final = range(7)  # of these, days that go better
_CUSTOMERS: Final = 600
_KNOWN: Final = 0.12  # of the visits those of a customer who is signed in
_SUBSCRIBES: Final = 0.04  # of the readers of the journal
_CRAWLED: Final = 0.07  # pages that crawlers read, for one that a person does
_MOST_PAGES: Final = 14
_LONGEST_READ: Final = 900  # seconds


def tell(last: date, *, days: int = DAYS, seed: int = SEED) -> Iterator[list[Event]]:
    """The events of each day up to `last`, as POST /events takes them; by time within a day."""
    for number in range(days):
        day = last - timedelta(days=days - 1 - number)
        yield _Day(seed, day, number, days).tell()


def is_first_of_campaign(day: date) -> bool:
    return _day_of_campaign(day) == _CAMPAIGN_DAYS.start


def _day_of_campaign(day: date) -> int:
    return day.toordinal() % _CAMPAIGN_EVERY


class _Day:
    """One day of the shop."""

    def __init__(self, seed: int, day: date, number: int, days: int) -> None:
        self._rng = rng = random.Random(f"{seed} {day.isoformat()}")
        self._of_crawlers = random.Random(f"{seed} {day.isoformat()} crawlers")
        self._midnight = datetime.combine(day, time(), UTC)
        first, last = _VISITS
        visits = first + (last - first) * (number + 1) / days
        visits *= _WEEKDAYS[day.weekday()] * rng.uniform(0.9, 1.1)
        if _day_of_campaign(day) in _CAMPAIGN_DAYS:
            visits *= 1.35
        self._visits = round(visits)

    def tell(self) -> list[Event]:
        events = [event for _ in range(self._visits) for event in self._tell_visit()]
        crawled = round(len(events) * _CRAWLED)
        self._rng = self._of_crawlers  # what they read does not depend on how many people came
        events += [self._crawl() for _ in range(crawled)]
        return sorted(events, key=lambda event: str(event["timestamp"]))

    def _tell_visit(self) -> Iterator[Event]:
        rng = self._rng
        country = _draw([(each, each.weight) for each in COUNTRIES], rng)
        device = _draw([(each, each.weight) for each in DEVICES], rng)
        who = {
            "ip": f"{rng.choice(country.networks)}.{rng.randrange(256)}.{rng.randrange(1, 255)}",
            "userAgent": device.user_agent,
            "screen": device.screen,
            "language": country.language,
        }
        if rng.random() < _KNOWN:
            who["userId"] = f"customer-{rng.randrange(_CUSTOMERS)}"
        now, path = self._draw_moment(), _draw(LANDINGS, rng)
        campaign = _draw([(each, each.weight) for each in CAMPAIGNS], rng).query
        referrer = "" if campaign else _draw(REFERRERS, rng)
        basket = 0.0
        for _ in range(_MOST_PAGES):
            if path in PRICES and rng.random() < 0.3:
                basket += PRICES[path]
            view, stays = self._view(who, now, path, campaign, referrer)
            yield view
            if path.startswith("/blog/") and rng.random() < _SUBSCRIBES:
                yield self._event(who, now + timedelta(seconds=stays / 2), path, "newsletter")
            if path == "/thank-you":
                order = {"amount": round(basket or 14.5, 2), "currency": "EUR"}
                yield self._event(who, now, path, "purchase", **order)
            yield self._engage(who, now + timedelta(seconds=stays), path, view, stays)
            now += timedelta(seconds=stays + rng.uniform(0.5, 4))
            following = self._go_on(path)
            if following is None:
                return
            if following == "/cart":
                basket = basket or PRICES.get(path, 14.5)
                yield self._event(who, now, path, "add_to_cart", product=path.rsplit("/", 1)[-1])
            path, campaign, referrer = following, "", f"https://{HOST}{path}"

    def _view(
        self, who: Event, now: datetime, path: str, campaign: str, referrer: str
    ) -> tuple[Event, float]:
        """A pageview, and for how many seconds it is looked at."""
        view = self._event(who, now, path, "pageview")
        view["url"] = f"https://{HOST}{path}" + (f"?{campaign}" if campaign else "")
        view["title"] = PAGES[path].title
        if referrer:
            view["referrer"] = referrer
        stays = min(self._rng.expovariate(1 / PAGES[path].seconds) + 1, _LONGEST_READ)
        return view, stays

    def _engage(self, who: Event, now: datetime, path: str, view: Event, stays: float) -> Event:
        scroll = min(100, round(self._rng.triangular(10, 110, 70)))
        measured = {"view": view["eventId"], "seconds": round(stays), "scroll": scroll}
        return self._event(who, now, path, "$engagement", **measured)

    def _crawl(self) -> Event:
        rng = self._rng
        who = {"ip": f"66.249.{rng.randrange(64, 96)}.{rng.randrange(1, 255)}"}
        who["userAgent"] = _draw(CRAWLERS, rng)
        path = rng.choice(list(PAGES))
        return self._event(who, self._draw_moment(), path, "pageview")

    def _event(self, who: Event, now: datetime, path: str, name: str, **properties: Any) -> Event:
        event = {
            "eventId": str(UUID(int=self._rng.getrandbits(128), version=4)),
            "event": name,
            "timestamp": now.isoformat(timespec="milliseconds"),
            "url": f"https://{HOST}{path}",
            **who,
        }
        return {**event, "properties": properties} if properties else event

    def _draw_moment(self) -> datetime:
        [hour] = self._rng.choices(range(len(_HOURS)), _HOURS)
        return self._midnight + timedelta(hours=hour, seconds=self._rng.uniform(0, 3_600))

    def _go_on(self, path: str) -> str | None:
        """Where to, of a hundred readers of a page as many as its table says; None: away."""
        drawn = self._rng.uniform(0, 100)
        ways = PAGES[path].next
        for (following, _), upto in zip(ways, accumulate(w for _, w in ways), strict=True):
            if drawn < upto:
                return following
        return None


def _draw(table: Sequence[tuple[T, float]], rng: random.Random) -> T:
    [value] = rng.choices([each for each, _ in table], [weight for _, weight in table])
    return value
