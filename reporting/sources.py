"""Which source answers a query. Rollups, once there are any, are chosen here."""

from reporting.answers import Source
from reporting.query import Query
from reporting.raw import RawSource

_RAW = RawSource()


def choose_source(query: Query) -> Source:
    return _RAW
