"""Funnels of few events, counted by trying every chain in every order, and ways to ask for one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from itertools import combinations, groupby, permutations, product
from statistics import median
from typing import Any

from reporting.answers import FunnelAnswer
from reporting.columns.dialect.behaviour.funnel import answer_funnel
from reporting.questions.funnel import FunnelQuery
from tests.columns.cuts.visits import find_visits
from tests.reporting_dialect.asking import DAY, NOW, Event, Files, at, compare, ms

Found = tuple[list[tuple[int, float | None]], Any]


@dataclass(frozen=True)
class Asked:
    """The events of which the path has the digit k match step k."""

    steps: int = 3
    within_seconds: int = 86_400
    by: Any = "visitor"
    order: Any = "any_between"
    dimension: str | None = None


def ask(files: Files, asked: Asked, **more: Any) -> FunnelAnswer:
    query = FunnelQuery(
        project=b"project.",
        window=more.pop("window", DAY),
        timezone=UTC,
        now=NOW,
        steps=tuple(compare("path", "contains", str(n + 1)) for n in range(asked.steps)),
        within_seconds=asked.within_seconds,
        by=asked.by,
        order=asked.order,
        dimension=at(asked.dimension) if asked.dimension else None,
        **more,
    )
    return answer_funnel(files.engine, files.view, query)


def read(answer: FunnelAnswer) -> list[tuple[int, float | None]]:
    return [(step.people, step.median_seconds) for step in answer.steps]


def read_groups(answer: FunnelAnswer) -> dict[Any, list[tuple[int, float | None]]]:
    return {g.value: [(s.people, s.median_seconds) for s in g.steps] for g in answer.groups or ()}


def count(events: Sequence[Event], asked: Asked) -> list[tuple[int, float | None]]:
    return _sum_up([times for times, _ in _list_chains(events, asked)], asked.steps)


def count_groups(
    events: Sequence[Event], asked: Asked
) -> dict[Any, list[tuple[int, float | None]]]:
    chains = list(_list_chains(events, asked))
    assert asked.dimension is not None
    name = asked.dimension
    values = {first.get(name) for _, first in chains}
    return {
        value: _sum_up([t for t, first in chains if first.get(name) == value], asked.steps)
        for value in values
    }


def _sum_up(chains: Sequence[Sequence[int]], steps: int) -> list[tuple[int, float | None]]:
    found: list[tuple[int, float | None]] = []
    for step in range(steps):
        came = [times for times in chains if len(times) > step]
        waits = [times[step] - times[step - 1] for times in came]
        found.append((len(came), median(waits) / 1_000 if waits and step else None))
    return found


def _list_chains(events: Sequence[Event], asked: Asked) -> Iterator[tuple[list[int], Event]]:
    """Of each person the times of the chain that counts, and its first event."""
    persons = (
        _list_visits(events)
        if asked.by == "visit"
        else [event.get({"visitor": "visitor", "user": "userId"}[asked.by]) for event in events]
    )
    for who in {*persons} - {None}:
        theirs = [event for event, person in zip(events, persons, strict=True) if person == who]
        chains = list(_try_all(theirs, asked))
        if chains:
            yield min(chains, key=lambda found: (-len(found[0]), found[0], _place(found[1])))


def _list_visits(events: Sequence[Event]) -> list[Any]:
    """Of each event its visit, or None."""
    rows = [{**event, "timestamp": ms(event["timestamp"])} for event in events]
    visits = find_visits(rows, lambda moment: moment // 86_400_000)
    return [
        None
        if (start := visits[index]["visitStart"]) is None
        else (row["visitor"] if row["anonymous"] is None else row["anonymous"], start)
        for index, row in enumerate(rows)
    ]


def _place(event: Event) -> tuple[Any, ...]:
    return event["timestamp"], event["event"] != "pageview", event["id"]


def _try_all(events: Sequence[Event], asked: Asked) -> Iterator[tuple[list[int], Event]]:
    within_ms = asked.within_seconds * 1_000
    for line in _list_orders(events):
        for length in range(1, asked.steps + 1):
            for chosen in combinations(range(len(line)), length):
                chain = [line[at] for at in chosen]
                times = [ms(event["timestamp"]) for event in chain]
                between = [line[at] for at in range(chosen[0], chosen[-1]) if at not in chosen]
                if (
                    all(str(n) in event["path"] for n, event in enumerate(chain, 1))
                    and (asked.by == "visit" or times[-1] - times[0] <= within_ms)
                    and (
                        asked.order == "any_between"
                        or all(event["event"].startswith("$") for event in between)
                    )
                ):
                    yield times, chain[0]


def _list_orders(events: Sequence[Event]) -> Iterator[list[Event]]:
    """By time, equal times in every order."""
    ordered = sorted(events, key=_place)
    moments = [list(group) for _, group in groupby(ordered, lambda event: event["timestamp"])]
    for orders in product(*map(permutations, moments)):
        yield [event for order in orders for event in order]
