"""What is posted, and how it is counted by hand."""

from tests.query_oracle.brute.brute_force import answer
from tests.query_oracle.brute.funnels import answer_funnel
from tests.query_oracle.brute.journeys import answer_journeys
from tests.query_oracle.brute.retention import answer_retention
from tests.query_oracle.questions import FUNNEL, JOURNEYS, RETENTION, TABLE

ANSWERS = {
    TABLE: answer,
    FUNNEL: answer_funnel,
    RETENTION: answer_retention,
    JOURNEYS: answer_journeys,
}
