"""The same where the segments are in a bucket, which a host reads through its cache."""

import pytest
from hypothesis import example, given, settings

from tests.columns.buckets.store import Bucket
from tests.query_oracle.stories import DENSE, Story, stories
from tests.query_oracle.test_stories import (
    FORGOTTEN,
    MANY,
    assert_told_as_it_is,
    common,
    often,
)

pytestmark = pytest.mark.slow

FEW = 6

__all__ = ["often"]


@pytest.mark.timeout(300)
@settings(common, max_examples=FEW)
@example(story=FORGOTTEN)
@given(story=stories(most_steps=4, most_questions=3))
def test_every_answer_from_a_bucket_equals_brute_force(bucket: Bucket, story: Story) -> None:
    assert_told_as_it_is(story)


@pytest.mark.nightly
@pytest.mark.timeout(3_600)
@settings(common, max_examples=MANY)
@given(story=stories(most_steps=8, most_questions=6))
def test_every_answer_of_long_stories_from_a_bucket_equals_brute_force(
    bucket: Bucket, story: Story
) -> None:
    assert_told_as_it_is(story)


@pytest.mark.nightly
@pytest.mark.timeout(3_600)
@settings(common, max_examples=MANY)
@given(story=stories(DENSE, most_steps=8, most_questions=6))
def test_every_answer_about_visits_of_long_stories_from_a_bucket_equals_brute_force(
    bucket: Bucket, story: Story
) -> None:
    assert_told_as_it_is(story)
