"""What the OpenAPI document says about funnels, retention and journeys."""

from drf_spectacular.utils import OpenApiRequest

from ingestion.accept.body import JSON
from reporting.web.behaviour.examples import OF_FUNNELS, OF_JOURNEYS, OF_RETENTION
from reporting.web.behaviour.schema import (
    FUNNEL_ANSWER,
    FUNNEL_BODY,
    JOURNEYS_ANSWER,
    JOURNEYS_BODY,
    RETENTION_ANSWER,
    RETENTION_BODY,
)
from reporting.web.query_operations import BODY_CODES, FILTER_CODES, describe

describe_funnel = describe(
    "postFunnel",
    "How many people come how far, step by step",
    "Of each person the longest chain of events counts in which each matches its step. "
    "docs/querying.md tells it.",
    FUNNEL_ANSWER,
    FILTER_CODES,
    BODY_CODES,
    {400: ("bad_by", "bad_order", "bad_steps", "bad_within")},
    request={JSON: OpenApiRequest(FUNNEL_BODY)},
    examples=OF_FUNNELS,
)
describe_retention = describe(
    "postRetention",
    "Who comes back, by when they came first",
    "A cohort is who came first in a unit of time of the window. docs/querying.md tells it.",
    RETENTION_ANSWER,
    FILTER_CODES,
    BODY_CODES,
    {400: ("bad_by", "bad_interval", "bad_periods")},
    request={JSON: OpenApiRequest(RETENTION_BODY)},
    examples=OF_RETENTION,
)
describe_journeys = describe(
    "postJourneys",
    "Which ways visits go",
    "The first values of each visit, one after the other. docs/querying.md tells it.",
    JOURNEYS_ANSWER,
    FILTER_CODES,
    BODY_CODES,
    {400: ("bad_steps",)},
    request={JSON: OpenApiRequest(JOURNEYS_BODY)},
    examples=OF_JOURNEYS,
)
