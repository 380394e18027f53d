"""Summaries of few events keep facts of them, and say what their tables would."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from analytics.rollups import (
    FACTS_FORMAT,
    FEW_FACTS,
    TABLES_FORMAT,
    CorruptTable,
    Fact,
    Table,
    make_summaries,
    merge_encoded,
    read_summaries,
    summarize,
)
from analytics.rollups import summary as summaries
from analytics.rollups.facts import pack_facts, read_fact, unpack_facts
from analytics.rollups.uniques import EXACT_MAX
from tests.analytics.test_rollup_format import NOON, PROJECT, make_events

QUARTER = timedelta(minutes=15)
# As the first release that kept facts packed it: read for ever.
GOLDEN = (
    "9199ce001e1afd93cf8ac7230489e80000cfffffffffffffffffc3a32fc3a9a87061676576696577a2444593a7"
    "46697265666f78a54c696e7578a76465736b746f7094a9782e6578616d706c65c0a3637063c0c0a9676f6f676c"
    "65626f74"
)
FACT: Fact = (
    1_972_989, (10**19, 2**64 - 1, True), "/\u00e9", "pageview", "DE",
    ("Firefox", "Linux", "desktop"), ("x.example", None, "cpc", None), None, "googlebot",
)  # fmt: skip


def facts_of(events: Sequence[dict[str, Any]]) -> list[Fact]:
    return [read_fact(PROJECT, event) for event in events]


@pytest.mark.parametrize("bots", [0, 0.4, 1])
@pytest.mark.parametrize("count", [1, 2, FEW_FACTS, FEW_FACTS + 1])
def test_a_summary_says_what_the_tables_of_its_events_do(count: int, bots: float) -> None:
    events = make_events(count, count, seconds=900, bots=bots)

    [summary] = make_summaries(facts_of(events))

    is_short = count <= FEW_FACTS
    assert (summary["v"], "facts" in summary) == (
        (FACTS_FORMAT, True) if is_short else (TABLES_FORMAT, False)
    )
    assert dict(read_summaries([summary])) == summarize(PROJECT, events)


def test_each_bucket_has_a_summary_of_its_own() -> None:
    events = make_events(1, 50, seconds=2_700)

    made = list(make_summaries(facts_of(events)))

    assert sorted(summary["bucket"] for summary in made) == [
        NOON,
        NOON + QUARTER,
        NOON + 2 * QUARTER,
    ]
    assert dict(read_summaries(made)) == summarize(PROJECT, events)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("bots", [0, 0.4, 1])
@pytest.mark.parametrize("count", [1, 2, FEW_FACTS + 1, summaries.MANY_FACTS])
def test_many_events_are_counted_as_few_are(
    monkeypatch: pytest.MonkeyPatch, count: int, bots: float, seed: int
) -> None:
    events = make_events(seed, count, people=count, bots=bots)

    counted = {}
    for many in (1, count + 1):
        monkeypatch.setattr(summaries, "MANY_FACTS", many)
        counted[many] = summarize(PROJECT, events)

    assert counted[1] == counted[count + 1]
    for tables in counted[1].values():
        assert all(Table.decode_all(table).encode() == table for table in tables.values())


def test_no_set_of_few_events_is_a_sketch() -> None:
    assert summaries.MANY_FACTS <= EXACT_MAX + 1


@pytest.mark.parametrize("most", [1, 5_000])
def test_facts_of_many_summaries_are_added_up(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(summaries, "MOST_FACTS", most)
    events = make_events(2, 90, seconds=900)
    made = [
        summary
        for cut in (events[:1], events[1:6], events[6:80], events[80:])
        for summary in make_summaries(facts_of(cut))
    ]

    found = [tables["path"] for _, tables in read_summaries(made)]

    assert len(found) == (2 if most > len(events) else len(made))
    whole = Table.decode_all(summarize(PROJECT, events)[NOON]["path"])
    assert merge_encoded(found).equals(whole)


def test_facts_of_the_first_format_are_read_as_they_were_meant() -> None:
    assert unpack_facts(bytes.fromhex(GOLDEN)) == [FACT]
    assert pack_facts([FACT]).hex() == GOLDEN


@pytest.mark.parametrize("packed", [b"", b"\x91\x91\x01", b"\xff", pack_facts([FACT])[:-1]])
def test_facts_that_cannot_be_read_are_an_error(packed: bytes) -> None:
    with pytest.raises(CorruptTable, match="unreadable facts"):
        list(read_summaries([{"bucket": NOON, "v": FACTS_FORMAT, "facts": packed}]))


def test_facts_of_a_later_format_are_left_alone() -> None:
    [summary] = make_summaries([FACT])
    with pytest.raises(CorruptTable, match=f"format {FACTS_FORMAT + 1}"):
        list(read_summaries([summary | {"v": FACTS_FORMAT + 1}]))
