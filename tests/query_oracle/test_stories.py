"""Whatever happens to events, POST /query and its kin say what a count by hand says."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import Phase, example, given, note, settings

from tests.query_oracle.sameness import find_contradictions, find_differences
from tests.query_oracle.stories import DENSE, EVERYTHING, Step, Story, stories
from tests.query_oracle.world import World, small_cuts
from tests.stored import ENRICHED

pytestmark = pytest.mark.slow

FEW, MANY = 8, 400

common: settings = settings(phases=[Phase.explicit, Phase.reuse, Phase.generate])


@pytest.fixture(autouse=True)
def often(settings: Any) -> None:
    settings.REPORTING_RATE = "1000000/m"


_ANN = {"event": "pageview", "path": "/", "timestamp": timedelta(hours=1), "userId": "ann"}
FORGOTTEN = Story(
    "Europe/Berlin",
    False,
    [
        Step("store", [_ANN | {ENRICHED: {}}, _ANN | {ENRICHED: {}, "userId": "Böb"}]),
        Step("export", 50_000),
        Step("erase", ("ann", "forget_in_next")),
        Step("collect"),
    ],
    EVERYTHING,
)
"""For a while the segment holds whom a veil hides."""


def assert_told_as_it_is(story: Story) -> None:
    world = World(story)
    with small_cuts(story):
        for step in story.steps:
            world.do(step)
            for question in story.questions:
                note(f"after {step.name}: {question}")
                got, wanted = world.ask(question)
                differences = find_differences(got, wanted)
                differences += find_contradictions(question[1], got)
                assert not differences, (step.name, question, differences)


@pytest.mark.timeout(300)
@settings(common, max_examples=FEW)  # what is new is looked for at night
@example(story=FORGOTTEN)
@given(story=stories(most_steps=4, most_questions=3))
def test_every_answer_from_columns_equals_brute_force(store: None, story: Story) -> None:
    assert_told_as_it_is(story)


@pytest.mark.timeout(300)
@settings(common, max_examples=FEW)
@given(story=stories(DENSE, most_steps=4, most_questions=3))
def test_every_answer_about_visits_equals_brute_force(store: None, story: Story) -> None:
    assert_told_as_it_is(story)


@pytest.mark.nightly
@pytest.mark.timeout(1_800)
@settings(common, max_examples=MANY)
@given(story=stories(most_steps=8, most_questions=6))
def test_every_answer_of_long_stories_equals_brute_force(store: None, story: Story) -> None:
    assert_told_as_it_is(story)


@pytest.mark.nightly
@pytest.mark.timeout(1_800)
@settings(common, max_examples=MANY)
@given(story=stories(DENSE, most_steps=8, most_questions=6))
def test_every_answer_about_visits_of_long_stories_equals_brute_force(
    store: None, story: Story
) -> None:
    assert_told_as_it_is(story)
